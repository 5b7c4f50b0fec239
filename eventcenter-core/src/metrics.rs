//! Metrics: every name, unit and help text in one table.
//!
//! Labels are bounded: names from the configuration (`sink`, `source`), kinds from enums. Never an object's name,
//! a namespace or a message. The format is OpenMetrics text, which Prometheus reads.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// A name from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Sink {
    /// The sink's name.
    pub sink: String,
}

/// A sink and the kind of an error.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SinkKind {
    /// The sink's name.
    pub sink: String,
    /// An [`ErrorKind`](crate::ErrorKind) in lower case.
    pub kind: &'static str,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Source {
    /// The source's name.
    pub source: String,
}

/// A source and a kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SourceKind {
    /// The source's name.
    pub source: String,
    /// What happened, from a fixed list.
    pub kind: &'static str,
}

/// A histogram a sink.
pub type Histograms = Family<Sink, Histogram, fn() -> Histogram>;

/// 1 ms to some hours, four times as much each.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 12))
}

/// 1 to some thousand.
fn sizes() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 4.0, 7))
}

/// The metrics of a program; clones are the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Events that a source yielded.
    pub events_received: Family<Source, Counter>,
    /// Declared losses by grade: `revisions`, `events`.
    pub gaps: Family<SourceKind, Counter>,
    /// Documents that could not be read as events.
    pub unreadable: Family<Source, Counter>,
    /// Requests to the API server: `list`, `watch`.
    pub source_requests: Family<SourceKind, Counter>,
    /// Failures of a source by kind of error.
    pub source_errors: Family<SourceKind, Counter>,
    /// Events that no sink wants.
    pub events_unrouted: Counter,
    /// Events that were appended to the spool.
    pub spool_appended: Counter,
    /// Times the spool was written and synced.
    pub spool_commits: Counter,
    /// Times the disk refused.
    pub spool_errors: Counter,
    /// Bytes of segment files.
    pub spool_bytes: Gauge,
    /// Bytes of events in memory.
    pub spool_memory_bytes: Gauge,
    /// Events that the receiver confirmed.
    pub events_delivered: Family<Sink, Counter>,
    /// Events that the receiver had already.
    pub events_duplicate: Family<Sink, Counter>,
    /// Events of a batch that the receiver will never take, while it took others.
    pub events_rejected: Family<Sink, Counter>,
    /// Attempts beyond the first, by the kind of error that they follow.
    pub delivery_retries: Family<SinkKind, Counter>,
    /// Events of a delivery.
    pub batch_events: Histograms,
    /// How long a delivery took, all attempts together, in seconds.
    pub delivery_seconds: Histograms,
    /// From an event's time until the receiver confirmed it, in seconds.
    pub delay_seconds: Histograms,
    /// From when an event was received until the receiver confirmed it, in seconds.
    pub received_delay_seconds: Histograms,
    /// Events that a receiver found too large, and took when they were shortened.
    pub events_shortened: Family<Sink, Counter>,
    /// Events that became dead letters.
    pub events_dead: Family<SinkKind, Counter>,
    /// Dead letters that are kept.
    pub dead_letters: Family<Sink, Gauge>,
    /// Bytes of the files they are in.
    pub dead_letter_bytes: Family<Sink, Gauge>,
    /// When the oldest of them was written, in seconds since 1970; absent where there are none.
    pub dead_letters_oldest: Family<Sink, Gauge>,
    /// Dead letters that went: `replayed`, `dropped` by command, `max_bytes` and `max_age` at these limits.
    pub dead_letters_removed: Family<SinkKind, Counter>,
    /// Events that were sent again to a sink: dead letters, and those of the past.
    pub events_replayed: Family<Sink, Counter>,
    /// Events dropped for a sink that lags, because the spool was full.
    pub events_dropped: Family<Sink, Counter>,
    /// Deliveries that failed, by kind of error.
    pub delivery_errors: Family<SinkKind, Counter>,
    /// Records of the spool that a sink has yet to pass.
    pub backlog: Family<Sink, Gauge>,
    /// Where several replicas share the work: 1 while this one leads.
    pub leader: Gauge,
    /// Terms in which this one led.
    pub leader_terms: Counter,
    /// Bytes of these on disk, those that only others want among them.
    pub backlog_bytes: Family<Sink, Gauge>,
    /// How long ago the oldest event that a sink has in hand was received, in seconds; 0 if it waits for events.
    pub backlog_age_seconds: Family<Sink, Gauge>,
    /// Bytes of the store on disk.
    pub store_bytes: Gauge,
    /// Files of the store.
    pub store_partitions: Gauge,
    /// Files of the store that were set aside, because they are damaged.
    pub store_damaged: Gauge,
    /// Events that the store dropped, because they were older than all that it keeps.
    pub store_expired: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            events_received: Family::default(),
            gaps: Family::default(),
            unreadable: Family::default(),
            source_requests: Family::default(),
            source_errors: Family::default(),
            events_unrouted: Counter::default(),
            spool_appended: Counter::default(),
            spool_commits: Counter::default(),
            spool_errors: Counter::default(),
            spool_bytes: Gauge::default(),
            spool_memory_bytes: Gauge::default(),
            events_delivered: Family::default(),
            events_duplicate: Family::default(),
            events_rejected: Family::default(),
            delivery_retries: Family::default(),
            batch_events: Histograms::new_with_constructor(sizes),
            delivery_seconds: Histograms::new_with_constructor(seconds),
            delay_seconds: Histograms::new_with_constructor(seconds),
            received_delay_seconds: Histograms::new_with_constructor(seconds),
            events_shortened: Family::default(),
            events_dead: Family::default(),
            dead_letters: Family::default(),
            dead_letter_bytes: Family::default(),
            dead_letters_oldest: Family::default(),
            dead_letters_removed: Family::default(),
            events_replayed: Family::default(),
            events_dropped: Family::default(),
            delivery_errors: Family::default(),
            backlog: Family::default(),
            leader: Gauge::default(),
            leader_terms: Counter::default(),
            backlog_bytes: Family::default(),
            backlog_age_seconds: Family::default(),
            store_bytes: Gauge::default(),
            store_partitions: Gauge::default(),
            store_damaged: Gauge::default(),
            store_expired: Counter::default(),
        }
    }
}

