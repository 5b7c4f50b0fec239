//! A partition: the events of some days, in one file.
//!
//! Files are called by when they begin, `events-2026-11-25.db`, or `events-2026-11-25T14.db` where one before it was
//! cut short because it had become too large. An update belongs to the partition of its time, so a replay finds the
//! same one; where a new one is made, it does not overlap those that are there, although the setting may have changed.
//! Retention removes whole files.
//!
//! SQLite in WAL mode with `synchronous=FULL`: what was committed is durable, and readers never wait for the writer.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use eventcenter_core::Cluster;
use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use crate::store::document::Packer;
use crate::store::rollup::{DAY, HOUR};
use crate::store::schema::{self, Migration};

/// How long a connection waits for another.
const BUSY: std::time::Duration = std::time::Duration::from_secs(10);

/// Entries of a cache; beyond it the cache begins anew. A name costs some 150 bytes.
const CACHED: usize = 50_000;

/// The time that a partition holds, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

impl Span {
    pub(crate) fn contains(self, time: i64) -> bool {
        self.from <= time && time < self.until
    }

    /// The number of the partition: the hour since 1970 in which it begins.
    pub(crate) fn number(self) -> i64 {
        self.from.div_euclid(HOUR)
    }

    /// The span of `days` in which `time` lies, as much of it as the others leave.
    pub(crate) fn around(time: i64, days: i64, others: impl Iterator<Item = Self>) -> Self {
        let len = days.max(1) * DAY;
        let from = time.div_euclid(len) * len;
        let mut span = Self { from, until: from + len };
        for other in others {
            if other.until <= time {
                span.from = span.from.max(other.until);
            } else {
                span.until = span.until.min(other.from);
            }
        }
        span
    }

    /// The same, ended by the hour that begins after `newest`.
    pub(crate) fn cut_after(self, newest: i64) -> Self {
        let cut = (newest.div_euclid(HOUR) + 1) * HOUR;
        Self { until: self.until.min(cut), ..self }
    }

    /// The name of its file.
    pub(crate) fn file_name(self) -> String {
        let begin = Timestamp::from_microsecond(self.from).unwrap_or(Timestamp::UNIX_EPOCH);
        let is_midnight = self.from.rem_euclid(DAY) == 0;
        format!("events-{}.db", begin.strftime(if is_midnight { "%F" } else { "%FT%H" }))
    }

    /// Whether a partition's file can be called so.
    pub(crate) fn is_file_name(name: &str) -> bool {
        let begin = name.strip_prefix("events-").and_then(|rest| rest.strip_suffix(".db"));
        let Some((day, hour)) = begin.map(|begin| begin.split_once('T').unwrap_or((begin, "00")))
        else {
            return false;
        };
        day.parse::<Date>().is_ok()
            && hour.len() == 2
            && hour.parse::<u8>().is_ok_and(|hour| hour < 24)
    }
}

/// A partition that is being written.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) span: Span,
    pub(crate) connection: Connection,
    pub(crate) names: Names,
    pub(crate) packer: Packer,
}

/// The numbers of what many rows share.
#[derive(Debug, Default)]
pub(crate) struct Names {
    words: HashMap<String, i64>,
    clusters: HashMap<String, i64>,
    objects: HashMap<ObjectKey, i64>,
}

/// An object as it is stored; the numbers are those of its words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ObjectKey {
    pub(crate) cluster: i64,
    pub(crate) kind: i64,
    pub(crate) namespace: i64,
    pub(crate) name: String,
    pub(crate) uid: String,
}

impl Partition {
    /// Opens a file, or makes it for this span; what is of an older version is brought to this one.
    pub(crate) fn open(path: &Path, new: Option<Span>) -> Result<Self, Migration> {
        let mut connection = open_to_write(path, OpenFlags::SQLITE_OPEN_CREATE)?;
        connection.set_prepared_statement_cache_capacity(64);
        connection.execute_batch("PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY;")?;
        schema::migrate(&mut connection)?;
        if let Some(Span { from, until }) = new {
            connection.execute(
                "INSERT OR IGNORE INTO meta VALUES ('from', ?1), ('until', ?2)",
                params![from, until],
            )?;
        }
        let span = span(&connection)?;
        let dictionary = newest_dictionary(&connection)?;
        let dictionary = dictionary.as_ref().map(|(id, bytes)| (*id, bytes.as_slice()));
        let packer = Packer::new(dictionary).map_err(failed)?;
        Ok(Self { span, connection, names: Names::default(), packer })
    }

