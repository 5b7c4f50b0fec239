//! A sink of a third party, in one file: it counts events by reason, and says so at the end.
//!
//! `cargo run --bin custom_sink` feeds it from a monitor, so that no cluster is needed. What else makes it a sink is
//! in `eventcenter_core::sink_conformance!`.

#![expect(clippy::print_stdout, reason = "it prints for people")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use eventcenter_core::{Batch, Cluster, Limits, MonitorSource, Plan, Receipt, Result, Sink, Stop};
use eventcenter_examples::load_average::LoadAverage;

#[derive(Debug, Default)]
struct CountByReason(Mutex<BTreeMap<String, u64>>);

#[async_trait]
impl Sink for CountByReason {
    fn name(&self) -> &str {
        "count-by-reason"
    }

    fn limits(&self) -> Limits {
        Limits::new().with_max_events(1000)
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for event in batch.events() {
            *counts.entry(event.reason().to_owned()).or_default() += 1;
        }
        Ok(Receipt::all())
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        println!("{:?}", self.0.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let state = std::env::temp_dir().join("eventcenter-custom-sink");
    let pipeline = Plan::new(state, vec![Arc::new(CountByReason::default())])?.open()?;
    let cluster = Arc::new(Cluster { id: "local".to_owned(), name: "local".to_owned() });
    let monitor = Box::new(LoadAverage::new(0.0, Duration::from_millis(200)));
    let source = MonitorSource::new(monitor, Arc::clone(&cluster), "this-machine");
    pipeline.attach().source(Box::new(source), cluster);
    let stop = Stop::new();
    let (summary, ()) = tokio::join!(pipeline.run(&stop), async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.begin();
    });
    anyhow::ensure!(summary?.left.is_empty(), "something was not delivered");
    Ok(())
}
