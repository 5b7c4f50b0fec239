//! A folder. What a disk can do wrong is tried in `src/file/tests.rs`.

use std::sync::Arc;

use async_trait::async_trait;
use eventcenter_core::Sink;
use eventcenter_core::testing::{Reply, Rig};
use eventcenter_sinks::file::{File, FileConfig};
use tempfile::TempDir;

use super::ids;

pub(crate) struct FileRig(TempDir);

impl FileRig {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

#[async_trait]
impl Rig for FileRig {
    async fn sink(&self) -> Arc<dyn Sink> {
        let path = self.0.path().join("events.ndjson");
        Arc::new(File::new("archive", FileConfig::new(path)).unwrap())
    }

    fn can(&self, reply: &Reply) -> bool {
        matches!(reply, Reply::Accept)
    }

    fn answer(&self, _: Reply) {}

    fn accepted(&self) -> Vec<String> {
        ids(&std::fs::read(self.0.path().join("events.ndjson")).unwrap_or_default())
    }

    fn secret(&self) -> Option<&str> {
        None
    }
}
