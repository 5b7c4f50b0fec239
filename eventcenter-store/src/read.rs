//! The reading side of the embedded store: the five questions of [`EventQuery`], answered from its partitions.
//!
//! A question reads every partition that its range touches, each as it is at one instant, and merges what they say.
//! Partitions cut Events that live across a boundary into rows; a list shows the newest row in the range, with the
//! occurrences of all of them, and a count adds up the occurrences of matching rows.
//!
//! **Bounds.** A few questions are answered at a time, on threads of their own; others wait, within their deadline.
//! When the deadline is over, or nobody waits for the answer any more, SQLite is told to stop, and does within some
//! thousand steps of its machine.
//!
//! **Damage.** A partition that cannot be read is named in [`Answer::unread`], and the others answer.

mod count;
mod learned;
mod list;
mod reader;
mod rows;
mod threads;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use eventcenter_core::{Cluster, Error, ErrorKind, Result};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::ask::{
    Answer, Bounds, ClusterState, Counts, CountsAsk, EventQuery, EventsAsk, GapGrade, GapRecord,
    Occurrence, OccurrencesAsk, Page, Range, State, Table, TableAsk,
};
use crate::sql::{self, Temporary};
use crate::store::{Shared, Store, failed};
pub(crate) use learned::WordsLike;
pub(crate) use reader::{Failure, Reader, Readers, lock};

/// Questions that are answered at a time, by the number of cores: each holds a connection a partition, of 1 MiB at most,
/// and what its thread has needed.
fn at_a_time() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4))
}

/// Says when to stop.
#[derive(Debug)]
pub(crate) struct Gate {
    until: Instant,
    abandoned: AtomicBool,
}

impl Gate {
    pub(crate) fn is_over(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed) || Instant::now() >= self.until
    }
}

/// Whoever drops the future of a question stops the work on it.
struct Abandon(Arc<Gate>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandoned.store(true, Ordering::Relaxed);
    }
}

/// What one question reads: the partitions of its range, oldest first.
pub(crate) struct Reading {
    pub(crate) shared: Arc<Shared>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) readers: Vec<Reader>,
    unread: Vec<String>,
}

impl Reading {
    /// What `read` makes of a partition; none of one that is damaged.
    pub(crate) fn attempt<T>(
        &mut self,
        place: usize,
        read: impl FnOnce(&mut Reader) -> std::result::Result<T, Failure>,
    ) -> Result<Option<T>> {
        let Some(reader) = self.readers.get_mut(place) else { return Ok(None) };
        match read(reader) {
            Ok(value) => Ok(Some(value)),
            Err(failure) if failure.is_damage() => {
                self.unread.push(format!("{} cannot be read: {failure}", reader.name()));
                reader.broken = true;
                Ok(None)
            }
            Err(failure) => Err(self.told(failure)),
        }
    }

    fn told(&self, failure: Failure) -> Error {
        match failure {
            Failure::Sqlite(_) if self.gate.is_over() => out_of_time(),
            failure => failure.into(),
        }
    }
}

pub(crate) fn out_of_time() -> Error {
    Error::new("store", ErrorKind::Timeout, "the question took longer than it may")
}

/// Microseconds since 1970, of an edge of a range.
pub(crate) fn micros(range: Range) -> (i64, i64) {
    // An instant within a microsecond belongs to it: what is kept has no smaller parts.
    let up = |at: Timestamp| {
        let nanos = at.as_nanosecond();
        i64::try_from(nanos.div_euclid(1000) + i128::from(nanos.rem_euclid(1000) > 0))
    };
    (up(range.from).unwrap_or(i64::MIN), up(range.until).unwrap_or(i64::MAX))
}

