//! Taking events: what becomes a row, and what a count is worth.

use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::{Event, Gap};
use jiff::Timestamp;

use super::{Kept, KeptRow, Rise};
use crate::ask::{GapGrade, GapRecord, Mark};
use crate::occurrence::{Before, Worth, first_seen, kept_time, repeated};

/// An Event without a uid is known by its name.
pub(super) fn uid(event: &Event) -> String {
    match event.uid() {
        "" => format!("{}/{}", event.namespace(), event.name()),
        uid => uid.to_owned(),
    }
}

/// The time that an event is kept under, to the microsecond.
fn time(event: &Event) -> Timestamp {
    let time = kept_time(event);
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

impl Kept {
    /// Says whether it was news.
    pub(super) fn take(&mut self, event: &Arc<Event>, span: Option<Duration>) -> bool {
        let at = time(event);
        let number = span.map_or(0, |span| at.as_second().div_euclid(seconds(span)));
        let cluster = event.cluster().id.clone();
        let watched_since = *self.watched.entry(cluster.clone()).or_insert(event.received());
        let place = (cluster, uid(event), number);
        let found = self.places.get(&place).copied();
        let worth = match found.and_then(|found| self.rows.get(found)) {
            Some(row) if revision(event) <= revision(&row.event) => return false,
            Some(row) => repeated(event.count(), row.event.count()),
            None => {
                let count = self.count_before(event, number, span);
                let before = Before { count, watched_since: Some(watched_since) };
                first_seen(event.count(), event.first(), before)
            }
        };
        let worth = if self.is_counted_later(event, number) { Worth::NONE } else { worth };
        let found = found.unwrap_or_else(|| {
            let row = KeptRow {
                event: event.clone(),
                span: number,
                estimated: worth.estimated,
                rises: Vec::new(),
            };
            self.places.insert(place, self.rows.len());
            self.rows.push(row);
            self.rows.len() - 1
        });
        if let Some(row) = self.rows.get_mut(found) {
            row.event = event.clone();
            if worth.rise > 0 {
                self.mark += 1;
                let (mark, estimated) = (Mark(self.mark), worth.estimated);
                row.rises.push(Rise { mark, at, by: worth.rise, estimated });
            }
        }
        self.note_gap(event);
        true
    }

    /// The count that an Event had before its row of this span begins, or that of the one that it continues.
    fn count_before(&self, event: &Event, span: i64, length: Option<Duration>) -> Option<u32> {
        let begin = length.map_or(i64::MIN, |length| span.saturating_mul(seconds(length)));
        let same = |row: &&KeptRow| {
            row.event.cluster().id == event.cluster().id && uid(&row.event) == uid(event)
        };
        if event.first().is_none_or(|first| first.as_second() < begin) {
            let older = self.rows.iter().filter(|row| row.span < span).filter(same);
            if let Some(newest) = older.max_by_key(|row| row.span) {
                return Some(newest.event.count());
            }
        }
        if event.count() <= 1 {
            return None;
        }
        let continues = |row: &&KeptRow| {
            let (object, known) = (event.object(), row.event.object());
            row.event.cluster().id == event.cluster().id
                && (known.kind, known.namespace, known.name, known.uid)
                    == (object.kind, object.namespace, object.name, object.uid)
                && row.event.reason() == event.reason()
                && row.event.message() == event.message()
                && event.first().is_some()
                && row.event.first() == event.first()
                && row.event.count() < event.count()
        };
        let is_older = event.first().is_none_or(|first| first.as_second() < begin);
        let continued =
            self.rows.iter().filter(|row| row.span == span || is_older && row.span < span);
        let newest_first = continued.filter(continues).map(|row| (row.span, row.event.count()));
        newest_first.max().map(|(_, count)| count)
    }

    /// Whether a later span has counted all of an Event already.
    fn is_counted_later(&self, event: &Event, span: i64) -> bool {
        let later = self.rows.iter().filter(|row| {
            row.span > span
                && row.event.cluster().id == event.cluster().id
                && uid(&row.event) == uid(event)
        });
        later.min_by_key(|row| row.span).is_some_and(|row| !row.estimated)
    }

    fn note_gap(&mut self, event: &Event) {
        if event.reason() != Gap::REASON || event.component() != "eventcenter" {
            return;
        }
        let annotation = |wanted: &str| {
            event.annotations().find(|(key, _)| *key == wanted).map(|(_, value)| value)
        };
        let time = |key| annotation(key).and_then(|time| time.parse().ok());
        let gap = GapRecord {
            cluster: event.cluster().as_ref().clone(),
            grade: match annotation("eventcenter/gap-grade") {
                Some("events") => GapGrade::Events,
                _ => GapGrade::Revisions,
            },
            since: time("eventcenter/gap-since"),
            until: time("eventcenter/gap-until").unwrap_or(event.time()),
            count: annotation("eventcenter/gap-count").and_then(|count| count.parse().ok()),
            reason: event.message().to_owned(),
        };
        if gap.grade == GapGrade::Events {
            let watched = self.watched.entry(gap.cluster.id.clone()).or_insert(gap.until);
            *watched = gap.until.max(*watched);
        }
        self.gaps.push(gap);
    }
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX).max(1)
}

/// What is newer: the larger count, then the later time, then the later revision.
fn revision(event: &Event) -> (u32, Timestamp, i64) {
    (event.count(), time(event), event.resource_version().parse().unwrap_or(0))
}
