//! The questions that can be put to an engine, and its answers.
//!
//! [`EventQuery`] is all that the console, the command line and alert rules know of an engine. It speaks of events,
//! counts and tables, never of the engine's own language, so that SLS or ClickHouse can answer it as well as the
//! embedded store.
//!
//! # What is counted
//!
//! A Kubernetes Event that recurs is one object whose `count` rises. An engine keeps each rise as an **occurrence**
//! with its time, so every count here is a number of occurrences within the range: an Event that went from 1 to 40
//! in the range counts 39. [`events`](EventQuery::events) lists Event objects, each once, in its newest state within
//! the range.
//!
//! # Ranges
//!
//! `[from, until)`, compared with the time of the occurrence ([`Event::time`](eventcenter_core::Event::time)). An
//! event without any time is kept under the time at which it was received.
//!
//! # Loss
//!
//! Every [`Answer`] carries the declared losses that touch its range, and what the engine could not read: whoever
//! shows a number can say what it lacks.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventcenter_core::query::{Query, Select};
use eventcenter_core::{Cluster, Event, Grade, Result};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// An engine that answers. Object-safe, without default methods.
///
/// # Errors
///
/// All methods alike: kind `Refused` for a question that can never be answered (with the reason in words),
/// `Timeout` when the deadline of its [`Bounds`] was reached, `TooLarge` when it would take more memory or space
/// than allowed, `Storage` when the engine's files, `Unavailable` when its server cannot be read.
#[async_trait]
pub trait EventQuery: Debug + Send + Sync + 'static {
    /// Events that match, a page at a time.
    async fn events(&self, ask: &EventsAsk) -> Result<Answer<Page>>;

    /// How often matching events occurred, in groups: facets, histograms and totals in one pass over the matches.
    /// One [`Counts`] for each grouping asked, in that order.
    async fn counts(&self, ask: &CountsAsk) -> Result<Answer<Vec<Counts>>>;

    /// When these events occurred, oldest first: [`Row::id`]s as an engine handed them out. All occurrences of the
    /// Event in the range, also those before a boundary of the engine's. An id that is no longer kept has none.
    async fn occurrences(&self, ask: &OccurrencesAsk) -> Result<Answer<Vec<Occurrence>>>;

    /// One read-only `SELECT` over the matching events.
    async fn table(&self, ask: &TableAsk) -> Result<Answer<Table>>;

    /// What is kept: clusters, ranges, sizes, and what is set aside.
    async fn state(&self) -> Result<State>;
}

/// From (inclusive) and until (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Range {
    /// Inclusive.
    pub from: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
}

impl Range {
    /// Everything.
    pub const ALL: Self = Self { from: Timestamp::MIN, until: Timestamp::MAX };

    /// What lies so far back from now, or everything. What happens while the answer is made belongs to it, and clocks of
    /// nodes are a little ahead: it ends in five minutes.
    pub fn back(now: Timestamp, back: Option<Duration>) -> Self {
        let ago = |back| now.checked_sub(SignedDuration::try_from(back).ok()?).ok();
        let soon = now.checked_add(SignedDuration::from_mins(5));
        Self {
            from: back.and_then(ago).unwrap_or(Timestamp::MIN),
            until: soon.unwrap_or(Timestamp::MAX),
        }
    }

    /// Whether `at` lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// Whether the two have an instant in common.
    pub fn touches(&self, other: &Self) -> bool {
        self.from < other.until && other.from < self.until
    }
}

/// What one question may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The engine gives up after this long, and really stops working on it. Default 10 s.
    pub deadline: Duration,
    /// Rows of an answer; what is beyond is cut off, and the answer says so. Default 10,000.
    pub rows: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(10), rows: 10_000 }
    }
}

/// An answer, with what it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer<T> {
    /// The answer itself.
    pub value: T,
    /// Declared losses that touch the range, oldest first.
    pub gaps: Vec<GapRecord>,
    /// What the engine could not read, in words; empty when the answer is whole.
    pub unread: Vec<String>,
}

impl<T> Answer<T> {
    /// An answer that lacks nothing.
    pub fn whole(value: T) -> Self {
        Self { value, gaps: Vec::new(), unread: Vec::new() }
    }

