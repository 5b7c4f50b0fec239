//! The tables of a partition, and how a file of an older version becomes one of this version.
//!
//! A partition is one SQLite file: everything in it is consistent with everything else at every instant, since a
//! transaction over several files is not crash-atomic. Times are microseconds since 1970, UTC.
//!
//! | table | a row for each |
//! |---|---|
//! | `meta` | fact about the partition: `from`, `until` |
//! | `words` | text that many rows share: reasons, namespaces, kinds, nodes, ...; number 0 is the empty text |
//! | `clusters` | cluster |
//! | `objects` | object that events are about; `workload` is `Kind/name` |
//! | `events` | Event, in its newest state within the partition's time; narrow, since searches pass many |
//! | `documents` | Event: all of it, compressed; rowid as in `events` |
//! | `occurrences` | rise of an Event's count; `mark` is unique in the whole store and grows |
//! | `found` | the words of an Event's message, reason and object's name, for searches; rowid as in `events` |
//! | `minutes`, `hours`, `days` | sum of rises, by what the overview shows |
//! | `day_reasons`, `hour_reasons`, `hour_namespaces` | the same by fewer columns: a week is some hundred rows |
//! | `hour_nodes`, `day_nodes`, `hour_workloads`, `day_workloads` | the same by node, by workload |
//! | `gaps` | declared loss |
//! | `dictionaries` | zstd dictionary that documents are compressed with |

use rusqlite::Connection;

/// Of files that this version writes.
pub(crate) const VERSION: u32 = 1;