impl Store {
    /// Answers on a thread that reads. `range` says which partitions are read.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        range: Range,
        bounds: Bounds,
        answer: impl FnOnce(&mut Reading) -> Result<T> + Send + 'static,
    ) -> Result<Answer<T>> {
        let until = Instant::now() + bounds.deadline.min(Duration::from_secs(3600));
        let turn = Arc::clone(self.readers().turns()).acquire_owned();
        let turn = tokio::time::timeout_at(until.into(), turn).await.map_err(|_| out_of_time())?;
        let turn = turn.map_err(|_| failed("the store is closed"))?;
        let gate = Arc::new(Gate { until, abandoned: AtomicBool::new(false) });
        let _abandon = Abandon(Arc::clone(&gate));
        let (shared, readers) = (Arc::clone(self.shared()), Arc::clone(self.readers()));
        let read = move || {
            let _turn = turn;
            answered(shared, &readers, gate, range, answer)
        };
        self.readers().threads().run(at_a_time(), read).await?
    }

    /// Answers on this thread, for a program that does nothing else.
    pub(crate) fn read_here<T>(
        &self,
        range: Range,
        bounds: Bounds,
        answer: impl FnOnce(&mut Reading) -> Result<T>,
    ) -> Result<Answer<T>> {
        let until = Instant::now() + bounds.deadline;
        let gate = Arc::new(Gate { until, abandoned: AtomicBool::new(false) });
        answered(Arc::clone(self.shared()), self.readers(), gate, range, answer)
    }
}

fn answered<T>(
    shared: Arc<Shared>,
    readers: &Readers,
    gate: Arc<Gate>,
    range: Range,
    answer: impl FnOnce(&mut Reading) -> Result<T>,
) -> Result<Answer<T>> {
    let mut reading = Reading { shared, gate, readers: Vec::new(), unread: Vec::new() };
    reading.unread = reading.shared.set_aside();
    readers.open(range, &mut reading)?;
    let value = answer(&mut reading).and_then(|value| {
        let gaps = reading.gaps(range)?;
        Ok((value, gaps))
    });
    readers.give_back(std::mem::take(&mut reading.readers));
    let (value, gaps) = value?;
    Ok(Answer { value, gaps, unread: reading.unread })
}

impl Reading {
    /// Declared losses that touch the range, oldest first.
    fn gaps(&mut self, range: Range) -> Result<Vec<GapRecord>> {
        let mut gaps = Vec::new();
        for place in 0..self.readers.len() {
            gaps.extend(self.attempt(place, |reader| reader.gaps())?.unwrap_or_default());
        }
        gaps.retain(|gap: &GapRecord| {
            gap.since.is_none_or(|since| since < range.until) && range.from <= gap.until
        });
        gaps.sort_by_key(|gap| (gap.since, gap.until));
        Ok(gaps)
    }
}

#[async_trait]
impl EventQuery for Store {
    async fn events(&self, ask: &EventsAsk) -> Result<Answer<Page>> {
        let asked = ask.clone();
        self.read(ask.range, ask.bounds, move |reading| list::page(reading, &asked)).await
    }

    async fn counts(&self, ask: &CountsAsk) -> Result<Answer<Vec<Counts>>> {
        let asked = ask.clone();
        self.read(ask.range, ask.bounds, move |reading| count::counts(reading, &asked)).await
    }

    async fn occurrences(&self, ask: &OccurrencesAsk) -> Result<Answer<Vec<Occurrence>>> {
        let asked = ask.clone();
        // The row of an id may be of a partition beyond the range.
        let answer =
            self.read(Range::ALL, ask.bounds, move |reading| rows::occurrences(reading, &asked));
        answer.await
    }

    async fn table(&self, ask: &TableAsk) -> Result<Answer<Table>> {
        if let Some(worker) = self.sql_worker() {
            let mut answer = worker.ask(self.folder(), ask).await?;
            answer.unread.extend(self.shared().set_aside());
            return Ok(answer);
        }
        let asked = ask.clone();
        let answer = move |reading: &mut Reading| sql::table(reading, &asked, Temporary::Files);
        self.read(ask.range, ask.bounds, answer).await
    }

