//! Takes a cluster out of the store, with all that it has said.
//!
//! Each partition loses the cluster in a transaction of its own, so that sums, occurrences and events agree at every
//! instant; if one cannot be written the rest is still there, and asking again goes on. A partition that is empty then is
//! removed, but for the newest; the room in the others is used by what comes. Words that rows share, such as a
//! namespace's name, and the dictionaries of documents stay until retention takes the file.
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
        let partitions = self.shared.partitions();
        let newest = partitions.last().map(|partition| partition.span);
        for partition in partitions {
            let span = partition.span;
            let removed = open_to_write(&partition.path, OpenFlags::empty())
                .and_then(|mut connection| remove(&mut connection, cluster));
            match removed {
                Ok(None) => {}
                Ok(Some(left)) => {
                    info!(cluster, file = %partition.path.display(), "removed a cluster's events");
                    // Numbers of what is gone are given again: nobody may remember them.
                    self.close(span);
                    if left == 0 && Some(span) != newest {
                        self.unlink(&partition)?;
                    } else {
                        self.shared.add(span, partition.path);
                    }
                }
                Err(error) if is_damage(&error) => {
                    self.set_aside(&partition.path, Some(span), &error);
                }
                Err(error) => return Err(cannot_write(error.into())),
            }
        }
        self.clusters.remove(cluster);
        self.renamed.remove(cluster);
        Ok(())
    }
}

/// Removes the cluster from a partition, in one transaction. How many events are left there; none if it had no such
/// cluster.
fn remove(connection: &mut Connection, cluster: &str) -> rusqlite::Result<Option<i64>> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let sql = "SELECT id FROM clusters WHERE uid = ?1";
    let Some(id) = transaction.query_row(sql, [cluster], |row| row.get::<_, i64>(0)).optional()?
    else {
        return Ok(None);
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
    let left = transaction.query_row("SELECT count(*) FROM events", [], |row| row.get(0))?;
    transaction.commit()?;
    Ok(Some(left))
}
