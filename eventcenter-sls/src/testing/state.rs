//! What the double keeps: projects, logstores, their shards and the groups of logs in them, and other objects.
//!
//! A group is kept as its bytes, so that what is kept costs what was sent. A cursor is, as the service's, the time in
//! nanoseconds at which a group was received, and never twice the same.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::reply::Refusal;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// Objects of one kind, by name.
pub(super) type Objects = BTreeMap<String, Object>;

#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) projects: BTreeMap<String, Project>,
    /// Resources and their records, which belong to the account.
    pub(super) objects: BTreeMap<String, Objects>,
    /// The bytes of all groups that are kept, and how many may be.
    pub(super) kept: u64,
    pub(super) room: u64,
    /// Groups that had to go, because there is no more room.
    pub(super) dropped: u64,
    last_cursor: i64,
}

#[derive(Debug)]
pub(super) struct Project {
    pub(super) info: Object,
    pub(super) created: Timestamp,
    pub(super) logstores: BTreeMap<String, Logstore>,
    /// By the first part of their path, such as `dashboards`.
    pub(super) objects: BTreeMap<String, Objects>,
}

#[derive(Debug)]
pub(super) struct Logstore {
    pub(super) info: Object,
    pub(super) created: Timestamp,
    pub(super) shards: Vec<Shard>,
    pub(super) index: Option<Object>,
    pub(super) substores: Objects,
    pub(super) consumers: BTreeMap<String, ConsumerGroup>,
    /// Which shard is next, where the client leaves it to the service.
    next: usize,
}

#[derive(Debug)]
pub(super) struct Shard {
    pub(super) id: u32,
    /// The keys in it: from this one, and below that one; 128 bits in hexadecimal.
    pub(super) begin: String,
    pub(super) end: String,
    pub(super) groups: VecDeque<Kept>,
}

#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) cursor: i64,
    pub(super) bytes: Bytes,
}

#[derive(Debug, Default)]
pub(super) struct ConsumerGroup {
    pub(super) timeout: i64,
    pub(super) order: bool,
    /// The shards that each consumer holds, and when it was last heard of.
    pub(super) consumers: BTreeMap<String, (Vec<u32>, i64)>,
    pub(super) checkpoints: BTreeMap<u32, Object>,
}

pub(super) fn no_project(name: &str) -> Refusal {
    Refusal::new(404, "ProjectNotExist", format!("The Project does not exist : {name}"))
}

pub(super) fn no_logstore(name: &str) -> Refusal {
    Refusal::new(404, "LogStoreNotExist", format!("logstore {name} does not exist"))
}

impl Account {
    pub(super) fn new(room: u64) -> Self {
        Self { room, ..Self::default() }
    }

    pub(super) fn project(&mut self, name: &str) -> Result<&mut Project, Refusal> {
        self.projects.get_mut(name).ok_or_else(|| no_project(name))
    }

    pub(super) fn logstore(&mut self, project: &str, name: &str) -> Result<&mut Logstore, Refusal> {
        let project = self.project(project)?;
        project.logstores.get_mut(name).ok_or_else(|| no_logstore(name))
    }

    /// Keeps a group, and lets go of older ones if there is no more room.
    pub(super) fn keep(
        &mut self,
        (project, logstore): (&str, &str),
        key: Option<&str>,
        bytes: Bytes,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let received = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
        let cursor = received.max(self.last_cursor.saturating_add(1));
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let shard = self.logstore(project, logstore)?.shard_for(key)?;
        shard.groups.push_back(Kept { cursor, bytes });
        self.last_cursor = cursor;
        self.kept += size;
        while self.kept > self.room {
            self.let_go();
        }
        Ok(())
    }

    /// Removes the oldest group of all.
    fn let_go(&mut self) {
        let shards = self.projects.values_mut().flat_map(|project| project.logstores.values_mut());
        let shards = shards.flat_map(|logstore| logstore.shards.iter_mut());
        let age = |shard: &&mut Shard| shard.groups.front().map_or(i64::MAX, |kept| kept.cursor);
        match shards.min_by_key(age).and_then(|shard| shard.groups.pop_front()) {
            Some(group) => {
                let size = u64::try_from(group.bytes.len()).unwrap_or(u64::MAX);
                self.kept = self.kept.saturating_sub(size);
                self.dropped += 1;
            }
            None => self.kept = 0,
        }
    }

    /// Frees what a deleted logstore has kept.
    pub(super) fn forget(&mut self, logstore: &Logstore) {
        let sizes = logstore.groups().map(|kept| kept.bytes.len());
        let sum = sizes.fold(0, |sum, size| sum + u64::try_from(size).unwrap_or(u64::MAX));
        self.kept = self.kept.saturating_sub(sum);
    }
}

impl Project {
    pub(super) fn new(info: Object, created: Timestamp) -> Self {
        Self { info, created, logstores: BTreeMap::new(), objects: BTreeMap::new() }
    }
}

impl Logstore {
    /// `shards` is taken from `shardCount`.
    pub(super) fn new(info: Object, created: Timestamp) -> Self {
        let count = info.get("shardCount").and_then(Value::as_u64).unwrap_or(2).clamp(1, 64);
        let step = u128::MAX / u128::from(count);
        let key = |number: u64| match number {
            0 => "0".repeat(32),
            number if number == count => "f".repeat(32),
            number => format!("{:032x}", step * u128::from(number)),
        };
        let shard = |number: u64| Shard {
            id: u32::try_from(number).unwrap_or(0),
            begin: key(number),
            end: key(number + 1),
            groups: VecDeque::new(),
        };
        Self {
            info,
            created,
            shards: (0..count).map(shard).collect(),
            index: None,
            substores: Objects::new(),
            consumers: BTreeMap::new(),
            next: 0,
        }
    }

    fn shard_for(&mut self, key: Option<&str>) -> Result<&mut Shard, Refusal> {
        let without = || Refusal::new(400, "LogStoreWithoutShard", "logstore has no shard");
        let Some(key) = key else {
            self.next = (self.next + 1) % self.shards.len().max(1);
            return self.shards.get_mut(self.next).ok_or_else(without);
        };
        if key.len() != 32 || !key.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Refusal::parameter(format!("Invalid hash key {key}")));
        }
        let key = key.to_ascii_lowercase();
        // The last shard has the last key too.
        let last = self.shards.len().saturating_sub(1);
        let place = self.shards.iter().position(|shard| key < shard.end).unwrap_or(last);
        self.shards.get_mut(place).ok_or_else(without)
    }

    pub(super) fn shard(&self, id: &str) -> Result<&Shard, Refusal> {
        let found = id.parse().ok().and_then(|id: u32| self.shards.iter().find(|s| s.id == id));
        found.ok_or_else(|| Refusal::new(404, "ShardNotExist", format!("shard {id} not exist")))
    }

    /// All groups, the oldest of each shard first.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Kept> {
        self.shards.iter().flat_map(|shard| shard.groups.iter())
    }

    pub(super) fn list_shards(&self) -> Value {
        let created = self.created.as_second();
        let shard = |shard: &Shard| {
            json!({
                "shardID": shard.id,
                "status": "readwrite",
                "inclusiveBeginKey": shard.begin,
                "exclusiveEndKey": shard.end,
                "createTime": created,
            })
        };
        self.shards.iter().map(shard).collect()
    }
}
