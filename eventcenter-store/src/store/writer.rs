//! The one thread that writes.
//!
//! It waits for commands, looks every minute at what is beyond the retention, and ends when nobody is left who could send one. A batch is taken partition by partition,
//! oldest first, a transaction each; a batch that fails in its middle is delivered again, and what was taken is known
//! then.

pub(super) mod folder;
mod forget;
mod marks;
mod rename;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eventcenter_core::health::Part;
use eventcenter_core::{Batch, Clock, Cluster, Error, Event, Gap, Receipt, Result};
use jiff::Timestamp;
use rusqlite::ErrorCode;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use self::marks::Marks;
use super::neighbours::{Later, Neighbours};
use super::shared::{Readable, Shared};
use super::{MAX_EVENTS, failed};
use crate::ask::{Mark, Retention};
use crate::config::StoreConfig;
use crate::occurrence::kept_time;
use crate::store::partition::{Partition, Span, is_damage};
use crate::store::schema::Migration;
use crate::store::upsert::{Around, declared, take};

/// Between two looks at what is beyond the retention.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// Partitions that stay open for writing: the newest, its neighbour, and one for what comes late.
const OPEN: usize = 3;

/// The component of events that are born here, by our own clock.
const OURSELVES: &str = "eventcenter";

/// What the writer is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Take these.
    Take { batch: Batch, recorded: bool, answer: oneshot::Sender<Result<Receipt>> },
    /// Remove what is beyond the retention.
    Expire(oneshot::Sender<Result<()>>),
    /// Call a cluster so.
    Rename { cluster: String, name: String, answer: oneshot::Sender<Result<()>> },
    /// Take nothing of a cluster that was received until then.
    Ignore { cluster: String, until: Timestamp, answer: oneshot::Sender<Result<()>> },
    /// Remove all that a cluster has said.
    Forget { cluster: String, answer: oneshot::Sender<Result<()>> },
    /// Say whether the folder can be written.
    Probe(oneshot::Sender<Result<()>>),
}

/// Where commands go; the last one that is dropped waits for the thread, so that the folder is free then.
#[derive(Debug, Clone)]
pub(super) struct Commands(Arc<Running>);

