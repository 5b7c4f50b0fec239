//! What people call a cluster, instead of what its events say.
//!
//! Answers have the name that stands in each partition's table of clusters, and statements find it there. So a new name
//! is written to all partitions at once, and put in the place of what events say from then on. It is kept in memory
//! alone: whoever opens the store says it again.

use eventcenter_core::Result;
use rusqlite::OpenFlags;
use tracing::info;

use super::{Writer, cannot_write};
use crate::store::partition::{is_damage, open_to_write};

impl Writer {
    pub(super) fn rename(&mut self, cluster: &str, name: String) -> Result<()> {
        for readable in self.shared.partitions() {
            let sql = "UPDATE clusters SET name = ?2 WHERE uid = ?1 AND name <> ?2";
            let renamed = match self.open.get(&readable.span.number()) {
                Some(partition) => partition.connection.execute(sql, [cluster, &name]),
                None => open_to_write(&readable.path, OpenFlags::empty())
                    .and_then(|connection| connection.execute(sql, [cluster, &name])),
            };
            match renamed {
                Ok(0) => {}
                Ok(_) => info!(cluster, name, file = %readable.path.display(), "renamed a cluster"),
                Err(error) if is_damage(&error) => {
                    self.set_aside(&readable.path, Some(readable.span), &error);
                }
                Err(error) => return Err(cannot_write(error.into())),
            }
        }
        self.renamed.insert(cluster.to_owned(), name);
        Ok(())
    }
}
