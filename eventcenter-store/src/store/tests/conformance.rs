//! The store is a sink like any other.
//!
//! It never refuses anything, nor asks for patience; it fails when its folder is gone, and hangs while somebody else
//! holds its file.

use std::sync::Mutex;

use async_trait::async_trait;
use eventcenter_core::testing::{Reply, Rig};
use eventcenter_core::{Event, sink_conformance};
use rusqlite::Connection;

use super::*;
use crate::store::document::Unpacker;

sink_conformance!(store, StoreRig::new());

struct StoreRig {
    folder: tempfile::TempDir,
    store: Store,
    /// Those that hold the files.
    holders: Mutex<Vec<Connection>>,
}

impl StoreRig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The events of the cases are years old.
        let store = open(
            &folder.path().join("store"),
            &kept(HumanDuration::from_secs(3600 * 24 * 36500), None),
        );
        Self { store: store.unwrap(), folder, holders: Mutex::default() }
    }

    fn here(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn away(&self) -> PathBuf {
        self.folder.path().join("away")
    }
}

#[async_trait]
impl Rig for StoreRig {
    async fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(self.store.sink("store"))
    }

    fn can(&self, reply: &Reply) -> bool {
        matches!(reply, Reply::Accept | Reply::Fail | Reply::Hang)
    }

    fn answer(&self, reply: Reply) {
        self.holders.lock().unwrap().clear();
        if self.away().exists() {
            std::fs::rename(self.away(), self.here()).unwrap();
        }
        match reply {
            Reply::Fail => std::fs::rename(self.here(), self.away()).unwrap(),
            Reply::Hang => {
                // There must be a file to hold.
                let any = eventcenter_core::testing::events::ordinary();
                let sink = self.store.sink("store");
                std::thread::spawn(move || run(sink.deliver(&any.into()))).join().unwrap().unwrap();
                let held = partitions(&self.here()).into_iter().map(|file| {
                    let holder = connection(&file);
                    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
                    holder
                });
                self.holders.lock().unwrap().extend(held);
            }
            _ => {}
        }
    }

    fn accepted(&self) -> Vec<String> {
        let folder = if self.away().exists() { self.away() } else { self.here() };
        let mut taken = Vec::new();
        for file in partitions(&folder) {
            let connection = connection(&file);
            let mut unpacker = Unpacker::new([]).unwrap();
            let sql = "SELECT o.mark, d.document, c.uid, c.name FROM occurrences o JOIN events e ON e.id = o.event
                       JOIN documents d ON d.id = e.id
                       JOIN clusters c ON c.id = e.cluster";
            let mut find = connection.prepare(sql).unwrap();
            let mut rows = find.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let document: Vec<u8> = row.get(1).unwrap();
                let document = unpacker.unpack(0, &document).unwrap();
                let cluster = Cluster { id: row.get(2).unwrap(), name: row.get(3).unwrap() };
                let event =
                    Event::from_kubernetes(&Arc::new(cluster), document.into(), at(MIDNIGHT));
                taken.push((row.get::<_, i64>(0).unwrap(), event.unwrap().occurrence_key()));
            }
        }
        taken.sort();
        taken.into_iter().map(|(_, key)| key).collect()
    }

    fn secret(&self) -> Option<&str> {
        None
    }
}
