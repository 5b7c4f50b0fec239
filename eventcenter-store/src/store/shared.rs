//! What the writer and the readers of a store share: which partitions there are.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use eventcenter_core::Result;
use tokio::sync::watch;

use crate::ask::{Mark, Retention};
use crate::store::failed;
use crate::store::partition::{Span, files, open_to_read, span};

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
    /// Files so far.
    files: u64,
    /// By time.
    readable: Vec<Readable>,
    set_aside: Vec<String>,
}

/// A partition that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Readable {
    pub(crate) span: Span,
    pub(crate) path: PathBuf,
    /// Which of the files that were called so: a damaged one has a successor.
    pub(crate) file: u64,
}

impl Shared {
    pub(super) fn new(folder: PathBuf, retention: Retention) -> Self {
        let mark = watch::Sender::new(Mark(0));
        Self { folder, retention, mark, expired: AtomicU64::new(0), partitions: RwLock::default() }
    }

    /// What is in the folder, which another program may be writing to.
    pub(super) fn look(folder: PathBuf) -> Result<Self> {
        let cannot = |error: std::io::Error| {
            failed("cannot read the folder of the store").with_source(error)
        };
        let mut names = Vec::new();
        for entry in
            fs::read_dir(&folder).map_err(|e| cannot(e).with("folder", folder.display()))?
        {
            names.extend(entry.map_err(cannot)?.file_name().into_string());
        }
        let shared = Self::new(folder, Retention::default());
        for name in names.iter().filter(|name| Span::is_file_name(name)) {
            let path = shared.folder.join(name);
            match open_to_read(&path).and_then(|connection| span(&connection)) {
                Ok(span) => shared.add(span, path),
                // Removed by retention a moment ago.
                Err(_) if !path.exists() => {}
                Err(error) => shared.report_damage(format!("{name} cannot be read: {error}")),
            }
        }
        Ok(shared)
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

    /// There is this one too. Nothing changes if it was there.
    pub(super) fn add(&self, span: Span, path: PathBuf) {
        let mut partitions = self.write();
        if !partitions.readable.iter().any(|known| known.span == span) {
            partitions.files += 1;
            let file = partitions.files;
            partitions.readable.push(Readable { span, path, file });
            partitions.readable.sort_by_key(|partition| partition.span);
        }
    }

    /// One ends earlier than it did.
    pub(super) fn cut(&self, span: Span) {
        let mut partitions = self.write();
        for partition in &mut partitions.readable {
            if partition.span.from == span.from {
                partition.span = span;
            }
        }
    }

    pub(super) fn remove(&self, span: Span) {
        self.write().readable.retain(|known| known.span != span);
    }

    pub(super) fn report_damage(&self, what: String) {
        self.write().set_aside.push(what);
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
