//! The two programs.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use crate::client::get;

fn start(program: &str, flags: &[&str]) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut child = Command::new(program)
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    (child, out, line.trim_end().to_owned())
}

/// Closes the input and waits; returns what else was printed.
fn end(mut child: Child, mut out: BufReader<std::process::ChildStdout>) -> String {
    drop(child.stdin.take());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    rest
}

#[tokio::test]
async fn the_server_says_where_it_is_and_ends_with_its_input() {
    let flags = ["--list", "3", "--bulk", "2", "--rate", "1000", "--size", "2000"];
    let (child, out, line) = start(env!("CARGO_BIN_EXE_fake-api-server"), &flags);
    let (url, kubeconfig) = line.split_once(' ').unwrap();
    assert!(std::fs::read_to_string(kubeconfig).unwrap().contains(url));
    let list = get(url, "/api/v1/events").await.json().await;
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    let mut watch = get(url, "/api/v1/events?watch=1").await;
    for _ in 0..5 {
        watch.line().await;
    }
    assert_eq!(end(child, out), "");
    assert!(!std::path::Path::new(kubeconfig).exists());
}

#[tokio::test]
async fn the_receiver_says_at_its_end_what_came() {
    let (child, out, url) = start(env!("CARGO_BIN_EXE_fake-receiver"), &["--latency"]);
    let sent = jiff::Timestamp::now().as_microsecond();
    let event = format!(
        r#"{{"metadata":{{"uid":"u","resourceVersion":"1","annotations":{{"bench/sent-us":"{sent}"}}}}}}"#
    );
    let mut socket =
        std::net::TcpStream::connect(url.trim_start_matches("http://").trim_end_matches('/'))
            .unwrap();
    let body = format!("[{event},{event}]");
    write!(socket, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    let said = end(child, out);
    assert!(said.starts_with("events=2 distinct=1 duplicates=1 requests=1\n"), "{said}");
    assert!(said.contains("\nlatency_us p50="), "{said}");
}
