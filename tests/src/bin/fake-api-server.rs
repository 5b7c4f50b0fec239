//! The fake API server as a process of its own, for benchmarks.
//!
//! The first line of its output is its URL and the path of a kubeconfig. It runs for `--seconds`, or
//! without them until its input is closed.

use std::io::{self, Write};
use std::time::Duration;

use clap::Parser;
use eventcenter_tests::fake_api_server::{Bulk, FakeApiServer};
use eventcenter_tests::wait;

/// A fake Kubernetes API server that serves generated Events.
#[derive(Parser)]
struct Flags {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Events that watches send, from the first watch on.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    bulk: u64,
    /// Events per second; without it, as fast as the socket takes them.
    #[arg(long)]
    rate: Option<f64>,
    /// Bytes of a line.
    #[arg(long, default_value_t = 1600)]
    size: usize,
    /// Events that are there from the start.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    list: u64,
    /// Runs for so many seconds, instead of until its input is closed.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

fn main() -> io::Result<()> {
    let flags = Flags::parse();
    let server = FakeApiServer::start_on(flags.port);
    server.set_bulk(Bulk {
        list: flags.list,
        stream: flags.bulk,
        rate: flags.rate,
        size_bytes: flags.size,
    });
    let name = format!("fake-api-server-{}.yaml", std::process::id());
    let kubeconfig = std::env::temp_dir().join(name);
    std::fs::write(&kubeconfig, server.kubeconfig_yaml())?;
    let mut out = io::stdout();
    writeln!(out, "{} {}", server.url(), kubeconfig.display())?;
    out.flush()?;

    wait::for_the_end(flags.seconds.map(Duration::from_secs));
    server.stop();
    std::fs::remove_file(&kubeconfig)
}
