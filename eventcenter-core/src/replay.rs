//! Sending events a second time: dead letters, and the past that the spool or a store still has.
//!
//! What is sent again is appended to the spool for one sink, and goes the way of every event: through that sink's worker
//! and layers, behind what waits for it already. It is durable before a dead letter is removed, so a kill at any instant
//! leaves the letter, or the event in the spool, or both: it arrives at least once.
//!
//! **It is the same event.** Document, cluster, occurrence key and the time at which it was received stay as they were, so
//! a receiver that knows its keys recognises what it has. It carries no mark: with one it would be another document, and
//! whoever asks for a replay knows when he did. Who looks at `received` sees that it comes late.
//!
//! **Which events.** Of the past: those in the range of time that match the statement, and that the routes as they are
//! *now* send to that sink; without those that wait for it in the spool anyway. What an earlier replay has put into the
//! spool is not sent again by a later one, and losses that the spool itself declared are told once.
//!
//! **How fast.** At [`How::rate`] events a second, and not while so many wait for the sink already that it is seen not to
//! keep up: a replay never drives what is new out of the spool. Where no program runs nothing makes room: there it is done
//! at once, and ends with an error when the spool is half full. The sink's own layers bound what its target gets.

mod pace;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pace::To;
pub use tally::Tally;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::dead_letter::{DeadLetters, Letter, Removal};
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::Metrics;
use crate::query::Query;
use crate::router::Router;
pub use crate::spool::Past;
use crate::spool::{REPLAYED, Spool};

/// The source of dead letters that are sent again.
const REVIVED: &str = "eventcenter/dead-letters";

/// So many letters at most are removed together: each time costs that their files are written anew.
const TOGETHER: usize = 5_000;

/// And they are removed this long after they were sent, at most: a kill sends so many twice.
const AT_LATEST: Duration = Duration::from_secs(5);

/// Between two reports.
const REPORT: Duration = Duration::from_secs(1);

/// Items on their way from a thread that reads.
const AHEAD: usize = 64;

/// What is read on a thread that may block, as it comes.
pub type Stream<T> = mpsc::Receiver<Result<T>>;

/// What of the past is sent again, and how.
#[derive(Debug, Clone)]
pub struct How {
    /// From when, compared with [`Event::time`](crate::Event::time).
    pub since: Timestamp,
    /// Until when, exclusive.
    pub until: Timestamp,
    /// Which of them.
    pub query: Query,
    /// Events a second.
    pub rate: NonZeroU32,
    /// Whether they are only counted.
    pub dry_run: bool,
}

/// Sends again to the sinks of a pipeline; clones do so too.
#[derive(Debug, Clone)]
pub struct Replay {
    spool: Spool,
    sinks: Arc<[String]>,
    router: Arc<Router>,
    metrics: Metrics,
    /// Whether there is no worker behind the spool.
    is_idle: bool,
}

impl Replay {
    pub(crate) fn new(
        spool: Spool,
        sinks: Vec<String>,
        router: Arc<Router>,
        metrics: Metrics,
    ) -> Self {
        Self { spool, sinks: sinks.into(), router, metrics, is_idle: false }
    }

    /// The same for a spool that nobody reads from now.
    pub(crate) fn idle(self) -> Self {
        Self { is_idle: true, ..self }
    }

    /// The sinks that it can send to.
    pub fn sinks(&self) -> &[String] {
        &self.sinks
    }

    /// What the spool still has for this sink, oldest first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] when there is no such sink.
    pub fn spooled(&self, sink: &str) -> Result<Stream<Past>> {
        let mut history = self.spool.history(self.place(sink)?);
        Ok(stream(move || {
            Ok(std::iter::from_fn(move || {
                let failed = |error| {
                    Error::new("spool", ErrorKind::Storage, "cannot read").with_source(error)
                };
                history.next().map_err(failed).transpose()
            }))
        }))
    }