    /// The same, with another value.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { value: map(self.value), gaps: self.gaps, unread: self.unread }
    }
}

/// A declared loss, as kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapRecord {
    /// The cluster whose history it is about.
    pub cluster: Cluster,
    /// How much may be missing.
    pub grade: GapGrade,
    /// From when; none if not even that is known.
    pub since: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
    /// How many events, where they could be counted.
    pub count: Option<u64>,
    /// Why, in words.
    pub reason: String,
}

/// [`Grade`] as a word in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GapGrade {
    /// Revisions between may be missing.
    Revisions,
    /// Whole events may be missing.
    Events,
}

impl From<Grade> for GapGrade {
    fn from(grade: Grade) -> Self {
        match grade {
            Grade::Revisions => Self::Revisions,
            Grade::Events => Self::Events,
        }
    }
}

/// Asks for events.
#[derive(Debug, Clone)]
pub struct EventsAsk {
    /// Which.
    pub query: Arc<Query>,
    /// From when until when.
    pub range: Range,
    /// In which order.
    pub order: Order,
    /// Where to go on: [`Page::next`] of the page before, or for [`Order::Arrival`] a [`Mark`] from anywhere.
    pub after: Option<Key>,
    /// Events on a page; at least 1. At most [`Bounds::rows`] are given.
    pub limit: usize,
    /// What it may cost.
    pub bounds: Bounds,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// By time, newest first.
    Newest,
    /// By time, oldest first.
    Oldest,
    /// In the order in which the engine took them, oldest first; an event that recurs comes again. The live tail:
    /// nothing that is taken later ever comes before an earlier [`Mark`].
    Arrival,
}

/// A place in a list, that stays where it is while events arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Behind the event of this time and id, in a list by time.
    Time(Timestamp, RowId),
    /// Behind this mark, in the order of arrival.
    Mark(Mark),
}

/// How much an engine has taken: grows with each occurrence.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Mark(pub u64);

/// What an engine knows an event by. Opaque; stable as long as the event is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowId(pub i64);

/// Some of the events that match.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// In the order asked.
    pub rows: Vec<Row>,
    /// Where the next page begins; none if this was the last.
    pub next: Option<Key>,
}

/// One event, as kept.
#[derive(Debug, Clone)]
pub struct Row {
    /// What the engine knows it by.
    pub id: RowId,
    /// Its newest state in the range.
    pub event: Event,
    /// How often it occurred within the range.
    pub occurrences: u64,
    /// Whether that is an estimate: it had been counted by others before it was first seen here.
    pub estimated: bool,
    /// The workload that its object belongs to (`Deployment/web`), where that can be told.
    pub workload: Option<String>,
    /// The Pod it is about, for an event about something else (an OOM kill on a Node), where that can be told.
    pub pod: Option<PodRef>,
    /// When the engine took it.
    pub mark: Mark,
}

/// A Pod by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PodRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid, where it is known; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
}

/// Asks how often.
#[derive(Debug, Clone)]
pub struct CountsAsk {
    /// Of which events.
    pub query: Arc<Query>,
    /// From when until when.
    pub range: Range,
    /// One answer for each.
    pub groupings: Vec<Grouping>,
    /// What it may cost.
    pub bounds: Bounds,
}

/// How to group a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// By these; none for the total.
    pub by: Vec<Dimension>,
    /// By time too, in buckets of this length, which begin at multiples of it since 1970 (UTC) plus `offset`.
    pub step: Option<Duration>,
    /// Shifts the buckets: a time zone's offset from UTC, so that days begin at its midnight.
    pub offset_seconds: i32,
    /// The groups with the most occurrences, the rest summed up in [`Counts::others`]; without time.
    pub top: usize,
}

impl Grouping {
    /// The total, nothing else.
    pub fn total() -> Self {
        Self { by: Vec::new(), step: None, offset_seconds: 0, top: usize::MAX }
    }

    /// The `top` values of one dimension.
    pub fn top(by: Dimension, top: usize) -> Self {
        Self { by: vec![by], step: None, offset_seconds: 0, top }
    }

