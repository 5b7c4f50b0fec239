//! From sources to sinks: opening what is on disk, and running everything.
//!
//! ```text
//! source -> intake ─┐                     ┌─> worker -> layers -> sink
//! source -> intake ─┴─> spool (one order) ┴─> worker -> layers -> sink
//! ```

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::dead_letter::DeadLetters;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Cluster;
use crate::folder;
use crate::layer::ObserveLayer;
use crate::plan::Plan;
use crate::replay::Replay;
use crate::sink::{Layer, Sink};
use crate::source::{Position, Source};
use crate::spool::fs::{DiskFs, Fs};
use crate::spool::{Committer, Spool, Standing};
use crate::stop::Stop;
use crate::supervisor::{self, Summary};

/// The folder of dead letters, in the state folder.
pub(crate) const DEAD_LETTERS: &str = "dead-letters";

/// The folder of the spool, in the state folder.
pub(crate) const SPOOL: &str = "spool";

/// A pipeline whose spool is open, and that does not run yet.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) plan: Plan,
    pub(crate) spool: Spool,
    pub(crate) committer: Committer,
    pub(crate) dead: DeadLetters,
    pub(crate) attach: Attach,
    pub(crate) attached: mpsc::UnboundedReceiver<(Box<dyn Source>, Arc<Cluster>)>,
    /// Held, so that no second program writes to the same spool.
    pub(crate) lock: Option<File>,
}

/// Adds sources to a pipeline, before it runs and while it does; clones add to the same one.
#[derive(Debug, Clone)]
pub struct Attach {
    sources: mpsc::UnboundedSender<(Box<dyn Source>, Arc<Cluster>)>,
    spool: Spool,
}

impl Attach {
    /// What to resume `source` from: where it stood when the spool was opened, or where the last leader left it.
    pub fn position(&self, source: &str) -> Option<Position> {
        self.spool.position(source)
    }

    /// Takes a source that yields events of `cluster`.
    pub fn source(&self, source: Box<dyn Source>, cluster: Arc<Cluster>) {
        // It fails after the end of the pipeline, when no source is of use.
        self.sources.send((source, cluster)).ok();
    }
}

impl Pipeline {
    pub(crate) fn open(mut plan: Plan) -> Result<Self> {
        let observe = ObserveLayer::new(plan.metrics.clone(), Arc::clone(&plan.clock));
        plan.sinks = plan.sinks.into_iter().map(|sink| observe.layer(sink)).collect();
        let (fs, lock): (Arc<dyn Fs>, _) = match &plan.fs {
            Some(fs) => (Arc::clone(fs), None),
            None => {
                let lock = lock(&plan.state_dir)?.ok_or_else(|| {
                    Error::new("state", ErrorKind::Config, "another program uses this folder")
                        .with("state_dir", plan.state_dir.display())
                })?;
                (spool_files(&plan.state_dir)?, Some(lock))
            }
        };
        let names = plan.sinks.iter().map(|sink| sink.name().to_owned()).collect();
        let (spool, committer) = Spool::open(
            fs,
            plan.spool.clone(),
            names,
            Arc::clone(&plan.clock),
            plan.metrics.clone(),
            &plan.health,
        )?;
        if let Some((left, order)) = plan.handover.take() {
            spool.succeed(left, order)?;
        }
        let (sources, attached) = mpsc::unbounded_channel();
        let attach = Attach { sources, spool: spool.clone() };
        let dead = DeadLetters::open(
            plan.state_dir.join(DEAD_LETTERS),
            plan.dead_letters.clone(),
            Arc::clone(&plan.clock),
            plan.metrics.clone(),
        )?;
        Ok(Self { plan, spool, committer, dead, attach, attached, lock })
    }

    /// Where sources are added.
    pub fn attach(&self) -> Attach {
        self.attach.clone()
    }

    /// Tells where its sinks stand, while it runs and after.
    pub fn standing(&self) -> Standing {
        Standing::of(self.spool.clone())
    }

    /// The sinks, in the order of the plan.
    pub fn sinks(&self) -> &[Arc<dyn Sink>] {
        &self.plan.sinks
    }

    /// What the sinks would not take.
    pub fn dead_letters(&self) -> DeadLetters {
        self.dead.clone()
    }

    /// Where events are sent again, while it runs.
    pub fn replay(&self) -> Replay {
        let names = self.plan.sinks.iter().map(|sink| sink.name().to_owned()).collect();
        let (spool, metrics) = (self.spool.clone(), self.plan.metrics.clone());
        Replay::new(spool, names, Arc::clone(&self.plan.router), metrics)
    }

    /// How many records are in the spool before the sink at `place`: its own, and those that only others want.
    pub fn backlog(&self, place: usize) -> u64 {
        self.spool.backlog(place)
    }

    /// Runs until `stop`, and then ends in order: intake, what is in memory to disk, what is on disk to the sinks
    /// until the stop aborts. What is left stays in the spool.
    ///
    /// # Errors
    ///
    /// When a part of the pipeline died, which is a bug: everything that was durable is still in the spool.
    pub async fn run(self, stop: &Stop) -> Result<Summary> {
        supervisor::run(self, stop).await
    }
}

/// The files of the spool in a state folder.
pub(crate) fn spool_files(state_dir: &Path) -> Result<Arc<dyn Fs>> {
    let folder = state_dir.join(SPOOL);
    Ok(Arc::new(DiskFs::new(&folder).map_err(|error| unusable(&folder, error))?))
}

/// Takes the lock of a state folder, which is made if it is not there. None if another program has it.
pub(crate) fn lock(folder: &Path) -> Result<Option<File>> {
    if folder.exists() && !folder.is_dir() {
        return Err(Error::new("state", ErrorKind::Config, "the state folder is no folder")
            .with("state_dir", folder.display()));
    }
    folder::make(folder).map_err(|error| unusable(folder, error))?;
    let path = folder.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| unusable(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(unusable(&path, error)),
    }
}

fn unusable(path: &Path, error: std::io::Error) -> Error {
    Error::new("state", ErrorKind::Storage, "cannot use the state folder")
        .with("path", path.display())
        .with_source(error)
}

#[cfg(test)]
mod tests;
