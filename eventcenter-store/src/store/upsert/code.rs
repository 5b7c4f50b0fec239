//! An event as the numbers that its rows consist of.

use eventcenter_core::{Event, Level};
use rusqlite::{Connection, OptionalExtension, params};

use crate::store::partition::{Names, ObjectKey};
use crate::store::rollup::Labels;

/// An event, as numbers of the partition.
pub(super) struct Coded {
    pub(super) labels: Labels,
    pub(super) object: i64,
    pub(super) pod: i64,
    pub(super) event_type: i64,
}

/// The event as numbers; what has none yet is given one.
pub(super) fn code(
    connection: &Connection,
    names: &mut Names,
    event: &Event,
    cluster: i64,
) -> rusqlite::Result<Coded> {
    let object = event.object();
    let namespace = names.word(connection, object.namespace)?;
    let workload = names.word(connection, &event.workload().unwrap_or_default())?;
    let kind = names.word(connection, object.kind)?;
    let key = ObjectKey {
        cluster,
        kind,
        namespace,
        name: object.name.to_owned(),
        uid: object.uid.to_owned(),
    };
    let labels = Labels {
        cluster,
        level: level(event.level()),
        class: names.word(connection, event.class().map_or("", |class| class.name))?,
        reason: names.word(connection, event.reason())?,
        namespace,
        kind,
        component: names.word(connection, event.component())?,
        node: names.word(connection, event.host())?,
        workload,
    };
    let object = names.object(connection, key, workload)?;
    let pod =
        if event.object().kind == "Pod" { 0 } else { pod(connection, names, event, cluster)? };
    let event_type = names.word(connection, event.event_type())?;
    Ok(Coded { labels, object, pod, event_type })
}

/// The Pod of an event about something else, as an object; 0 if it is about none.
fn pod(
    connection: &Connection,
    names: &mut Names,
    event: &Event,
    cluster: i64,
) -> rusqlite::Result<i64> {
    let Some(pod) = event.pod() else { return Ok(0) };
    let kind = names.word(connection, "Pod")?;
    if pod.name.is_empty() {
        // By its uid alone: another event may have said the name.
        let sql =
            "SELECT id FROM objects WHERE uid = ?1 AND kind = ?2 AND cluster = ?3 AND name <> ''";
        let mut find = connection.prepare_cached(sql)?;
        let found = find.query_row(params![pod.uid, kind, cluster], |row| row.get(0)).optional()?;
        if let Some(found) = found {
            return Ok(found);
        }
    }
    let namespace = names.word(connection, pod.namespace)?;
    // As the Pod's own events say it, which find this row.
    let workload = names.word(connection, &pod.workload().unwrap_or_default())?;
    let (name, uid) = (pod.name.to_owned(), pod.uid.into_owned());
    names.object(connection, ObjectKey { cluster, kind, namespace, name, uid }, workload)
}

/// A UUID as its 16 bytes, anything else as it is. An Event without a uid is known by its name.
pub(super) fn uid(event: &Event) -> Vec<u8> {
    match event.uid() {
        "" => format!("{}/{}", event.namespace(), event.name()).into_bytes(),
        uid => packed_uuid(uid).map_or_else(|| uid.as_bytes().to_vec(), |bytes| bytes.to_vec()),
    }
}

fn packed_uuid(text: &str) -> Option<[u8; 16]> {
    let is_dashed = |at: usize| text.as_bytes().get(at) == Some(&b'-');
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if text.len() != 36 || ![8, 13, 18, 23].into_iter().all(is_dashed) || !is_lower {
        return None;
    }
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    let mut bytes = [0; 16];
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn level(level: Level) -> i64 {
    match level {
        Level::Normal => 0,
        Level::Warning => 1,
        Level::Error => 2,
    }
}

/// The revision as a number; 0 if it is none.
pub(super) fn version(event: &Event) -> i64 {
    event.resource_version().parse().unwrap_or(0)
}
