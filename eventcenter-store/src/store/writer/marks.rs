//! Marks, each given once in the life of a folder, whatever becomes of the partition that it stands in.
//!
//! The largest mark in the partitions is not enough: the one that has it may be set aside, or removed. So the file
//! `marks` names a number that no mark has passed, and is written and synced before one does, a good deal ahead. A start
//! goes on behind it; a proper end writes the last mark itself, so that nothing is skipped. A folder without the file, a
//! restored one, goes on behind what its partitions hold.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Marks that are promised at a time: a crash skips so many at most.
const AHEAD: i64 = 100_000;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Marks {
    folder: PathBuf,
    /// The last one that was given.
    pub(super) last: i64,
    /// What the file says.
    promised: i64,
}

impl Marks {
    /// What the file in this folder says. What cannot be read promises nothing.
    pub(super) fn look(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("marks")).unwrap_or_default();
        let promised = text.trim().parse().unwrap_or(0);
        Self { folder: folder.to_owned(), last: promised, promised }
    }

    /// Says that this one was given.
    pub(super) fn found(&mut self, mark: i64) {
        self.last = self.last.max(mark);
    }

    /// Sees to it that so many can be given.
    pub(super) fn promise(&mut self, many: usize) -> io::Result<()> {
        let needed = self.last.saturating_add(i64::try_from(many).unwrap_or(i64::MAX));
        if needed <= self.promised { Ok(()) } else { self.write(needed.saturating_add(AHEAD)) }
    }

    /// Takes back what was promised and not given.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        if self.last == self.promised { Ok(()) } else { self.write(self.last) }
    }

    fn write(&mut self, promised: i64) -> io::Result<()> {
        let (new, file) = (self.folder.join("marks.new"), self.folder.join("marks"));
        let mut writing = fs::File::create(&new)?;
        writeln!(writing, "{promised}")?;
        writing.sync_all()?;
        fs::rename(&new, &file)?;
        fs::File::open(&self.folder)?.sync_all()?;
        self.promised = promised;
        Ok(())
    }
}
