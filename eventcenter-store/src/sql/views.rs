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

mod columns;
mod lives;

use std::hash::{BuildHasher, Hasher, RandomState};

use eventcenter_core::Result;
use eventcenter_core::query::Node;
use rusqlite::Connection;
use rusqlite::limits::Limit;

use super::guard::Views;
use super::select::refused;
use super::told;
use crate::ask::TableAsk;
use crate::read::{Failure, Reader, Reading, micros};
use crate::search::{MANY, Source, condition};

/// A partition of the statement, and which of its rows are meant.
#[derive(Debug)]
struct Part {
    /// Its place among the readers, and its name on the connection.
    place: usize,
    /// Everything in it occurred in the range.
    is_within: bool,
    /// The range has more than a quarter of its time.
    is_long: bool,
    /// Which rows match: all, or those that stand in `temp.m{place}`.
    is_all: bool,
    /// Whether some rows are those of Events that a newer partition shows: `temp.gone{place}`.
    has_gone: bool,
    /// Whether some rows are those of Events that an older partition has occurrences of: `temp.more{place}`.
    has_more: bool,
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
    let is_all = *ask.query.tree() == Node::All;
    let mut parts = Vec::new();
    for place in 0..reading.readers.len() {
        let times = reading.attempt(place, |reader| reader.times())?;
        let Some(Some(times)) = times else { continue };
        parts.extend(Part::of(place, times, micros(ask.range), is_all));
    }
    let told = |error, reading: &Reading| told(error, None, reading);
    let most = connection.limit(Limit::SQLITE_LIMIT_ATTACHED).map_err(|e| told(e, reading))?;
    if usize::try_from(most).is_ok_and(|most| parts.len() > most) {
        let message =
            "the range is too long for SQL: it touches more partitions than can be joined";
        return Err(refused(message).with("partitions", parts.len()).with("most", most));
    }
    columns::register(reading, connection).map_err(|error| told(error, reading))?;
    let mut readable = Vec::new();
    for part in parts {
        let found = reading.attempt(part.place, |reader| {
            attach(reader, connection, &part)?;
            if is_all { Ok(()) } else { matching(reader, ask, connection, &part) }
        })?;
        if found.is_some() {
            readable.push(part);
        }
    }
    lives::join(reading, connection, &mut readable)?;
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
            selects.push(columns::of_nothing(open));
        }
        let sql = format!(
            "CREATE TEMP VIEW {inner} AS {}; CREATE TEMP VIEW {open} AS SELECT * FROM {inner}",
            selects.join(" UNION ALL ")
        );
        connection.execute_batch(&sql).map_err(|error| told(error, reading))?;
    }
    Ok(names)
}

impl Part {
    /// None: nothing of it occurred in the range. Times are those of its first and of its last occurrence.
    fn of(
        place: usize,
        (first, last): (i64, i64),
        (from, until): (i64, i64),
        is_all: bool,
    ) -> Option<Self> {
        if first >= until || from > last {
            return None;
        }
        let shared = until.min(last).saturating_sub(from.max(first));
        Some(Self {
            place,
            is_within: from <= first && last < until,
            is_long: shared > last.saturating_sub(first) / 4,
            is_all,
            has_gone: false,
            has_more: false,
            from,
            until,
        })
    }

    /// A condition on the time of an occurrence.
    fn in_range(&self, time: &str) -> String {
        format!("{time} >= {} AND {time} < {}", self.from, self.until)
    }
}

/// Makes a partition known to the connection.
fn attach(
    reader: &mut Reader,
    connection: &Connection,
    part: &Part,
) -> std::result::Result<(), Failure> {
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
    Ok(connection.execute_batch(&format!("PRAGMA p{place}.cache_size = -4000"))?)
}

/// Notes the rows that match and occurred in the range: their numbers, and nothing else of them.
fn matching(
    reader: &mut Reader,
    ask: &TableAsk,
    connection: &Connection,
    part: &Part,
) -> std::result::Result<(), Failure> {
    let condition = condition(reader, &ask.query, Source::Events)?;
    let (sql, in_range) = (condition.sql, part.in_range("x.time"));
    let sql = if part.is_within {
        format!("SELECT e.id FROM events e WHERE e.occurrences > 0 AND {sql}")
    } else if part.is_long || condition.hits.is_some_and(|hits| hits < MANY) {
        format!(
            "SELECT e.id FROM events e WHERE {sql}
             AND EXISTS (SELECT 1 FROM occurrences x WHERE x.event = e.id AND {in_range})"
        )
    } else {
        format!(
            "SELECT DISTINCT x.event FROM occurrences x INDEXED BY occurrences_time
             CROSS JOIN events e ON e.id = x.event WHERE {in_range} AND {sql}"
        )
    };
    let table = format!("m{}", part.place);
    connection
        .execute_batch(&format!("CREATE TEMP TABLE {table} (event INTEGER NOT NULL) STRICT"))?;
    let mut insert = connection.prepare(&format!("INSERT INTO temp.{table} VALUES (?1)"))?;
    let mut statement = reader.connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        insert.execute([row.get::<_, i64>(0)?])?;
    }
    Ok(())
}

fn log(part: &Part) -> String {
    let place = part.place;
    let shown = if part.has_gone {
        format!("e.id NOT IN (SELECT event FROM temp.gone{place})")
    } else {
        "1".to_owned()
    };
    // A row of which nothing is counted here has no place in the partition's time. And of a table of which no column is
    // used SQLite asks the authorizer when the views are gone already, as if the statement itself had named it.
    format!(
        "SELECT {} FROM {} WHERE e.occurrences > 0 AND {shown}",
        columns::selected(&columns::of_log(part)),
        rows(part)
    )
}

/// The rows `e` that are meant. Where what occurred of all of them in a part of their time is asked, that is summed up
/// in `s`, in the order of an index.
fn rows(part: &Part) -> String {
    let Part { place, is_within, is_long, is_all, .. } = part;
    match (is_all, is_within) {
        (false, _) => format!("temp.m{place} m CROSS JOIN p{place}.events e ON e.id = m.event"),
        (true, true) => format!("p{place}.events e"),
        (true, false) => {
            let index = if *is_long { "occurrences_event" } else { "occurrences_time" };
            format!(
                "(SELECT x.event, sum(x.rise) AS occurrences, max(x.time) AS time, max(x.estimated) AS estimated
                  FROM p{place}.occurrences x INDEXED BY {index} WHERE {} GROUP BY x.event) s
                 CROSS JOIN p{place}.events e ON e.id = s.event",
                part.in_range("x.time")
            )
        }
    }
}

fn occurrences(part: &Part) -> String {
    let place = part.place;
    let matches = if part.is_all {
        "1".to_owned()
    } else {
        format!("x.event IN (SELECT event FROM temp.m{place})")
    };
    format!(
        "SELECT {} FROM p{place}.occurrences x CROSS JOIN p{place}.events e ON e.id = x.event
         WHERE {} AND {matches} AND e.occurrences > 0",
        columns::selected(&columns::of_occurrences(part)),
        part.in_range("x.time"),
    )
}