    /// Makes a dictionary the one that is used from now on.
    pub(crate) fn adopt_dictionary(&mut self, bytes: &[u8]) -> Result<(), rusqlite::Error> {
        self.connection.execute("INSERT INTO dictionaries (bytes) VALUES (?1)", [bytes])?;
        let id = self.connection.last_insert_rowid();
        self.packer = Packer::new(Some((id, bytes))).map_err(failed)?;
        Ok(())
    }

    /// The newest dictionary, for the partition that comes after.
    pub(crate) fn dictionary(&self) -> rusqlite::Result<Option<Vec<u8>>> {
        Ok(newest_dictionary(&self.connection)?.map(|(_, bytes)| bytes))
    }

    /// The largest mark in it.
    pub(crate) fn newest_mark(&self) -> rusqlite::Result<i64> {
        let sql = "SELECT coalesce(max(mark), 0) FROM occurrences";
        self.connection.query_row(sql, [], |row| row.get(0))
    }

    /// The newest time of an event that another component than this has said.
    pub(crate) fn newest_time(&self, component: &str) -> rusqlite::Result<Option<i64>> {
        let sql = "SELECT x.time FROM occurrences x CROSS JOIN events e ON e.id = x.event
                   WHERE e.component IS NOT (SELECT id FROM words WHERE text = ?1)
                   ORDER BY x.time DESC LIMIT 1";
        self.connection.query_row(sql, [component], |row| row.get(0)).optional()
    }

    /// Moves what is in the write-ahead log into the file, as far as no reader needs it; waits for nobody.
    pub(crate) fn checkpoint(&self) -> rusqlite::Result<()> {
        self.connection.busy_timeout(std::time::Duration::ZERO)?;
        let done = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        self.connection.busy_timeout(BUSY)?;
        done
    }

    /// Ends it after its newest event, because it is too large. Whether it could.
    pub(crate) fn cut(&mut self) -> rusqlite::Result<bool> {
        let sql = "SELECT max(time) FROM occurrences";
        let newest: Option<i64> = self.connection.query_row(sql, [], |row| row.get(0))?;
        let cut = newest.map_or(self.span, |newest| self.span.cut_after(newest));
        if cut == self.span {
            return Ok(false);
        }
        self.connection.execute("UPDATE meta SET value = ?1 WHERE key = 'until'", [cut.until])?;
        self.span = cut;
        Ok(true)
    }
}

impl Names {
    /// The number of a word; the empty one is 0.
    pub(crate) fn word(&mut self, connection: &Connection, text: &str) -> rusqlite::Result<i64> {
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(&id) = self.words.get(text) {
            return Ok(id);
        }
        let mut find = connection.prepare_cached("SELECT id FROM words WHERE text = ?1")?;
        let id = match find.query_row([text], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => {
                connection
                    .prepare_cached("INSERT INTO words (text) VALUES (?1)")?
                    .execute([text])?;
                connection.last_insert_rowid()
            }
        };
        remember(&mut self.words, text.to_owned(), id);
        Ok(id)
    }

    /// The number of a cluster; `name` says what it is called.
    pub(crate) fn cluster(
        &mut self,
        connection: &Connection,
        cluster: &Cluster,
        name: impl FnOnce(&Cluster) -> String,
    ) -> rusqlite::Result<i64> {
        if let Some(&id) = self.clusters.get(&cluster.id) {
            return Ok(id);
        }
        connection.execute(
            "INSERT INTO clusters (uid, name, received, recorded) VALUES (?1, ?2, 0, 1)
             ON CONFLICT (uid) DO UPDATE SET name = ?2",
            params![cluster.id, name(cluster)],
        )?;
        let sql = "SELECT id FROM clusters WHERE uid = ?1";
        let id = connection.query_row(sql, [&cluster.id], |row| row.get(0))?;
        self.clusters.insert(cluster.id.clone(), id);
        Ok(id)
    }

