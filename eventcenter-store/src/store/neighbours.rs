//! What the other partitions know of an Event: it may live across a boundary, and arrive in any order.
//!
//! Files are asked one by one with a connection each that stays open, newest first for what came before. Nothing is
//! copied from one file to another but counts, so each stays whole by itself. A file that is damaged knows nothing, and
//! is named to whoever asks [`take_damaged`](Neighbours::take_damaged).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use eventcenter_core::Event;
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::partition::{Span, is_damage, open_to_write};
use super::shared::Readable;
use super::upsert::checksum;

/// Connections to the partitions. The writer keeps it, and says which files [go](Self::forget).
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    /// By number.
    connections: BTreeMap<i64, Connection>,
    damaged: Vec<(Readable, rusqlite::Error)>,
}

/// What a later partition counts of an Event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Later {
    /// All of its count, but for what was counted before.
    All,
    /// Less than that: it did not know what had happened before.
    Estimate,
}

impl Neighbours {
    /// To be called when the file goes.
    pub(super) fn forget(&mut self, span: Span) {
        self.connections.remove(&span.number());
    }

    /// Those in which damage has shown since this was asked last.
    pub(super) fn take_damaged(&mut self) -> Vec<(Readable, rusqlite::Error)> {
        std::mem::take(&mut self.damaged)
    }

    /// The count of the Event in the newest of these that has it.
    pub(super) fn count(
        &mut self,
        older: &[Readable],
        uid: &[u8],
        cluster: &str,
    ) -> rusqlite::Result<Option<u32>> {
        let sql = "SELECT count FROM events WHERE uid = ?1
                   AND cluster = (SELECT id FROM clusters WHERE clusters.uid = ?2)";
        self.newest(older, |connection| {
            let mut find = connection.prepare_cached(sql)?;
            find.query_row(params![uid, cluster], |row| row.get(0)).optional()
        })
    }

    /// The count of an Event that a recorder made anew as this one, in the newest of these that has it.
    pub(super) fn predecessor(
        &mut self,
        older: &[Readable],
        event: &Event,
    ) -> rusqlite::Result<Option<u32>> {
        let sql = "SELECT max(e.count) FROM objects o JOIN events e ON e.object = o.id
                   WHERE o.name = ?1 AND o.uid = ?2 AND o.namespace = (SELECT id FROM words WHERE text = ?3)
                   AND o.kind = (SELECT id FROM words WHERE text = ?4)
                   AND o.cluster = (SELECT id FROM clusters WHERE clusters.uid = ?5)
                   AND e.first = ?6 AND e.text = ?7 AND e.count < ?8";
        let first = event.first().map(Timestamp::as_microsecond);
        let object = event.object();
        self.newest(older, |connection| {
            let mut find = connection.prepare_cached(sql)?;
            find.query_row(
                params![
                    object.name,
                    object.uid,
                    object.namespace,
                    object.kind,
                    event.cluster().id,
                    first,
                    checksum(event),
                    event.count()
                ],
                |row| row.get(0),
            )
        })
    }

    /// The count that the newest of these knows, if one does.
    fn newest(
        &mut self,
        older: &[Readable],
        count: impl Fn(&Connection) -> rusqlite::Result<Option<u32>>,
    ) -> rusqlite::Result<Option<u32>> {
        for partition in older.iter().rev() {
            let count = self.ask(partition, &count)?;
            if count.is_some() {
                return Ok(count);
            }
        }
        Ok(None)
    }

    /// What the first of these that has the Event counts of it. Its row is marked as one that continues an older.
    pub(super) fn later(
        &mut self,
        newer: &[Readable],
        uid: &[u8],
        cluster: &str,
    ) -> rusqlite::Result<Option<Later>> {
        let sql = "SELECT id, continues, estimated FROM events WHERE uid = ?1
                   AND cluster = (SELECT id FROM clusters WHERE clusters.uid = ?2)";
        for partition in newer {
            let found = self.ask(partition, |connection| {
                let mut find = connection.prepare_cached(sql)?;
                let found = find.query_row(params![uid, cluster], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?))
                });
                if let Ok((id, false, _)) = &found {
                    connection.execute("UPDATE events SET continues = 1 WHERE id = ?1", [id])?;
                }
                found.optional()
            })?;
            if let Some((_, _, is_estimate)) = found {
                return Ok(Some(if is_estimate { Later::Estimate } else { Later::All }));
            }
        }
        Ok(None)
    }

    fn ask<T>(
        &mut self,
        partition: &Readable,
        question: impl FnOnce(&Connection) -> rusqlite::Result<Option<T>>,
    ) -> rusqlite::Result<Option<T>> {
        let connection = match self.connections.entry(partition.span.number()) {
            Entry::Occupied(known) => Ok(&*known.into_mut()),
            Entry::Vacant(place) => connect(&partition.path).map(|new| &*place.insert(new)),
        };
        match connection.and_then(question) {
            Err(error) if is_damage(&error) => {
                self.damaged.push((partition.clone(), error));
                Ok(None)
            }
            answer => answer,
        }
    }
}

/// With a small cache, since most questions are about one row.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open_to_write(path, OpenFlags::empty())?;
    connection.pragma_update(None, "cache_size", -512)?;
    Ok(connection)
}
