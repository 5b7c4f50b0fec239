//! The one loop for sources: next, route, append.
//!
//! It waits for its source, for room in the spool, or for the stop; it ends at the stop. Between two turns it holds
//! nothing: an event that was taken from the source and not yet by the spool is seen again after a restart, since
//! its position has not moved either.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, warn};

use crate::clock::Clock;
use crate::dead_letter::{Cause, DeadLetters};
use crate::error::{Error, Result};
use crate::event::{Cluster, Event};
use crate::metrics::{self, Metrics};
use crate::router::Router;
use crate::sink_set::SinkSet;
use crate::source::{Gap, Observed, Position, Source};
use crate::spool::{SourceId, Spool};
use crate::stop::Stopped;

/// Between two calls of a source that fails: it waits by itself where waiting helps.
const PAUSE: Duration = Duration::from_secs(1);

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Intake {
    pub(crate) source: Box<dyn Source>,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) id: SourceId,
    pub(crate) router: Arc<Router>,
    pub(crate) spool: Spool,
    pub(crate) dead: DeadLetters,
    pub(crate) everybody: SinkSet,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) stopped: Stopped,
}

impl Intake {
    /// Runs until the stop.
    pub(crate) async fn run(mut self) {
        let label = metrics::Source { source: self.source.name().to_owned() };
        let received = self.metrics.events_received.get_or_create(&label).clone();
        let mut stopped = self.stopped.clone();
        let succession = self.spool.succession();
        let gap = succession.and_then(|its| its.gap_before(self.source.name(), self.clock.now()));
        if let Some(gap) = gap {
            self.declare(gap).await;
        }
        loop {
            let seen = tokio::select! {
                biased;
                () = stopped.stopping() => return,
                seen = self.source.next() => seen,
            };
            if matches!(seen, Ok(Observed::Event(..))) {
                received.inc();
            }
            tokio::select! {
                biased;
                () = stopped.stopping() => return,
                () = self.turn(seen) => {}
            }
        }
    }

    async fn turn(&mut self, seen: Result<Observed>) {
        match seen {
            Ok(Observed::Event(event, position)) => self.take(*event, position).await,
            Ok(Observed::Progress(position)) => self.progress(position),
            Ok(Observed::Gap(gap)) => self.declare(gap).await,
            Ok(Observed::Unreadable { raw, error, position }) => {
                self.quarantine(&raw, &error, position).await;
            }
            Err(error) => {
                warn!(source = self.source.name(), %error, "the source failed");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn take(&mut self, event: Event, position: Position) {
        let mut sinks = self.router.route(&event);
        if sinks.is_empty() {
            self.metrics.events_unrouted.inc();
        } else if let Some(succession) = self.spool.succession() {
            sinks = succession.still_want(self.source.name(), sinks, event.resource_version());
        }
        if sinks.is_empty() {
            self.progress(position);
        } else {
            self.stands_at(&position);
            self.spool.append(self.id, sinks, &Arc::new(event), Some(position)).await;
        }
    }

    fn progress(&self, position: Position) {
        self.stands_at(&position);
        self.spool.progress(self.id, position);
    }

    /// For the successor, if there is to be one.
    fn stands_at(&self, position: &Position) {
        if let Some(succession) = self.spool.succession() {
            succession.stands_at(self.source.name(), position, self.spool.end());
        }
    }

    /// A gap goes to every sink, whatever its routes.
    async fn declare(&mut self, gap: Gap) {
        let source = self.source.name().to_owned();
        if let Some(succession) = self.spool.succession() {
            succession.lost(&source);
        }
        warn!(source, grade = gap.grade.as_str(), reason = gap.reason, "history may be missing");
        let kind = gap.grade.as_str();
        self.metrics
            .gaps
            .get_or_create(&metrics::SourceKind { source: source.clone(), kind })
            .inc();
        match gap.into_event(&source, &self.cluster, self.clock.now()) {
            Ok(event) => self.spool.append(self.id, self.everybody, &Arc::new(event), None).await,
            Err(error) => error!(source, %error, "cannot declare the gap"),
        }
    }

    /// A document that is no event is set aside before the position moves past it.
    async fn quarantine(&mut self, raw: &[u8], error: &Error, position: Position) {
        let source = self.source.name();
        let label = metrics::Source { source: source.to_owned() };
        self.metrics.unreadable.get_or_create(&label).inc();
        warn!(source, %error, bytes = raw.len(), "set an unreadable document aside");
        let reason = error.to_string();
        let cause = Cause { kind: error.kind(), reason: &reason, attempts: 1 };
        let line = DeadLetters::document_line(source, raw, cause, self.clock.now());
        while let Err(error) = self.dead.bury(source, line.clone()).await {
            warn!(source, %error, "cannot write a dead letter, will try again");
            tokio::time::sleep(PAUSE).await;
        }
        self.progress(position);
    }
}
