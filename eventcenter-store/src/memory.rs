//! A naive engine in memory: the meaning of every question, written as plainly as can be.
//!
//! Tests of the console and of the command line put their questions to it, and the embedded store must answer what
//! it answers. It walks over everything it has for each question, and keeps everything for ever: it is for tests.
//!
//! # What an engine keeps
//!
//! One **row** for each Event object *and span of time*: engines cut time into partitions, and an Event that lives
//! across a boundary has a row on either side, each with the newest state that the Event had there. The spans are
//! [`MemoryStore::with_span`]; by default one holds everything.
//!
//! A filter looks at rows, and a count adds up the occurrences of matching rows. A list shows of several rows of one
//! Event only the newest that occurred in the range, if it matches, with the occurrences of all of them.

mod grouping;
mod take;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use eventcenter_core::{Batch, Error, ErrorKind, Event, Limits, Receipt, Result, Sink};
use jiff::Timestamp;

use crate::ask::{
    Answer, ClusterState, Counts, CountsAsk, EventQuery, EventsAsk, GapRecord, Key, Mark,
    Occurrence, OccurrencesAsk, Order, Page, PodRef, Range, Retention, Row, RowId, State, Table,
    TableAsk,
};
use take::uid;

/// See the [module](self). A [`Sink`] and an [`EventQuery`].
#[derive(Debug)]
pub struct MemoryStore {
    span: Option<Duration>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    rows: Vec<KeptRow>,
    /// Cluster, uid and number of the span, to the place in `rows`.
    places: HashMap<(String, String, i64), usize>,
    /// Since when a cluster is watched without a gap.
    watched: HashMap<String, Timestamp>,
    gaps: Vec<GapRecord>,
    mark: u64,
}

/// The newest state of an Event within a span of time.
#[derive(Debug)]
struct KeptRow {
    event: Arc<Event>,
    span: i64,
    /// Whether more had happened before it was first seen than was counted.
    estimated: bool,
    rises: Vec<Rise>,
}

