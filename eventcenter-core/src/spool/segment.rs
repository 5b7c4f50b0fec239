//! One file of the spool.
//!
//! ```text
//! 0 magic: 8 | 8 first: u64 | 16 created: i64 | 24 len: u32 | 28 crc32c: u32 | 32 JSON of `Tables`, len bytes
//! then records, then zeros
//! ```
//!
//! The header is a snapshot of everything that a reader of this file needs: the names behind the small numbers,
//! and the position of every source as it stood before the first record. So a segment can be removed without
//! losing a position that stands in it only.
//!
//! A segment is filled with zeros when it is made. To write into space that is there already costs a sync of the
//! data alone; a file that grows costs one of its metadata too (measured: 9,700 against 6,100 commits a second).

use std::io;
use std::sync::Arc;

use super::fs::{File, Fs};
use super::record::{Framed, Tables, read_frame};

const MAGIC: &[u8; 8] = b"ECSPOOL\x01";
const HEADER: usize = 32;

/// No header is longer: 65,536 sources and clusters with names of 500 bytes.
const MAX_HEADER: usize = 64 << 20;

/// How much a [`Scan`] reads at once: some 150 events, so that the cost of a read does not show.
const READ: usize = 256 << 10;

/// The file name of the segment whose first record is `first`.
pub(super) fn name(first: u64) -> String {
    format!("{first:020}.seg")
}

/// The number of the first record, for a name that is a segment's.
pub(super) fn first_of(name: &str) -> Option<u64> {
    name.strip_suffix(".seg").filter(|digits| digits.len() == 20)?.parse().ok()
}

/// What a segment says before its records.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) first: u64,
    /// Microseconds since 1970.
    pub(super) created: i64,
    pub(super) tables: Tables,
}

/// A segment that is being written.
#[derive(Debug)]
pub(super) struct Segment {
    file: Box<dyn File>,
    first: u64,
    offset: u64,
    capacity: u64,
}

impl Segment {
    /// A new segment of at least `capacity` bytes. Durable when this returns.
    pub(super) fn create(fs: &dyn Fs, header: &Header, capacity: u64) -> io::Result<Self> {
        let name = name(header.first);
        if fs.list()?.contains(&name) {
            if let Some((_, scan)) = Scan::open(fs, header.first)? {
                // Begun before, by an attempt whose records did not become durable. The snapshot in it may be the
                // only one that there is, so the file is emptied and not removed. The first record says the names.
                let (file, offset) = (fs.open(&name)?, scan.position());
                file.set_len(offset)?;
                file.sync_data()?;
                return Ok(Self { file, first: header.first, offset, capacity });
            }
            fs.remove(&name)?;
        }
        let begun = Self::begin(fs, &name, header, capacity);
        if begun.is_err() {
            // Half a segment takes the room that somebody else needs.
            fs.remove(&name).ok();
        }
        begun
    }

    fn begin(fs: &dyn Fs, name: &str, header: &Header, capacity: u64) -> io::Result<Self> {
        let file = fs.create(name)?;
        let head = encode(header)?;
        let zeros = vec![0; READ];
        let mut offset = 0;
        while offset < capacity {
            let rest = usize::try_from(capacity - offset).unwrap_or(READ).min(READ);
            file.write_at(zeros.get(..rest).unwrap_or(&zeros), offset)?;
            offset += rest as u64;
        }
        file.write_at(&head, 0)?;
        file.sync_data()?;
        fs.sync()?;
        let offset = head.len() as u64;
        Ok(Self { file, first: header.first, offset, capacity })
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// What has been written, its head included.
    pub(super) fn used(&self) -> u64 {
        self.offset
    }

    /// Whether `len` more bytes have their place. A chunk that is larger than a whole segment is taken by an
    /// empty one, which then grows.
    pub(super) fn takes(&self, len: usize) -> bool {
        self.offset + len as u64 <= self.capacity
    }

    /// Writes whole records. They are durable when this returns.
    pub(super) fn write(&mut self, records: &[u8]) -> io::Result<()> {
        self.file.write_at(records, self.offset)?;
        self.file.sync_data()?;
        self.offset += records.len() as u64;
        Ok(())
    }

    /// Gives back the space that was not used, and says how large the file is then.
    pub(super) fn seal(self) -> u64 {
        // Zeros at the end do no harm: an error here costs space, no data.
        match self.file.set_len(self.offset) {
            Ok(()) => self.offset,
            Err(_) => self.capacity,
        }
    }
}

fn encode(header: &Header) -> io::Result<Vec<u8>> {
    let tables = serde_json::to_vec(&header.tables)?;
    let len = u32::try_from(tables.len()).map_err(io::Error::other)?;
    let mut covered = Vec::with_capacity(20 + tables.len());
    covered.extend_from_slice(&header.first.to_le_bytes());
    covered.extend_from_slice(&header.created.to_le_bytes());
    covered.extend_from_slice(&len.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&covered), &tables);
    Ok([MAGIC.as_slice(), &covered, &crc.to_le_bytes(), &tables].concat())
}

/// A segment that is being read, record by record.
#[derive(Debug)]
pub(super) struct Scan {
    file: Box<dyn File>,
    /// Where in the file `buffer` ends.
    offset: u64,
    buffer: Vec<u8>,
    start: usize,
    /// Where the record that was read last begins.
    last: usize,
    /// The number of the next record, if it is whole.
    next: u64,
}

