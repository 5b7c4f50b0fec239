//! Health, metrics and logs of a watch.

use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::health::Part;
use eventcenter_core::metrics::{Metrics, SourceKind};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::failure::{Failure, Kind};

/// Health is refreshed no more often than this.
const BEAT: Duration = Duration::from_secs(1);

/// How a watch is doing, as others see it.
#[derive(Debug)]
pub(super) struct Vitals {
    source: Arc<str>,
    /// The API server, for people.
    server: String,
    part: Part,
    metrics: Metrics,
    /// Whether everything that was there at the start has been handed out, or need not be.
    synced: bool,
    is_troubled: bool,
    last: Option<Instant>,
}

impl Vitals {
    pub(super) fn new(source: &Arc<str>, server: String, part: Part, metrics: Metrics) -> Self {
        let source = Arc::clone(source);
        Self { source, server, part, metrics, synced: false, is_troubled: false, last: None }
    }

    /// A request is made: `list` or `watch`.
    pub(super) fn asks(&self, kind: &'static str) {
        self.metrics.source_requests.get_or_create(&self.label(kind)).inc();
    }

    /// Bytes arrived at `at`. Cheap.
    pub(super) fn beats(&mut self, at: Instant) {
        if self.synced && self.last.is_none_or(|last| at >= last + BEAT) {
            self.well(at);
        }
    }

    /// A page of a list is complete.
    pub(super) fn page(&mut self) {
        if self.synced {
            self.well(Instant::now());
        } else if self.is_troubled {
            // What was wrong is over, and readiness waits for the whole list.
            self.part.troubled("the first list is under way");
        }
    }

    /// A watch is open, or a list is complete: from now on nothing is missed.
    pub(super) fn synced(&mut self) {
        if !self.synced {
            info!(source = %self.source, server = %self.server, "in step with the API server");
        } else if self.is_troubled {
            info!(source = %self.source, server = %self.server, "back in step with the API server");
        }
        self.synced = true;
        self.well(Instant::now());
    }

    /// A request came to nothing, `failures` in a row. What a person has to do about it is said in `group`'s
    /// terms, the API group that was asked.
    pub(super) fn fails(&mut self, failure: &Failure, failures: u32, group: &str) {
        self.counts(failure);
        let error = &failure.error;
        let hint = match failure.kind {
            Kind::Forbidden => {
                format!(": needs get, list and watch on events in API group {group}")
            }
            _ => String::new(),
        };
        // A single failure is what a restart of an API server looks like among others.
        if failures > 1 || matches!(failure.kind, Kind::Forbidden | Kind::Unauthorized) {
            self.is_troubled = true;
            self.part.troubled(format!("{}: {error}{hint}", self.server));
        }
        warn!(source = %self.source, server = %self.server, failures, %error, hint, "will try again");
    }

    /// An open watch was cut: that happens, and is trouble only if it cannot be opened again.
    pub(super) fn cut(&self, failure: &Failure) {
        self.counts(failure);
        let error = &failure.error;
        info!(source = %self.source, server = %self.server, %error, "the watch broke off");
    }

    fn counts(&self, failure: &Failure) {
        let kind = self.label(failure.error.kind().as_str());
        self.metrics.source_errors.get_or_create(&kind).inc();
    }

    fn well(&mut self, at: Instant) {
        self.last = Some(at);
        self.is_troubled = false;
        self.part.ready();
    }

    fn label(&self, kind: &'static str) -> SourceKind {
        SourceKind { source: self.source.to_string(), kind }
    }
}
