//! What a sink that lags loses with a segment: counted before the segment goes.

use std::sync::Arc;

use jiff::Timestamp;

use super::record::{EventPayload, Payload, Tables, read_payload};
use super::segment::Scan;
use super::{OWN, Shared};
use crate::event::Cluster;
use crate::source::Gap;

/// What a sink loses with a segment.
#[derive(Debug, Default)]
pub(super) struct Lost {
    pub(super) records: u64,
    /// With those that a lost gap told of: what was declared stays declared.
    pub(super) count: u64,
    pub(super) since: i64,
    pub(super) until: i64,
    pub(super) cluster: Option<Arc<Cluster>>,
}

/// Counts the events for `sink` in the segment `first`, from record `from` to below `end`. What cannot be read is
/// counted by its numbers.
pub(super) fn count_lost(shared: &Shared, sink: &str, first: u64, from: u64, end: u64) -> Lost {
    let mut lost = Lost::default();
    let Ok(Some((header, mut scan))) = Scan::open(&*shared.fs, first) else {
        let count = end - from.max(first);
        return Lost { records: count, count, ..lost };
    };
    let mut tables = header.tables;
    let place = |tables: &Tables| tables.sinks.iter().position(|name| name == sink);
    let mut own = place(&tables);
    lost.cluster = tables.clusters.first().cloned();
    while let Ok(Some((seq, payload))) = scan.next() {
        if seq >= end {
            break;
        }
        match read_payload(payload) {
            Some(Payload::Event(event))
                if seq >= from && own.is_some_and(|own| event.sinks.contains(own)) =>
            {
                let (since, count) = earlier_loss(&event, &tables).unwrap_or((event.received, 1));
                if lost.records == 0 || since < lost.since {
                    lost.since = since;
                }
                lost.until = event.received;
                lost.records += 1;
                lost.count += count;
                lost.cluster = tables.clusters.get(usize::from(event.cluster)).cloned();
            }
            Some(payload @ Payload::Tables(_)) => {
                tables.apply(&payload);
                own = place(&tables);
            }
            _ => {}
        }
    }
    // Behind damage nothing can be read: these are records, and at most as many events.
    let unread = end.saturating_sub(scan.next_seq().max(from));
    lost.records += unread;
    lost.count += unread;
    lost
}

/// Since when, and how many events are missing, if this is a gap that the spool declared itself.
fn earlier_loss(event: &EventPayload<'_>, tables: &Tables) -> Option<(i64, u64)> {
    let source = tables.sources.get(usize::from(event.source))?;
    if source.name != OWN {
        return None;
    }
    let gap = event.event(tables)?;
    let annotation = |wanted| gap.annotations().find(|(key, _)| *key == wanted).map(|(_, v)| v);
    let count = annotation(Gap::COUNT)?.parse().ok()?;
    let since = annotation(Gap::SINCE).and_then(|since| since.parse::<Timestamp>().ok());
    Some((since.map_or(event.received, Timestamp::as_microsecond), count))
}