impl Scan {
    /// Opens a segment. None if its header is not whole: nothing in it was ever durable.
    pub(super) fn open(fs: &dyn Fs, first: u64) -> io::Result<Option<(Header, Self)>> {
        let file = fs.open(&name(first))?;
        let mut head = [0; HEADER];
        if file.read_at(&mut head, 0)? < HEADER {
            return Ok(None);
        }
        let [_, _, _, _, _, _, _, _, covered @ .., c0, c1, c2, c3] = head;
        let crc = u32::from_le_bytes([c0, c1, c2, c3]);
        let [f0, f1, f2, f3, f4, f5, f6, f7, created @ .., l0, l1, l2, l3] = covered;
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if !head.starts_with(MAGIC) || len > MAX_HEADER {
            return Ok(None);
        }
        let mut tables = vec![0; len];
        let whole = file.read_at(&mut tables, HEADER as u64)? == len
            && crc32c::crc32c_append(crc32c::crc32c(&covered), &tables) == crc
            && u64::from_le_bytes([f0, f1, f2, f3, f4, f5, f6, f7]) == first;
        let Some(tables) = whole.then(|| serde_json::from_slice(&tables).ok()).flatten() else {
            return Ok(None);
        };
        let created = i64::from_le_bytes(created);
        let offset = (HEADER + len) as u64;
        let scan = Self { file, offset, buffer: Vec::new(), start: 0, last: 0, next: first };
        Ok(Some((Header { first, created, tables }, scan)))
    }

    /// The number that the next record has, or would have.
    pub(super) fn next_seq(&self) -> u64 {
        self.next
    }

    /// Where in the file the next record begins.
    pub(super) fn position(&self) -> u64 {
        self.offset - (self.buffer.len() - self.start) as u64
    }

    /// The next record's number and payload; none at the end, and at damage.
    ///
    /// May be asked again: what was buffered may be older than what has been written since.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, &[u8])>> {
        let mut is_fresh = false;
        loop {
            match read_frame(self.buffer.get(self.start..).unwrap_or_default()) {
                Framed::Record { seq, payload } if seq == self.next => {
                    let payload = self.start + payload.start..self.start + payload.end;
                    (self.last, self.start) = (self.start, payload.end);
                    self.next += 1;
                    return Ok(self.buffer.get(payload).map(|payload| (seq, payload)));
                }
                Framed::Record { .. } | Framed::End if is_fresh => return Ok(None),
                Framed::Record { .. } | Framed::End => {
                    self.offset = self.position();
                    self.buffer.clear();
                    self.start = 0;
                    is_fresh = true;
                }
                Framed::Short(need) => {
                    if !self.fill(need)? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Steps back before the record that [`next`](Self::next) has just returned. Once.
    pub(super) fn unread(&mut self) {
        self.start = self.last;
        self.next -= 1;
    }

    /// Reads on until `need` bytes stand from `start` on; false if the file has no more.
    fn fill(&mut self, need: usize) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        (self.last, self.start) = (0, 0);
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ.max(need - filled), 0);
        let space = self.buffer.get_mut(filled..).unwrap_or_default();
        let read = self.file.read_at(space, self.offset)?;
        self.buffer.truncate(filled + read);
        self.offset += read as u64;
        Ok(self.buffer.len() >= need)
    }
}

/// Cuts a segment after its last whole record, so that what a torn write left behind is gone for good.
pub(super) fn cut(fs: &dyn Fs, first: u64, len: u64) -> io::Result<()> {
    let file = fs.open(&name(first))?;
    file.set_len(len)?;
    file.sync_data()
}

/// Where the segments are, in order, and how large.
#[derive(Debug, Clone, Default)]
pub(super) struct Segments(pub(super) Vec<SegmentRow>);

/// One segment of the list.
#[derive(Debug, Clone)]
pub(super) struct SegmentRow {
    pub(super) first: u64,
    pub(super) created: i64,
    /// On disk. The one that is written to has its whole space from the beginning.
    pub(super) bytes: u64,
    /// Of these, what has been written.
    pub(super) used: u64,
}

impl Segments {
    /// The place of the segment in which record `seq` is, or would be.
    pub(super) fn place_of(&self, seq: u64) -> Option<usize> {
        self.0.partition_point(|row| row.first <= seq).checked_sub(1)
    }

    /// The first number after the segment at `place`; none for the last one.
    pub(super) fn end_of(&self, place: usize) -> Option<u64> {
        self.0.get(place + 1).map(|row| row.first)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.iter().map(|row| row.bytes).sum()
    }

    /// The bytes of the records from `seq` on, of those that end below `durable`. In the segment of `seq` records are
    /// taken to be of one size.
    pub(super) fn bytes_from(&self, seq: u64, durable: u64) -> u64 {
        let place = self.place_of(seq).unwrap_or_default();
        let later: u64 = self.0.iter().skip(place + 1).map(|row| row.used).sum();
        let Some(row) = self.0.get(place) else { return later };
        let end = self.end_of(place).unwrap_or(durable);
        let (left, all) =
            (end.saturating_sub(seq.max(row.first)), end.saturating_sub(row.first).max(1));
        let share = u128::from(row.used) * u128::from(left) / u128::from(all);
        later + u64::try_from(share).unwrap_or(row.used)
    }
}

/// The segments, shared between the one who writes and those who read.
pub(super) type SharedSegments = Arc<std::sync::Mutex<Segments>>;
