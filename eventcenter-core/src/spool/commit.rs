//! The loop that makes events durable, and removes what is settled.
//!
//! It waits for something to commit, for the next second, or for the end. It ends when the spool is closed and
//! everything that was taken is on disk. A crash at any point leaves what the [log](super::log) makes whole again.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::{error, warn};

use super::cursor::CursorFile;
use super::log::{Chunk, Log};
use super::loss::{Lost, count_lost};
use super::record::time;
use super::{CHUNK, LINGER, Phase, Shared, Spool};
use crate::clock::Clock;
use crate::metrics;
use crate::source::{Gap, Grade};

/// Between two looks at what is settled, and at positions that no event carries.
const TICK: Duration = Duration::from_secs(1);

/// A commit that takes longer is shown: a disk can hang for minutes without an error (a lost network volume).
const SILENCE: Duration = Duration::from_secs(10);

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Committer {
    shared: Arc<Shared>,
    /// None while a thread has it.
    log: Option<Log>,
    clock: Arc<dyn Clock>,
    committed: Instant,
    tick: Instant,
    /// Whether readers were told that there will be no more.
    closed: bool,
}

impl Committer {
    pub(super) fn new(spool: &Spool, log: Log, clock: Arc<dyn Clock>) -> Self {
        let now = Instant::now();
        Self {
            shared: Arc::clone(&spool.0),
            log: Some(log),
            clock,
            committed: now,
            tick: now,
            closed: false,
        }
    }

    /// Runs until the spool is finished with. Between its closing and that it still takes what workers declare.
    pub(crate) async fn run(mut self) {
        let phase = self.shared.phase.subscribe();
        loop {
            tokio::select! {
                biased;
                () = reached(phase.clone(), Phase::Finished) => break,
                () = reached(phase.clone(), Phase::Closed), if !self.closed => {
                    self.flush().await;
                    self.close();
                }
                () = self.shared.work.notified() => self.gather().await,
                () = sleep_until(self.tick) => {}
            }
            self.turn().await;
        }
        self.flush().await;
        self.close();
        if let Some(log) = &mut self.log {
            log.close();
        }
    }

    /// Tells readers that there will be no more.
    fn close(&mut self) {
        self.closed = true;
        self.shared.durable.send_modify(|(_, closed)| *closed = true);
    }

    /// Lets events gather, unless it has been quiet.
    async fn gather(&self) {
        let until = self.committed + LINGER;
        while self.shared.queue().pending_bytes() < CHUNK {
            tokio::select! {
                biased;
                () = sleep_until(until) => return,
                // A chunk is full, or it is the first event's word that was not yet taken.
                () = self.shared.work.notified() => {}
            }
        }
    }

    /// Commits what waits, and once a second looks after the rest.
    async fn turn(&mut self) {
        self.flush().await;
        if Instant::now() >= self.tick {
            self.tick = Instant::now() + TICK;
            self.look_after().await;
        }
    }

    /// Commits what waits.
    async fn flush(&mut self) {
        let chunk = self.shared.queue().take();
        if let Some(chunk) = chunk {
            let end = chunk.end();
            self.commit(chunk).await;
            self.committed = Instant::now();
            self.shared.queue().made_durable(end);
            self.shared.durable.send_modify(|(durable, _)| *durable = end);
            self.shared.room.notify_waiters();
        }
    }

    /// Returns when the chunk is on disk. Intake waits meanwhile, once the queue is full.
    async fn commit(&mut self, chunk: Chunk) {
        let chunk = Arc::new(chunk);
        loop {
            match self.try_commit(Arc::clone(&chunk)).await {
                Ok(()) => {
                    self.shared.health.ready();
                    self.shared.metrics.spool_commits.inc();
                    self.shared.metrics.spool_appended.inc_by(chunk.count);
                    return;
                }
                Err(error) => {
                    error!(%error, "the disk refuses, intake will wait");
                    self.shared.health.troubled(format!("the disk refuses: {error}"));
                    self.shared.metrics.spool_errors.inc();
                    // Room comes from segments that are settled, from sinks that lag, and from people.
                    self.remove_settled(Duration::ZERO).await;
                    if error.kind() != io::ErrorKind::StorageFull || !self.make_room().await {
                        tokio::time::sleep(TICK).await;
                    }
                }
            }
        }
    }

