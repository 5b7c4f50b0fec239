//! What a record of the spool says, and how it is framed.
//!
//! ```text
//! frame    0 len: u32 | 4 crc32c: u32, over all that follows | 8 seq: u64 | 16 payload: len bytes
//! payload  0 kind: u8, then
//!   1 event      source: u16 | cluster: u16 | sinks: u64 | received: i64 | position | document
//!   2 progress   source: u16 | position
//!   3 tables     JSON of `Tables`, without positions
//! position       at: i64 | len: u16 | UTF-8
//! ```
//!
//! Integers are little-endian, times are microseconds since 1970. `source`, `cluster` and the bits of `sinks` are
//! places in the tables that the segment's header, or a later record of kind 3, names. A length of zero marks the
//! end: segments are made of zeros. An event that moves no position has the least `at` there is.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Cluster, Event};
use crate::sink_set::SinkSet;
use crate::source::Position;

/// Bytes before the payload.
pub(super) const FRAME: usize = 16;

/// No payload is longer; what claims to be is damage. An event is at most half of it, tables of 65,536 names fit.
pub(super) const MAX_PAYLOAD: usize = 64 << 20;

/// `at` of an event that moves no position.
const NO_POSITION: i64 = i64::MIN;

const EVENT: u8 = 1;
const PROGRESS: u8 = 2;
const TABLES: u8 = 3;

/// What the small numbers in records stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tables {
    pub(super) clusters: Vec<Arc<Cluster>>,
    pub(super) sources: Vec<SourceRow>,
    pub(super) sinks: Vec<String>,
}

/// One source, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SourceRow {
    pub(super) name: String,
    /// Value, and microseconds since 1970.
    pub(super) position: Option<(String, i64)>,
}

impl SourceRow {
    pub(super) fn position(&self) -> Option<Position> {
        let (value, at) = self.position.as_ref()?;
        Some(Position::new(value.clone(), time(*at)))
    }

    pub(super) fn set_position(&mut self, position: &Position) {
        self.position = Some((position.value.clone(), position.at.as_microsecond()));
    }
}

impl Tables {
    /// Without positions: what a record of kind 3 says. It must not move a position.
    pub(super) fn names(&self) -> Self {
        let nameless = |row: &SourceRow| SourceRow { name: row.name.clone(), position: None };
        Self { sources: self.sources.iter().map(nameless).collect(), ..self.clone() }
    }

    /// Takes over the names of a later record of kind 3. Tables only grow.
    fn learn(&mut self, later: Self) {
        self.clusters = later.clusters;
        self.sinks = later.sinks;
        let known = self.sources.len();
        self.sources.extend(later.sources.into_iter().skip(known));
    }

    /// Applies what a record says to the tables.
    pub(super) fn apply(&mut self, payload: &Payload<'_>) {
        match payload {
            Payload::Event(EventPayload { source, position, at, .. })
            | Payload::Progress { source, position, at } => {
                if let Some(row) = self.sources.get_mut(usize::from(*source))
                    && *at != NO_POSITION
                {
                    row.position = Some(((*position).to_owned(), *at));
                }
            }
            Payload::Tables(tables) => self.learn(tables.clone()),
        }
    }
}

/// A payload, borrowed from its segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Payload<'a> {
    Event(EventPayload<'a>),
    Progress { source: u16, position: &'a str, at: i64 },
    Tables(Tables),
}

/// The payload of kind 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EventPayload<'a> {
    pub(super) source: u16,
    pub(super) cluster: u16,
    pub(super) sinks: SinkSet,
    pub(super) received: i64,
    pub(super) position: &'a str,
    pub(super) at: i64,
    pub(super) document: &'a [u8],
}

impl EventPayload<'_> {
    /// The event, read anew. None if its document cannot be read, which happens for no document that was
    /// an event when it was written.
    pub(super) fn event(&self, tables: &Tables) -> Option<Arc<Event>> {
        let cluster = tables.clusters.get(usize::from(self.cluster))?;
        let document = Bytes::copy_from_slice(self.document);
        let event = Event::from_kubernetes(cluster, document, time(self.received)).ok()?;
        Some(Arc::new(event))
    }
}

/// Appends one framed event. `position`, if any, stands for all that was seen up to and with this event.
pub(super) fn put_event(
    out: &mut Vec<u8>,
    seq: u64,
    (source, cluster): (u16, u16),
    sinks: SinkSet,
    event: &Event,
    position: Option<&Position>,
) {
    frame(out, seq, |out| {
        out.push(EVENT);
        out.extend_from_slice(&source.to_le_bytes());
        out.extend_from_slice(&cluster.to_le_bytes());
        out.extend_from_slice(&sinks.to_bits().to_le_bytes());
        out.extend_from_slice(&event.received().as_microsecond().to_le_bytes());
        match position {
            Some(position) => put_position(out, position),
            None => {
                out.extend_from_slice(&NO_POSITION.to_le_bytes());
                out.extend_from_slice(&0_u16.to_le_bytes());
            }
        }
        out.extend_from_slice(event.raw());
    });
}

/// Appends a framed position.
pub(super) fn put_progress(out: &mut Vec<u8>, seq: u64, source: u16, position: &Position) {
    frame(out, seq, |out| {
        out.push(PROGRESS);
        out.extend_from_slice(&source.to_le_bytes());
        put_position(out, position);
    });
}

