//! Columns of the views, and the function that looks into documents for those that stand there alone.

use std::sync::Arc;

use eventcenter_core::{Cluster, Event};
use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::Part;
use crate::read::{Reading, lock};

/// `field(name, partition, dictionary, document)`.
const FIELD: &str = "eventcenter_field";

/// What stands in documents alone.
pub(super) fn register(reading: &Reading, connection: &Connection) -> rusqlite::Result<()> {
    let unpackers: Vec<_> =
        reading.readers.iter().map(|reader| Arc::clone(&reader.unpacker)).collect();
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(FIELD, 4, flags, move |context| {
        let place: i64 = context.get(1)?;
        let unpacker = usize::try_from(place).ok().and_then(|place| unpackers.get(place));
        let Some(unpacker) = unpacker else { return Ok(None) };
        let bytes = context.get_raw(3).as_blob().unwrap_or_default();
        let document = lock(unpacker).unpack(context.get(2)?, bytes);
        let document = document.map_err(crate::store::partition::failed)?;
        let nobody = Arc::new(Cluster { id: String::new(), name: String::new() });
        let event = Event::from_kubernetes(&nobody, document.into(), Timestamp::UNIX_EPOCH);
        let event = event.map_err(|error| {
            rusqlite::Error::UserFunctionError(Box::new(std::io::Error::other(error)))
        })?;
        let field = context.get_raw(0).as_str().unwrap_or_default();
        Ok(Some(match field {
            "message" => event.message().to_owned(),
            "field_path" => event.object().field_path.to_owned(),
            "api_version" => event.object().api_version.to_owned(),
            "event_uid" => event.uid().to_owned(),
            "event_name" => event.name().to_owned(),
            "event_namespace" => event.namespace().to_owned(),
            _ => event.text().to_owned(),
        }))
    })
}

/// A column, and the names that it has beside its own.
fn columns(part: &Part) -> Vec<(String, &'static [&'static str])> {
    let p = format!("p{}", part.place);
    let word = |id: &str| format!("(SELECT text FROM {p}.words WHERE id = {id})");
    let field = |name: &str| {
        format!(
            "(SELECT {FIELD}('{name}', {}, d.dictionary, d.document) FROM {p}.documents d WHERE d.id = e.id)",
            part.place
        )
    };
    let at = |micros: &str| format!("datetime({micros} / 1000000, 'unixepoch')");
    let pod = |column: &str| {
        let of_pod = format!(
            "CASE e.kind WHEN (SELECT id FROM {p}.words WHERE text = 'Pod') THEN e.object ELSE nullif(e.pod, 0) END"
        );
        format!("(SELECT {column} FROM {p}.objects q WHERE q.id = {of_pod})")
    };
    let object =
        |column: &str| format!("(SELECT {column} FROM {p}.objects o WHERE o.id = e.object)");
    let [occurrences, time, estimated] = occurred(part);
    vec![
        (format!("{time} / 1000000"), &["__time__"]),
        (at(&time), &["time", "eventId.lastTimestamp"]),
        (at("e.first"), &["first", "eventId.firstTimestamp"]),
        (at("e.received"), &["received"]),
        (format!("(SELECT uid FROM {p}.clusters WHERE id = e.cluster)"), &["cluster", "ClusterId"]),
        (format!("(SELECT name FROM {p}.clusters WHERE id = e.cluster)"), &["cluster_name"]),
        (LEVEL.to_owned(), &["level"]),
        (word("e.class"), &["class"]),
        (word("e.type"), &["type", "eventId.type"]),
        (word("e.reason"), &["reason", "eventId.reason"]),
        (field("message"), &["message", "eventId.message"]),
        ("e.count".to_owned(), &["count", "eventId.count"]),
        (occurrences, &["occurrences"]),
        (estimated, &["estimated"]),
        (word("e.kind"), &["kind", "eventId.involvedObject.kind"]),
        (word("e.namespace"), &["namespace", "eventId.involvedObject.namespace"]),
        (object("name"), &["name", "eventId.involvedObject.name"]),
        (object("uid"), &["uid", "eventId.involvedObject.uid"]),
        (field("field_path"), &["field_path", "eventId.involvedObject.fieldPath"]),
        (field("api_version"), &["api_version", "eventId.involvedObject.apiVersion"]),
        (word("e.node"), &["node", "host", "hostname", "eventId.source.host"]),
        (word("e.component"), &["component", "eventId.source.component"]),
        (word("e.workload"), &["workload"]),
        (pod("q.name"), &["pod", "pod_name"]),
        (pod(&word("q.namespace")), &["pod_namespace"]),
        (pod("q.uid"), &["pod_uid", "pod_id"]),
        (field("event_uid"), &["event_uid", "eventId.metadata.uid"]),
        (field("event_name"), &["event_name", "eventId.metadata.name"]),
        (field("event_namespace"), &["event_namespace", "eventId.metadata.namespace"]),
        (field("document"), &["document", "eventId"]),
    ]
}

