//! [`SavedThings`] without a file, for tests of whoever uses the trait.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use eventcenter_core::Result;
use jiff::Timestamp;

use super::{Draft, Kind, MOST, Saved, SavedThings, Stamp, Written, other_kind, too_many};

/// Forgets everything with the program.
#[derive(Debug, Default)]
pub struct SavedInMemory(Mutex<Things>);

#[derive(Debug, Default)]
struct Things {
    made: u64,
    by_id: BTreeMap<String, Saved>,
}

impl Things {
    fn called(&self, draft: &Draft) -> Option<&Saved> {
        self.by_id.values().find(|one| one.draft.kind == draft.kind && one.draft.name == draft.name)
    }
}

impl SavedInMemory {
    /// Nothing is kept yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Things> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SavedThings for SavedInMemory {
    async fn list(&self, kind: Option<Kind>) -> Result<Vec<Saved>> {
        let things = self.lock();
        let of_kind = |one: &&Saved| kind.is_none_or(|kind| one.draft.kind == kind);
        let mut found: Vec<_> = things.by_id.values().filter(of_kind).cloned().collect();
        let key = |one: &Saved| (one.draft.kind.as_str(), one.draft.name.clone());
        found.sort_by_key(key);
        Ok(found)
    }

    async fn get(&self, id: &str) -> Result<Option<Saved>> {
        Ok(self.lock().by_id.get(id).cloned())
    }

    async fn create(&self, draft: &Draft, id: Option<&str>, by: &str) -> Result<Written> {
        let mut things = self.lock();
        if let Some(found) = id.and_then(|id| things.by_id.get(id)) {
            return Ok(Written::Conflict(found.clone()));
        }
        if let Some(found) = things.called(draft) {
            return Ok(Written::NameTaken(found.clone()));
        }
        if things.by_id.values().filter(|one| one.draft.kind == draft.kind).count() >= MOST as usize
        {
            return Err(too_many(draft.kind));
        }
        things.made += 1;
        let id = id.map_or_else(|| format!("{:016x}", things.made), str::to_owned);
        let created = Stamp::new(by, Timestamp::now());
        let changed = created.clone();
        let saved = Saved { id: id.clone(), draft: draft.clone(), created, changed, revision: 1 };
        things.by_id.insert(id, saved.clone());
        Ok(Written::Done(saved))
    }

    async fn replace(
        &self,
        id: &str,
        revision: Option<u32>,
        draft: &Draft,
        by: &str,
    ) -> Result<Written> {
        let mut things = self.lock();
        let Some(found) = things.by_id.get(id).cloned() else { return Ok(Written::Absent) };
        if found.draft.kind != draft.kind {
            return Err(other_kind(&found));
        }
        if revision.is_some_and(|seen| seen != found.revision) {
            return Ok(Written::Conflict(found));
        }
        if let Some(other) = things.called(draft).filter(|other| other.id != id) {
            return Ok(Written::NameTaken(other.clone()));
        }
        let changed = Stamp::new(by, Timestamp::now());
        let revision = found.revision + 1;
        let saved = Saved { draft: draft.clone(), changed, revision, ..found };
        things.by_id.insert(id.to_owned(), saved.clone());
        Ok(Written::Done(saved))
    }

    async fn delete(&self, id: &str, revision: Option<u32>) -> Result<Written> {
        let mut things = self.lock();
        let Some(found) = things.by_id.get(id).cloned() else { return Ok(Written::Absent) };
        if revision.is_some_and(|seen| seen != found.revision) {
            return Ok(Written::Conflict(found));
        }
        things.by_id.remove(id);
        Ok(Written::Done(found))
    }
}