/// What brings a file from the version of its place in the list to the next; the first makes a new one.
const STEPS: [&str; VERSION as usize] = ["
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
INSERT INTO words VALUES (0, '');
CREATE TABLE clusters (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    received INTEGER NOT NULL,      -- when its newest event arrived
    watched_since INTEGER,          -- since when without a gap; none: it was never watched
    recorded INTEGER NOT NULL       -- 1: only ever imported, or a demo
) STRICT;
CREATE TABLE objects (
    id INTEGER PRIMARY KEY,
    cluster INTEGER NOT NULL,       -- clusters.id
    kind INTEGER NOT NULL,          -- words.id, as are namespace and workload
    namespace INTEGER NOT NULL,
    name TEXT NOT NULL,
    uid TEXT NOT NULL,
    workload INTEGER NOT NULL,
    UNIQUE (name, namespace, kind, cluster, uid)
) STRICT;
CREATE INDEX objects_uid ON objects (uid) WHERE uid <> '';
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    uid BLOB NOT NULL,              -- 16 bytes if it is a UUID, else as it is
    cluster INTEGER NOT NULL,       -- clusters.id
    object INTEGER NOT NULL,        -- objects.id
    kind INTEGER NOT NULL,          -- as the object has them
    namespace INTEGER NOT NULL,
    workload INTEGER NOT NULL,
    pod INTEGER NOT NULL,           -- objects.id of the Pod, if it is about something else; else 0
    reason INTEGER NOT NULL,        -- words.id, as are component, node, type and class
    component INTEGER NOT NULL,
    node INTEGER NOT NULL,
    type INTEGER NOT NULL,
    class INTEGER NOT NULL,
    level INTEGER NOT NULL,         -- 0 Normal, 1 Warning, 2 Error
    count INTEGER NOT NULL,
    time INTEGER NOT NULL,          -- of the newest state
    first INTEGER,
    version INTEGER NOT NULL,       -- resourceVersion; 0 if it is no number
    received INTEGER NOT NULL,
    occurrences INTEGER NOT NULL,   -- sum of its rises in this partition
    estimated INTEGER NOT NULL,     -- 1: more may have happened than that
    continues INTEGER NOT NULL,     -- 1: an older partition has a row of it too
    text INTEGER NOT NULL           -- checksum of what is in `found`
) STRICT;
CREATE UNIQUE INDEX events_uid ON events (uid, cluster);
CREATE INDEX events_object ON events (object);
CREATE INDEX events_pod ON events (pod) WHERE pod <> 0;
CREATE INDEX events_node ON events (node) WHERE node <> 0;
CREATE INDEX events_class ON events (class) WHERE class <> 0;
CREATE INDEX events_continues ON events (uid) WHERE continues = 1;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,         -- events.id
    dictionary INTEGER NOT NULL,    -- dictionaries.id; 0: compressed without one
    document BLOB NOT NULL
) STRICT;
CREATE TABLE occurrences (
    mark INTEGER PRIMARY KEY,
    event INTEGER NOT NULL,         -- events.id
    time INTEGER NOT NULL,
    rise INTEGER NOT NULL,          -- at least 1
    estimated INTEGER NOT NULL
) STRICT;
CREATE INDEX occurrences_time ON occurrences (time, event, rise, estimated);
CREATE INDEX occurrences_event ON occurrences (event, time, rise, estimated);
CREATE VIRTUAL TABLE found USING fts5 (
    message, reason, name, content='', contentless_delete=1, tokenize='ascii'
);
CREATE TABLE minutes (
    minute INTEGER NOT NULL,        -- time / 60,000,000
    cluster INTEGER NOT NULL,
    level INTEGER NOT NULL,
    class INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    namespace INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    component INTEGER NOT NULL,
    rise INTEGER NOT NULL,
    estimated INTEGER NOT NULL,     -- so many of them are estimates
    PRIMARY KEY (minute, cluster, level, class, reason, namespace, kind, component)
) STRICT, WITHOUT ROWID;
CREATE TABLE hours (
    hour INTEGER NOT NULL,          -- time / 3,600,000,000
    cluster INTEGER NOT NULL,
    level INTEGER NOT NULL,
    class INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    namespace INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    component INTEGER NOT NULL,
    rise INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (hour, cluster, level, class, reason, namespace, kind, component)
) STRICT, WITHOUT ROWID;
CREATE TABLE days (
    day INTEGER NOT NULL,           -- time / 86,400,000,000
    cluster INTEGER NOT NULL,
    level INTEGER NOT NULL,
    class INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    namespace INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    component INTEGER NOT NULL,
    rise INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (day, cluster, level, class, reason, namespace, kind, component)
) STRICT, WITHOUT ROWID;
CREATE TABLE hour_reasons (
    hour INTEGER NOT NULL,
    cluster INTEGER NOT NULL,
    level INTEGER NOT NULL,
    class INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    rise INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (hour, cluster, level, class, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE day_reasons (
    day INTEGER NOT NULL,
    cluster INTEGER NOT NULL,
    level INTEGER NOT NULL,
    class INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    rise INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (day, cluster, level, class, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE hour_namespaces (
    hour INTEGER NOT NULL,
    cluster INTEGER NOT NULL,
    level INTEGER NOT NULL,
    namespace INTEGER NOT NULL,
    rise INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (hour, cluster, level, namespace)
) STRICT, WITHOUT ROWID;
CREATE TABLE hour_nodes (
    hour INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    cluster INTEGER NOT NULL,
    level INTEGER NOT NULL,
    class INTEGER NOT NULL,
    node INTEGER NOT NULL,
    rise INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (hour, kind, cluster, level, class, node)
) STRICT, WITHOUT ROWID;
CREATE TABLE day_nodes (
    day INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    cluster INTEGER NOT NULL,
    level INTEGER NOT NULL,
    class INTEGER NOT NULL,
    node INTEGER NOT NULL,
    rise INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (day, kind, cluster, level, class, node)
) STRICT, WITHOUT ROWID;
CREATE TABLE hour_workloads (
    hour INTEGER NOT NULL,
    cluster INTEGER NOT NULL,
    level INTEGER NOT NULL,
    namespace INTEGER NOT NULL,
    workload INTEGER NOT NULL,
    rise INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (hour, cluster, level, namespace, workload)
) STRICT, WITHOUT ROWID;
CREATE TABLE day_workloads (
    day INTEGER NOT NULL,
    cluster INTEGER NOT NULL,
    level INTEGER NOT NULL,
    namespace INTEGER NOT NULL,
    workload INTEGER NOT NULL,
    rise INTEGER NOT NULL,
    estimated INTEGER NOT NULL,
    PRIMARY KEY (day, cluster, level, namespace, workload)
) STRICT, WITHOUT ROWID;
CREATE TABLE gaps (
    uid TEXT PRIMARY KEY,           -- of the event that declared it
    cluster INTEGER NOT NULL,
    grade INTEGER NOT NULL,         -- 0 revisions, 1 events
    since INTEGER,
    until INTEGER NOT NULL,
    count INTEGER,
    reason TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE dictionaries (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
"];

/// Brings a file to this version, in one transaction. The error of a newer one says so in words.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), Migration> {
    step_through(connection, &STEPS)
}

/// The same for a file of another kind, with steps of its own.
pub(crate) fn step_through(connection: &mut Connection, steps: &[&str]) -> Result<(), Migration> {
    let version = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > version {
        return Err(Migration::Newer { found, known: version });
    }
    for step in steps.iter().skip(found as usize) {
        transaction.execute_batch(step)?;
    }
    if found < version {
        transaction.pragma_update(None, "user_version", version)?;
    }
    Ok(transaction.commit()?)
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Migration {
    /// A newer program has written it.
    #[error(
        "it was written by a newer version (its format is {found}, this program knows {known})"
    )]
    Newer {
        /// Its format.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// SQLite says no.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_today() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let sql = "INSERT INTO words (text) VALUES ('BackOff'), ('shop')";
        connection.execute(sql, []).unwrap();
        connection
    }

    fn version(connection: &Connection) -> u32 {
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_file_of_today_will_be_one_of_tomorrow_with_all_that_is_in_it() {
        let mut connection = of_today();
        let mut steps = STEPS.to_vec();
        steps.push("ALTER TABLE words ADD COLUMN used INTEGER NOT NULL DEFAULT 7");
        steps.push("UPDATE words SET used = used + id");
        for _ in 0..2 {
            step_through(&mut connection, &steps).unwrap();
            assert_eq!(version(&connection), VERSION + 2);
            let sql = "SELECT text, used FROM words WHERE id = 2";
            let word = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
            assert_eq!(word, Ok(("shop".to_owned(), 9)));
        }
        let error = migrate(&mut connection).unwrap_err();
        assert!(error.to_string().contains("by a newer version"), "{error}");
    }

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let mut connection = of_today();
        let mut steps = STEPS.to_vec();
        steps.push("DELETE FROM words");
        steps.push("this is no statement");
        step_through(&mut connection, &steps).unwrap_err();
        assert_eq!(version(&connection), VERSION);
        let words = connection.query_row("SELECT count(*) FROM words", [], |row| row.get(0));
        assert_eq!(words, Ok(3));
        migrate(&mut connection).unwrap();
    }
}