/// How often a row's Event occurred in the range, when it did last, and whether that is an estimate.
fn occurred(part: &Part) -> [String; 3] {
    let place = part.place;
    let own = |column: &str, sum: &str| match (part.is_within, part.is_all) {
        (true, _) => format!("e.{column}"),
        (false, true) => format!("s.{column}"),
        (false, false) => format!(
            "(SELECT {sum} FROM p{place}.occurrences x WHERE x.event = e.id AND {})",
            part.in_range("x.time")
        ),
    };
    let with_older = |own: String, column: &str, with: &str| {
        if part.has_more {
            let older = format!(
                "coalesce((SELECT {column} FROM temp.more{place} y WHERE y.event = e.id), 0)"
            );
            format!("CASE e.continues WHEN 1 THEN {own} {with} {older} ELSE {own} END")
        } else {
            own
        }
    };
    [
        with_older(own("occurrences", "sum(x.rise)"), "occurrences", "+"),
        own("time", "max(x.time)"),
        with_older(own("estimated", "max(x.estimated)"), "estimated", "|"),
    ]
}

const LEVEL: &str = "CASE e.level WHEN 0 THEN 'Normal' WHEN 1 THEN 'Warning' ELSE 'Error' END";

pub(super) fn of_log(part: &Part) -> Vec<(String, &'static str)> {
    let named = |(sql, names): (String, &'static [&'static str])| {
        names.iter().map(move |name| (sql.clone(), *name)).collect::<Vec<_>>()
    };
    columns(part).into_iter().flat_map(named).collect()
}

pub(super) fn of_occurrences(part: &Part) -> Vec<(String, &'static str)> {
    const OF_EVENT: &[&str] = &[
        "cluster",
        "level",
        "class",
        "reason",
        "kind",
        "namespace",
        "name",
        "node",
        "component",
        "workload",
        "event_uid",
    ];
    let mut columns = vec![
        ("x.time / 1000000".to_owned(), "__time__"),
        ("datetime(x.time / 1000000, 'unixepoch')".to_owned(), "time"),
        ("x.rise".to_owned(), "rise"),
        ("x.estimated".to_owned(), "estimated"),
    ];
    columns.extend(of_log(part).into_iter().filter(|(_, name)| OF_EVENT.contains(name)));
    columns
}

pub(super) fn selected(columns: &[(String, &str)]) -> String {
    let columns: Vec<String> =
        columns.iter().map(|(sql, name)| format!("{sql} AS \"{name}\"")).collect();
    columns.join(", ")
}

/// A table without rows: a range without partitions has its columns nevertheless.
pub(super) fn of_nothing(table: &str) -> String {
    // Only names are taken from it.
    let Some(part) = Part::of(0, (0, 0), (0, 1), true) else { return String::new() };
    let columns = if table == "log" { of_log(&part) } else { of_occurrences(&part) };
    let columns: Vec<String> =
        columns.iter().map(|(_, name)| format!("NULL AS \"{name}\"")).collect();
    format!("SELECT {} WHERE 0", columns.join(", "))
}
