//! A node probe whose findings are printed as events, without a cluster and without a pipeline.
//!
//! `cargo run --bin custom_monitor -- 0.5` says when more than 0.5 processes a core want to run. The probe itself is
//! in `load_average.rs`; it ends with Ctrl-C.

#![expect(clippy::print_stdout, reason = "it prints for people")]

use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::{Cluster, Monitor};
use eventcenter_examples::load_average::LoadAverage;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let limit = std::env::args().nth(1).map_or(Ok(2.0), |limit| limit.parse())?;
    let cluster = Arc::new(Cluster { id: "local".to_owned(), name: "local".to_owned() });
    let mut monitor = LoadAverage::new(limit, Duration::from_secs(1));
    for condition in monitor.conditions().iter() {
        println!("{}: {}", condition.condition_type, condition.status.as_str());
    }
    loop {
        let finding = tokio::select! {
            finding = monitor.next() => finding?,
            stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
        };
        let event = finding.into_event(&cluster, monitor.name(), "this-machine")?;
        println!("{} {} {}: {}", event.time(), event.level(), event.reason(), event.message());
    }
}
