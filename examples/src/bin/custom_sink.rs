//! A sink of a third party, in one file: it counts events by reason, each once, and says so at the end.
//!
//! `cargo run --bin custom_sink` feeds it from a monitor, so that no cluster is needed. What makes it a sink is at the
//! end: a rig of twenty lines, and `sink_conformance!`.

#![expect(clippy::print_stdout, reason = "it prints for people")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use eventcenter_core::{Batch, Cluster, Limits, MonitorSource, Plan, Receipt, Result, Sink, Stop};
use eventcenter_examples::load_average::LoadAverage;

#[derive(Debug, Default)]
struct CountByReason(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    by_reason: BTreeMap<String, u64>,
    /// What was counted, in order: a delivery may come again.
    keys: Vec<String>,
}

impl CountByReason {
    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for CountByReason {
    fn name(&self) -> &str {
        "count-by-reason"
    }

    fn limits(&self) -> Limits {
        Limits::new().with_max_events(1000).with_idempotent(true)
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let mut counted = self.counted();
        let mut duplicates = 0;
        for event in batch.events() {
            let key = event.occurrence_key();
            if counted.keys.contains(&key) {
                duplicates += 1;
                continue;
            }
            *counted.by_reason.entry(event.reason().to_owned()).or_default() += 1;
            counted.keys.push(key);
        }
        Ok(Receipt::all().with_duplicates(duplicates))
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        println!("{:?}", self.counted().by_reason);
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

#[cfg(test)]
mod tests {
    use eventcenter_core::sink_conformance;
    use eventcenter_core::testing::{Reply, Rig};

    use super::*;

    #[derive(Default)]
    struct Counting(Arc<CountByReason>);

    #[async_trait]
    impl Rig for Counting {
        async fn sink(&self) -> Arc<dyn Sink> {
            Arc::clone(&self.0) as _
        }

        /// It is its own receiver, and takes everything.
        fn can(&self, reply: &Reply) -> bool {
            *reply == Reply::Accept
        }

        fn answer(&self, _: Reply) {}

        fn accepted(&self) -> Vec<String> {
            self.0.counted().keys.clone()
        }

        fn secret(&self) -> Option<&str> {
            None
        }
    }

    sink_conformance!(count_by_reason, Counting::default());
}
