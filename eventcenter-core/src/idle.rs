//! The state folder of a program that does not run: for commands that look at what it left, and send it again.
//!
//! Whoever has an [`Idle`] holds the lock of the folder, so that no program starts on it meanwhile.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::SystemClock;
use crate::dead_letter::{DeadLetterConfig, DeadLetters};
use crate::error::{Error, ErrorKind, Result};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::pipeline::{DEAD_LETTERS, lock, spool_files};
use crate::replay::Replay;
use crate::router::Router;
use crate::spool::{Spool, SpoolConfig};

/// See the [module](self).
#[derive(Debug)]
pub struct Idle {
    state_dir: PathBuf,
    _lock: File,
}

impl Idle {
    /// Takes the lock. None if a program has it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when there is no such folder, [`ErrorKind::Storage`] when it cannot be used.
    pub fn open(state_dir: &Path) -> Result<Option<Self>> {
        if !state_dir.exists() {
            return Err(Error::new("state", ErrorKind::Config, "there is no such folder")
                .with("state_dir", state_dir.display()));
        }
        let lock = lock(state_dir)?;
        Ok(lock.map(|lock| Self { state_dir: state_dir.to_owned(), _lock: lock }))
    }

    /// What the sinks would not take.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when it cannot be read.
    pub fn dead_letters(&self, config: DeadLetterConfig) -> Result<DeadLetters> {
        let folder = self.state_dir.join(DEAD_LETTERS);
        DeadLetters::open(folder, config, Arc::new(SystemClock), Metrics::new())
    }

    /// Opens the spool for these sinks, by name and in the order that the router counts in, for as long as `work` takes.
    /// What is sent again is on disk when this returns, and delivered after the next start.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when the spool cannot be opened; those of `work`.
    pub async fn replay<T>(
        &self,
        spool: SpoolConfig,
        sinks: Vec<String>,
        router: Router,
        work: impl AsyncFnOnce(&Replay) -> Result<T>,
    ) -> Result<T> {
        let (clock, metrics) = (Arc::new(SystemClock), Metrics::new());
        let (spool, committer) = Spool::open(
            spool_files(&self.state_dir)?,
            spool,
            sinks.clone(),
            clock,
            metrics.clone(),
            &Health::new(),
        )?;
        let replay = Replay::new(spool.clone(), sinks, Arc::new(router), metrics).idle();
        let work = async {
            let done = work(&replay).await;
            spool.close();
            spool.finish();
            done
        };
        let (done, ()) = tokio::join!(work, committer.run());
        done
    }
}
