//! Counts what a sink does: the one place for that, so that a sink has no metrics.
//!
//! Outermost, so all attempts at a batch are one delivery here. A receipt that names an event which is not in the
//! batch is an error here already: nobody knows then what was taken.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use tokio::time::Instant;

use crate::batch::{Batch, Receipt};
use crate::clock::Clock;
use crate::error::Result;
use crate::metrics::{self, Histograms, Metrics, SinkKind};
use crate::sink::{Layer, Limits, Sink};

/// Counts deliveries, and how late they are.
#[derive(Debug, Clone)]
pub struct ObserveLayer {
    metrics: Metrics,
    clock: Arc<dyn Clock>,
}

impl ObserveLayer {
    /// Counts here; how late an event is, is told by this clock.
    pub fn new(metrics: Metrics, clock: Arc<dyn Clock>) -> Self {
        Self { metrics, clock }
    }
}

impl Layer for ObserveLayer {
    fn layer(&self, inner: Arc<dyn Sink>) -> Arc<dyn Sink> {
        let label = metrics::Sink { sink: inner.name().to_owned() };
        let metrics = &self.metrics;
        // Looked up once: with each delivery it would cost more than all other layers together.
        let of = |histograms: &Histograms| histograms.get_or_create(&label).clone();
        Arc::new(Observe {
            delivered: metrics.events_delivered.get_or_create(&label).clone(),
            sizes: of(&metrics.batch_events),
            took: of(&metrics.delivery_seconds),
            happened: of(&metrics.delay_seconds),
            received: of(&metrics.received_delay_seconds),
            clock: Arc::clone(&self.clock),
            metrics: metrics.clone(),
            label,
            inner,
        })
    }
}

#[derive(Debug)]
struct Observe {
    metrics: Metrics,
    clock: Arc<dyn Clock>,
    label: metrics::Sink,
    delivered: Counter,
    sizes: Histogram,
    took: Histogram,
    happened: Histogram,
    received: Histogram,
    inner: Arc<dyn Sink>,
}

impl Observe {
    fn delivered(&self, batch: &Batch, receipt: &Receipt) {
        let (metrics, label) = (&self.metrics, &self.label);
        let delivered = batch.len().saturating_sub(receipt.rejected.len()) as u64;
        self.delivered.inc_by(delivered);
        if receipt.duplicates > 0 {
            metrics.events_duplicate.get_or_create(label).inc_by(receipt.duplicates as u64);
        }
        if !receipt.rejected.is_empty() {
            let rejected = receipt.rejected.len() as u64;
            metrics.events_rejected.get_or_create(label).inc_by(rejected);
        }
        let now = self.clock.now();
        for (index, event) in batch.events().iter().enumerate() {
            if receipt.rejected.iter().all(|rejected| rejected.index != index) {
                self.happened.observe(seconds(event.time(), now));
                self.received.observe(seconds(event.received(), now));
            }
        }
    }
}

/// A clock that was set back makes nothing early.
fn seconds(from: Timestamp, until: Timestamp) -> f64 {
    until.duration_since(from).as_secs_f64().max(0.0)
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sink for Observe {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let begun = Instant::now();
        let outcome = self.inner.deliver(batch).await.and_then(|receipt| receipt.checked(batch));
        self.sizes.observe(batch.len() as f64);
        self.took.observe(begun.elapsed().as_secs_f64());
        match &outcome {
            Ok(receipt) => self.delivered(batch, receipt),
            Err(error) => {
                let label = SinkKind { sink: self.label.sink.clone(), kind: error.kind().as_str() };
                self.metrics.delivery_errors.get_or_create(&label).inc();
            }
        }
        outcome
    }

    async fn probe(&self) -> Result<()> {
        self.inner.probe().await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Rejected;
    use crate::clock::SystemClock;
    use crate::error::{Error, ErrorKind};
    use crate::testing::{FlakySink, events};

    async fn observed(
        outcomes: impl IntoIterator<Item = Result<Receipt>>,
        batches: usize,
    ) -> String {
        let metrics = Metrics::new();
        let layer = ObserveLayer::new(metrics.clone(), Arc::new(SystemClock));
        let sink = layer.layer(Arc::new(FlakySink::new(outcomes)));
        for _ in 0..batches {
            let three = Batch::new([0; 3].map(|_| events::ordinary())).unwrap();
            // The outcome is the caller's.
            drop(sink.deliver(&three).await);
        }
        metrics.encode()
    }

    #[tokio::test]
    async fn what_became_of_each_event_is_counted() {
        let rejected = vec![Rejected { index: 1, reason: "no".to_owned() }];
        let partly = Receipt::all().with_rejected(rejected).with_duplicates(1);
        let down = Error::new("flaky", ErrorKind::Unavailable, "down");
        let text = observed([Ok(Receipt::all()), Ok(partly), Err(down)], 3).await;
        for line in [
            "eventcenter_events_delivered_total{sink=\"flaky\"} 5",
            "eventcenter_events_duplicate_total{sink=\"flaky\"} 1",
            "eventcenter_events_rejected_total{sink=\"flaky\"} 1",
            "eventcenter_delivery_errors_total{sink=\"flaky\",kind=\"unavailable\"} 1",
            "eventcenter_batch_events_count{sink=\"flaky\"} 3",
            "eventcenter_batch_events_sum{sink=\"flaky\"} 9.0",
            "eventcenter_delay_seconds_count{sink=\"flaky\"} 5",
            "eventcenter_received_delay_seconds_count{sink=\"flaky\"} 5",
            "eventcenter_delivery_seconds_count{sink=\"flaky\"} 3",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[tokio::test]
    async fn a_receipt_for_an_event_that_was_not_sent_is_no_confirmation() {
        let strange = vec![Rejected { index: 3, reason: "no".to_owned() }];
        let text = observed([Ok(Receipt::all().with_rejected(strange))], 1).await;
        assert!(
            text.contains("eventcenter_delivery_errors_total{sink=\"flaky\",kind=\"protocol\"} 1"),
            "{text}"
        );
        assert!(text.contains("eventcenter_events_delivered_total{sink=\"flaky\"} 0"), "{text}");
    }
}