    /// Over time, stacked by one dimension.
    pub fn over_time(by: Dimension, step: Duration) -> Self {
        Self { by: vec![by], step: Some(step), offset_seconds: 0, top: usize::MAX }
    }
}

/// The beginning of the bucket that a time lies in, both in microseconds since 1970. See [`Grouping::step`].
#[cfg(any(test, feature = "sqlite", feature = "testing"))]
pub(crate) fn bucket(time: i64, step: Duration, offset_seconds: i32) -> i64 {
    let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX).max(1);
    let offset = i64::from(offset_seconds) * 1_000_000;
    time.saturating_add(offset).div_euclid(step).saturating_mul(step).saturating_sub(offset)
}

/// What events can be grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    /// The cluster's id.
    Cluster,
    /// Normal, Warning, Error.
    Level,
    /// The known fault; empty where it is none.
    Class,
    /// Why.
    Reason,
    /// Of the object.
    Namespace,
    /// Of the object.
    Kind,
    /// `kind/namespace/name` of the object.
    Object,
    /// The node it was seen on, or is about.
    Node,
    /// Who reported it.
    Component,
    /// `kind/name` of the workload its object belongs to; empty where that cannot be told.
    Workload,
}

/// A count in groups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// With time: oldest bucket first, buckets without occurrences left out. Else most occurrences first.
    pub groups: Vec<Group>,
    /// Occurrences in groups beyond `top`.
    pub others: u64,
    /// All occurrences.
    pub total: u64,
    /// Of these, how many are estimates.
    pub estimated: u64,
}

/// One group of a count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The values, in the order of [`Grouping::by`].
    pub values: Vec<String>,
    /// When the bucket begins, if grouped by time.
    pub at: Option<Timestamp>,
    /// Occurrences.
    pub count: u64,
}

/// Asks when events occurred.
#[derive(Debug, Clone)]
pub struct OccurrencesAsk {
    /// Which.
    pub ids: Vec<RowId>,
    /// From when until when.
    pub range: Range,
    /// What it may cost.
    pub bounds: Bounds,
}

/// One rise of an event's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Occurrence {
    /// Of this event.
    pub id: RowId,
    /// When.
    pub at: Timestamp,
    /// By how much; at least 1.
    pub rise: u32,
    /// Whether more may have happened before it was first seen here.
    pub estimated: bool,
}

/// Asks for a table.
#[derive(Debug, Clone)]
pub struct TableAsk {
    /// Of which events.
    pub query: Arc<Query>,
    /// From when until when.
    pub range: Range,
    /// One `SELECT`, as it stands behind the `|`. Columns in errors are those of the whole statement.
    pub select: Select,
    /// What it may cost.
    pub bounds: Bounds,
}

/// The answer to a `SELECT`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Values: null, numbers and text.
    pub rows: Vec<Vec<serde_json::Value>>,
    /// Whether rows beyond [`Bounds::rows`] were cut off.
    pub truncated: bool,
}

/// What an engine keeps.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct State {
    /// What it is, for people: `embedded`, `sls`, ...
    pub engine: String,
    /// How much it has taken.
    pub mark: Mark,
    /// Event objects kept.
    pub events: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// The oldest and the newest time kept.
    pub range: Option<Range>,
    /// The clusters it has events of.
    pub clusters: Vec<ClusterState>,
    /// All declared losses, oldest first.
    pub gaps: Vec<GapRecord>,
    /// What is damaged or cannot be read, in words.
    pub set_aside: Vec<String>,
    /// Days that events are kept, and bytes; none is no limit.
    pub retention: Retention,
}

/// How long events are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// At least this long.
    pub age: Option<Duration>,
    /// At most so many bytes.
    pub bytes: Option<u64>,
}

/// One cluster of an engine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClusterState {
    /// Which.
    pub cluster: Cluster,
    /// When its newest event was received.
    pub received: Option<Timestamp>,
    /// Since when it is watched without a gap.
    pub watched_since: Option<Timestamp>,
    /// Whether its events are recorded, not live: `--demo`, and imports.
    pub recorded: bool,
}
