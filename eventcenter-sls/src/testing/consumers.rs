//! Consumer groups: who holds which shard, and how far each has come.
//!
//! Shards are shared out evenly, in the order of the consumers' names, among those that were heard of within the group's
//! timeout. A consumer that holds a shard it should not have keeps it until its next heartbeat does not name it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::reply::{Refusal, Reply};
use super::route::{Call, text};
use super::state::{ConsumerGroup, Logstore, Object};

pub(super) fn answer(
    call: &Call<'_>,
    logstore: &mut Logstore,
    path: &[&str],
) -> Result<Reply, Refusal> {
    let shards: Vec<u32> = logstore.shards.iter().map(|shard| shard.id).collect();
    let groups = &mut logstore.consumers;
    let kind = call.parameter("type");
    match (call.method(), path, kind.as_deref()) {
        ("POST", [], None) => create(call, groups),
        ("GET", [], None) => {
            let show = |(name, group): (&String, &ConsumerGroup)| json!({ "name": name, "timeout": group.timeout, "order": group.order });
            Ok(Reply::json(&groups.iter().map(show).collect()))
        }
        (method, [name], kind) => {
            let missing = || {
                let message = format!("consumer group {name} does not exist");
                Refusal::new(404, "ConsumerGroupNotExist", message)
            };
            if (method, kind) == ("DELETE", None) {
                return groups.remove(*name).map(|_| Reply::ok()).ok_or_else(missing);
            }
            let group = groups.get_mut(*name).ok_or_else(missing)?;
            match (method, kind) {
                ("PUT", None) => group.set(&call.object()?).map(|()| Reply::ok()),
                ("GET", None) => Ok(Reply::json(&group.positions())),
                ("POST", Some("heartbeat")) => heartbeat(call, group, &shards),
                ("POST", Some("checkpoint")) => checkpoint(call, group, &shards),
                _ => Err(call.method_invalid()),
            }
        }
        _ => Err(call.unknown()),
    }
}

fn create(call: &Call<'_>, groups: &mut BTreeMap<String, ConsumerGroup>) -> Result<Reply, Refusal> {
    let settings = call.object()?;
    let Some(name) = text(&settings, "consumerGroup") else {
        return Err(Refusal::new(400, "JsonInfoInvalid", "consumerGroup is missing"));
    };
    if groups.contains_key(name) {
        let message = format!("consumer group {name} already exist");
        return Err(Refusal::new(400, "ConsumerGroupAlreadyExist", message));
    }
    let mut group = ConsumerGroup::default();
    group.set(&settings)?;
    groups.insert(name.to_owned(), group);
    Ok(Reply::ok())
}

impl ConsumerGroup {
    fn set(&mut self, settings: &Object) -> Result<(), Refusal> {
        if let Some(timeout) = settings.get("timeout") {
            let timeout = timeout.as_i64().filter(|timeout| *timeout > 0);
            let invalid = || Refusal::new(400, "JsonInfoInvalid", "timeout is invalid");
            self.timeout = timeout.ok_or_else(invalid)?;
        }
        if let Some(order) = settings.get("order") {
            self.order = order.as_bool().unwrap_or_default();
        }
        Ok(())
    }

    fn positions(&self) -> Value {
        self.checkpoints.values().cloned().map(Value::Object).collect()
    }
}

fn consumer(call: &Call<'_>) -> Result<String, Refusal> {
    let name = call.parameter("consumer").filter(|name| !name.is_empty());
    name.ok_or_else(|| Refusal::parameter("parameter consumer is missing"))
}

fn heartbeat(call: &Call<'_>, group: &mut ConsumerGroup, shards: &[u32]) -> Result<Reply, Refusal> {
    let name = consumer(call)?;
    let invalid = |_| Refusal::new(400, "JsonInfoInvalid", "the body is no list of shards");
    let held: Vec<u32> = serde_json::from_slice(&call.body).map_err(invalid)?;
    let now = call.now.as_second();
    let timeout = group.timeout;
    group.consumers.retain(|_, (_, heard)| now - *heard <= timeout);
    if !held.is_empty() && !group.consumers.contains_key(&name) {
        let message = "consumer does not exist, its first heartbeat must be empty";
        return Err(Refusal::new(400, "NotExistConsumerWithBody", message));
    }
    group.consumers.insert(name.clone(), (held, now));
    let count = group.consumers.len();
    let place = group.consumers.keys().position(|key| *key == name).unwrap_or(0);
    let due = shards.iter().enumerate().filter(|(number, _)| number % count == place);
    let free = |shard: &u32| {
        let others = group.consumers.iter().filter(|(key, _)| **key != name);
        !others.map(|(_, (held, _))| held).any(|held| held.contains(shard))
    };
    let given: Vec<u32> = due.map(|(_, shard)| *shard).filter(free).collect();
    Ok(Reply::json(&json!(given)))
}

fn checkpoint(
    call: &Call<'_>,
    group: &mut ConsumerGroup,
    shards: &[u32],
) -> Result<Reply, Refusal> {
    let body = call.object()?;
    let shard = body.get("shard").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
    let Some(shard) = shard.filter(|shard| shards.contains(shard)) else {
        return Err(Refusal::new(404, "ShardNotExist", "shard does not exist"));
    };
    let Some(cursor) = text(&body, "checkpoint") else {
        return Err(Refusal::new(400, "InvalidShardCheckPoint", "checkpoint is missing"));
    };
    let forced = call.parameter("forceSuccess").is_some_and(|value| value == "true");
    let name = call.parameter("consumer").unwrap_or_default();
    let holds = group.consumers.get(&name).is_some_and(|(held, _)| held.contains(&shard));
    if !forced && !group.consumers.contains_key(&name) {
        let message = format!("consumer {name} does not exist");
        return Err(Refusal::new(404, "ConsumerNotExist", message));
    }
    if !forced && !holds {
        let message = format!("consumer {name} does not hold shard {shard}");
        return Err(Refusal::new(400, "InvalidShardCheckPoint", message));
    }
    let position = json!({
        "shard": shard,
        "checkpoint": cursor,
        "updateTime": micros(call.now),
        "consumer": name,
    });
    if let Value::Object(position) = position {
        group.checkpoints.insert(shard, position);
    }
    Ok(Reply::ok())
}

fn micros(now: Timestamp) -> i64 {
    now.as_microsecond()
}
