//! The folder of a store, as its writer keeps it: what it finds there, what it sets aside, and what it removes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use eventcenter_core::{Error, ErrorKind, Result};
use jiff::{SignedDuration, Timestamp};
use tracing::{error, info};

use super::{OPEN, OURSELVES, Writer, cannot_write};
use crate::ask::Mark;
use crate::store::failed;
use crate::store::partition::{Partition, Span, files, is_damage};
use crate::store::schema::Migration;
use crate::store::shared::Readable;

/// How far beyond the newest event the clock is trusted.
const TRUSTED: SignedDuration = SignedDuration::from_hours(24);
/// What only one program at a time can lock.
pub(in crate::store) const LOCK: &str = "lock";

impl Writer {
    /// Finds partitions, brings them to this version, and sets aside what is damaged.
    pub(super) fn look_around(&mut self) -> Result<()> {
        let folder = self.shared.folder.clone();
        let cannot = |error: std::io::Error| {
            failed("cannot read the folder of the store")
                .with("folder", folder.display())
                .with_source(error)
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(cannot)? {
            names.extend(entry.map_err(cannot)?.file_name().into_string());
        }
        names.sort_unstable();
        for name in names {
            let path = folder.join(&name);
            if name.ends_with(".damaged") {
                self.shared.report_damage(format!("{name} is damaged and set aside"));
            }
            if !Span::is_file_name(&name) {
                continue;
            }
            match Partition::open(&path, None) {
                Ok(partition) => self.found(partition, path)?,
                Err(Migration::Sqlite(error)) if is_damage(&error) => {
                    self.set_aside(&path, None, &error);
                }
                // Made, and never written to: the crash came in between. It is finished when it is needed.
                Err(Migration::Sqlite(rusqlite::Error::QueryReturnedNoRows)) => {}
                Err(error @ Migration::Newer { .. }) => {
                    return Err(Error::new("store", ErrorKind::Config, "a file cannot be used")
                        .with("file", path.display())
                        .with_source(error));
                }
                Err(error) => {
                    return Err(failed("cannot open a partition")
                        .with("file", path.display())
                        .with_source(error));
                }
            }
        }
        self.shared.mark.send_replace(Mark(u64::try_from(self.marks.last).unwrap_or_default()));
        Ok(())
    }

    /// A partition that can be used.
    fn found(&mut self, partition: Partition, path: PathBuf) -> Result<()> {
        let span = partition.span;
        let read = partition.newest_mark().and_then(|mark| {
            self.marks.found(mark);
            self.newest = self.newest.max(partition.newest_time(OURSELVES)?);
            let sql = "SELECT uid, watched_since FROM clusters";
            let mut statement = partition.connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let since: Option<i64> = row.get(1)?;
                let since = since.and_then(|since| Timestamp::from_microsecond(since).ok());
                // The end of a gap may be noted in an older file alone.
                let known = self.clusters.entry(row.get(0)?).or_insert(since);
                *known = (*known).max(since);
            }
            Ok(())
        });
        match read {
            Ok(()) => self.shared.add(span, path),
            Err(error) if is_damage(&error) => self.set_aside(&path, None, &error),
            Err(error) => return Err(cannot_write(error.into())),
        }
        self.open.insert(span.number(), partition);
        while self.open.len() > OPEN {
            self.open.pop_first();
        }
        Ok(())
    }

    /// Renames a damaged file, so that a new one can take its place.
    pub(super) fn set_aside(&mut self, path: &Path, span: Option<Span>, why: &rusqlite::Error) {
        if let Some(span) = span {
            self.close(span);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        error!(file = name, error = %why, "a partition is damaged and set aside");
        let free = (0..).map(|n| if n == 0 { String::new() } else { format!("-{n}") });
        let target = free
            .map(|n| self.shared.folder.join(format!("{name}{n}.damaged")))
            .find(|target| !target.exists());
        if let Some(target) = target
            && let Err(error) = fs::rename(path, &target)
        {
            error!(file = name, %error, "cannot rename a damaged partition");
        }
        for companion in files(path).iter().skip(1) {
            fs::remove_file(companion).ok();
        }
        self.shared.report_damage(format!("{name} is damaged and set aside: {why}"));
        self.be_well();
    }

    /// Lets go of a partition whose file goes.
    pub(super) fn close(&mut self, span: Span) {
        self.open.remove(&span.number());
        self.neighbours.forget(span);
        self.shared.remove(span);
    }

    /// What is older than this is beyond the retention. A clock that jumps ahead must not remove everything: it is
    /// trusted for a day beyond the newest event that others have said. So where nothing happens nothing expires.
    pub(super) fn oldest_kept(&self) -> Option<Timestamp> {
        let newest = self.newest.and_then(|newest| Timestamp::from_microsecond(newest).ok());
        let trusted = newest.and_then(|newest| newest.checked_add(TRUSTED).ok());
        let now = self.clock.now();
        trusted.map_or(now, |trusted| trusted.min(now)).checked_sub(self.config.age()).ok()
    }

    /// Removes partitions that are too old, and the oldest of too many bytes. The newest stays.
    pub(super) fn expire(&mut self) -> Result<()> {
        self.expired = Some(Instant::now());
        if self.config.bytes().is_some_and(|most| self.shared.bytes() > most) {
            // Their logs have up to 64 MiB each, most of which has a place in the files already.
            for partition in self.open.values() {
                partition.checkpoint().map_err(|error| cannot_write(error.into()))?;
            }
        }
        let oldest = self.oldest_kept().map_or(i64::MIN, Timestamp::as_microsecond);
        let mut partitions = self.shared.partitions();
        let mut bytes: u64 = partitions.iter().map(Readable::bytes).sum();
        partitions.pop();
        for partition in partitions {
            let is_old = partition.span.until <= oldest;
            if !is_old && self.config.bytes().is_none_or(|most| bytes <= most) {
                break;
            }
            bytes = bytes.saturating_sub(partition.bytes());
            self.close(partition.span);
            info!(file = %partition.path.display(), "a partition is beyond the retention");
            self.unlink(&partition)?;
        }
        Ok(())
    }

    /// Removes the file of a partition that is closed, with its companions first: a log that a crash leaves behind would
    /// come back to life in the next file of this name.
    pub(super) fn unlink(&self, partition: &Readable) -> Result<()> {
        for file in files(&partition.path).into_iter().rev() {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed("cannot remove a partition")
                        .with("file", file.display())
                        .with_source(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// One program writes to a store at a time.
pub(super) fn lock(folder: &Path) -> Result<fs::File> {
    let cannot = |error: std::io::Error| {
        failed("cannot use the folder of the store")
            .with("folder", folder.display())
            .with_source(error)
    };
    std::os::unix::fs::DirBuilderExt::mode(fs::DirBuilder::new().recursive(true), 0o700)
        .create(folder)
        .map_err(cannot)?;
    let file = fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))
        .map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            let message = "another program writes to this store";
            Err(Error::new("store", ErrorKind::Config, message).with("folder", folder.display()))
        }
        Err(fs::TryLockError::Error(error)) => Err(cannot(error)),
    }
}
