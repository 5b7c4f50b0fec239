//! The spool: every event is on disk before it is passed on.
//!
//! One writer appends records, in one order for all sinks, to segments. A record holds an event, the set
//! of sinks that want it, and the position of its source: that an event is durable and that the position has
//! moved is one write, so a `kill -9` at any instant restarts from what is on disk. Each sink has a cursor of its
//! own, and reads the newest events from memory while it keeps up, from disk when it lags.
//!
//! **What survives.** After the death of the process: everything that was durable, and the cursors of every
//! receipt. After a power cut: everything that was durable; cursors may be a second old, so deliveries of that
//! second may be repeated. Nothing is handed to a sink that is not durable.
//!
//! **Group commit.** A commit costs one `fdatasync`: 0.1 ms where this was measured, 1 to 10 ms on a cloud disk.
//! The first event after a quiet time is committed at once. While a commit runs, or one ended less than
//! `LINGER` ago, events gather, up to `CHUNK` bytes; then they are committed together. 5 ms are 200 commits a
//! second at most unless bytes press, and a quarter of the delay that we promise (20 ms); 1 MiB is some 600 events,
//! where the cost of a commit is no longer seen (measured: 622,000 events a second at 100 a commit, 1.7 million at
//! 1,000).
//!
//! **Full disk.** ENOSPC and EIO keep what is not durable in memory, which is bounded: intake waits, the health of
//! the part `spool` says why, and the commit is tried again each second in a new segment. While one sink keeps up, a
//! full disk is a limit like the two below: the oldest segment goes, and the sinks that lag are told.
//!
//! **Retention.** A segment is removed when every sink has settled it, and [`SpoolConfig::keep`] is over. Above [`SpoolConfig::max_bytes`] or
//! [`SpoolConfig::max_age`] the oldest segment is removed in spite of a sink that lags: for that sink alone its
//! events are dropped, counted, and declared as a [`Gap`] event that it will receive.
//!
//! **Damage.** What cannot be read is asked for three times, then the rest of its segment is passed over; its records
//! are counted and declared lost.
//!
//! Files, all in one folder: `00000000000000000001.seg` (`spool/segment.rs`), `NAME.cursor` (`spool/cursor.rs`).

mod commit;
mod cursor;
pub mod fs;
mod history;
mod log;
mod loss;
mod queue;
mod reader;
mod record;
mod segment;
#[cfg(any(test, feature = "testing"))]
pub mod sim;
mod stand;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tracing::{error, warn};

pub(crate) use commit::Committer;
use cursor::CursorFile;
use fs::Fs;
pub(crate) use history::History;
pub use history::Past;
use log::Log;
use queue::Queue;
pub use queue::SourceId;
pub(crate) use queue::Window;
pub(crate) use reader::{Budget, Reader};
use record::{SourceRow, Tables};
use segment::SharedSegments;
pub use stand::Standing;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Cluster, Event};
use crate::handover::{Handover, Order, Succession};
use crate::health::{Health, Part};
use crate::metrics::Metrics;
use crate::sink_set::SinkSet;
use crate::source::{Gap, Grade, Position};

/// The least time between two commits, unless bytes press.
const LINGER: Duration = Duration::from_millis(5);

/// So many bytes are committed without waiting.
const CHUNK: usize = 1 << 20;

/// A sink that has no event in hand.
const NOTHING: i64 = i64::MIN;

/// The source that the pipeline's own events come from.
const OWN: &str = "eventcenter";

/// The source of what is sent a second time. It is not history: what it is a copy of is, or was.
pub(crate) const REPLAYED: &str = "eventcenter/replay";

/// Sizes of the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// Bytes on disk. At the limit the oldest is dropped for the sinks that lag. Default 4 GiB.
    pub max_bytes: u64,
    /// What is older is dropped for the sinks that lag. Default 24 h.
    pub max_age: Duration,
    /// What every sink has taken stays on disk this long, for a [replay](crate::replay), unless the room is needed.
    /// Default none: then a segment goes when it is settled.
    pub keep: Duration,
    /// Bytes of events in memory. Default 8 MiB: some 2,600 events of the newest for sinks that keep up, and two chunks
    /// on their way to the disk. More does not make it faster (measured: 16 MiB takes 20 MiB more, and no less CPU).
    pub memory: usize,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            max_bytes: 4 << 30,
            max_age: Duration::from_secs(24 * 3600),
            keep: Duration::ZERO,
            memory: 8 << 20,
        }
    }
}

