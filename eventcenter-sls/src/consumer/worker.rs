//! One consumer: a heartbeat that beats by itself, and batches for who asks for them.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::{debug, warn};

use super::ConsumerGroup;
use super::shards::Shards;
use crate::error::{Class, Code, Error, ErrorKind, Result};
use crate::logstore::{Cursor, From, Logstore, Pull};
use crate::object::Other;
use crate::wire::LogGroup;

/// How a [`Consumer`] is to be.
#[derive(Debug, Clone)]
#[must_use]
pub struct ConsumerOptions {
    group: String,
    name: String,
    timeout: Duration,
    from: From,
    count: u32,
    query: Option<String>,
    idle: Duration,
}

impl ConsumerOptions {
    /// A consumer of a group. Its name must be no other's: a host's, a Pod's.
    pub fn new(group: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            name: name.into(),
            timeout: Duration::from_secs(60),
            from: From::Begin,
            count: 100,
            query: None,
            idle: Duration::from_secs(1),
        }
    }

    /// After which time without a heartbeat its shards are given to others; whole seconds. 60 s by default. It counts
    /// when the group is made: that of a group that is there is taken as it is.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(Duration::from_secs(1));
        self
    }

    /// Where a shard is begun that has no checkpoint. With the oldest by default.
    pub fn from(mut self, from: From) -> Self {
        self.from = from;
        self
    }

    /// How many groups of logs a batch has at most: 1 to 1000. 100 by default.
    pub fn count(mut self, count: u32) -> Self {
        self.count = count.clamp(1, 1000);
        self
    }

    /// What the service does to logs before it sends them, in SPL.
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = Some(query.into());
        self
    }

    /// How long to wait when all shards were read to their end. 1 s by default.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Joins the group, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn join(mut self, logstore: &Logstore) -> Result<Consumer> {
        let timeout = u32::try_from(self.timeout.as_secs()).unwrap_or(u32::MAX);
        let name = self.group.clone();
        let mut group = ConsumerGroup { name, timeout, order: false, other: Other::new() };
        match logstore.create_consumer_group(&group).await {
            Err(error) if error.is_already_there() => {
                // Whoever beats by another timeout than the group's loses his shards, or keeps them too long.
                let groups = logstore.consumer_groups().await?;
                let found = groups.into_iter().find(|found| found.name == group.name);
                group = found.unwrap_or(group);
            }
            made => made?,
        }
        self = self.timeout(Duration::from_secs(group.timeout.into()));
        let shared = Arc::new(Shared {
            logstore: logstore.clone(),
            shards: Mutex::default(),
            options: self,
        });
        // The first one says that nothing is held, and learns what to hold.
        shared.beat().await?;
        let beating = tokio::spawn(beat(Arc::clone(&shared))).abort_handle();
        Ok(Consumer { shared, beating })
    }
}

/// Logs of one shard, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The shard.
    pub shard: u32,
    /// The logs.
    pub groups: Vec<LogGroup<'static>>,
    /// From where to go on behind them.
    pub next: Cursor,
}

/// One member of a consumer group. See the [module](super). Dropping it stops its heartbeat.
pub struct Consumer {
    shared: Arc<Shared>,
    beating: AbortHandle,
}

struct Shared {
    logstore: Logstore,
    options: ConsumerOptions,
    shards: Mutex<Shards>,
}

impl Consumer {
    /// The next batch, which is never empty. It waits until there is one. To drop the future loses nothing.
    ///
    /// # Errors
    ///
    /// What the client could not mend. It may be asked again: the shard is read again from the same place.
    pub async fn next(&mut self) -> Result<Batch> {
        loop {
            let next = {
                let mut shards = self.shared.shards();
                // Whoever asks has handled what he got before.
                shards.give_back();
                shards.next()
            };
            let Some((number, shard)) = next else {
                tokio::time::sleep(self.shared.options.idle).await;
                self.shared.shards().look_again();
                continue;
            };
            let cursor = match shard.cursor {
                Some(cursor) => cursor,
                None => self.shared.begin(number).await?,
            };
            let pull = Pull {
                cursor,
                end: None,
                count: self.shared.options.count,
                query: self.shared.options.query.clone(),
            };
            let pulled = self.shared.logstore.pull(number, &pull).await?;
            let next = pulled.next;
            self.shared.shards().read(number, next.clone(), pulled.at_end);
            if !pulled.groups.is_empty() {
                return Ok(Batch { shard: number, groups: pulled.groups, next });
            }
        }
    }

