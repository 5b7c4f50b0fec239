//! Where refused events go: NDJSON files for each sink, in the folder `dead-letters` of the state folder.
//!
//! ```json
//! {"time":"2026-11-25T01:02:03Z","sink":"hook","kind":"refused","reason":"status 400: no such field",
//!  "attempts":1,"id":"uid-resourceVersion","cluster":{"id":"…","name":"prod"},"received":"2026-11-25T01:02:02Z",
//!  "event":{ the document }}
//! ```
//!
//! A document that could not be read as an event stands under `document`, as a string, and its `sink` is the name
//! of the source. A line is synced before the sink's cursor moves past it.
//!
//! **Files.** The newest letters of a sink are in `NAME.ndjson`, older ones in `NAME.1.ndjson`, `NAME.2.ndjson` and so
//! on, the oldest in the lowest number. All of them are for people to read, and may be removed by hand.
//!
//! **Bounds.** By sink, see [`DeadLetterConfig`]. What is over them goes a file at a time, oldest first, is counted
//! (`eventcenter_dead_letters_removed_total`) and logged: a letter is kept, sent again, dropped by command, or counted.
//!
//! **Failures.** Letters that cannot be written are not settled: the worker tries again. A last line that a crash tore
//! was never settled either; it is cut off, and said so. A line that is no letter is listed as one of kind `unreadable`.

mod letter;
mod shelf;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::warn;

pub(crate) use letter::Cause;
pub use letter::Letter;
use shelf::{Letters, Shelf};

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::metrics::{self, Metrics};
use crate::stop::Stopped;

/// Between two looks for letters that are too old: the least age that can be set is an hour.
const LOOK: Duration = Duration::from_secs(60);

/// How much is kept for each sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterConfig {
    /// Bytes on disk; a single letter that is larger is kept all the same. Default 256 MiB: some 100,000 letters.
    pub max_bytes: u64,
    /// How old letters get, up to a sixteenth more. Default 30 days.
    pub max_age: Duration,
}

impl Default for DeadLetterConfig {
    fn default() -> Self {
        Self { max_bytes: 256 << 20, max_age: Duration::from_secs(30 * 24 * 3600) }
    }
}

/// Why letters went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Removal {
    /// They were sent again.
    Replayed,
    /// Somebody said so.
    Dropped,
    /// There were too many.
    MaxBytes,
    /// They were too old.
    MaxAge,
}

impl Removal {
    fn as_str(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Dropped => "dropped",
            Self::MaxBytes => "max_bytes",
            Self::MaxAge => "max_age",
        }
    }
}

/// The dead letters of a program; clones are the same.
///
/// Only who holds the lock of the state folder may have them: a running program, or a command while none runs.
#[derive(Debug, Clone)]
pub struct DeadLetters(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    config: DeadLetterConfig,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    /// By name of the sink, or of the source. A shelf may be locked for as long as a file takes to be written anew.
    shelves: Mutex<BTreeMap<String, Arc<Mutex<Shelf>>>>,
}

