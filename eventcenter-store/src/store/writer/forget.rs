//! Takes a cluster out of the store, with all that it has said.
//!
//! A partition that has events of others loses the cluster in a transaction of its own, so that sums, occurrences and
//! events agree at every instant; the room is used by what comes. Words that rows share, such as a namespace's name, and
//! the dictionaries of documents stay until retention takes the file. A partition that has nothing else is removed. If one
//! cannot be written the rest is still there, and asking again goes on.
//!
//! Events of the cluster may be on their way here, in the spool: what was received before a given time is not taken any
//! more. That is kept in memory alone: whoever opens the store says it again.

use eventcenter_core::{Event, Result};
use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tracing::info;

use super::{Writer, cannot_write};
use crate::store::partition::{is_damage, open_to_write};
use crate::store::rollup;

impl Writer {
    /// Nothing of the cluster is taken that was received until then.
    pub(super) fn ignore(&mut self, cluster: String, until: Timestamp) {
        let ignored = self.ignored.entry(cluster).or_insert(until);
        *ignored = (*ignored).max(until);
    }

    pub(super) fn is_ignored(&self, event: &Event) -> bool {
        let until = self.ignored.get(&event.cluster().id);
        until.is_some_and(|until| event.received() <= *until)
    }

    pub(super) fn forget(&mut self, cluster: &str) -> Result<()> {
        for partition in self.shared.partitions() {
            let span = partition.span;
            let removed = open_to_write(&partition.path, OpenFlags::empty())
                .and_then(|mut connection| remove(&mut connection, cluster));
            match removed {
                Ok(Found::Nothing) => continue,
                // Numbers of what is gone are given again: nobody may remember them.
                Ok(Found::Some) => {
                    self.close(span);
                    self.shared.add(span, partition.path.clone());
                }
                Ok(Found::Alone) => {
                    self.close(span);
                    self.unlink(&partition)?;
                }
                Err(error) if is_damage(&error) => {
                    self.set_aside(&partition.path, Some(span), &error);
                    continue;
                }
                Err(error) => return Err(cannot_write(error.into())),
            }
            info!(cluster, file = %partition.path.display(), "removed a cluster's events");
        }
        self.clusters.remove(cluster);
        self.renamed.remove(cluster);
        Ok(())
    }
}

/// What there was of a cluster in a partition.
enum Found {
    Nothing,
    /// It is removed.
    Some,
    /// There is nothing else: it is still there.
    Alone,
}

/// Removes the cluster from a partition that has others too, in one transaction.
fn remove(connection: &mut Connection, cluster: &str) -> rusqlite::Result<Found> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let sql = "SELECT id, (SELECT count(*) FROM clusters) FROM clusters WHERE uid = ?1";
    let found = transaction.query_row(sql, [cluster], |row| Ok((row.get(0)?, row.get(1)?)));
    let id: i64 = match found.optional()? {
        None => return Ok(Found::Nothing),
        Some((_, 1)) => return Ok(Found::Alone),
        Some((id, _)) => id,
    };
    for (table, event) in [("found", "rowid"), ("documents", "id"), ("occurrences", "event")] {
        let sql = format!(
            "DELETE FROM {table} WHERE {event} IN (SELECT id FROM events WHERE cluster = ?1)"
        );
        transaction.execute(&sql, [id])?;
    }
    let sums = rollup::TABLES.iter().map(|table| table.name);
    for table in ["events", "objects", "gaps"].into_iter().chain(sums) {
        transaction.execute(&format!("DELETE FROM {table} WHERE cluster = ?1"), [id])?;
    }
    transaction.execute("DELETE FROM clusters WHERE id = ?1", [id])?;
    transaction.commit()?;
    Ok(Found::Some)
}
