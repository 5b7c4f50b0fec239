//! A network of a program's own, which can be cut: a namespace with one cable to the machine.
//!
//! From in there `10.231.N.1` is the machine. What listens on 127.0.0.1 of the machine is passed on from there, by the
//! test itself. A cut cable says nothing: no connection is closed, nothing is refused. Needs root.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::net::{TcpListener, TcpStream};

const IP: &str = "/usr/sbin/ip";

/// Which networks there are: `10.231.N.0/30`.
static NEXT: AtomicU8 = AtomicU8::new(0);

/// See the [module](self). Dropping it removes it.
pub(crate) struct Net {
    name: String,
    cable: String,
    machine: Ipv4Addr,
}

impl Net {
    /// A new one, for a program that is called so.
    pub(crate) fn make(name: &str) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let (name, cable) = (format!("ec-{name}-{pid}"), format!("ec{number}-{pid}"));
        let machine = Ipv4Addr::new(10, 231, number, 1);
        let net = Self { name, cable, machine };
        let (name, cable) = (&*net.name, &*net.cable);
        let other = &*format!("{cable}p");
        ip(&["netns", "add", name]);
        ip(&["link", "add", cable, "type", "veth", "peer", "name", other, "netns", name]);
        ip(&["addr", "add", &format!("{machine}/30"), "dev", cable]);
        ip(&["link", "set", cable, "up"]);
        let inside = Ipv4Addr::new(10, 231, number, 2);
        ip(&["-n", name, "addr", "add", &format!("{inside}/30"), "dev", other]);
        ip(&["-n", name, "link", "set", other, "up"]);
        ip(&["-n", name, "link", "set", "lo", "up"]);
        net
    }

    /// What has to stand before a command for it to run in there.
    pub(crate) fn words(&self) -> Vec<String> {
        [IP, "netns", "exec", &self.name].map(str::to_owned).into()
    }

    /// The same URL of 127.0.0.1, as it is reached from in there.
    pub(crate) fn lead_to(&self, url: &str) -> String {
        let port = url.split("127.0.0.1:").nth(1).unwrap();
        let port: u16 = port.split('/').next().unwrap().parse().unwrap();
        let (from, to) = (SocketAddr::from((self.machine, port)), format!("127.0.0.1:{port}"));
        let listener = std::net::TcpListener::bind(from).unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                let Ok(mut called) = TcpStream::connect(&to).await else { continue };
                tokio::spawn(async move {
                    // Ends when either side does.
                    tokio::io::copy_bidirectional(&mut caller, &mut called).await.ok();
                });
            }
        });
        url.replace("127.0.0.1", &self.machine.to_string())
    }

    /// Cuts the cable, or mends it.
    pub(crate) fn cut(&self, cut: bool) {
        ip(&["link", "set", &self.cable, if cut { "down" } else { "up" }]);
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // With it goes the cable.
        Command::new(IP).args(["netns", "del", &self.name]).status().ok();
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new(IP).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {}: {said} (are you root?)", arguments.join(" "));
}
