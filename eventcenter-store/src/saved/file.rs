//! [`SavedThings`] in `saved.db`, a SQLite file in the folder of the store.
//!
//! It is small, and written by hand a few times a day: one connection, whole transactions, each change synced before it
//! is confirmed. The store's lock keeps other writers out; should there be one nevertheless, SQLite's own locks and the
//! revisions hold.
//!
//! **Damage.** A file that SQLite cannot read is renamed to `saved.db.damaged`, told in the log and in the health of
//! the part `saved`, and a new one is begun. **A newer version's** file is left alone, and the program does not start.
//! A row of a kind that this version does not know is kept, and not listed; its id is refused to others.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io};

use async_trait::async_trait;
use eventcenter_core::health::Part;
use eventcenter_core::{Clock, Error, ErrorKind, Health, Result};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, TransactionBehavior, params};
use tracing::error;

use super::{Draft, Kind, MOST, Saved, SavedThings, Stamp, Written, other_kind, refused, too_many};
use crate::store::partition::{files, is_damage, open_to_write};
use crate::store::schema::{Migration, step_through};

/// The name of the file.
pub(crate) const FILE: &str = "saved.db";

/// What brings a file from the version of its place in the list to the next; the first makes a new one.
const STEPS: [&str; 1] = ["
CREATE TABLE things (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,             -- a JSON object
    created_by TEXT NOT NULL,
    created INTEGER NOT NULL,       -- microseconds since 1970, as is changed
    changed_by TEXT NOT NULL,
    changed INTEGER NOT NULL,
    revision INTEGER NOT NULL,      -- 1, and one more with each change
    UNIQUE (kind, name)
) STRICT, WITHOUT ROWID;
"];

const COLUMNS: &str =
    "id, kind, name, body, created_by, created, changed_by, changed, revision FROM things";

/// A file `saved.db` beside the partitions, which neither retention nor a damaged partition touches. Clones are the same file.
#[derive(Debug, Clone)]
pub struct SavedFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connection: Mutex<Connection>,
    clock: Arc<dyn Clock>,
}

impl SavedFile {
    /// Opens the file in the folder of a store, or makes it. The part `saved` of `health` says whether all is well.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when a newer version has written it, [`ErrorKind::Storage`] when it cannot be used.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>, health: &Health) -> Result<Self> {
        let (path, part) = (folder.join(FILE), health.shown("saved"));
        let connection = match open(&path) {
            Ok(connection) => {
                part.ready();
                connection
            }
            Err(Migration::Sqlite(why)) if is_damage(&why) => {
                set_aside(&path, &part, &why)?;
                open(&path).map_err(|why| unusable(&path, why))?
            }
            Err(why) => return Err(unusable(&path, why)),
        };
        Ok(Self(Arc::new(Inner { connection: Mutex::new(connection), clock })))
    }

    /// Does something with the file, on a thread that may wait for the disk.
    async fn on_file<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, Timestamp) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            // A transaction that a panic has left behind was rolled back.
            let mut connection = inner.connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection, inner.clock.now())
        });
        match done.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(Failure::Refused(error))) => Err(error),
            Ok(Err(Failure::Sqlite(error))) => {
                Err(failed("the file of saved things cannot be used").with_source(error))
            }
            Err(error) => Err(failed("the thread of saved things ended").with_source(error)),
        }
    }
}