impl SpoolConfig {
    /// A 64th of what there is to be, so that dropping the oldest drops little: between 64 KiB and 16 MiB.
    fn segment_bytes(&self) -> u64 {
        (self.max_bytes / 64).clamp(64 << 10, 16 << 20)
    }
}

/// A handle on the spool; clones are the same spool.
#[derive(Debug, Clone)]
pub struct Spool(Arc<Shared>);

/// How far the end of a spool has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    Closed,
    Finished,
}

#[derive(Debug)]
struct Shared {
    fs: Arc<dyn Fs>,
    config: SpoolConfig,
    queue: Mutex<Queue>,
    segments: SharedSegments,
    sinks: Vec<String>,
    cursors: Vec<Mutex<CursorFile>>,
    /// What went with segments that were removed to make room, and is yet to be declared: which sink's, below which
    /// number, and how many events.
    lost: Mutex<Vec<(usize, u64, u64)>>,
    /// By sink: when the oldest event that it has in hand was received, in microseconds; [`NOTHING`] if it has none.
    in_hand: Vec<AtomicI64>,
    /// Positions as they were found on disk.
    found: Vec<SourceRow>,
    /// Where several replicas share the work: what the last leader left, and what follows.
    succession: OnceLock<Succession>,
    /// The number below which everything is on disk, and whether there will be no more.
    durable: watch::Sender<(u64, bool)>,
    /// Something waits to be committed.
    work: Notify,
    /// There is room again.
    room: Notify,
    phase: watch::Sender<Phase>,
    metrics: Metrics,
    health: Part,
}

impl Spool {
    /// Opens the spool in `fs` for these sinks, by name, and recovers what is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when the folder cannot be read or written.
    pub(crate) fn open(
        fs: Arc<dyn Fs>,
        config: SpoolConfig,
        sinks: Vec<String>,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
        health: &Health,
    ) -> Result<(Self, Committer)> {
        let failed =
            |error| Error::new("spool", ErrorKind::Storage, "cannot open").with_source(error);
        let recovered = Log::recover(Arc::clone(&fs), config.segment_bytes()).map_err(failed)?;
        let mut log = recovered.log;
        log.set_sinks(sinks.clone());
        let cursors = (sinks.iter())
            .map(|sink| CursorFile::open(&*fs, sink, recovered.next))
            .collect::<std::io::Result<Vec<_>>>()
            .map_err(failed)?;
        let tables = Tables { sinks: sinks.clone(), ..recovered.tables.clone() };
        let places: Vec<u64> = cursors.iter().map(CursorFile::next).collect();
        // A cursor is never ahead of what is durable, unless the end of the last segment was damaged since. New
        // records must not get numbers that a sink takes for settled.
        let next = places.iter().copied().fold(recovered.next, u64::max);
        let mut parked = u64::MAX;
        for sink in forgotten(&*fs, &sinks).map_err(failed)? {
            let place = CursorFile::open(&*fs, &sink, next).map_err(failed)?.next();
            if place < next {
                parked = parked.min(place);
                warn!(
                    sink,
                    records = next - place,
                    "a sink is not configured any more, what waits for it is kept until the spool is at its limits"
                );
            }
        }
        let queue = Queue::new(config.memory, tables, next, places, parked);
        let shared = Shared {
            segments: Arc::clone(log.segments()),
            fs,
            config,
            queue: Mutex::new(queue),
            lost: Mutex::default(),
            in_hand: sinks.iter().map(|_| AtomicI64::new(NOTHING)).collect(),
            sinks,
            cursors: cursors.into_iter().map(Mutex::new).collect(),
            found: recovered.tables.sources,
            succession: OnceLock::new(),
            durable: watch::Sender::new((next, false)),
            work: Notify::new(),
            room: Notify::new(),
            phase: watch::Sender::new(Phase::Open),
            metrics,
            health: health.gate("spool", None),
        };
        shared.health.ready();
        let spool = Self(Arc::new(shared));
        let committer = Committer::new(&spool, log, clock);
        Ok((spool, committer))
    }

    /// Takes over from the leader that left this note. Once, before anything is read or appended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when what is there cannot be read.
    pub(crate) fn succeed(&self, left: Handover, order: Order) -> Result<()> {
        let failed =
            |error| Error::new("spool", ErrorKind::Storage, "cannot take over").with_source(error);
        let own = stand::own_name(&*self.0.fs).map_err(failed)?;
        let stand = stand::look_once(&self.0).map_err(failed)?;
        let (sinks, end) = (self.0.sinks.clone(), self.0.queue().end());
        let succession = Succession::new(left, order, own, sinks, &stand, end);
        // It is asked once.
        self.0.succession.set(succession).ok();
        Ok(())
    }

