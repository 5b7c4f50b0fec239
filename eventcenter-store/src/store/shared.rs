//! What the writer and the readers of a store share: which partitions there are.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::{fs, io};

use eventcenter_core::{Error, ErrorKind, Result};
use tokio::sync::watch;

use super::failed;
use crate::ask::{Mark, Retention};
use crate::store::partition::{Span, files, open_to_read};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) folder: PathBuf,
    pub(crate) retention: Retention,
    pub(crate) mark: watch::Sender<Mark>,
    /// Events that were not taken, because they were older than all that is kept.
    pub(crate) expired: AtomicU64,
    partitions: RwLock<Partitions>,
}

#[derive(Debug, Default)]
struct Partitions {
    /// By time.
    readable: Vec<Readable>,
    set_aside: Vec<String>,
}

/// A partition that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Readable {
    pub(crate) span: Span,
    pub(crate) path: PathBuf,
}

impl Shared {
    pub(super) fn new(folder: PathBuf, retention: Retention) -> Self {
        let mark = watch::Sender::new(Mark(0));
        Self { folder, retention, mark, expired: AtomicU64::new(0), partitions: RwLock::default() }
    }

    /// The partitions, oldest first.
    pub(crate) fn partitions(&self) -> Vec<Readable> {
        self.read().readable.clone()
    }

    /// What cannot be read, in words.
    pub(crate) fn set_aside(&self) -> Vec<String> {
        self.read().set_aside.clone()
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.partitions().iter().map(|partition| partition.bytes()).sum()
    }

    pub(super) fn add(&self, partition: Readable) {
        let mut partitions = self.write();
        partitions.readable.retain(|known| known.span.number() != partition.span.number());
        partitions.readable.push(partition);
        partitions.readable.sort_by_key(|partition| partition.span);
    }

    pub(super) fn remove(&self, span: Span) {
        self.write().readable.retain(|known| known.span != span);
    }

    pub(super) fn report_damage(&self, what: String) {
        self.write().set_aside.push(what);
    }

    pub(super) fn backup(&self, folder: &Path) -> Result<()> {
        let cannot = |error: io::Error| {
            failed("cannot make the folder of the backup")
                .with("folder", folder.display())
                .with_source(error)
        };
        fs::create_dir_all(folder).map_err(cannot)?;
        if fs::read_dir(folder).map_err(cannot)?.next().is_some() {
            let message = "the folder of a backup must be empty";
            return Err(
                Error::new("store", ErrorKind::Config, message).with("folder", folder.display())
            );
        }
        for partition in self.partitions() {
            let target = folder.join(partition.span.file_name());
            if !partition.path.exists() {
                // Its time was over in the meantime.
                continue;
            }
            let copied = open_to_read(&partition.path).and_then(|connection| {
                connection.execute("VACUUM INTO ?1", [target.to_string_lossy()])
            });
            copied.map_err(|error| {
                failed("cannot copy a partition")
                    .with("file", partition.path.display())
                    .with_source(error)
            })?;
            // The copy was written by SQLite without a sync.
            fs::File::open(&target).and_then(|file| file.sync_all()).map_err(cannot)?;
        }
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(cannot)
    }

    fn read(&self) -> RwLockReadGuard<'_, Partitions> {
        self.partitions.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Partitions> {
        self.partitions.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Readable {
    pub(crate) fn bytes(&self) -> u64 {
        files(&self.path)
            .iter()
            .filter_map(|file| fs::metadata(file).ok())
            .map(|file| file.len())
            .sum()
    }
}
