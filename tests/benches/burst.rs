//! What `event-center` holds in memory under a burst: `cargo bench -p eventcenter-tests --bench burst [-- EVENTS]`.
//!
//! The fake API server, a process of its own, sends 500,000 events of 1,600 bytes as fast as they are taken, while
//! somebody asks for an overview four times a second. The program is a child, built as benchmarks are; what is printed is
//! what Linux says of it: the most resident memory that it ever had (`VmHWM`), and its processor time. Nothing is asserted
//! but that every event was kept and that overviews were answered.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark prints, waits, and fails by panicking"
)]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use eventcenter_tests::eventer::{cpu_seconds, peak_rss_kib};
use eventcenter_tests::{Eventer, Setup};

const EVENTS: u64 = 500_000;

/// Between two overviews.
const PAUSE: Duration = Duration::from_millis(250);

/// Nothing here takes that long, unless it never ends.
const PATIENCE: Duration = Duration::from_secs(1800);

fn main() {
    // `cargo test --all-targets` starts it too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let given = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let events: u64 = given.unwrap_or(EVENTS);
    let mut server = Command::new(env!("CARGO_BIN_EXE_fake-api-server"))
        .args(["--bulk", &events.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut says = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut says).unwrap();
    let (_, kubeconfig) = says.trim_end().split_once(' ').unwrap();
    let center = Setup::center(env!("CARGO_BIN_EXE_event-center-under-test"))
        .cluster(&std::fs::read_to_string(kubeconfig).unwrap())
        .start();
    let begun = Instant::now();
    let (mut asked, mut answered) = (0_u32, 0);
    while mark(&center) < events {
        assert!(begun.elapsed() < PATIENCE, "it takes too long: {}", center.stderr());
        let overview = center.get("/api/v1/overview?since=7d");
        asked += 1;
        answered += u32::from(overview.is_some_and(|answer| answer.status == 200));
        sleep(PAUSE);
    }
    let peak = peak_rss_kib(center.pid()).unwrap();
    println!(
        "{events} events in {:.0} s, {:.1} s of processor; {answered} of {asked} overviews answered",
        begun.elapsed().as_secs_f64(),
        cpu_seconds(center.pid()).unwrap(),
    );
    println!("resident at most {:.1} MiB", peak as f64 / 1024.0);
    assert!(answered > 0);
    drop(server.stdin.take());
    server.wait().unwrap();
}

/// How much it keeps.
fn mark(center: &Eventer) -> u64 {
    let status = center.get("/api/v1/status").map(|answer| answer.json()).unwrap_or_default();
    status["store"]["mark"].as_u64().unwrap_or_default()
}
