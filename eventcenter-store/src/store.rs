//! The embedded store: a folder of partitions, one thread that writes them, and any number of readers.
//!
//! A [`Store`] is a handle; clones are the same store. [`Store::sink`] is how events get in, from the pipeline and so
//! through the spool: a batch is confirmed when it is durable, and what is delivered twice counts once. How events
//! get out is [`EventQuery`](crate::EventQuery).
//!
//! **What survives.** Whatever was confirmed, in a power cut too. A transaction is a partition's share of a batch, with
//! occurrences, sums and index, so these agree at every instant.
//!
//! **Damage.** A partition that SQLite cannot read is renamed to `….damaged`, named in [`State`](crate::ask::State) and
//! in the health of the part `store`; the rest goes on, and what is delivered again for its days begins a new file.
//!
//! **Too old.** What is older than all that is kept is dropped and [counted](Store::expired): to take it, only to remove it
//! at once, would help nobody. A clock that has jumped ahead is not believed: see `oldest_kept` of the writer.
//!
//! **Full disk.** The batch is refused as a whole, with an error that says to try again: the spool holds it.

mod backup;
pub(crate) mod document;
mod neighbours;
pub(crate) mod partition;
pub(crate) mod rollup;
pub(crate) mod schema;
mod shared;
mod upsert;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use eventcenter_core::{
    Batch, Clock, Error, ErrorKind, Health, Limits, Metrics, Receipt, Result, Sink, SystemClock,
};
use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use crate::ask::Mark;
use crate::config::StoreConfig;
use crate::read::Readers;
use crate::sql::SqlWorker;
pub use backup::backup;
pub(crate) use shared::{Readable, Shared};
use writer::{Command, Commands, Writer};

/// Events in a transaction. At 5,000 the cost of the commit no longer shows.
const MAX_EVENTS: usize = 5_000;
/// Bytes of documents in a transaction.
const MAX_BYTES: usize = 8 << 20;

/// See the [module](self).
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
    readers: Arc<Readers>,
    /// None if it was opened to be read alone.
    commands: Option<Commands>,
    /// None: a `SELECT` is answered here.
    sql_worker: Option<Arc<SqlWorker>>,
}

impl Store {
    /// Opens the store in `folder`, or makes it; with the system's clock and a health of its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when another program writes to it, or a newer version has written it;
    /// [`ErrorKind::Storage`] when the folder cannot be used.
    pub fn open(folder: impl Into<PathBuf>, config: &StoreConfig) -> Result<Self> {
        Self::open_with(folder, config, Arc::new(SystemClock), &Health::new())
    }