    /// One try, which shows in the health when it takes long.
    async fn try_commit(&mut self, chunk: Arc<Chunk>) -> io::Result<()> {
        let now = self.clock.now().as_microsecond();
        let shared = Arc::clone(&self.shared);
        let mut committing = std::pin::pin!(self.with_log(move |log| log.commit(&chunk, now)));
        tokio::select! {
            biased;
            committed = &mut committing => committed,
            () = tokio::time::sleep(SILENCE) => {
                let seconds = SILENCE.as_secs();
                warn!(seconds, "the disk does not answer, intake will wait");
                shared.health.troubled(format!("the disk has not answered for {seconds} s"));
                committing.await
            }
        }
    }

    /// Runs file operations on a thread that may block.
    async fn with_log<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Log) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let Some(mut log) = self.log.take() else {
            return Err(io::Error::other("the writing thread ended"));
        };
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&mut log);
            (log, result)
        });
        let (log, result) = done.await.map_err(io::Error::other)?;
        self.log = Some(log);
        result
    }

    /// Syncs cursors, and removes segments: what is settled, and what is over a limit.
    async fn look_after(&mut self) {
        self.on_cursors(CursorFile::tick).await.ok();
        self.remove_settled(self.shared.config.keep).await;
        while let Some(oldest) = self.oldest()
            && let Some(limit) = self.over_limit(&oldest)
        {
            let laggards = self.declare_for_laggards(&oldest, limit).await;
            // The loss is on disk before anything is lost.
            self.flush().await;
            for place in laggards {
                if let Err(error) = self.shared.settle(place, oldest.end) {
                    warn!(%error, "cannot move the cursor of a sink that lags");
                    return;
                }
            }
            if !self.remove(&oldest).await {
                break;
            }
        }
        self.measure();
    }

    /// Removes the segments that every sink has settled, and that are older than `keep`.
    async fn remove_settled(&mut self, keep: Duration) {
        while let Some(oldest) = self.oldest()
            && self.shared.queue().wanted_by_nobody() >= oldest.end
            && (keep.is_zero() || self.is_older(&oldest, keep))
            && self.remove(&oldest).await
        {}
    }

    /// On a full disk: removes the oldest segment in spite of the sinks that lag, if there is one that does not. It
    /// would wait for them otherwise. If all of them lag, intake waits: the API server keeps events for an hour.
    ///
    /// The loss cannot be written down first, for want of room. It is on disk all the same: a cursor that points
    /// before the oldest segment says that something is missing. The count is kept in memory until the worker of
    /// that sink comes to it, and declares it before it goes on.
    async fn make_room(&mut self) -> bool {
        let Some(oldest) = self.oldest() else { return false };
        let floors: Vec<u64> = self.shared.queue().cursors.clone();
        if !floors.iter().any(|&floor| floor >= oldest.end) {
            return false;
        }
        let mut losses = Vec::new();
        for (place, &from) in floors.iter().enumerate().filter(|(_, from)| **from < oldest.end) {
            let lost = self.count_lost(place, from, &oldest).await;
            // Before it is gone, so that no worker comes to the place without knowing why.
            self.shared.remember_lost(place, oldest.end, lost.count);
            losses.push((place, lost));
        }
        let removed = self.remove(&oldest).await;
        if removed {
            losses
                .iter()
                .for_each(|(place, lost)| self.tell_of(*place, lost, "the end of the disk"));
        }
        removed
    }

    /// Removes the oldest segment. False if that was not possible.
    async fn remove(&mut self, oldest: &Oldest) -> bool {
        // What a cursor has passed is gone with the segment, so it must be known to have passed.
        let removed = match self.on_cursors(CursorFile::sync).await {
            Ok(()) => self.with_log(Log::remove_oldest).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &removed {
            warn!(first = oldest.first, %error, "cannot remove a segment");
        }
        removed.is_ok()
    }

    /// Does something to every cursor, on a thread that may block.
    async fn on_cursors(&self, work: fn(&mut CursorFile) -> io::Result<()>) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || {
            let lock = |cursor| Mutex::lock(cursor).unwrap_or_else(PoisonError::into_inner);
            shared.cursors.iter().try_for_each(|cursor| work(&mut lock(cursor)))
        });
        let result = done.await.map_err(io::Error::other)?;
        if let Err(error) = &result {
            warn!(%error, "cannot sync the cursors");
        }
        result
    }

    fn measure(&self) {
        let metrics = &self.shared.metrics;
        let segments = || self.shared.segments.lock().unwrap_or_else(PoisonError::into_inner);
        let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        metrics.spool_bytes.set(whole(segments().bytes()));
        let memory = self.shared.queue().memory_bytes();
        metrics.spool_memory_bytes.set(i64::try_from(memory).unwrap_or(i64::MAX));
        let (spool, now) = (Spool(Arc::clone(&self.shared)), self.clock.now());
        let (durable, _) = *self.shared.durable.borrow();
        for (place, sink) in self.shared.sinks.iter().enumerate() {
            let label = metrics::Sink { sink: sink.clone() };
            metrics.backlog.get_or_create(&label).set(whole(spool.backlog(place)));
            let bytes = segments().bytes_from(self.shared.floor(place), durable);
            metrics.backlog_bytes.get_or_create(&label).set(whole(bytes));
            let age = self.shared.age(place, now).as_secs();
            metrics.backlog_age_seconds.get_or_create(&label).set(whole(age));
        }
    }

    /// The oldest segment that is not the last one.
    fn oldest(&self) -> Option<Oldest> {
        let segments = self.shared.segments.lock().unwrap_or_else(PoisonError::into_inner);
        let first = segments.0.first()?.first;
        let end = segments.end_of(0)?;
        let newest = segments.0.get(1)?.created;
        Some(Oldest { first, end, newest, all_bytes: segments.bytes() })
    }

    /// Which limit says that the oldest segment must go.
    fn over_limit(&self, oldest: &Oldest) -> Option<&'static str> {
        let config = &self.shared.config;
        if oldest.all_bytes > config.max_bytes {
            Some("spool.max_bytes")
        } else if self.is_older(oldest, config.max_age) {
            Some("spool.max_age")
        } else {
            None
        }
    }

    fn is_older(&self, oldest: &Oldest, than: Duration) -> bool {
        let age = self.clock.now().duration_since(time(oldest.newest));
        age.unsigned_abs() > than && age.is_positive()
    }

    /// What the sink at `place`, which has settled everything below `from`, loses with the oldest segment.
    async fn count_lost(&self, place: usize, from: u64, oldest: &Oldest) -> Lost {
        let (shared, first, end) = (Arc::clone(&self.shared), oldest.first, oldest.end);
        let counted = tokio::task::spawn_blocking(move || {
            count_lost(&shared, shared.sink_name(place), first, from, end)
        });
        counted.await.unwrap_or_default()
    }

    /// In the log and in the metrics; the sink is told by an event.
    fn tell_of(&self, place: usize, lost: &Lost, limit: &'static str) {
        let (sink, count) = (self.shared.sink_name(place), lost.count);
        warn!(sink, count, limit, "dropping the oldest events for a sink that lags");
        let label = metrics::Sink { sink: sink.to_owned() };
        self.shared.metrics.events_dropped.get_or_create(&label).inc_by(lost.records);
    }

    /// Declares to each sink that lags what it loses with the oldest segment, and says which sinks these are.
    async fn declare_for_laggards(&self, oldest: &Oldest, limit: &'static str) -> Vec<usize> {
        let mut laggards = Vec::new();
        for (place, sink) in self.shared.sinks.iter().enumerate() {
            let from = self.shared.floor(place);
            if from >= oldest.end {
                continue;
            }
            laggards.push(place);
            let lost = self.count_lost(place, from, oldest).await;
            if lost.count == 0 {
                continue;
            }
            self.tell_of(place, &lost, limit);
            let any = || self.shared.queue().any_cluster();
            let Some(cluster) = lost.cluster.or_else(any) else { continue };
            let gap = Gap {
                grade: Grade::Events,
                since: Some(time(lost.since)),
                until: time(lost.until),
                count: Some(lost.count),
                reason: format!("the spool was at {limit} while sink {sink} lagged"),
            };
            let spool = Spool(Arc::clone(&self.shared));
            spool.declare(&gap, &cluster, place, self.clock.now());
        }
        laggards
    }
}

/// Returns when the spool has come to this phase, or nobody is left who could use it.
async fn reached(mut now: watch::Receiver<Phase>, phase: Phase) {
    now.wait_for(|now| *now >= phase).await.ok();
}

struct Oldest {
    first: u64,
    end: u64,
    /// No record in it is newer: when the next segment was begun.
    newest: i64,
    all_bytes: u64,
}