impl Metrics {
    /// Metrics that all stand at zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nobody has a backlog here any more: until a pipeline measures again there is none to be told of.
    pub fn forget_backlogs(&self) {
        self.backlog.clear();
        self.backlog_bytes.clear();
        self.backlog_age_seconds.clear();
    }

    /// Everything as OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut registry = Registry::with_prefix("eventcenter");
        let r = &mut registry;
        r.register("events_received", "Events that a source yielded", self.events_received.clone());
        r.register("gaps", "Declared losses by grade", self.gaps.clone());
        r.register(
            "unreadable",
            "Documents that could not be read as events",
            self.unreadable.clone(),
        );
        r.register("source_requests", "Requests to the API server", self.source_requests.clone());
        r.register(
            "source_errors",
            "Failures of a source by kind of error",
            self.source_errors.clone(),
        );
        r.register("events_unrouted", "Events that no sink wants", self.events_unrouted.clone());
        r.register("spool_appended", "Events appended to the spool", self.spool_appended.clone());
        r.register(
            "spool_commits",
            "Times the spool was written and synced",
            self.spool_commits.clone(),
        );
        r.register("spool_errors", "Times the disk refused", self.spool_errors.clone());
        r.register("spool_bytes", "Bytes of segment files", self.spool_bytes.clone());
        r.register(
            "spool_memory_bytes",
            "Bytes of events in memory",
            self.spool_memory_bytes.clone(),
        );
        r.register(
            "events_delivered",
            "Events the receiver confirmed",
            self.events_delivered.clone(),
        );
        r.register(
            "events_duplicate",
            "Events the receiver had already",
            self.events_duplicate.clone(),
        );
        r.register(
            "events_rejected",
            "Events of a batch the receiver will never take",
            self.events_rejected.clone(),
        );
        r.register(
            "delivery_retries",
            "Attempts beyond the first, by what they follow",
            self.delivery_retries.clone(),
        );
        r.register("batch_events", "Events of a delivery", self.batch_events.clone());
        r.register(
            "delivery_seconds",
            "How long a delivery took, with all attempts",
            self.delivery_seconds.clone(),
        );
        r.register(
            "delay_seconds",
            "From an event's time until it was confirmed",
            self.delay_seconds.clone(),
        );
        r.register(
            "received_delay_seconds",
            "From the receipt of an event until it was confirmed",
            self.received_delay_seconds.clone(),
        );
        r.register(
            "events_shortened",
            "Events too large for the receiver, taken shortened",
            self.events_shortened.clone(),
        );
        r.register("events_dead", "Events that became dead letters", self.events_dead.clone());
        r.register("dead_letters", "Dead letters that are kept", self.dead_letters.clone());
        r.register(
            "dead_letter_bytes",
            "Bytes of the files of dead letters",
            self.dead_letter_bytes.clone(),
        );
        r.register(
            "dead_letters_oldest_timestamp_seconds",
            "When the oldest dead letter was written",
            self.dead_letters_oldest.clone(),
        );
        r.register(
            "dead_letters_removed",
            "Dead letters that went, and why",
            self.dead_letters_removed.clone(),
        );
        r.register("events_replayed", "Events sent again by command", self.events_replayed.clone());
        r.register(
            "events_dropped",
            "Events dropped as the spool was full",
            self.events_dropped.clone(),
        );
        r.register("delivery_errors", "Deliveries that failed", self.delivery_errors.clone());
        r.register(
            "backlog",
            "Records before a sink, its own and those of others",
            self.backlog.clone(),
        );
        r.register("leader", "Whether this replica leads", self.leader.clone());
        r.register("leader_terms", "Terms in which this replica led", self.leader_terms.clone());
        r.register("backlog_bytes", "Bytes of these on disk", self.backlog_bytes.clone());
        r.register(
            "backlog_age_seconds",
            "Age of the oldest event that a sink has in hand",
            self.backlog_age_seconds.clone(),
        );
        r.register("store_bytes", "Bytes of the store on disk", self.store_bytes.clone());
        r.register("store_partitions", "Files of the store", self.store_partitions.clone());
        r.register("store_damaged", "Damaged files set aside", self.store_damaged.clone());
        r.register(
            "store_expired",
            "Events older than all that the store keeps",
            self.store_expired.clone(),
        );
        let mut text = String::new();
        // Writing to a String cannot fail.
        encode(&mut text, &registry).ok();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_shown() {
        let metrics = Metrics::new();
        metrics.events_delivered.get_or_create(&Sink { sink: "hook".to_owned() }).inc_by(3);
        let text = metrics.encode();
        assert!(text.contains("eventcenter_events_delivered_total{sink=\"hook\"} 3"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