    /// What the last leader left, if there are several replicas.
    pub(crate) fn succession(&self) -> Option<&Succession> {
        self.0.succession.get()
    }

    /// The number of the next record.
    pub(crate) fn end(&self) -> u64 {
        self.0.queue().end()
    }

    /// What to resume `source` from: where it stood when the spool was opened, or where the last leader left it.
    pub fn position(&self, source: &str) -> Option<Position> {
        if let Some(succession) = self.succession()
            && let Some(position) = succession.position(source)
        {
            return Some(position);
        }
        self.0.found.iter().find(|row| row.name == source)?.position()
    }

    /// Makes a source known, which yields events of `cluster`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] after 65,536 sources.
    pub fn register(&self, source: &str, cluster: &Arc<Cluster>) -> Result<SourceId> {
        let id = self.0.queue().register(source, cluster).ok_or_else(|| {
            Error::new("spool", ErrorKind::Config, "there are more than 65536 sources")
        })?;
        self.0.work.notify_one();
        Ok(id)
    }

    /// Takes an event for `sinks`, and with it the position of its source. Waits while the disk does not keep up.
    /// Once this returns the event is on its way to the disk; it is handed to sinks when it is there.
    ///
    /// # Cancel safety
    ///
    /// A future that is dropped has taken nothing.
    pub async fn append(
        &self,
        id: SourceId,
        sinks: SinkSet,
        event: &Arc<Event>,
        position: Option<Position>,
    ) {
        let position = position.filter(fits);
        loop {
            let room = self.0.room.notified();
            {
                let mut queue = self.0.queue();
                if !queue.is_full() {
                    let first = queue.append(id, sinks, event, position);
                    if first || queue.pending_bytes() >= CHUNK {
                        self.0.work.notify_one();
                    }
                    return;
                }
            }
            room.await;
        }
    }

    /// Takes a position that no event carries. It is written with the next commit, within a second.
    pub fn progress(&self, id: SourceId, position: Position) {
        if fits(&position) {
            self.0.queue().progress(id, position);
        }
    }

    /// Returns when all that was taken so far is on disk. False if the spool was closed before that.
    pub(crate) async fn flushed(&self) -> bool {
        let end = self.0.queue().end();
        let mut durable = self.0.durable.subscribe();
        let come = durable.wait_for(|(durable, closed)| *durable >= end || *closed).await;
        come.is_ok_and(|now| now.0 >= end)
    }

    /// Whether what somebody is yet to take needs half of the room.
    pub(crate) fn is_half_full(&self) -> bool {
        let settled = self.0.queue().settled_by_all();
        let segments = self.0.segments();
        let first = segments.place_of(settled).unwrap_or(0);
        let bytes: u64 = segments.0.iter().skip(first).map(|row| row.bytes).sum();
        bytes > self.0.config.max_bytes / 2
    }

    /// What is on disk now, from the oldest on, whoever has settled it.
    pub(crate) fn history(&self, place: usize) -> History {
        let (end, _) = *self.0.durable.borrow();
        History::new(Arc::clone(&self.0), place, end)
    }

    /// Nothing more comes in: what was taken is committed, and readers come to an end.
    pub(crate) fn close(&self) {
        self.0.phase.send_replace(Phase::Closed);
    }

    /// Nobody reads any more either: the loop that commits ends, once what readers declared is on disk.
    pub(crate) fn finish(&self) {
        self.0.phase.send_replace(Phase::Finished);
    }

    /// The view of the sink at `place` in the list that the spool was opened with.
    pub(crate) fn reader(&self, place: usize) -> Reader {
        Reader::new(Arc::clone(&self.0), place)
    }

    /// The sink at `place` has settled everything below `next`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when its cursor cannot be written.
    pub(crate) fn settle(&self, place: usize, next: u64) -> Result<()> {
        self.0.settle(place, next)
    }

    /// When the oldest event was received that the sink at `place` has in hand: for the metrics.
    pub(crate) fn has_in_hand(&self, place: usize, oldest: Option<Timestamp>) {
        if let Some(in_hand) = self.0.in_hand.get(place) {
            in_hand.store(oldest.map_or(NOTHING, Timestamp::as_microsecond), Ordering::Relaxed);
        }
    }