    /// The number of an object, which belongs to this workload.
    pub(crate) fn object(
        &mut self,
        connection: &Connection,
        key: ObjectKey,
        workload: i64,
    ) -> rusqlite::Result<i64> {
        if let Some(&id) = self.objects.get(&key) {
            return Ok(id);
        }
        let mut find = connection.prepare_cached(
            "SELECT id FROM objects WHERE name = ?1 AND namespace = ?2 AND kind = ?3 AND cluster = ?4 AND uid = ?5",
        )?;
        let ObjectKey { cluster, kind, namespace, name, uid } = &key;
        let found = find.query_row(params![name, namespace, kind, cluster, uid], |row| row.get(0));
        let id = match found.optional()? {
            Some(id) => id,
            None => {
                let mut insert = connection.prepare_cached(
                    "INSERT INTO objects (name, namespace, kind, cluster, uid, workload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?;
                insert.execute(params![name, namespace, kind, cluster, uid, workload])?;
                connection.last_insert_rowid()
            }
        };
        remember(&mut self.objects, key, id);
        Ok(id)
    }
}

fn remember<K: std::hash::Hash + Eq>(cache: &mut HashMap<K, i64>, key: K, id: i64) {
    if cache.len() >= CACHED {
        cache.clear();
    }
    cache.insert(key, id);
}

/// Opens a file such that what is committed is durable, and readers never wait.
pub(crate) fn open_to_write(path: &Path, more: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    keep_plans(&connection)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16000;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    Ok(connection)
}

/// Opens a partition for reading alone.
pub(crate) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    keep_plans(&connection)?;
    Ok(connection)
}

/// A statement stays prepared. SQLite would plan some anew for every value that is bound, in case a partial index
/// suits that one; it costs more than all else that an insertion does, and none of ours depend on a value.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

/// The span that a file says it has.
pub(crate) fn span(connection: &Connection) -> rusqlite::Result<Span> {
    let fact = |key| {
        connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
    };
    Ok(Span { from: fact("from")?, until: fact("until")? })
}

/// Where the file and its companions are.
pub(crate) fn files(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|suffix| {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        file.into()
    })
}

fn newest_dictionary(connection: &Connection) -> rusqlite::Result<Option<(i64, Vec<u8>)>> {
    let sql = "SELECT id, bytes FROM dictionaries ORDER BY id DESC LIMIT 1";
    connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// Whether the file is no database, or one with a page that makes no sense.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// An error of the compressor, as SQLite reports those of functions.
pub(crate) fn failed(error: std::io::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_never_overlap_whatever_the_setting_was() {
        let old =
            [Span { from: 10 * DAY, until: 12 * DAY }, Span { from: 20 * DAY, until: 32 * DAY }];
        for (time, days, from, until) in [
            (5, 12, 0, 10),
            (13, 12, 12, 20),
            (19, 1, 19, 20),
            (33, 12, 32, 36),
            (100, 12, 96, 108),
        ] {
            let span = Span::around(time * DAY + 7, days, old.into_iter());
            assert_eq!((span.from / DAY, span.until / DAY), (from, until), "day {time}");
            assert!(span.contains(time * DAY + 7));
        }
        assert_eq!(Span::around(-1, 1, std::iter::empty()).number(), -24);
    }

    #[test]
    fn a_file_is_called_by_when_it_begins() {
        let span = Span::around(1_795_000_000_000_000, 1, std::iter::empty());
        assert_eq!(span.file_name(), "events-2026-11-18.db");
        let cut = span.cut_after(span.from + 13 * HOUR + 7);
        assert_eq!(cut.until, span.from + 14 * HOUR);
        let rest = Span::around(cut.until, 1, std::iter::once(cut));
        assert_eq!(rest, Span { from: cut.until, until: span.until });
        assert_eq!(rest.file_name(), "events-2026-11-18T14.db");
        for name in [span.file_name(), rest.file_name()] {
            assert!(Span::is_file_name(&name), "{name}");
        }
        for other in [
            "events-2026-11-18.db-wal",
            "events-2026-11-18T24.db",
            "events-2026-11-18T.db",
            "events-.db",
            "events-2026-13-01.db",
            "x.db",
        ] {
            assert!(!Span::is_file_name(other), "{other}");
        }
    }
}
