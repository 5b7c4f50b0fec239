//! Connections that read, kept open between questions.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventcenter_core::{Cluster, Error, Result};
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::Semaphore;

use super::learned::{Learned, Library};
use super::threads::Threads;
use super::{Reading, micros, turns};
use crate::ask::Range;
use crate::store::document::Unpacker;
use crate::store::partition::{Span, open_to_read};
use crate::store::{Readable, failed};

/// Connections that nobody uses; each belongs to one partition.
#[derive(Debug)]
pub(crate) struct Readers {
    turns: Arc<Semaphore>,
    idle: Mutex<Vec<Reader>>,
    library: Library,
    threads: Threads,
}

/// A connection that reads one partition, in a transaction while a question is answered.
pub(crate) struct Reader {
    pub(crate) connection: Connection,
    pub(crate) span: Span,
    path: PathBuf,
    /// See [`Readable`].
    file: u64,
    pub(crate) unpacker: Arc<Mutex<Unpacker>>,
    /// Clusters by number.
    pub(crate) clusters: HashMap<i64, Arc<Cluster>>,
    /// What is known of the partition.
    pub(crate) learned: Arc<Learned>,
    /// It was found damaged.
    pub(crate) broken: bool,
}

/// Why a partition did not answer.
#[derive(Debug)]
pub(crate) enum Failure {
    Sqlite(rusqlite::Error),
    Document(io::Error),
    Other(Error),
}

impl Failure {
    /// Whether the file is at fault.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Sqlite(error) => matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::CannotOpen)
            ),
            Self::Document(_) => true,
            Self::Other(_) => false,
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Sqlite(error) => failed("cannot read").with_source(error),
            Failure::Document(error) => failed("cannot read a document").with_source(error),
            Failure::Other(error) => error,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => error.fmt(f),
            Self::Document(error) => error.fmt(f),
            Self::Other(error) => error.fmt(f),
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Default for Readers {
    fn default() -> Self {
        Self {
            turns: turns(),
            idle: Mutex::default(),
            library: Library::default(),
            threads: Threads::default(),
        }
    }
}

impl Readers {
    pub(crate) fn turns(&self) -> &Arc<Semaphore> {
        &self.turns
    }

    pub(super) fn threads(&self) -> &Threads {
        &self.threads
    }

    /// Opens what the range touches, and what is newer: that is where losses of the range are declared.
    pub(super) fn open(&self, range: Range, reading: &mut Reading) -> Result<()> {
        let partitions = reading.shared.partitions();
        // What retention has removed, or damage, is closed.
        self.idle().retain(|idle| partitions.iter().any(|known| known.file == idle.file));
        self.library.keep(&partitions);
        let (from, _) = micros(range);
        for partition in partitions.into_iter().filter(|known| known.span.until > from) {
            let idle = {
                let mut idle = self.idle();
                let place = idle.iter().position(|idle| idle.file == partition.file);
                place.map(|place| idle.swap_remove(place))
            };
            let gate = Arc::clone(&reading.gate);
            let opened = match idle {
                Some(reader) => Ok(Reader { span: partition.span, ..reader }),
                None => Reader::open(&partition, self.library.of(partition.file)),
            };
            let begun = opened.and_then(|mut reader| {
                reader.connection.progress_handler(1000, Some(move || gate.is_over()))?;
                reader.begin()?;
                Ok(reader)
            });
            match begun {
                Ok(reader) => reading.readers.push(reader),
                // Removed by retention a moment ago: there is nothing to read.
                Err(_) if !partition.path.exists() => {}
                Err(failure) if failure.is_damage() => {
                    let name = partition.span.file_name();
                    reading.unread.push(format!("{name} cannot be read: {failure}"));
                }
                Err(failure) => return Err(reading.told(failure)),
            }
        }
        Ok(())
    }

    /// Keeps what can be used again.
    pub(super) fn give_back(&self, readers: Vec<Reader>) {
        for mut reader in readers {
            let no_handler: Option<fn() -> bool> = None;
            let ended = reader.connection.progress_handler(0, no_handler).and_then(|()| {
                if reader.connection.is_autocommit() {
                    Ok(())
                } else {
                    reader.connection.execute_batch("ROLLBACK")
                }
            });
            if ended.is_ok() && !reader.broken {
                self.idle().push(reader);
            }
        }
    }

    pub(super) fn idle(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    fn open(partition: &Readable, learned: Arc<Learned>) -> Result<Self, Failure> {
        let connection = open_to_read(&partition.path)?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1000")?;
        let unpacker = Unpacker::new([]).map_err(Failure::Document)?;
        Ok(Self {
            connection,
            span: partition.span,
            path: partition.path.clone(),
            file: partition.file,
            unpacker: Arc::new(Mutex::new(unpacker)),
            clusters: HashMap::new(),
            learned,
            broken: false,
        })
    }

    /// From here on everything is read as it is at one instant.
    fn begin(&mut self) -> Result<(), Failure> {
        self.connection.execute_batch("BEGIN")?;
        let mut statement = self.connection.prepare_cached("SELECT id, uid, name FROM clusters")?;
        let clusters = statement.query_map([], |row| {
            Ok((row.get(0)?, Arc::new(Cluster { id: row.get(1)?, name: row.get(2)? })))
        })?;
        self.clusters = clusters.collect::<rusqlite::Result<_>>()?;
        let newest: i64 = self.connection.query_row(
            "SELECT coalesce(max(id), 0) FROM dictionaries",
            [],
            |row| row.get(0),
        )?;
        if !lock(&self.unpacker).knows(newest) {
            let mut statement = self.connection.prepare("SELECT id, bytes FROM dictionaries")?;
            let all = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let all = all.collect::<rusqlite::Result<Vec<(i64, Vec<u8>)>>>()?;
            *lock(&self.unpacker) = Unpacker::new(all).map_err(Failure::Document)?;
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn name(&self) -> String {
        self.span.file_name()
    }
}

pub(crate) fn lock(unpacker: &Mutex<Unpacker>) -> MutexGuard<'_, Unpacker> {
    unpacker.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn time(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}