    async fn state(&self) -> Result<State> {
        let answer = self.read(Range::ALL, Bounds::default(), state).await?;
        let mut state = answer.value;
        state.gaps = answer.gaps;
        state.set_aside = answer.unread;
        Ok(state)
    }
}

fn state(reading: &mut Reading) -> Result<State> {
    let shared = Arc::clone(&reading.shared);
    let mut state = State {
        engine: "embedded".to_owned(),
        mark: *shared.mark.borrow(),
        bytes: shared.bytes(),
        retention: shared.retention,
        ..State::default()
    };
    for place in 0..reading.readers.len() {
        let Some((events, range, clusters)) = reading.attempt(place, Reader::contents)? else {
            continue;
        };
        state.events += events;
        state.range = match (state.range, range) {
            (Some(all), Some(new)) => {
                Some(Range { from: all.from.min(new.from), until: all.until.max(new.until) })
            }
            (all, new) => all.or(new),
        };
        // Partitions come oldest first: the newest knows best.
        for cluster in clusters {
            state.clusters.retain(|known: &ClusterState| known.cluster.id != cluster.cluster.id);
            state.clusters.push(cluster);
        }
    }
    state.clusters.sort_by(|left, right| left.cluster.name.cmp(&right.cluster.name));
    Ok(state)
}

impl Reader {
    fn gaps(&mut self) -> std::result::Result<Vec<GapRecord>, Failure> {
        let sql = "SELECT c.uid, c.name, g.grade, g.since, g.until, g.count, g.reason
                   FROM gaps g JOIN clusters c ON c.id = g.cluster";
        let mut statement = self.connection.prepare_cached(sql)?;
        let gaps = statement.query_map([], |row| {
            let grade = if row.get(2)? { GapGrade::Events } else { GapGrade::Revisions };
            let since: Option<i64> = row.get(3)?;
            let count: Option<i64> = row.get(5)?;
            Ok(GapRecord {
                cluster: Cluster { id: row.get(0)?, name: row.get(1)? },
                grade,
                since: since.map(reader::time),
                until: reader::time(row.get(4)?),
                count: count.and_then(|count| u64::try_from(count).ok()),
                reason: row.get(6)?,
            })
        })?;
        Ok(gaps.collect::<rusqlite::Result<_>>()?)
    }

    /// The times of its first and of its last occurrence, in microseconds.
    pub(crate) fn times(&mut self) -> std::result::Result<Option<(i64, i64)>, Failure> {
        // Each by itself, so that the index gives it at once.
        let edge = |which: &str| {
            let sql = format!("SELECT {which}(time) FROM occurrences");
            self.connection.query_row(&sql, [], |row| row.get::<_, Option<i64>>(0))
        };
        Ok(edge("min")?.zip(edge("max")?))
    }

    /// Events, the range of their times, and clusters.
    fn contents(
        &mut self,
    ) -> std::result::Result<(u64, Option<Range>, Vec<ClusterState>), Failure> {
        // Rows are never removed, and numbered without holes.
        let events: i64 =
            self.connection
                .query_row("SELECT coalesce(max(id), 0) FROM events", [], |row| row.get(0))?;
        let range = self.times()?.map(|(from, until)| Range {
            from: reader::time(from),
            until: reader::time(until.saturating_add(1)),
        });
        let sql = "SELECT uid, name, received, watched_since, recorded FROM clusters";
        let mut statement = self.connection.prepare_cached(sql)?;
        let clusters = statement.query_map([], |row| {
            let since: Option<i64> = row.get(3)?;
            Ok(ClusterState {
                cluster: Cluster { id: row.get(0)?, name: row.get(1)? },
                received: Some(reader::time(row.get(2)?)),
                watched_since: since.map(reader::time),
                recorded: row.get(4)?,
            })
        })?;
        let clusters = clusters.collect::<rusqlite::Result<_>>()?;
        Ok((u64::try_from(events).unwrap_or(0), range, clusters))
    }
}

/// Takes turns.
pub(crate) fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(at_a_time()))
}

#[cfg(test)]
pub(crate) mod tests;
