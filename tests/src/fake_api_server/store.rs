//! What etcd does for Events: one revision counter, a history, compaction, and going back in time.
//!
//! The history is never dropped: a compaction only moves the mark below which it is refused. So a
//! watch that is open goes on, however far behind it is, as it does on the real server.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::object::Object;

/// One write.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    key: String,
    /// What was there before.
    pub(crate) before: Option<Arc<Object>>,
    /// What is there now; for a deletion the last state, with the deletion's resourceVersion.
    pub(crate) object: Arc<Object>,
    pub(crate) deleted: bool,
}

#[derive(Debug)]
pub(crate) struct Store {
    revision: u64,
    compacted: u64,
    objects: BTreeMap<String, Arc<Object>>,
    history: Vec<Change>,
    /// (uid, resourceVersion) of each occurrence that was ever written.
    created: Vec<(String, String)>,
}

impl Store {
    pub(crate) fn at(revision: u64) -> Self {
        Self {
            revision,
            compacted: 0,
            objects: BTreeMap::new(),
            history: Vec::new(),
            created: Vec::new(),
        }
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn created(&self) -> &[(String, String)] {
        &self.created
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    /// Writes that do not concern Events: the counter is one for the whole cluster.
    pub(crate) fn advance(&mut self, by: u64) {
        self.revision += by;
    }

    /// Creates or replaces; returns (uid, resourceVersion).
    pub(crate) fn put(&mut self, mut object: Object) -> (String, String) {
        self.revision += 1;
        object.metadata.resource_version = self.revision.to_string();
        self.write(object)
    }

    /// Takes over objects that were recorded elsewhere, with their resourceVersions.
    pub(crate) fn load(&mut self, objects: Vec<Object>, revision: u64) {
        let mut objects: Vec<(u64, Object)> = objects
            .into_iter()
            .map(|object| (object.metadata.resource_version.parse().expect("a number"), object))
            .collect();
        objects.sort_by_key(|(version, _)| *version);
        for (version, object) in objects {
            assert!(version > self.revision, "load into a store that has not come so far yet");
            self.revision = version;
            self.write(object);
        }
        self.revision = self.revision.max(revision);
    }

    fn write(&mut self, object: Object) -> (String, String) {
        let identity = (object.metadata.uid.clone(), object.metadata.resource_version.clone());
        let key = object.key();
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), Arc::clone(&object));
        self.history.push(Change { revision: self.revision, key, before, object, deleted: false });
        self.created.push(identity.clone());
        identity
    }

    /// Deletes, by a user or by the TTL; returns the deletion's revision, if there was something.
    pub(crate) fn delete(&mut self, key: &str) -> Option<u64> {
        let before = self.objects.remove(key)?;
        self.revision += 1;
        let mut object = Object::clone(&before);
        object.metadata.resource_version = self.revision.to_string();
        self.history.push(Change {
            revision: self.revision,
            key: key.to_owned(),
            before: Some(before),
            object: Arc::new(object),
            deleted: true,
        });
        Some(self.revision)
    }

    pub(crate) fn compact(&mut self, revision: u64) {
        assert!(revision <= self.revision, "etcd refuses to compact a future revision");
        self.compacted = self.compacted.max(revision);
    }

    /// Whether a watch from `revision` can no longer be served: it needs `revision + 1` on.
    pub(crate) fn watch_is_too_old(&self, revision: u64) -> bool {
        revision.saturating_add(1) < self.compacted
    }

    /// Whether the state at `revision` can no longer be read.
    pub(crate) fn list_is_too_old(&self, revision: u64) -> bool {
        revision < self.compacted
    }

    /// The state at a revision, in key order.
    pub(crate) fn snapshot(&self, revision: u64) -> BTreeMap<String, Arc<Object>> {
        let mut state = self.objects.clone();
        for change in self.history.iter().rev().take_while(|change| change.revision > revision) {
            match &change.before {
                Some(before) => state.insert(change.key.clone(), Arc::clone(before)),
                None => state.remove(&change.key),
            };
        }
        state
    }

    /// The changes from place `from` of the history on.
    pub(crate) fn changes(&self, from: usize) -> &[Change] {
        self.history.get(from..).unwrap_or_default()
    }

    /// The place after the last change.
    pub(crate) fn end_of_history(&self) -> usize {
        self.history.len()
    }

    /// Restores a backup taken at `revision`: what came later never happened.
    pub(crate) fn restore(&mut self, revision: u64) {
        assert!(revision <= self.revision, "a backup is from the past");
        self.objects = self.snapshot(revision);
        self.history.retain(|change| change.revision <= revision);
        self.revision = revision;
        self.compacted = self.compacted.min(revision);
    }
}