    /// A batch was handled: whoever reads the shard next begins behind it. Whether the shard is still ours; if not, the
    /// batch may come again, somewhere.
    ///
    /// # Errors
    ///
    /// The service's. The batch counts as not handled then, unless a later one of its shard is.
    pub async fn done(&mut self, batch: &Batch) -> Result<bool> {
        let Shared { logstore, options, .. } = &*self.shared;
        let (group, name) = (&options.group, &options.name);
        match logstore.set_checkpoint(group, name, batch.shard, &batch.next, false).await {
            Ok(()) => Ok(true),
            Err(error) if is_lost(&error) => {
                self.shared.shards().lose(batch.shard);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// A batch was not handled: its shard is read again from its checkpoint.
    pub fn undone(&mut self, batch: &Batch) {
        self.shared.shards().forget(batch.shard);
    }

    /// The shards that it holds.
    pub fn held(&self) -> Vec<u32> {
        self.shared.shards().held()
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl Shared {
    fn shards(&self) -> std::sync::MutexGuard<'_, Shards> {
        self.shards.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// From where a shard that was just given is read.
    async fn begin(&self, shard: u32) -> Result<Cursor> {
        let checkpoints = self.logstore.checkpoints(&self.options.group).await?;
        let ours = checkpoints.iter().find(|checkpoint| checkpoint.shard == shard);
        match ours.and_then(super::Checkpoint::cursor) {
            Some(cursor) => Ok(cursor),
            None => self.logstore.cursor(shard, self.options.from).await,
        }
    }

    /// Says what is held, and learns what is to be held. What is new in that is said at once: before it is, the service
    /// takes no checkpoint for it.
    async fn beat(&self) -> Result<()> {
        let (group, name) = (&self.options.group, &self.options.name);
        for _ in 0..2 {
            let held = self.shards().held();
            let wanted = self.logstore.heartbeat(group, name, &held).await?;
            self.shards().assign(&wanted);
            if wanted.iter().all(|shard| held.contains(shard)) {
                break;
            }
        }
        Ok(())
    }
}

/// Whether the service has given the shard to somebody else.
fn is_lost(error: &Error) -> bool {
    matches!(
        error.code(),
        Some(Code::InvalidShardCheckPoint | Code::ConsumerNotExist | Code::ShardNotExist)
    )
}

/// Says every third of the timeout that the consumer lives, and waits for as long for the answer. Ends when it is
/// aborted. When the service has not heard of us for the timeout, or has forgotten us, the shards are others': we begin
/// anew.
async fn beat(shared: Arc<Shared>) {
    let timeout = shared.options.timeout;
    let third = timeout / 3;
    let mut ticks = tokio::time::interval(third);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and the first beat was in `join`.
    ticks.tick().await;
    let mut heard = Instant::now();
    loop {
        ticks.tick().await;
        let asked = Instant::now();
        // Without a deadline the client would try for longer than the timeout, and the shards be read by two.
        let error = match tokio::time::timeout(third, shared.beat()).await {
            Ok(Ok(())) => {
                heard = asked;
                continue;
            }
            Ok(Err(error)) => error,
            Err(_) => Error::new(ErrorKind::Timeout, "no answer in a third of the timeout"),
        };
        warn!(consumer = %shared.options.name, %error, "the heartbeat was not heard");
        let forgotten = error.code() == Some(Code::NotExistConsumerWithBody);
        if forgotten || heard.elapsed() >= timeout {
            shared.shards().lose_all();
            debug!(consumer = %shared.options.name, "its shards are others'");
        }
        if error.class() == Class::Permanent && !forgotten {
            // It will be heard when somebody has mended it; asking more often does not help.
            tokio::time::sleep(timeout).await;
        }
    }
}
