//! A declared loss, as an event tells it.

use eventcenter_core::Event;
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// Keeps the loss that this event declares.
pub(super) fn keep(connection: &Connection, event: &Event, cluster: i64) -> rusqlite::Result<()> {
    let gap = declared(event);
    connection.execute(
        "INSERT OR REPLACE INTO gaps VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            event.uid(),
            cluster,
            gap.is_of_events,
            gap.since.map(Timestamp::as_microsecond),
            gap.until.as_microsecond(),
            gap.count,
            event.message(),
        ],
    )?;
    Ok(())
}

/// What the annotations of a declared loss say.
pub(crate) struct Declared {
    pub(crate) is_of_events: bool,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Timestamp,
    pub(crate) count: Option<i64>,
}

/// Reads a declared loss; see [`Gap::into_event`](eventcenter_core::Gap::into_event).
pub(crate) fn declared(event: &Event) -> Declared {
    let annotation = |wanted: &str| {
        let mut annotations = event.annotations();
        annotations.find(|(key, _)| *key == wanted).map(|(_, value)| value)
    };
    let time = |key| annotation(key).and_then(|time| time.parse().ok());
    Declared {
        is_of_events: annotation("eventcenter/gap-grade") == Some("events"),
        since: time("eventcenter/gap-since"),
        until: time("eventcenter/gap-until").unwrap_or(event.time()),
        count: annotation("eventcenter/gap-count").and_then(|count| count.parse().ok()),
    }
}