/// Why something cannot be done.
enum Failure {
    Refused(Error),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

#[async_trait]
impl SavedThings for SavedFile {
    async fn list(&self, kind: Option<Kind>) -> Result<Vec<Saved>> {
        self.on_file(move |connection, _| {
            let sql =
                format!("SELECT {COLUMNS} WHERE kind = coalesce(?1, kind) ORDER BY kind, name");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([kind.map(Kind::as_str)], saved)?;
            Ok(rows.filter_map(rusqlite::Result::transpose).collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn get(&self, id: &str) -> Result<Option<Saved>> {
        let id = id.to_owned();
        self.on_file(move |connection, _| Ok(by_id(connection, &id)?)).await
    }

    async fn create(&self, draft: &Draft, id: Option<&str>, by: &str) -> Result<Written> {
        let (draft, id, by) = (draft.clone(), id.map(str::to_owned), by.to_owned());
        self.on_file(move |connection, now| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let id = match id {
                Some(id) => id,
                None => transaction
                    .query_row("SELECT lower(hex(randomblob(8)))", [], |row| row.get(0))?,
            };
            if let Some(found) = by_id(&transaction, &id)? {
                return Ok(Written::Conflict(found));
            }
            if is_taken(&transaction, &id)? {
                return Err(Failure::Refused(of_unknown_kind()));
            }
            if let Some(found) = called(&transaction, &draft)? {
                return Ok(Written::NameTaken(found));
            }
            let sql = "SELECT count(*) FROM things WHERE kind = ?1";
            let count: u32 = transaction.query_row(sql, [draft.kind.as_str()], |row| row.get(0))?;
            if count >= MOST {
                return Err(Failure::Refused(too_many(draft.kind)));
            }
            let created = Stamp::new(&by, now);
            let changed = created.clone();
            let made = Saved { id, draft, created, changed, revision: 1 };
            insert(&transaction, &made)?;
            transaction.commit()?;
            Ok(Written::Done(made))
        })
        .await
    }

    async fn replace(
        &self,
        id: &str,
        revision: Option<u32>,
        draft: &Draft,
        by: &str,
    ) -> Result<Written> {
        let (id, draft, by) = (id.to_owned(), draft.clone(), by.to_owned());
        self.on_file(move |connection, now| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let Some(found) = by_id(&transaction, &id)? else { return Ok(Written::Absent) };
            if found.draft.kind != draft.kind {
                return Err(Failure::Refused(other_kind(&found)));
            }
            if revision.is_some_and(|seen| seen != found.revision) {
                return Ok(Written::Conflict(found));
            }
            if let Some(other) = called(&transaction, &draft)?.filter(|other| other.id != id) {
                return Ok(Written::NameTaken(other));
            }
            let changed = Stamp::new(&by, now);
            let made = Saved { draft, changed, revision: found.revision + 1, ..found };
            update(&transaction, &made)?;
            transaction.commit()?;
            Ok(Written::Done(made))
        })
        .await
    }

    async fn delete(&self, id: &str, revision: Option<u32>) -> Result<Written> {
        let id = id.to_owned();
        self.on_file(move |connection, _| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let Some(found) = by_id(&transaction, &id)? else { return Ok(Written::Absent) };
            if revision.is_some_and(|seen| seen != found.revision) {
                return Ok(Written::Conflict(found));
            }
            transaction.execute("DELETE FROM things WHERE id = ?1", [&id])?;
            transaction.commit()?;
            Ok(Written::Done(found))
        })
        .await
    }
}

fn by_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<Saved>> {
    let sql = format!("SELECT {COLUMNS} WHERE id = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([id], saved).optional()?.flatten())
}

/// Whether there is a row of this id, of whatever kind.
fn is_taken(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM things WHERE id = ?1";
    connection.prepare_cached(sql)?.exists([id])
}

fn called(connection: &Connection, draft: &Draft) -> rusqlite::Result<Option<Saved>> {
    let sql = format!("SELECT {COLUMNS} WHERE kind = ?1 AND name = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let found = statement.query_row([draft.kind.as_str(), &draft.name], saved).optional()?;
    Ok(found.flatten())
}

fn insert(connection: &Connection, saved: &Saved) -> rusqlite::Result<()> {
    let Saved { id, draft, created, changed, revision } = saved;
    let sql = "INSERT INTO things VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    connection.prepare_cached(sql)?.execute(params![
        id,
        draft.kind.as_str(),
        draft.name,
        json(draft)?,
        created.by,
        created.at.as_microsecond(),
        changed.by,
        changed.at.as_microsecond(),
        revision
    ])?;
    Ok(())
}

fn update(connection: &Connection, saved: &Saved) -> rusqlite::Result<()> {
    let Saved { id, draft, changed, revision, .. } = saved;
    let sql = "UPDATE things SET name = ?2, body = ?3, changed_by = ?4, changed = ?5, revision = ?6 WHERE id = ?1";
    let at = changed.at.as_microsecond();
    let values = params![id, draft.name, json(draft)?, changed.by, at, revision];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn json(draft: &Draft) -> rusqlite::Result<String> {
    serde_json::to_string(&draft.body)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// A row of [`COLUMNS`]; none if it is of a kind that this version does not know.
fn saved(row: &Row<'_>) -> rusqlite::Result<Option<Saved>> {
    let kind: String = row.get(1)?;
    let Some(kind) = Kind::named(&kind) else { return Ok(None) };
    let wrong = |place: usize, error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(place, rusqlite::types::Type::Text, error)
    };
    let body: String = row.get(3)?;
    let body = serde_json::from_str(&body).map_err(|error| wrong(3, error.into()))?;
    let stamp = |by: usize| {
        let at = Timestamp::from_microsecond(row.get(by + 1)?);
        Ok::<_, rusqlite::Error>(Stamp {
            by: row.get(by)?,
            at: at.map_err(|error| wrong(by + 1, error.into()))?,
        })
    };
    Ok(Some(Saved {
        id: row.get(0)?,
        draft: Draft { kind, name: row.get(2)?, body },
        created: stamp(4)?,
        changed: stamp(6)?,
        revision: row.get(8)?,
    }))
}

fn open(path: &Path) -> Result<Connection, Migration> {
    let mut connection = open_to_write(path, OpenFlags::SQLITE_OPEN_CREATE)?;
    step_through(&mut connection, &STEPS)?;
    // It is small; a page that makes no sense is better found now than when it is needed.
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(connection);
    }
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(Migration::Sqlite(rusqlite::Error::SqliteFailure(code, Some(found))))
}

fn set_aside(path: &Path, part: &Part, why: &rusqlite::Error) -> Result<()> {
    let aside = (0..)
        .map(|n| if n == 0 { String::new() } else { format!("-{n}") })
        .map(|n| path.with_file_name(format!("{FILE}{n}.damaged")))
        .find(|target| !target.exists());
    let aside: PathBuf = aside.unwrap_or_default();
    let name = aside.file_name().unwrap_or_default().to_string_lossy();
    error!(file = FILE, aside = %name, error = %why, "the saved things are damaged and set aside");
    let cannot = |error: io::Error| {
        failed("cannot set aside the damaged file of saved things")
            .with("file", path.display())
            .with_source(error)
    };
    fs::rename(path, &aside).map_err(cannot)?;
    for companion in files(path).iter().skip(1) {
        match fs::remove_file(companion) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
            _ => {}
        }
    }
    part.troubled(format!("the saved things were damaged and are set aside as {name}"));
    Ok(())
}

fn unusable(path: &Path, why: Migration) -> Error {
    let error = match &why {
        Migration::Newer { .. } => Error::new("saved", ErrorKind::Config, "a file cannot be used"),
        Migration::Sqlite(_) => failed("cannot open the file of saved things"),
    };
    error.with("file", path.display()).with_source(why)
}

fn of_unknown_kind() -> Error {
    refused("something of a kind that this version does not know has this id")
}

fn failed(message: &str) -> Error {
    Error::new("saved", ErrorKind::Storage, message)
}
