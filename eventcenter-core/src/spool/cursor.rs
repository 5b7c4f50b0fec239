//! How far each sink has come: one small file a sink.
//!
//! ```text
//! three slots of 32 bytes: 0 generation: u64 | 8 next: u64 | 16 crc32c: u32, over the 16 bytes before | zeros
//! ```
//!
//! Of the slots that are whole the latest generation counts. A cursor is written at each receipt, which is enough
//! against the death of the process; it is synced at most once a second, and before a segment is removed. The slot
//! that was synced last is never written over before another was synced: the other two are written in turn. So a
//! cursor is replaced as a whole or not at all, and a power cut repeats the deliveries of a second, and loses none.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use super::fs::{File, Fs};

const SLOT: usize = 32;
const SLOTS: usize = 3;

/// How long a receipt may be unsynced.
const SYNC: Duration = Duration::from_secs(1);

/// The file of one sink.
#[derive(Debug)]
pub(super) struct CursorFile {
    file: Box<dyn File>,
    generation: u64,
    next: u64,
    /// The slot that was written last, and the one that was synced last.
    slot: usize,
    safe: usize,
    synced: Instant,
    /// Whether there was none when it was opened.
    is_new: bool,
}

impl CursorFile {
    /// The cursor of `sink`. One that is new stands at `start`; one that cannot be read, since a power cut came while
    /// it was made, stands before everything: what was settled is delivered again, and nothing is lost.
    pub(super) fn open(fs: &dyn Fs, sink: &str, start: u64) -> io::Result<Self> {
        let name = format!("{sink}.cursor");
        let known = fs.list()?.contains(&name);
        let file = if known { fs.open(&name)? } else { fs.create(&name)? };
        let mut cursor = Self {
            file,
            generation: 0,
            next: start,
            slot: 0,
            safe: 0,
            synced: Instant::now(),
            is_new: !known,
        };
        if let Some((generation, next, slot)) = cursor.read()? {
            (cursor.generation, cursor.next, cursor.slot) = (generation, next, slot);
            cursor.sync()?;
        } else {
            cursor.write(if known { 0 } else { start })?;
            cursor.sync()?;
            fs.sync()?;
        }
        Ok(cursor)
    }

    /// The latest generation, its number and its slot.
    fn read(&self) -> io::Result<Option<(u64, u64, usize)>> {
        let mut slots = [0; SLOTS * SLOT];
        self.file.read_at(&mut slots, 0)?;
        let whole = slots.chunks_exact(SLOT).zip(0..).filter_map(|(bytes, slot)| {
            let (generation, next) = read_slot(bytes)?;
            Some((generation, next, slot))
        });
        Ok(whole.max())
    }

    /// The number of the first record that is not settled.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Whether its sink is new.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Moves it. A cursor never goes back.
    pub(super) fn advance(&mut self, next: u64) -> io::Result<()> {
        if next > self.next { self.write(next) } else { Ok(()) }
    }

    /// Syncs what was written a while ago.
    pub(super) fn tick(&mut self) -> io::Result<()> {
        if self.synced.elapsed() >= SYNC { self.sync() } else { Ok(()) }
    }

    fn write(&mut self, next: u64) -> io::Result<()> {
        let generation = self.generation + 1;
        let mut slot = [0; SLOT];
        slot[..8].copy_from_slice(&generation.to_le_bytes());
        slot[8..16].copy_from_slice(&next.to_le_bytes());
        let crc = crc32c::crc32c(&slot[..16]);
        slot[16..20].copy_from_slice(&crc.to_le_bytes());
        let free = (0..SLOTS).find(|&free| free != self.safe && free != self.slot);
        let place = free.unwrap_or_default();
        self.file.write_at(&slot, (place * SLOT) as u64)?;
        (self.generation, self.next, self.slot) = (generation, next, place);
        Ok(())
    }

    /// Makes durable what was written.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.slot != self.safe {
            self.file.sync_data()?;
            self.safe = self.slot;
        }
        self.synced = Instant::now();
        Ok(())
    }
}

/// Generation and number, of a slot that is whole.
fn read_slot(slot: &[u8]) -> Option<(u64, u64)> {
    let (generation, rest) = slot.split_first_chunk::<8>()?;
    let (next, rest) = rest.split_first_chunk::<8>()?;
    let (crc, _) = rest.split_first_chunk::<4>()?;
    let generation = u64::from_le_bytes(*generation);
    let good = crc32c::crc32c(slot.get(..16)?) == u32::from_le_bytes(*crc);
    (good && generation > 0).then_some((generation, u64::from_le_bytes(*next)))
}

#[cfg(test)]
mod tests {
    use super::super::fs::DiskFs;
    use super::*;

    #[test]
    fn torn_writes_leave_what_was_synced_last() {
        let folder = tempfile::tempdir().unwrap();
        let fs = DiskFs::new(folder.path()).unwrap();
        let mut cursor = CursorFile::open(&fs, "a", 5).unwrap();
        cursor.advance(6).unwrap();
        cursor.sync().unwrap();
        let safe = cursor.safe;
        for next in 7..20 {
            cursor.advance(next).unwrap();
        }
        cursor.advance(7).unwrap();
        assert_eq!(CursorFile::open(&fs, "a", 1).unwrap().next(), 19);
        for torn in (0..SLOTS).filter(|&slot| slot != safe) {
            fs.open("a.cursor").unwrap().write_at(&[0xff; 8], (torn * SLOT) as u64 + 8).unwrap();
        }
        assert_eq!(CursorFile::open(&fs, "a", 1).unwrap().next(), 6);
    }

    #[test]
    fn a_cursor_that_cannot_be_read_stands_before_everything() {
        let folder = tempfile::tempdir().unwrap();
        let fs = DiskFs::new(folder.path()).unwrap();
        fs.create("a.cursor").unwrap();
        assert_eq!(CursorFile::open(&fs, "a", 3).unwrap().next(), 0);
        assert_eq!(CursorFile::open(&fs, "b", 3).unwrap().next(), 3);
    }
}