/// Appends framed tables, without positions.
pub(super) fn put_tables(out: &mut Vec<u8>, seq: u64, tables: &Tables) {
    frame(out, seq, |out| {
        out.push(TABLES);
        // Neither a Vec nor plain strings can fail.
        serde_json::to_writer(&mut *out, &tables.names()).ok();
    });
}

fn put_position(out: &mut Vec<u8>, position: &Position) {
    let value = position.value.as_bytes();
    // `Spool::append` has refused longer ones.
    let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&position.at.as_microsecond().to_le_bytes());
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(value.get(..usize::from(len)).unwrap_or(value));
}

fn frame(out: &mut Vec<u8>, seq: u64, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&seq.to_le_bytes());
    payload(out);
    let len = u32::try_from(out.len() - start - FRAME).unwrap_or(u32::MAX);
    let crc = crc32c::crc32c(&out[start + 8..]);
    out[start..start + 4].copy_from_slice(&len.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// What stands at the start of some bytes of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framed {
    /// A whole record: its number, and where its payload is.
    Record { seq: u64, payload: Range<usize> },
    /// The bytes end before the record does; with this many it would be whole.
    Short(usize),
    /// No record: the end, or damage.
    End,
}

/// Reads a frame. The checksum is verified.
pub(super) fn read_frame(bytes: &[u8]) -> Framed {
    let Some((head, rest)) = bytes.split_first_chunk::<FRAME>() else {
        return Framed::Short(FRAME);
    };
    let [l0, l1, l2, l3, c0, c1, c2, c3, seq @ ..] = *head;
    let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if len == 0 || len > MAX_PAYLOAD {
        return Framed::End;
    }
    if rest.len() < len {
        return Framed::Short(FRAME + len);
    }
    let covered = bytes.get(8..FRAME + len).unwrap_or_default();
    if crc32c::crc32c(covered) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Framed::End;
    }
    Framed::Record { seq: u64::from_le_bytes(seq), payload: FRAME..FRAME + len }
}

/// Reads a payload whose checksum was right. None for a kind that this version does not know.
pub(super) fn read_payload(payload: &[u8]) -> Option<Payload<'_>> {
    let (kind, mut rest) = payload.split_first()?;
    match *kind {
        EVENT => {
            let source = u16::from_le_bytes(take(&mut rest)?);
            let cluster = u16::from_le_bytes(take(&mut rest)?);
            let sinks = SinkSet::from_bits(u64::from_le_bytes(take(&mut rest)?));
            let received = i64::from_le_bytes(take(&mut rest)?);
            let (at, position) = take_position(&mut rest)?;
            let document = rest;
            Some(Payload::Event(EventPayload {
                source,
                cluster,
                sinks,
                received,
                position,
                at,
                document,
            }))
        }
        PROGRESS => {
            let source = u16::from_le_bytes(take(&mut rest)?);
            let (at, position) = take_position(&mut rest)?;
            Some(Payload::Progress { source, position, at })
        }
        TABLES => Some(Payload::Tables(serde_json::from_slice(rest).ok()?)),
        _ => None,
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk::<N>()?;
    *rest = left;
    Some(*taken)
}

fn take_position<'a>(rest: &mut &'a [u8]) -> Option<(i64, &'a str)> {
    let at = i64::from_le_bytes(take(rest)?);
    let len = usize::from(u16::from_le_bytes(take(rest)?));
    let (value, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some((at, std::str::from_utf8(value).ok()?))
}

pub(super) fn time(microseconds: i64) -> Timestamp {
    Timestamp::from_microsecond(microseconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let cluster = Arc::new(Cluster { id: "c".to_owned(), name: "n".to_owned() });
        let document: &[u8] = br#"{"metadata":{"uid":"u"},"message":"m"}"#;
        let event = Event::from_kubernetes(&cluster, document.into(), time(5)).unwrap();
        let mut out = b"before".to_vec();
        let sinks = SinkSet::from_iter([0, 63]);
        put_event(&mut out, 7, (1, 2), sinks, &event, Some(&Position::new("42", time(6))));
        let bytes = &out[6..];
        let Framed::Record { seq: 7, payload } = read_frame(bytes) else { panic!("no record") };
        let read = read_payload(&bytes[payload]).unwrap();
        let expected = EventPayload {
            source: 1,
            cluster: 2,
            sinks,
            received: 5,
            position: "42",
            at: 6,
            document,
        };
        assert_eq!(read, Payload::Event(expected));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let mut out = Vec::new();
        put_progress(&mut out, 9, 3, &Position::new("12345", time(1)));
        for cut in 0..out.len() {
            assert!(matches!(read_frame(&out[..cut]), Framed::Short(_)), "cut at {cut}");
        }
        for bit in 0..out.len() * 8 {
            let mut damaged = out.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(read_frame(&damaged), Framed::Record { .. }), "bit {bit}");
        }
        assert_eq!(read_frame(&[0; 64]), Framed::End);
    }

    #[test]
    fn tables_say_names_and_no_positions() {
        let mut tables = Tables::default();
        tables
            .sources
            .push(SourceRow { name: "s".to_owned(), position: Some(("9".to_owned(), 1)) });
        let mut out = Vec::new();
        put_tables(&mut out, 1, &tables);
        let Framed::Record { payload, .. } = read_frame(&out) else { panic!("no record") };
        let read = read_payload(&out[payload]).unwrap();
        assert_eq!(read, Payload::Tables(tables.names()));
        // What is known already is not forgotten.
        tables.apply(&read);
        assert_eq!(tables.sources[0].position, Some(("9".to_owned(), 1)));
    }
}
