//! How far each sink has come: one small file a sink.
//!
//! ```text
//! two slots of 32 bytes: 0 generation: u64 | 8 next: u64 | 16 crc32c: u32, over the 16 bytes before | zeros
//! ```
//!
//! The slots are written in turn, so that a torn write damages the older of the two and a cursor is replaced as a
//! whole or not at all. Of two good slots the later generation counts. A cursor is written at each receipt, which
//! is enough against the death of the process; it is synced at most once a second, so that a power cut may repeat
//! the deliveries of that second, and loses none.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use super::fs::{File, Fs};

const SLOT: usize = 32;

/// How long a receipt may be unsynced.
const SYNC: Duration = Duration::from_secs(1);

/// The file of one sink.
#[derive(Debug)]
pub(super) struct CursorFile {
    file: Box<dyn File>,
    generation: u64,
    next: u64,
    synced: Instant,
    dirty: bool,
}

impl CursorFile {
    /// The cursor of `sink`. One that is new stands at `start`; one that cannot be read, since a power cut tore
    /// both slots, stands before everything: what was settled is delivered again, and nothing is lost.
    pub(super) fn open(fs: &dyn Fs, sink: &str, start: u64) -> io::Result<Self> {
        let name = format!("{sink}.cursor");
        let known = fs.list()?.contains(&name);
        let file = if known { fs.open(&name)? } else { fs.create(&name)? };
        let mut cursor =
            Self { file, generation: 0, next: start, synced: Instant::now(), dirty: false };
        if let Some((generation, next)) = cursor.read()? {
            (cursor.generation, cursor.next) = (generation, next);
        } else {
            cursor.write(if known { 0 } else { start })?;
            cursor.sync()?;
            fs.sync()?;
        }
        Ok(cursor)
    }

    fn read(&self) -> io::Result<Option<(u64, u64)>> {
        let mut slots = [0; 2 * SLOT];
        self.file.read_at(&mut slots, 0)?;
        Ok(slots.chunks_exact(SLOT).filter_map(read_slot).max())
    }

    /// The number of the first record that is not settled.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Moves it. A cursor never goes back.
    pub(super) fn advance(&mut self, next: u64) -> io::Result<()> {
        if next > self.next { self.write(next) } else { Ok(()) }
    }

    /// Syncs what was written a while ago.
    pub(super) fn tick(&mut self) -> io::Result<()> {
        if self.dirty && self.synced.elapsed() >= SYNC { self.sync() } else { Ok(()) }
    }

    fn write(&mut self, next: u64) -> io::Result<()> {
        let generation = self.generation + 1;
        let mut slot = [0; SLOT];
        slot[..8].copy_from_slice(&generation.to_le_bytes());
        slot[8..16].copy_from_slice(&next.to_le_bytes());
        let crc = crc32c::crc32c(&slot[..16]);
        slot[16..20].copy_from_slice(&crc.to_le_bytes());
        self.file.write_at(&slot, generation % 2 * SLOT as u64)?;
        (self.generation, self.next, self.dirty) = (generation, next, true);
        Ok(())
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        (self.synced, self.dirty) = (Instant::now(), false);
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
    fn a_torn_slot_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let fs = DiskFs::new(folder.path()).unwrap();
        let mut cursor = CursorFile::open(&fs, "a", 5).unwrap();
        cursor.advance(6).unwrap();
        cursor.advance(9).unwrap();
        cursor.advance(7).unwrap();
        assert_eq!(CursorFile::open(&fs, "a", 1).unwrap().next(), 9);
        for torn in 0..2 {
            let file = fs.open("a.cursor").unwrap();
            let mut before = [0; 1];
            let place = torn * SLOT as u64 + 8;
            file.read_at(&mut before, place).unwrap();
            file.write_at(&[before[0] ^ 1], place).unwrap();
            let next = CursorFile::open(&fs, "a", 1).unwrap().next();
            assert!(next == 6 || next == 9, "{next}");
            file.write_at(&before, place).unwrap();
        }
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