    /// Sends what of the past is asked for to one sink. `told` hears of it each second.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] when there is no such sink; [`ErrorKind::Unavailable`] when the program ends meanwhile;
    /// [`ErrorKind::Storage`] when no program runs and the spool is half full; others as the past is read. What was sent until then stays sent.
    pub async fn past(
        &self,
        sink: &str,
        mut past: Stream<Past>,
        how: &How,
        told: &(dyn Fn(&Tally) + Send + Sync),
    ) -> Result<Tally> {
        let place = self.place(sink)?;
        let mut to = To::new(self, place, REPLAYED, how.rate);
        let (mut tally, mut report) = (Tally::default(), Instant::now() + REPORT);
        while let Some(found) = past.recv().await {
            match found? {
                Past::Event { event, is_waiting } => {
                    let is_asked = (how.since..how.until).contains(&event.time());
                    if !is_asked || !how.query.matches(&event) {
                        continue;
                    }
                    if !self.router.route(&event).contains(place) {
                        tally.unrouted += 1;
                    } else if is_waiting {
                        tally.waiting += 1;
                    } else {
                        if !how.dry_run {
                            to.send(&event).await?;
                        }
                        tally.count(&event);
                    }
                }
                Past::Unread(what) => tally.unread.push(what),
            }
            if Instant::now() >= report {
                told(&tally);
                report = Instant::now() + REPORT;
            }
        }
        self.flush().await?;
        Ok(tally)
    }

    /// Sends those letters of a sink again that `takes` says yes to, and removes each that is safe in the spool. `told`
    /// hears of it now and then.
    ///
    /// # Errors
    ///
    /// As [`past`](Self::past); [`ErrorKind::Storage`] when letters cannot be read or removed. What was sent until then
    /// stays sent; letters that were not removed are sent again by the next replay.
    pub async fn letters(
        &self,
        dead: &DeadLetters,
        sink: &str,
        takes: impl Fn(&Letter) -> bool + Send + 'static,
        rate: NonZeroU32,
        told: &(dyn Fn(&Tally) + Send + Sync),
    ) -> Result<Tally> {
        let mut to = To::new(self, self.place(sink)?, REVIVED, rate);
        let (read, name) = (dead.clone(), sink.to_owned());
        let mut letters = stream(move || {
            let letters = read.letters(&name)?;
            Ok(letters.filter(move |letter| letter.as_ref().map_or(true, &takes)))
        });
        let (mut tally, mut sent, mut since) = (Tally::default(), BTreeSet::new(), Instant::now());
        while let Some(letter) = letters.recv().await {
            let letter = letter?;
            let Some(event) = letter.event() else {
                tally.no_events += 1;
                continue;
            };
            let event = Arc::new(event);
            if let Err(error) = to.send(&event).await {
                self.remove(dead, sink, sent).await?;
                return Err(error);
            }
            tally.count(&event);
            sent.insert(letter.id);
            if sent.len() >= TOGETHER || since.elapsed() >= AT_LATEST {
                self.remove(dead, sink, std::mem::take(&mut sent)).await?;
                told(&tally);
                since = Instant::now();
            }
        }
        self.remove(dead, sink, sent).await?;
        Ok(tally)
    }

    /// Removes letters, once their events are on disk.
    async fn remove(&self, dead: &DeadLetters, sink: &str, ids: BTreeSet<String>) -> Result<()> {
        self.flush().await?;
        let (dead, sink) = (dead.clone(), sink.to_owned());
        let removed =
            tokio::task::spawn_blocking(move || dead.remove(&sink, &ids, Removal::Replayed));
        removed.await.map_err(|error| {
            Error::new("replay", ErrorKind::Storage, "the removing thread ended").with_source(error)
        })??;
        Ok(())
    }

    async fn flush(&self) -> Result<()> {
        if self.spool.flushed().await {
            return Ok(());
        }
        Err(Error::new("replay", ErrorKind::Unavailable, "the program ends"))
    }

    fn place(&self, sink: &str) -> Result<usize> {
        self.sinks.iter().position(|name| name == sink).ok_or_else(|| {
            Error::new("replay", ErrorKind::Refused, "there is no such sink")
                .with("sink", sink)
                .with("sinks", self.sinks.join(", "))
        })
    }
}

/// Reads on a thread that may block, until the receiver is gone.
pub fn stream<T, I>(open: impl FnOnce() -> Result<I> + Send + 'static) -> Stream<T>
where
    T: Send + 'static,
    I: Iterator<Item = Result<T>>,
{
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let items = match open() {
            Ok(items) => items,
            Err(error) => {
                // Fails when nobody wants to know.
                sender.blocking_send(Err(error)).ok();
                return;
            }
        };
        for item in items {
            let is_last = item.is_err();
            if sender.blocking_send(item).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}