#[derive(Debug, Clone, Copy)]
struct Rise {
    mark: Mark,
    at: Timestamp,
    by: u32,
    estimated: bool,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self { span: None, kept: Mutex::default() }
    }

    /// An empty one that cuts time into spans of this length, counted from 1970.
    #[must_use]
    pub fn with_span(span: Duration) -> Self {
        Self { span: Some(span), kept: Mutex::default() }
    }

    /// Takes one event; says whether it was news.
    pub fn take(&self, event: &Arc<Event>) -> bool {
        self.kept().take(event, self.span)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Rows that match, by place, with what they occurred in the range; those that did not are left out.
    fn matching(&self, query: &eventcenter_core::Query, range: Range) -> Vec<(usize, Vec<Rise>)> {
        let occurring = self.occurring(range);
        occurring.into_iter().filter(|(place, _)| query.matches(&self.rows[*place].event)).collect()
    }

    fn occurring(&self, range: Range) -> Vec<(usize, Vec<Rise>)> {
        self.rows
            .iter()
            .enumerate()
            .map(|(place, row)| {
                let rises = row.rises.iter().filter(|rise| range.contains(rise.at));
                (place, rises.copied().collect::<Vec<_>>())
            })
            .filter(|(_, rises)| !rises.is_empty())
            .collect()
    }

    /// The newest row of each Event that occurred in the range, if it matches, with the occurrences of all its rows.
    fn listed(&self, query: &eventcenter_core::Query, range: Range) -> Vec<(usize, Vec<Rise>)> {
        let mut events: BTreeMap<(&str, String), (usize, Vec<Rise>)> = BTreeMap::new();
        for (place, rises) in self.occurring(range) {
            let event = &self.rows[place].event;
            let entry =
                events.entry((&event.cluster().id, uid(event))).or_insert((place, Vec::new()));
            if self.rows[place].span > self.rows[entry.0].span {
                entry.0 = place;
            }
            entry.1.extend(rises);
        }
        events.into_values().filter(|(place, _)| query.matches(&self.rows[*place].event)).collect()
    }

    fn row(&self, place: usize, rises: &[Rise], mark: Mark) -> Row {
        let event = &self.rows[place].event;
        Row {
            id: id(place),
            event: Event::clone(event),
            occurrences: rises.iter().map(|rise| u64::from(rise.by)).sum(),
            estimated: rises.iter().any(|rise| rise.estimated),
            workload: event.workload(),
            pod: pod(event),
            mark,
        }
    }

    fn page(&self, ask: &EventsAsk) -> Page {
        let mut rows: Vec<(Key, Row)> = Vec::new();
        let found = match ask.order {
            Order::Arrival => self.matching(&ask.query, ask.range),
            Order::Newest | Order::Oldest => self.listed(&ask.query, ask.range),
        };
        for (place, rises) in found {
            match ask.order {
                Order::Arrival => rows.extend(
                    rises
                        .iter()
                        .map(|rise| (Key::Mark(rise.mark), self.row(place, &rises, rise.mark))),
                ),
                Order::Newest | Order::Oldest => {
                    let Some(last) = rises.iter().max_by_key(|rise| (rise.at, rise.mark)) else {
                        continue;
                    };
                    rows.push((Key::Time(last.at, id(place)), self.row(place, &rises, last.mark)));
                }
            }
        }
        rows.sort_by_key(|(key, _)| *key);
        if ask.order == Order::Newest {
            rows.reverse();
        }
        if let Some(after) = ask.after {
            rows.retain(|(key, _)| match ask.order {
                Order::Newest => *key < after,
                Order::Oldest | Order::Arrival => *key > after,
            });
        }
        let limit = ask.limit.clamp(1, ask.bounds.rows.max(1));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(key, _)| *key);
        Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next }
    }

    fn counts(&self, ask: &CountsAsk) -> Vec<Counts> {
        let matching = self.matching(&ask.query, ask.range);
        let group = |grouping| {
            let mut sums = grouping::Sums::new(grouping);
            for (place, rises) in &matching {
                for rise in rises {
                    sums.add(&self.rows[*place].event, rise.at, rise.by, rise.estimated);
                }
            }
            sums.counts()
        };
        ask.groupings.iter().map(group).collect()
    }

    fn occurrences(&self, ask: &OccurrencesAsk) -> Vec<Occurrence> {
        let mut found: Vec<(Mark, Occurrence)> = Vec::new();
        let same = |a: &Event, b: &Event| a.cluster().id == b.cluster().id && uid(a) == uid(b);
        for asked in &ask.ids {
            let place = usize::try_from(asked.0).unwrap_or(usize::MAX);
            let Some(of) = self.rows.get(place) else { continue };
            for row in self.rows.iter().filter(|row| same(&row.event, &of.event)) {
                found.extend(row.rises.iter().filter(|rise| ask.range.contains(rise.at)).map(
                    |rise| {
                        let Rise { mark, at, by, estimated } = *rise;
                        (mark, Occurrence { id: *asked, at, rise: by, estimated })
                    },
                ));
            }
        }
        found.sort_by_key(|(mark, occurrence)| (occurrence.at, *mark));
        found.truncate(ask.bounds.rows);
        found.into_iter().map(|(_, occurrence)| occurrence).collect()
    }

    fn answer<T>(&self, range: Range, value: T) -> Answer<T> {
        let touches = |gap: &&GapRecord| {
            gap.since.is_none_or(|since| since < range.until) && range.from <= gap.until
        };
        let gaps = self.gaps.iter().filter(touches).cloned().collect();
        Answer { value, gaps, unread: Vec::new() }
    }

    fn state(&self) -> State {
        let times = || self.rows.iter().flat_map(|row| row.rises.iter().map(|rise| rise.at));
        let range = times().min().zip(times().max()).map(|(from, until)| Range {
            from,
            until: until.checked_add(Duration::from_nanos(1)).unwrap_or(until),
        });
        let mut clusters: BTreeMap<&str, ClusterState> = BTreeMap::new();
        for row in &self.rows {
            let cluster = row.event.cluster();
            let received = Some(row.event.received());
            let state = clusters.entry(&cluster.id).or_insert_with(|| ClusterState {
                cluster: cluster.as_ref().clone(),
                received,
                watched_since: None,
                recorded: false,
            });
            state.received = state.received.max(received);
        }
        State {
            engine: "memory".to_owned(),
            mark: Mark(self.mark),
            events: self.rows.len() as u64,
            bytes: self.rows.iter().map(|row| row.event.weight() as u64).sum(),
            range,
            clusters: clusters.into_values().collect(),
            gaps: self.gaps.clone(),
            set_aside: Vec::new(),
            retention: Retention::default(),
        }
    }
}

/// The Pod of an event about something else.
fn pod(event: &Event) -> Option<PodRef> {
    let pod = event.pod().filter(|_| event.object().kind != "Pod")?;
    let (namespace, name) = (pod.namespace.to_owned(), pod.name.to_owned());
    Some(PodRef { namespace, name, uid: pod.uid.into_owned() })
}

fn id(place: usize) -> RowId {
    RowId(i64::try_from(place).unwrap_or(i64::MAX))
}

#[async_trait]
impl EventQuery for MemoryStore {
    async fn events(&self, ask: &EventsAsk) -> Result<Answer<Page>> {
        let kept = self.kept();
        Ok(kept.answer(ask.range, kept.page(ask)))
    }

    async fn counts(&self, ask: &CountsAsk) -> Result<Answer<Vec<Counts>>> {
        let kept = self.kept();
        Ok(kept.answer(ask.range, kept.counts(ask)))
    }

    async fn occurrences(&self, ask: &OccurrencesAsk) -> Result<Answer<Vec<Occurrence>>> {
        let kept = self.kept();
        Ok(kept.answer(ask.range, kept.occurrences(ask)))
    }

    async fn table(&self, _: &TableAsk) -> Result<Answer<Table>> {
        Err(Error::new("memory", ErrorKind::Refused, "this engine knows no SQL"))
    }

    async fn state(&self) -> Result<State> {
        Ok(self.kept().state())
    }
}

#[async_trait]
impl Sink for MemoryStore {
    fn name(&self) -> &str {
        "memory"
    }

    fn limits(&self) -> Limits {
        Limits::new().with_max_events(1000).with_idempotent(true)
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let taken = batch.events().iter().filter(|event| self.take(event)).count();
        Ok(Receipt::all().with_duplicates(batch.len() - taken))
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
