//! The webhook receiver as a process of its own, for benchmarks.
//!
//! The first line of its output is its URL; the last lines, when it ends, say what came. It runs for
//! `--seconds`, or without them until its input is closed.

use std::io::{self, Write};
use std::time::Duration;

use clap::Parser;
use eventcenter_tests::receiver::{Receiver, Reply};
use eventcenter_tests::wait;

/// A webhook receiver that counts Events.
#[derive(Parser)]
struct Flags {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Milliseconds before each answer.
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// Prints percentiles of the time from the fake API server to here.
    #[arg(long)]
    latency: bool,
    /// Runs for so many seconds, instead of until its input is closed.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

fn main() -> io::Result<()> {
    let flags = Flags::parse();
    let receiver = Receiver::start_on(flags.port);
    receiver.keep_bodies(false);
    if flags.delay_ms > 0 {
        receiver.reply(Reply::Slow(Duration::from_millis(flags.delay_ms)));
    }
    let mut out = io::stdout();
    writeln!(out, "{}", receiver.url())?;
    out.flush()?;

    wait::for_the_end(flags.seconds.map(Duration::from_secs));
    receiver.stop();

    let received = receiver.received();
    writeln!(
        out,
        "events={} distinct={} duplicates={} requests={}",
        received.len(),
        received.len() - receiver.duplicates(),
        receiver.duplicates(),
        receiver.requests().len(),
    )?;
    if let (Some(first), Some(last)) = (received.first(), received.last()) {
        let seconds = last.at.duration_since(first.at).as_secs_f64();
        writeln!(out, "first_to_last_s={seconds:.3}")?;
    }
    if flags.latency {
        let mut latencies: Vec<i64> = received.iter().filter_map(|one| one.latency_us).collect();
        latencies.sort_unstable();
        write!(out, "latency_us")?;
        for (name, per_mille) in
            [("p50", 500), ("p90", 900), ("p99", 990), ("p999", 999), ("max", 1000)]
        {
            let at = (latencies.len() * per_mille / 1000).min(latencies.len().saturating_sub(1));
            write!(out, " {name}={}", latencies.get(at).copied().unwrap_or_default())?;
        }
        writeln!(out)?;
    }
    Ok(())
}