    /// The same, with this clock, and the part `store` in this health.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(
        folder: impl Into<PathBuf>,
        config: &StoreConfig,
        clock: Arc<dyn Clock>,
        health: &Health,
    ) -> Result<Self> {
        let folder = folder.into();
        let (shared, writer) = Writer::open(&folder, config, clock, health.shown("store"))?;
        let commands = writer.start()?;
        Ok(Self { shared, readers: Arc::default(), commands: Some(commands), sql_worker: None })
    }

    /// Opens what is in `folder` now, to be read alone; another program may write to it meanwhile. Its sinks refuse.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when the folder cannot be read.
    pub fn open_to_read(folder: impl Into<PathBuf>) -> Result<Self> {
        let shared = Arc::new(Shared::look(folder.into())?);
        Ok(Self { shared, readers: Arc::default(), commands: None, sql_worker: None })
    }

    /// Every `SELECT` is answered by a process of its own from now on, which the kernel keeps within its memory.
    #[must_use]
    pub fn with_sql_worker(self, worker: SqlWorker) -> Self {
        Self { sql_worker: Some(Arc::new(worker)), ..self }
    }

    /// A sink of this name that writes into it.
    pub fn sink(&self, name: impl Into<String>) -> StoreSink {
        StoreSink { name: name.into(), store: self.clone(), recorded: false }
    }

    /// A sink for events that are no live watch, an import or a demo: their clusters are marked so.
    pub fn recorder(&self, name: impl Into<String>) -> StoreSink {
        StoreSink { recorded: true, ..self.sink(name) }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.shared.folder
    }

    /// Grows when events were taken: what a live tail waits for.
    pub fn mark(&self) -> watch::Receiver<Mark> {
        self.shared.mark.subscribe()
    }

    /// Events that were dropped since it was opened, because they were older than all that is kept.
    pub fn expired(&self) -> u64 {
        self.shared.expired.load(Ordering::Relaxed)
    }

    /// Brings the metrics of the store up to date, for whoever is about to show them.
    pub fn measure(&self, metrics: &Metrics) {
        let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        metrics.store_bytes.set(i64::try_from(self.shared.bytes()).unwrap_or(i64::MAX));
        metrics.store_partitions.set(gauge(self.shared.partitions().len()));
        metrics.store_damaged.set(gauge(self.shared.set_aside().len()));
        metrics.store_expired.inner().store(self.expired(), Ordering::Relaxed);
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn sql_worker(&self) -> Option<&SqlWorker> {
        self.sql_worker.as_deref()
    }

    pub(crate) fn readers(&self) -> &Arc<Readers> {
        &self.readers
    }

    /// [Copies](backup()) the store into `folder` while it is written.
    ///
    /// # Errors
    ///
    /// As [`backup()`].
    pub async fn backup(&self, folder: impl Into<PathBuf>) -> Result<()> {
        let (from, folder) = (self.folder().to_owned(), folder.into());
        let done = tokio::task::spawn_blocking(move || backup(&from, &folder)).await;
        done.map_err(|error| failed("the copying thread ended").with_source(error))?
    }

    /// Removes what is beyond the retention now; the writer does so by itself every minute.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when a file cannot be removed.
    pub async fn expire(&self) -> Result<()> {
        self.ask(Command::Expire).await
    }

    /// Calls a cluster so from now on, in all answers and statements, whatever its events say. It is not kept: whoever
    /// opens the store says it again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when a partition cannot be written.
    pub async fn rename(&self, cluster: &str, name: &str) -> Result<()> {
        let (cluster, name) = (cluster.to_owned(), name.to_owned());
        self.ask(|answer| Command::Rename { cluster, name, answer }).await
    }

    /// Takes nothing of a cluster any more that was received until then: what is on its way here of one that is
    /// [forgotten](Self::forget). It is not kept: whoever opens the store says it again.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when the writing thread has ended.
    pub async fn ignore(&self, cluster: &str, until: Timestamp) -> Result<()> {
        let cluster = cluster.to_owned();
        self.ask(|answer| Command::Ignore { cluster, until, answer }).await
    }

    /// Removes a cluster with all that it has said: events, occurrences, sums and documents, each partition in a
    /// transaction. Other clusters are as they were. While it lasts nothing is taken: a million events take seconds.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when a partition cannot be written: some may have lost it then, asking again goes on.
    pub async fn forget(&self, cluster: &str) -> Result<()> {
        let cluster = cluster.to_owned();
        self.ask(|answer| Command::Forget { cluster, answer }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T>>) -> Command,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let message = "the store was opened to be read alone";
        let commands = self
            .commands
            .as_ref()
            .ok_or_else(|| Error::new("store", ErrorKind::Config, message))?;
        commands.send(command(answer))?;
        answered.await.map_err(|_| failed("the writing thread ended"))?
    }
}

/// A [`Sink`] that writes into a [`Store`].
#[derive(Debug, Clone)]
pub struct StoreSink {
    name: String,
    store: Store,
    recorded: bool,
}

#[async_trait]
impl Sink for StoreSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        Limits::new().with_max_events(MAX_EVENTS).with_max_bytes(MAX_BYTES).with_idempotent(true)
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let (batch, recorded) = (batch.clone(), self.recorded);
        self.store.ask(|answer| Command::Take { batch, recorded, answer }).await
    }

    async fn probe(&self) -> Result<()> {
        self.store.ask(Command::Probe).await
    }

    /// What was confirmed is durable, so there is nothing to flush.
    async fn close(&self) -> Result<()> {
        self.store.ask(Command::Probe).await
    }
}

pub(crate) fn failed(message: impl Into<String>) -> Error {
    Error::new("store", ErrorKind::Storage, message)
}

#[cfg(test)]
mod tests;
