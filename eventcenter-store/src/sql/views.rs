//! The tables of a statement, as views over the partitions.
//!
//! | column of `log` | also called |
//! |---|---|
//! | `__time__` | seconds since 1970 of the newest occurrence in the range |
//! | `time`, `first`, `received` | `2026-11-25 01:02:03`, UTC |
//! | `cluster`, `cluster_name` | `ClusterId` |
//! | `level`, `class` | |
//! | `type`, `reason`, `message`, `count` | `"eventId.type"`, `"eventId.reason"`, `"eventId.message"`, `"eventId.count"` |
//! | `occurrences`, `estimated` | |
//! | `kind`, `namespace`, `name`, `uid` | `"eventId.involvedObject.kind"`, and so on |
//! | `field_path`, `api_version` | `"eventId.involvedObject.fieldPath"`, `"eventId.involvedObject.apiVersion"` |
//! | `node`, `component` | `hostname`, `host`, `"eventId.source.host"`, `"eventId.source.component"` |
//! | `workload`, `pod`, `pod_namespace`, `pod_uid` | `pod_name`, `pod_id` |
//! | `event_uid`, `event_name`, `event_namespace` | `"eventId.metadata.uid"`, and so on |
//! | `document` | `eventId`: the Event as JSON |
//!
//! `occurrences` has `__time__`, `time`, `rise`, `estimated`, and of its Event `cluster`, `level`, `class`, `reason`,
//! `kind`, `namespace`, `name`, `node`, `component`, `workload`, `event_uid`.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use eventcenter_core::query::Node;
use eventcenter_core::{Cluster, Event, Result};
use jiff::Timestamp;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, params};

use super::guard::Views;
use super::select::refused;
use super::{ATTACHED, told};
use crate::ask::TableAsk;
use crate::read::{Failure, Reader, Reading, lock, micros};
use crate::search::{Source, condition};

/// `field(name, partition, dictionary, document)`.
const FIELD: &str = "eventcenter_field";

/// A partition of the statement.
struct Part {
    /// Its place among the readers, and its name on the connection.
    place: usize,
    /// Whether every event of it is meant, with everything it occurred.
    is_whole: bool,
    /// The range that is asked, in microseconds.
    from: i64,
    until: i64,
}

/// Attaches the partitions of the range, and makes the views.
pub(super) fn make(
    reading: &mut Reading,
    ask: &TableAsk,
    connection: &Connection,
) -> Result<Views> {
    let (from, until) = micros(ask.range);
    let is_all = *ask.query.tree() == Node::All;
    let mut parts = Vec::new();
    for place in 0..reading.readers.len() {
        let times = reading.attempt(place, |reader| reader.times())?;
        let Some(Some((first, last))) = times else { continue };
        if first < until && from <= last {
            let is_within = from <= first && last < until;
            parts.push(Part { place, is_whole: is_all && is_within, from, until });
        }
    }
    if parts.len() > ATTACHED {
        let message =
            "the range is too long for SQL: it touches more partitions than can be joined";
        return Err(refused(message).with("partitions", parts.len()).with("most", ATTACHED));
    }
    let nothing = super::Select::parse("SELECT 1")?;
    fields(reading, connection).map_err(|error| told(error, &nothing, reading))?;
    let mut readable = Vec::new();
    for part in parts {
        let found = reading.attempt(part.place, |reader| {
            attach(reader, ask, connection, &part)?;
            Ok(())
        })?;
        if found.is_some() {
            readable.push(part);
        }
    }
    // Who can guess it has guessed 64 bits.
    let secret = format!("{:016x}", RandomState::new().build_hasher().finish());
    let names = Views {
        open: vec!["log".to_owned(), "occurrences".to_owned()],
        inner: vec![format!("log_{secret}"), format!("occurrences_{secret}")],
    };
    let bodies: [fn(&Part) -> String; 2] = [log, occurrences];
    for ((open, inner), body) in names.open.iter().zip(&names.inner).zip(bodies) {
        let mut selects: Vec<String> = readable.iter().map(body).collect();
        if selects.is_empty() {
            selects.push(nothing_of(open));
        }
        let sql = format!(
            "CREATE TEMP VIEW {inner} AS {}; CREATE TEMP VIEW {open} AS SELECT * FROM {inner}",
            selects.join(" UNION ALL ")
        );
        connection.execute_batch(&sql).map_err(|error| told(error, &nothing, reading))?;
    }
    Ok(names)
}

/// A table without rows: a range without partitions has its columns nevertheless.
fn nothing_of(table: &str) -> String {
    let part = Part { place: 0, is_whole: true, from: 0, until: 0 };
    let columns = if table == "log" { log_columns(&part) } else { occurrence_columns(&part) };
    let columns: Vec<String> =
        columns.iter().map(|(_, name)| format!("NULL AS \"{name}\"")).collect();
    format!("SELECT {} WHERE 0", columns.join(", "))
}

