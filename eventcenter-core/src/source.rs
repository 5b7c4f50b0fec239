//! Where events come from.
//!
//! A source yields, it does not push: [`Source::next`] can be dropped at any time without losing anything, so a
//! source needs no stop channel and no task of its own. The loop around it exists once, in the intake.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::error::Result;
use crate::event::{Cluster, Draft, Event};

/// A stream of events that can be resumed. Object-safe, without default methods.
#[async_trait]
pub trait Source: Debug + Send + 'static {
    /// What its position is stored under: stable over restarts, different for each source. Such as
    /// `events/<cluster id>/<namespace, or * for all>`.
    fn name(&self) -> &str;

    /// The next thing that was seen.
    ///
    /// # Errors
    ///
    /// What will not heal by waiting: a source tries again by itself where trying again can help, and tells so in
    /// its health. After an error it may be called again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Observed>;
}

/// What a [`Source`] saw.
#[derive(Debug)]
pub enum Observed {
    /// An event, and the position to resume from once it is on disk. While a list runs that is the position from
    /// before the list, since lists come in key order and not in time order.
    Event(Box<Event>, Position),
    /// Nothing new, but everything up to this position is known.
    Progress(Position),
    /// History may be missing. It becomes an event of its own, and reaches every sink.
    Gap(Gap),
    /// A document that cannot be read as an event: it becomes a dead letter, and the stream goes on.
    Unreadable {
        /// The document as it arrived.
        raw: bytes::Bytes,
        /// What is wrong with it.
        error: crate::error::Error,
        /// As for an event.
        position: Position,
    },
}

/// Where a source stands. The value is the source's own (a resourceVersion, a journal cursor, ...): others
/// compare it for equality only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The source's own words, at most [`Position::MAX_LEN`] bytes.
    pub value: String,
    /// When it stood there: how much history is at stake after a long absence is told from it.
    pub at: Timestamp,
}

impl Position {
    /// The longest value that is stored, in bytes.
    pub const MAX_LEN: usize = 4096;

    /// `value`, reached at `at`.
    pub fn new(value: impl Into<String>, at: Timestamp) -> Self {
        Self { value: value.into(), at }
    }
}

/// A declared loss: what may have been missed, and why. Never only a log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// How much may be missing.
    pub grade: Grade,
    /// From when; none if not even that is known.
    pub since: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
    /// How many events, where they can be counted.
    pub count: Option<u64>,
    /// One sentence, lowercase, without a period.
    pub reason: String,
}

impl Gap {
    /// The reason of the event that a gap becomes.
    pub const REASON: &str = "EventsMissed";

    /// Whether an event is what a gap became.
    pub(crate) fn is(event: &Event) -> bool {
        event.reason() == Self::REASON
            && event.annotations().any(|(key, _)| key == "eventcenter/gap-source")
    }

    pub(crate) const SINCE: &str = "eventcenter/gap-since";
    pub(crate) const COUNT: &str = "eventcenter/gap-count";

    /// The gap as an event of level Warning about its cluster, so that every sink can carry it. `source` is who
    /// lost it, and `now` when it was found out.
    ///
    /// Annotations tell machines what the message tells people: `eventcenter/gap-grade`, `-since`, `-until`,
    /// `-count`.
    ///
    /// # Errors
    ///
    /// As [`Draft::into_event`].
    pub fn into_event(self, source: &str, cluster: &Arc<Cluster>, now: Timestamp) -> Result<Event> {
        let what = match (self.grade, self.count) {
            (_, Some(count)) => format!("{count} events were lost"),
            (Grade::Revisions, None) => "Revisions of events may be missing".to_owned(),
            (Grade::Events, None) => "Events may be missing".to_owned(),
        };
        let since = self.since.map(|since| format!(" from {since}")).unwrap_or_default();
        let message = format!("{what}{since} until {}: {}", self.until, self.reason);
        let mut annotations = vec![
            ("eventcenter/gap-grade".to_owned(), self.grade.as_str().to_owned()),
            ("eventcenter/gap-source".to_owned(), source.to_owned()),
            ("eventcenter/gap-until".to_owned(), self.until.to_string()),
        ];
        annotations.extend(self.since.map(|at| (Self::SINCE.to_owned(), at.to_string())));
        annotations.extend(self.count.map(|n| (Self::COUNT.to_owned(), n.to_string())));
        let draft = Draft {
            event_type: "Warning",
            reason: Self::REASON.to_owned(),
            message,
            component: "eventcenter".to_owned(),
            annotations,
            ..Draft::default()
        };
        draft.into_event(cluster, now)
    }
}

/// How much a [`Gap`] may have lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Grade {
    /// Every Event that happened is known in its newest state; revisions between may be missing.
    Revisions,
    /// Whole events may be missing.
    Events,
}

impl Grade {
    /// The grade as a label value, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revisions => "revisions",
            Self::Events => "events",
        }
    }
}