impl DeadLetters {
    /// Those in this folder, which is made when the first letter comes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when they cannot be read.
    pub(crate) fn open(
        folder: PathBuf,
        config: DeadLetterConfig,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> Result<Self> {
        let names = shelf::names(&folder).map_err(|error| unreadable(&folder, error))?;
        let shared = Shared { folder, config, clock, metrics, shelves: Mutex::default() };
        let letters = Self(Arc::new(shared));
        for name in names {
            letters.with_shelf(&name, |_| Ok(()))?;
        }
        Ok(letters)
    }

    /// Appends lines to the file of `name`; they are on disk when this returns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when they cannot be written: they are not settled then.
    pub(crate) async fn bury(&self, name: &str, lines: Vec<u8>) -> Result<()> {
        let (letters, owned) = (self.clone(), name.to_owned());
        let now = self.0.clock.now();
        let written = tokio::task::spawn_blocking(move || {
            letters.with_shelf(&owned, |shelf| shelf.append(&lines, now))
        });
        written.await.unwrap_or_else(|error| Err(failed(name, io::Error::other(error))))
    }

    /// Removes what is too old, again and again, until the stop.
    pub(crate) async fn look_after(self, mut stopped: Stopped) {
        loop {
            tokio::select! {
                biased;
                () = stopped.stopping() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let letters = self.clone();
            // What went wrong was logged; the next look is a minute away.
            tokio::task::spawn_blocking(move || letters.expire()).await.ok();
        }
    }

    fn expire(&self) {
        let now = self.0.clock.now();
        for name in self.names() {
            if let Err(error) = self.with_shelf(&name, |shelf| shelf.trim(0, now)) {
                let cause = error.root_cause().unwrap_or_default();
                warn!(%error, cause, "cannot remove old dead letters");
            }
        }
    }

    /// The sinks, and the sources, that have letters or had some since the start.
    pub fn names(&self) -> Vec<String> {
        self.0.shelves().keys().cloned().collect()
    }

    /// The letters of one of them as they are now, oldest first. Reads from disk, so not for a thread that must not block.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when they cannot be read.
    pub fn letters(&self, name: &str) -> Result<impl Iterator<Item = Result<Letter>> + use<>> {
        let name = name.to_owned();
        let letters: Letters = self.with_shelf(&name, |shelf| shelf.letters())?;
        Ok(letters.map(move |letter| letter.map_err(|error| failed(&name, error))))
    }

    /// Removes the letters of these [ids](Letter::id), and says how many there were. Reads and writes files, so not for a
    /// thread that must not block.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when a file cannot be written anew: then all of its letters are still there.
    pub fn remove(&self, name: &str, ids: &BTreeSet<String>, why: Removal) -> Result<u64> {
        self.with_shelf(name, |shelf| shelf.remove(ids, why))
    }

    /// Does something with the files of `name`, and tells what became of letters meanwhile, whether it went well or not.
    fn with_shelf<T>(
        &self,
        name: &str,
        work: impl FnOnce(&mut Shelf) -> io::Result<T>,
    ) -> Result<T> {
        let shelf = {
            let mut shelves = self.0.shelves();
            match shelves.get(name) {
                Some(shelf) => Arc::clone(shelf),
                None => {
                    let shelf = Shelf::open(&self.0.folder, name, &self.0.config)
                        .map_err(|error| failed(name, error))?;
                    let shelf = Arc::new(Mutex::new(shelf));
                    shelves.insert(name.to_owned(), Arc::clone(&shelf));
                    shelf
                }
            }
        };
        let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut shelf);
        self.tell(name, &mut shelf);
        done.map_err(|error| failed(name, error))
    }

    fn tell(&self, name: &str, shelf: &mut Shelf) {
        let torn = shelf.take_torn();
        if torn > 0 {
            warn!(
                sink = name,
                bytes = torn,
                "cut off a dead letter that was not written to its end"
            );
        }
        let metrics = &self.0.metrics;
        for (why, letters) in shelf.take_removed() {
            if matches!(why, Removal::MaxBytes | Removal::MaxAge) {
                let limit = why.as_str();
                warn!(sink = name, letters, limit, "dropping the oldest dead letters");
            }
            let label = metrics::SinkKind { sink: name.to_owned(), kind: why.as_str() };
            metrics.dead_letters_removed.get_or_create(&label).inc_by(letters);
        }
        let label = metrics::Sink { sink: name.to_owned() };
        let held = shelf.held();
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        metrics.dead_letters.get_or_create(&label).set(gauge(held.letters));
        metrics.dead_letter_bytes.get_or_create(&label).set(gauge(held.bytes));
        match held.oldest {
            Some(oldest) => {
                metrics.dead_letters_oldest.get_or_create(&label).set(oldest.as_second());
            }
            None => {
                metrics.dead_letters_oldest.remove(&label);
            }
        }
    }
}

impl Shared {
    fn shelves(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Mutex<Shelf>>>> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(name: &str, error: io::Error) -> Error {
    Error::new("dead letters", ErrorKind::Storage, "the files cannot be used")
        .with("sink", name)
        .with_source(error)
}

fn unreadable(folder: &Path, error: io::Error) -> Error {
    Error::new("dead letters", ErrorKind::Storage, "cannot read the folder")
        .with("path", folder.display())
        .with_source(error)
}