/// Makes a partition known to the connection, and what of it is meant.
fn attach(
    reader: &mut Reader,
    ask: &TableAsk,
    connection: &Connection,
    part: &Part,
) -> Result<(), Failure> {
    let place = part.place;
    let mut file = String::from("file:");
    for byte in reader.path().as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                file.push(char::from(*byte));
            }
            byte => file.push_str(&format!("%{byte:02X}")),
        }
    }
    connection.execute(&format!("ATTACH ?1 AS p{place}"), [format!("{file}?mode=ro")])?;
    connection.execute_batch(&format!("PRAGMA p{place}.cache_size = -4000"))?;
    if part.is_whole {
        return Ok(());
    }
    let (from, until) = micros(ask.range);
    let condition = condition(reader, &ask.query, Source::Events)?.sql;
    let sql = format!(
        "SELECT e.id, sum(x.rise), max(x.time), max(x.estimated)
         FROM occurrences x JOIN events e ON e.id = x.event JOIN objects o ON o.id = e.object
         WHERE x.time >= {from} AND x.time < {until} AND {condition} GROUP BY e.id"
    );
    connection.execute_batch(&format!(
        "CREATE TEMP TABLE m{place}
         (id INTEGER PRIMARY KEY, occurrences INTEGER, time INTEGER, estimated INTEGER) STRICT"
    ))?;
    let insert = format!("INSERT INTO temp.m{place} VALUES (?1, ?2, ?3, ?4)");
    let mut insert = connection.prepare(&insert)?;
    let mut statement = reader.connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, rises, time, estimated): (i64, i64, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        insert.execute(params![id, rises, time, estimated])?;
    }
    Ok(())
}

/// What stands in documents alone.
fn fields(reading: &Reading, connection: &Connection) -> rusqlite::Result<()> {
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
            "CASE o.kind WHEN (SELECT id FROM {p}.words WHERE text = 'Pod') THEN e.object ELSE nullif(e.pod, 0) END"
        );
        format!("(SELECT {column} FROM {p}.objects q WHERE q.id = {of_pod})")
    };
    let (occurrences, time, estimated) = if part.is_whole {
        ("e.occurrences", "e.time", "e.estimated")
    } else {
        ("m.occurrences", "m.time", "m.estimated")
    };
    vec![
        (format!("{time} / 1000000"), &["__time__"]),
        (at(time), &["time", "eventId.lastTimestamp"]),
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
        (occurrences.to_owned(), &["occurrences"]),
        (estimated.to_owned(), &["estimated"]),
        (word("o.kind"), &["kind", "eventId.involvedObject.kind"]),
        (word("o.namespace"), &["namespace", "eventId.involvedObject.namespace"]),
        ("o.name".to_owned(), &["name", "eventId.involvedObject.name"]),
        ("o.uid".to_owned(), &["uid", "eventId.involvedObject.uid"]),
        (field("field_path"), &["field_path", "eventId.involvedObject.fieldPath"]),
        (field("api_version"), &["api_version", "eventId.involvedObject.apiVersion"]),
        (word("e.node"), &["node", "host", "hostname", "eventId.source.host"]),
        (word("e.component"), &["component", "eventId.source.component"]),
        (word("o.workload"), &["workload"]),
        (pod("q.name"), &["pod", "pod_name"]),
        (pod(&word("q.namespace")), &["pod_namespace"]),
        (pod("q.uid"), &["pod_uid", "pod_id"]),
        (field("event_uid"), &["event_uid", "eventId.metadata.uid"]),
        (field("event_name"), &["event_name", "eventId.metadata.name"]),
        (field("event_namespace"), &["event_namespace", "eventId.metadata.namespace"]),
        (field("document"), &["document", "eventId"]),
    ]
}

const LEVEL: &str = "CASE e.level WHEN 0 THEN 'Normal' WHEN 1 THEN 'Warning' ELSE 'Error' END";

fn log_columns(part: &Part) -> Vec<(String, &'static str)> {
    let named = |(sql, names): (String, &'static [&'static str])| {
        names.iter().map(move |name| (sql.clone(), *name)).collect::<Vec<_>>()
    };
    columns(part).into_iter().flat_map(named).collect()
}

fn occurrence_columns(part: &Part) -> Vec<(String, &'static str)> {
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
    columns.extend(log_columns(part).into_iter().filter(|(_, name)| OF_EVENT.contains(name)));
    columns
}

fn selected(columns: &[(String, &str)]) -> String {
    let columns: Vec<String> =
        columns.iter().map(|(sql, name)| format!("{sql} AS \"{name}\"")).collect();
    columns.join(", ")
}

fn log(part: &Part) -> String {
    format!("SELECT {} FROM {} WHERE {}", selected(&log_columns(part)), events(part), touched(part))
}

fn occurrences(part: &Part) -> String {
    let Part { place, from, until, .. } = part;
    format!(
        "SELECT {} FROM {} JOIN p{place}.occurrences x ON x.event = e.id
         WHERE x.time >= {from} AND x.time < {until} AND {}",
        selected(&occurrence_columns(part)),
        events(part),
        touched(part),
    )
}

/// Always true. Of a table of which no column is used SQLite asks the authorizer when the views are gone already: as
/// if the statement itself had named it.
fn touched(part: &Part) -> &'static str {
    if part.is_whole { "o.kind >= 0" } else { "o.kind >= 0 AND m.time IS NOT NULL" }
}

fn events(part: &Part) -> String {
    let place = part.place;
    let join = format!("JOIN p{place}.objects o ON o.id = e.object");
    if part.is_whole {
        format!("p{place}.events e {join}")
    } else {
        format!("temp.m{place} m JOIN p{place}.events e ON e.id = m.id {join}")
    }
}