    /// Whether everything below `end` was dropped for the sink at `place`, which has not settled it.
    pub(crate) fn has_dropped(&self, place: usize, end: u64) -> bool {
        let lost = || self.0.lost.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.floor(place) >= end
            || lost().iter().any(|&(sink, below, _)| sink == place && below >= end)
    }

    /// How many events below `end` the sink at `place` lost when room was made on a full disk; none if that is not
    /// why they are gone. Once.
    pub(crate) fn take_lost(&self, place: usize, end: u64) -> Option<u64> {
        let mut lost = self.0.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let own = lost.extract_if(.., |&mut (sink, below, _)| sink == place && below <= end);
        own.map(|(.., count)| count).reduce(|sum, count| sum + count)
    }

    /// Tells the sink at `place` that it may have lost events, and how many records, if they can be counted. Returns
    /// when that is on disk: what is lost may be settled then.
    pub(crate) async fn declare_loss(
        &self,
        place: usize,
        count: Option<u64>,
        reason: String,
        now: Timestamp,
    ) {
        let Some(cluster) = self.0.queue().any_cluster() else { return };
        let gap = Gap { grade: Grade::Events, since: None, until: now, count, reason };
        let end = self.declare(&gap, &cluster, place, now);
        // An error means that the spool is gone, and nothing is settled any more.
        self.0.durable.subscribe().wait_for(|(durable, _)| *durable >= end).await.ok();
    }

    /// Puts a gap into the spool, for one sink, and says below which number it is on disk when that is durable.
    fn declare(&self, gap: &Gap, cluster: &Arc<Cluster>, sink: usize, now: Timestamp) -> u64 {
        let event = gap.clone().into_event(OWN, cluster, now);
        match (self.register(OWN, cluster), event) {
            (Ok(id), Ok(event)) => {
                let sinks = SinkSet::from_iter([sink]);
                let mut queue = self.0.queue();
                queue.append(id, sinks, &Arc::new(event), None);
                self.0.work.notify_one();
                queue.end()
            }
            (Err(error), _) | (_, Err(error)) => {
                error!(%error, "cannot declare a gap");
                0
            }
        }
    }

    /// How many records are before the sink at `place`: its own, and those that only others want, which it will pass.
    pub fn backlog(&self, place: usize) -> u64 {
        let (durable, _) = *self.0.durable.borrow();
        durable.saturating_sub(self.0.floor(place))
    }
}

/// Sinks that have a cursor and are not among `sinks`.
fn forgotten(fs: &dyn Fs, sinks: &[String]) -> std::io::Result<Vec<String>> {
    let names = fs.list()?;
    let known = names.iter().filter_map(|name| name.strip_suffix(".cursor"));
    Ok(known.filter(|name| !sinks.iter().any(|sink| sink == name)).map(str::to_owned).collect())
}

/// Whether a position can be stored. One that cannot leaves the source where it was: it repeats, and loses nothing.
fn fits(position: &Position) -> bool {
    let fits = position.value.len() <= Position::MAX_LEN;
    if !fits {
        error!(bytes = position.value.len(), "a position is too long to be stored");
    }
    fits
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the first record that is not settled for this sink.
    fn floor(&self, sink: usize) -> u64 {
        self.queue().cursors.get(sink).copied().unwrap_or_default()
    }

    /// Keeps in mind how many events a sink has lost, until it is told. Once for each `end`: a segment that could not
    /// be removed is counted again.
    fn remember_lost(&self, sink: usize, end: u64, count: u64) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        lost.retain(|&(other, below, _)| (other, below) != (sink, end));
        lost.push((sink, end, count));
    }

    /// How long ago the oldest event that a sink has in hand was received.
    fn age(&self, sink: usize, now: Timestamp) -> Duration {
        let oldest =
            self.in_hand.get(sink).map_or(NOTHING, |oldest| oldest.load(Ordering::Relaxed));
        let micros = if oldest == NOTHING { 0 } else { now.as_microsecond() - oldest };
        // A clock that was set back makes nothing young.
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    }

    fn sink_name(&self, sink: usize) -> &str {
        self.sinks.get(sink).map_or("", String::as_str)
    }

    fn settle(&self, sink: usize, next: u64) -> Result<()> {
        let Some(cursor) = self.cursors.get(sink) else { return Ok(()) };
        let mut cursor = cursor.lock().unwrap_or_else(PoisonError::into_inner);
        cursor.advance(next).map_err(|error| {
            Error::new("spool", ErrorKind::Storage, "cannot write the cursor")
                .with("sink", self.sink_name(sink))
                .with_source(error)
        })?;
        self.queue().settled(sink, next);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