#[derive(Debug)]
struct Running {
    /// None when it is being dropped.
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Commands {
    pub(super) fn send(&self, command: Command) -> Result<()> {
        let sent = self.0.commands.as_ref().map(|commands| commands.send(command));
        sent.and_then(std::result::Result::ok).ok_or_else(|| failed("the writing thread ended"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the writing thread panicked");
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    config: StoreConfig,
    clock: Arc<dyn Clock>,
    health: Part,
    /// Partitions that are open, by number.
    open: BTreeMap<i64, Partition>,
    neighbours: Neighbours,
    /// Since when each is watched.
    clusters: HashMap<String, Option<Timestamp>>,
    marks: Marks,
    /// The newest time of an event that others have said, in microseconds.
    newest: Option<i64>,
    /// What people call a cluster, by its id, instead of what its events say.
    renamed: HashMap<String, String>,
    /// Until when nothing of a cluster is taken, by its id.
    ignored: HashMap<String, Timestamp>,
    expired: Option<Instant>,
    /// Held as long as the store is open.
    _lock: fs::File,
}

impl Writer {
    /// Looks at what is there.
    pub(super) fn open(
        folder: &Path,
        config: &StoreConfig,
        clock: Arc<dyn Clock>,
        health: Part,
    ) -> Result<(Arc<Shared>, Self)> {
        let lock = folder::lock(folder)?;
        let retention = Retention { age: Some(config.age()), bytes: config.bytes() };
        let shared = Arc::new(Shared::new(folder.to_owned(), retention));
        let mut writer = Self {
            shared: Arc::clone(&shared),
            config: config.clone(),
            clock,
            health,
            open: BTreeMap::new(),
            neighbours: Neighbours::default(),
            clusters: HashMap::new(),
            marks: Marks::look(folder),
            newest: None,
            renamed: HashMap::new(),
            ignored: HashMap::new(),
            expired: None,
            _lock: lock,
        };
        writer.look_around()?;
        writer.be_well();
        Ok((shared, writer))
    }

    /// Starts the thread.
    pub(super) fn start(mut self) -> Result<Commands> {
        let (commands, inbox) = mpsc::channel();
        let thread = std::thread::Builder::new().name("store".to_owned());
        let thread = thread
            .spawn(move || {
                loop {
                    match inbox.recv_timeout(EXPIRE_EVERY) {
                        Ok(command) => self.obey(command),
                        Err(mpsc::RecvTimeoutError::Timeout) => {}
                        Err(mpsc::RecvTimeoutError::Disconnected) => break,
                    }
                    if self.expired.is_none_or(|expired| expired.elapsed() >= EXPIRE_EVERY)
                        && let Err(error) = self.expire()
                    {
                        warn!(%error, "cannot remove what is beyond the retention");
                    }
                }
                if let Err(error) = self.marks.settle() {
                    warn!(%error, "cannot note the last mark, the next start skips some");
                }
            })
            .map_err(|error| failed("cannot start the writing thread").with_source(error))?;
        Ok(Commands(Arc::new(Running { commands: Some(commands), thread: Some(thread) })))
    }

    fn obey(&mut self, command: Command) {
        // Who does not wait for an answer any more needs none.
        match command {
            Command::Take { batch, recorded, answer } => {
                let taken = self.take(&batch, recorded);
                match &taken {
                    Ok(_) => self.be_well(),
                    Err(error) => self.health.troubled(error.to_string()),
                }
                answer.send(taken).ok();
            }
            Command::Expire(answer) => {
                answer.send(self.expire()).ok();
            }
            Command::Rename { cluster, name, answer } => {
                answer.send(self.rename(&cluster, name)).ok();
            }
            Command::Ignore { cluster, until, answer } => {
                self.ignore(cluster, until);
                answer.send(Ok(())).ok();
            }
            Command::Forget { cluster, answer } => {
                answer.send(self.forget(&cluster)).ok();
            }
            Command::Probe(answer) => {
                let file = self.shared.folder.join("probe");
                let tried = fs::write(&file, b"").and_then(|()| fs::remove_file(&file));
                let tried = tried.map_err(|error| {
                    failed("cannot write to the folder of the store").with_source(error)
                });
                answer.send(tried).ok();
            }
        }
    }

    fn be_well(&self) {
        match self.shared.set_aside().as_slice() {
            [] => self.health.ready(),
            damaged => self.health.troubled(damaged.join("; ")),
        }
    }

    fn take(&mut self, batch: &Batch, recorded: bool) -> Result<Receipt> {
        self.cut_large()?;
        let oldest = self.oldest_kept();
        let mut spans: Vec<Span> = self.shared.partitions().iter().map(|p| p.span).collect();
        let mut shares: BTreeMap<Span, Vec<&Event>> = BTreeMap::new();
        let mut known = 0;
        for event in batch.events() {
            if self.is_ignored(event) {
                continue;
            }
            let time = kept_time(event);
            if oldest.is_some_and(|oldest| time < oldest) {
                self.shared.expired.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let time = time.as_microsecond();
            if event.component() != OURSELVES {
                self.newest = self.newest.max(Some(time));
            }
            let span =
                spans.iter().copied().find(|span| span.contains(time)).unwrap_or_else(|| {
                    let new =
                        Span::around(time, self.config.partition_days(), spans.iter().copied());
                    spans.push(new);
                    new
                });
            shares.entry(span).or_default().push(event);
        }
        for (span, events) in shares {
            for events in events.chunks(MAX_EVENTS) {
                known += self.take_share(span, events, recorded)?;
            }
        }
        Ok(Receipt::all().with_duplicates(known))
    }

    /// Takes what belongs into one partition. If that is damaged it is set aside, and a new one takes its place. If the
    /// disk is full, what is in the log is moved into the file, where most of it has a place, and the log goes.
    fn take_share(&mut self, span: Span, events: &[&Event], recorded: bool) -> Result<usize> {
        let mut is_second = false;
        loop {
            let taken = self.try_share(span, events, recorded);
            for (neighbour, error) in self.neighbours.take_damaged() {
                self.set_aside(&neighbour.path, Some(neighbour.span), &error);
            }
            match taken {
                Ok(known) => return Ok(known),
                Err(Migration::Sqlite(error)) if is_damage(&error) && !is_second => {
                    self.set_aside(&self.path_of(span), Some(span), &error);
                    is_second = true;
                }
                Err(Migration::Sqlite(error)) if is_full(&error) && !is_second => {
                    // Where that needs room, too, the batch comes again.
                    self.move_log(span).map_err(|_| cannot_write(error.into()))?;
                    is_second = true;
                }
                Err(error) => return Err(cannot_write(error)),
            }
        }
    }

    fn try_share(
        &mut self,
        span: Span,
        events: &[&Event],
        recorded: bool,
    ) -> Result<usize, Migration> {
        self.marks.promise(events.len()).map_err(crate::store::partition::failed)?;
        let mut partition = self.partition(span)?;
        for event in events {
            self.watch(event, recorded);
        }
        let (older, rest): (Vec<_>, Vec<_>) =
            self.shared.partitions().into_iter().partition(|p| p.span < span);
        let newer: Vec<_> = rest.into_iter().filter(|p| p.span != span).collect();
        let mut surroundings = Surroundings {
            mark: self.marks.last,
            neighbours: &mut self.neighbours,
            older,
            newer,
            clusters: &self.clusters,
            renamed: &self.renamed,
            recorded,
        };
        // An error drops the partition: what its caches took for written was not.
        let taken = take(&mut partition, events, &mut surroundings)?;
        self.marks.last = surroundings.mark;
        if let Some(dictionary) = partition.packer.train() {
            partition.adopt_dictionary(&dictionary)?;
            info!(bytes = dictionary.len(), "trained a dictionary");
        }
        self.open.insert(span.number(), partition);
        while self.open.len() > OPEN {
            let oldest = self.open.keys().copied().find(|&open| open != span.number());
            oldest.and_then(|oldest| self.open.remove(&oldest));
        }
        self.shared.mark.send_replace(Mark(u64::try_from(self.marks.last).unwrap_or_default()));
        Ok(taken.known)
    }

    /// Ends partitions that have more than an eighth of all bytes, so that retention can take away eighths.
    fn cut_large(&mut self) -> Result<()> {
        let Some(most) = self.config.bytes() else { return Ok(()) };
        for large in self.shared.partitions().iter().filter(|known| known.bytes() > most / 8) {
            let Some(partition) = self.open.get_mut(&large.span.number()) else { continue };
            // What is in the log already has its place in the file, or will have: it does not count twice.
            partition.checkpoint().map_err(|error| cannot_write(error.into()))?;
            if large.bytes() <= most / 8 {
                continue;
            }
            if partition.cut().map_err(|error| cannot_write(error.into()))? {
                info!(file = %large.path.display(), "a partition is large enough, another begins");
                self.shared.cut(partition.span);
            }
        }
        Ok(())
    }

    /// Keeps in mind since when a cluster is watched: from its first event on, or from the end of a gap.
    fn watch(&mut self, event: &Event, recorded: bool) {
        let cluster = &event.cluster().id;
        match self.clusters.get_mut(cluster) {
            Some(since) if !recorded => {
                since.get_or_insert(event.received());
            }
            Some(_) => {}
            None => {
                self.clusters.insert(cluster.clone(), (!recorded).then(|| event.received()));
            }
        }
        if event.reason() == Gap::REASON && event.component() == "eventcenter" {
            let gap = declared(event);
            if gap.is_of_events
                && let Some(Some(since)) = self.clusters.get_mut(cluster)
            {
                *since = (*since).max(gap.until);
            }
        }
    }

    /// The partition of this span, taken out of those that are open; made if it is not there.
    fn partition(&mut self, span: Span) -> Result<Partition, Migration> {
        if let Some(partition) = self.open.remove(&span.number()) {
            return Ok(partition);
        }
        let path = self.path_of(span);
        let is_new = !path.exists();
        let mut partition = Partition::open(&path, Some(span))?;
        if is_new {
            if let Some(dictionary) = self.newest_dictionary() {
                partition.adopt_dictionary(&dictionary)?;
            }
            fs::File::open(&self.shared.folder)
                .and_then(|folder| folder.sync_all())
                .map_err(crate::store::partition::failed)?;
        }
        self.shared.add(span, path);
        Ok(partition)
    }

    /// Moves the log of a partition into its file.
    fn move_log(&mut self, span: Span) -> Result<(), Migration> {
        let partition = self.partition(span)?;
        partition.checkpoint()?;
        self.open.insert(span.number(), partition);
        Ok(())
    }

    fn newest_dictionary(&self) -> Option<Vec<u8>> {
        let newest = self.open.values().next_back().map(Partition::dictionary);
        newest.and_then(Result::ok).flatten()
    }

    fn path_of(&self, span: Span) -> PathBuf {
        self.shared.folder.join(span.file_name())
    }
}

/// What is known outside of the partition that is being written.
struct Surroundings<'a> {
    mark: i64,
    neighbours: &'a mut Neighbours,
    /// Oldest first.
    older: Vec<Readable>,
    newer: Vec<Readable>,
    clusters: &'a HashMap<String, Option<Timestamp>>,
    renamed: &'a HashMap<String, String>,
    recorded: bool,
}

impl Around for Surroundings<'_> {
    fn earlier_count(&mut self, uid: &[u8], event: &Event) -> rusqlite::Result<Option<u32>> {
        self.neighbours.count(&self.older, uid, &event.cluster().id)
    }

    fn predecessor(&mut self, event: &Event) -> rusqlite::Result<Option<u32>> {
        self.neighbours.predecessor(&self.older, event)
    }

    fn later(&mut self, uid: &[u8], event: &Event) -> rusqlite::Result<Option<Later>> {
        self.neighbours.later(&self.newer, uid, &event.cluster().id)
    }

    fn watched_since(&mut self, event: &Event) -> Option<Timestamp> {
        self.clusters.get(&event.cluster().id).copied().flatten()
    }

    fn name(&self, cluster: &Cluster) -> String {
        self.renamed.get(&cluster.id).unwrap_or(&cluster.name).clone()
    }

    fn next_mark(&mut self) -> i64 {
        self.mark += 1;
        self.mark
    }

    fn is_recorded(&self) -> bool {
        self.recorded
    }
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

fn cannot_write(error: Migration) -> Error {
    let is_full = matches!(&error, Migration::Sqlite(error) if is_full(error));
    failed(if is_full { "the disk is full" } else { "cannot write" }).with_source(error)
}

#[cfg(test)]
mod tests;
