//! The part of the spool that is on disk, as its one writer sees it.
//!
//! Two rules make recovery right:
//!
//! - **A restart, and a failed write, begin a new segment.** What a torn write left in the old one is never written
//!   over in part, so a stale record cannot come back to life behind a new one of the same length, with a position
//!   that skips what was lost.
//! - **A record counts only if its number is below the first number of the next segment.** So what a failed write
//!   may have left, or may not, is out of the way once its records were written again in the next segment.
//!
//! Tables and positions here are those of what is durable, never ahead of it: they become the next header.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::fs::{Fs, is_damage};
use super::record::{Tables, read_payload};
use super::segment::{self, Header, Scan, Segment, SegmentRow, Segments, SharedSegments};
use crate::source::Position;

/// Whole records that become durable together.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) records: Vec<u8>,
    /// The number of the first record.
    pub(super) first: u64,
    pub(super) count: u64,
    /// The last position of each source in it.
    pub(super) positions: BTreeMap<u16, Position>,
    /// The tables, if a record of it changed them.
    pub(super) tables: Option<Tables>,
}

impl Chunk {
    pub(super) fn end(&self) -> u64 {
        self.first + self.count
    }
}

/// What is on disk.
#[derive(Debug)]
pub(super) struct Log {
    fs: Arc<dyn Fs>,
    segment_bytes: u64,
    active: Option<Segment>,
    tables: Tables,
    segments: SharedSegments,
}

/// What [`Log::recover`] found.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) log: Log,
    /// The number of the next record.
    pub(super) next: u64,
    pub(super) tables: Tables,
}

impl Log {
    /// Reads what is there. Everything up to the last whole record is kept; a torn tail is cut off.
    pub(super) fn recover(fs: Arc<dyn Fs>, segment_bytes: u64) -> io::Result<Recovered> {
        let mut firsts: Vec<u64> =
            fs.list()?.iter().filter_map(|name| segment::first_of(name)).collect();
        firsts.sort_unstable();
        let mut rows = Vec::new();
        let mut next = 1;
        // A segment that a crash left without a header has no records; but everything below its first number was
        // durable before it was begun.
        while let Some(&last) = firsts.last()
            && let Found::Nothing = look(&*fs, last)?
        {
            fs.remove(&segment::name(last))?;
            next = next.max(last);
            firsts.pop();
        }
        let mut tables = Tables::default();
        for (place, &first) in firsts.iter().enumerate() {
            let is_last = place + 1 == firsts.len();
            let Found::Segment(header, mut scan) = look(&*fs, first)? else {
                // Damage of a file that was whole: readers will find it, count it and go on.
                let created = rows.last().map_or(0, |row: &SegmentRow| row.created);
                rows.push(SegmentRow { first, created, bytes: 0, used: 0 });
                // How many records it had nobody can tell: at least one, or it would not be there.
                next = next.max(first + 1);
                continue;
            };
            tables = header.tables;
            let mut bytes = fs.open(&segment::name(first))?.size()?;
            if is_last {
                match replay(&mut scan, &mut tables) {
                    Ok(()) => {
                        next = next.max(scan.next_seq());
                        bytes = scan.position();
                        segment::cut(&*fs, first, bytes)?;
                    }
                    Err(error) if is_damage(&error) => next = next.max(scan.next_seq() + 1),
                    Err(error) => return Err(error),
                }
            }
            rows.push(SegmentRow { first, created: header.created, bytes, used: bytes });
        }
        let segments = Arc::new(Mutex::new(Segments(rows)));
        let log = Self { fs, segment_bytes, active: None, tables: tables.clone(), segments };
        Ok(Recovered { log, next, tables })
    }

    pub(super) fn segments(&self) -> &SharedSegments {
        &self.segments
    }

    /// Sets the names for the next header: a program starts with the sinks of its configuration.
    pub(super) fn set_sinks(&mut self, sinks: Vec<String>) {
        self.tables.sinks = sinks;
    }

    /// Makes the chunk durable. After an error it may be called again with the same chunk.
    pub(super) fn commit(&mut self, chunk: &Chunk, now: i64) -> io::Result<()> {
        if !self.active.as_ref().is_some_and(|active| active.takes(chunk.records.len())) {
            self.roll(chunk.first, now)?;
        }
        // A segment that failed is given up: nobody knows what of it is on disk.
        let Some(mut active) = self.active.take() else {
            return Err(io::Error::other("there is no segment to write to"));
        };
        active.write(&chunk.records)?;
        if let Some(row) = self.lock().0.last_mut() {
            row.used = active.used();
        }
        self.active = Some(active);
        if let Some(tables) = &chunk.tables {
            let positions = std::mem::take(&mut self.tables.sources);
            self.tables = tables.clone();
            for (row, known) in self.tables.sources.iter_mut().zip(positions) {
                *row = known;
            }
        }
        for (&source, position) in &chunk.positions {
            if let Some(row) = self.tables.sources.get_mut(usize::from(source)) {
                row.set_position(position);
            }
        }
        Ok(())
    }

    /// Begins a new segment with record `first`.
    fn roll(&mut self, first: u64, now: i64) -> io::Result<()> {
        if let Some(full) = self.active.take() {
            let (place, bytes) = (full.first(), full.seal());
            let mut segments = self.lock();
            if let Some(row) = segments.0.iter_mut().find(|row| row.first == place) {
                row.bytes = bytes;
            }
        }
        let header = Header { first, created: now, tables: self.tables.clone() };
        let segment = Segment::create(&*self.fs, &header, self.segment_bytes)?;
        let row = SegmentRow { first, created: now, bytes: segment.capacity(), used: 0 };
        let mut segments = self.lock();
        // One of the same first number was given up empty.
        segments.0.retain(|row| row.first < first);
        segments.0.push(row);
        drop(segments);
        self.active = Some(segment);
        Ok(())
    }

    /// Removes the oldest segment. The one that is being written is never removed.
    pub(super) fn remove_oldest(&mut self) -> io::Result<()> {
        let Some(first) = self.lock().0.first().map(|row| row.first) else {
            return Ok(());
        };
        if self.active.as_ref().is_some_and(|active| active.first() == first) {
            return Ok(());
        }
        match self.fs.remove(&segment::name(first)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.lock().0.remove(0);
        self.fs.sync()
    }

    /// Gives back the space that the last segment does not use.
    pub(super) fn close(&mut self) {
        if let Some(active) = self.active.take() {
            active.seal();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is in a segment's file.
enum Found {
    /// A header that is whole, and records behind it.
    Segment(Header, Scan),
    /// No header: nothing in it was ever durable, or it is damaged.
    Nothing,
    /// The disk does not give it back.
    Damaged,
}

fn look(fs: &dyn Fs, first: u64) -> io::Result<Found> {
    match Scan::open(fs, first) {
        Ok(Some((header, scan))) => Ok(Found::Segment(header, scan)),
        Ok(None) => Ok(Found::Nothing),
        Err(error) if is_damage(&error) => Ok(Found::Damaged),
        Err(error) => Err(error),
    }
}

/// Reads to the end, for the names and positions that the records hold.
fn replay(scan: &mut Scan, tables: &mut Tables) -> io::Result<()> {
    while let Some((_, payload)) = scan.next()? {
        if let Some(payload) = read_payload(payload) {
            tables.apply(&payload);
        }
    }
    Ok(())
}
