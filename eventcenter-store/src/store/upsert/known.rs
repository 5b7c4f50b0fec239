//! What a partition knows of an Event already.

use rusqlite::{Connection, OptionalExtension, params};

use crate::store::rollup::Labels;

/// The row that is there: what a newer state of its Event is compared with.
pub(super) struct Known {
    pub(super) id: i64,
    pub(super) labels: Labels,
    pub(super) count: u32,
    pub(super) time: i64,
    pub(super) version: i64,
    pub(super) text: u32,
}

/// The row of an Event.
pub(super) fn known(
    connection: &Connection,
    uid: &[u8],
    cluster: i64,
) -> rusqlite::Result<Option<Known>> {
    let mut find = connection.prepare_cached(
        "SELECT id, count, time, version, text, level, class, reason, node, namespace, workload, kind,
            component
         FROM events WHERE uid = ?1 AND cluster = ?2",
    )?;
    find.query_row(params![uid, cluster], |row| {
        let labels = Labels {
            cluster,
            level: row.get(5)?,
            class: row.get(6)?,
            reason: row.get(7)?,
            node: row.get(8)?,
            namespace: row.get(9)?,
            workload: row.get(10)?,
            kind: row.get(11)?,
            component: row.get(12)?,
        };
        let (id, count, time) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Known { id, labels, count, time, version: row.get(3)?, text: row.get(4)? })
    })
    .optional()
}
