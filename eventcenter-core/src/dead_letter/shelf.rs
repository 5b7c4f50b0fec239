//! The files of one sink's letters.
//!
//! Appending syncs before it returns. A file is written anew beside the old one, and takes its place in one step: after
//! a crash there is the one or the other. The numbers kept here are those of whole lines; what somebody else did to the
//! newest file shows in its length, and then it is read again.

mod files;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

pub(super) use files::{Letters, names};
use files::{Place, each_line, escaped, files, read_through, sync};

use super::letter;
use super::{DeadLetterConfig, Removal};
use crate::folder;

/// So many files at most hold what [`DeadLetterConfig`] allows: dropping the oldest drops a sixteenth.
const FILES: u32 = 16;

/// Beside the name: a file that is being written anew. One that is there at the start was left by a crash.
const ANEW: &str = ".anew";

const END: &str = ".ndjson";

/// What is kept, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) letters: u64,
    pub(super) bytes: u64,
    pub(super) oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
}

/// One file.
#[derive(Debug, Clone, Copy, Default)]
struct Volume {
    /// None: the newest.
    number: Option<u64>,
    held: Held,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
    name: String,
    config: DeadLetterConfig,
    /// Oldest first.
    old: Vec<Volume>,
    newest: Volume,
    removed: Vec<(Removal, u64)>,
    torn: u64,
}

impl Shelf {
    pub(super) fn open(folder: &Path, name: &str, config: &DeadLetterConfig) -> io::Result<Self> {
        let mut shelf = Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            config: config.clone(),
            old: Vec::new(),
            newest: Volume::default(),
            removed: Vec::new(),
            torn: 0,
        };
        for file in files(folder)? {
            match Place::of(&file) {
                Some(Place::Anew(of)) if of == name => fs::remove_file(folder.join(file))?,
                Some(Place::Volume(of, Some(number))) if of == name => {
                    let (held, _) = read_through(&folder.join(file))?;
                    shelf.old.push(Volume { number: Some(number), held });
                }
                _ => {}
            }
        }
        shelf.old.sort_by_key(|volume| volume.number);
        shelf.look_at_newest()?;
        Ok(shelf)
    }

    pub(super) fn held(&self) -> Held {
        let mut sum = Held::default();
        for Volume { held, .. } in self.volumes() {
            sum.letters += held.letters;
            sum.bytes += held.bytes;
            sum.oldest = sum.oldest.into_iter().chain(held.oldest).min();
            sum.newest = sum.newest.max(held.newest);
        }
        sum
    }

    /// What was removed since it was last asked.
    pub(super) fn take_removed(&mut self) -> Vec<(Removal, u64)> {
        std::mem::take(&mut self.removed)
    }

    /// Bytes that were cut off the newest file since it was last asked.
    pub(super) fn take_torn(&mut self) -> u64 {
        std::mem::take(&mut self.torn)
    }

    /// Appends whole lines. After an error it may be called again with the same ones; some may be there twice then.
    pub(super) fn append(&mut self, lines: &[u8], now: Timestamp) -> io::Result<()> {
        let most = usize::try_from(self.file_bytes()).unwrap_or(usize::MAX);
        let (mut rest, mut taken) = (lines, 0);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if taken > 0 && taken + line.len() > most {
                let (chunk, more) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
                self.append_to_one(chunk, now)?;
                (rest, taken) = (more, 0);
            }
            taken += line.len();
        }
        if rest.is_empty() { Ok(()) } else { self.append_to_one(rest, now) }
    }

    fn append_to_one(&mut self, lines: &[u8], now: Timestamp) -> io::Result<()> {
        folder::make_private(&self.folder)?;
        self.look_at_newest()?;
        let len = lines.len() as u64;
        if self.is_full(len, now) {
            self.turn_over()?;
        }
        self.trim(len, now)?;
        let path = self.path(None);
        let is_new = !path.exists();
        let mut file = File::options().create(true).append(true).open(path)?;
        let before = file.metadata()?.len();
        if let Err(error) = file.write_all(lines).and_then(|()| file.sync_data()) {
            // Half a line would spoil the one that is written next.
            file.set_len(before).ok();
            return Err(error);
        }
        let held = &mut self.newest.held;
        held.bytes += len;
        held.letters += count(lines);
        held.oldest = held.oldest.or(Some(now));
        held.newest = Some(now);
        if is_new { sync(&self.folder) } else { Ok(()) }
    }

    /// Removes whole files, the oldest first, until `more` bytes have their place and nothing is too old.
    pub(super) fn trim(&mut self, more: u64, now: Timestamp) -> io::Result<()> {
        loop {
            let Some(oldest) = self.volumes().next().copied() else { return Ok(()) };
            let is_old = self.is_old(oldest.held.newest, self.config.max_age, now);
            let why = if self.held().bytes + more > self.config.max_bytes && oldest.number.is_some()
            {
                Removal::MaxBytes
            } else if is_old {
                Removal::MaxAge
            } else {
                return Ok(());
            };
            self.remove_file(oldest)?;
            self.removed.push((why, oldest.held.letters));
        }
    }

    /// The letters as they are now, oldest first.
    pub(super) fn letters(&mut self) -> io::Result<Letters> {
        self.look_at_newest()?;
        let whole: Vec<_> = self.volumes().filter(|volume| volume.held.bytes > 0).collect();
        let paths = whole.iter().map(|volume| (self.path(volume.number), volume.held.bytes));
        Letters::open(&self.name, paths)
    }

    /// Removes the letters of these ids, and says how many there were.
    pub(super) fn remove(&mut self, ids: &BTreeSet<String>, why: Removal) -> io::Result<u64> {
        self.look_at_newest()?;
        let mut sum = 0;
        for volume in self.volumes().copied().collect::<Vec<_>>() {
            let removed = self.remove_from(volume, ids)?;
            if removed > 0 {
                self.removed.push((why, removed));
                sum += removed;
            }
        }
        Ok(sum)
    }

    fn remove_from(&mut self, volume: Volume, ids: &BTreeSet<String>) -> io::Result<u64> {
        let path = self.path(volume.number);
        let goes = |line: &[u8]| ids.contains(&letter::id_of(line));
        let mut removed = 0;
        each_line(&path, volume.held.bytes, |line| {
            removed += u64::from(goes(line));
            Ok(())
        })?;
        if removed == 0 {
            return Ok(0);
        }
        if removed == volume.held.letters {
            self.remove_file(volume)?;
            return Ok(removed);
        }
        let anew = self.folder.join(format!("{}{ANEW}", escaped(&self.name)));
        let mut out = BufWriter::new(File::create(&anew)?);
        each_line(&path, volume.held.bytes, |line| {
            if goes(line) {
                return Ok(());
            }
            out.write_all(line)?;
            out.write_all(b"\n")
        })?;
        out.into_inner()?.sync_all()?;
        fs::rename(&anew, &path)?;
        sync(&self.folder)?;
        let (held, _) = read_through(&path)?;
        match volume.number {
            None => self.newest.held = held,
            number => {
                let same = |volume: &&mut Volume| volume.number == number;
                if let Some(volume) = self.old.iter_mut().find(same) {
                    volume.held = held;
                }
            }
        }
        Ok(removed)
    }

    fn remove_file(&mut self, volume: Volume) -> io::Result<()> {
        match fs::remove_file(self.path(volume.number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        match volume.number {
            None => self.newest = Volume::default(),
            number => self.old.retain(|volume| volume.number != number),
        }
        sync(&self.folder)
    }

    /// Reads the newest file again if it is not as it was left, and cuts off a line without an end.
    fn look_at_newest(&mut self) -> io::Result<()> {
        let path = self.path(None);
        let len = match fs::metadata(&path) {
            Ok(found) => found.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        if len == self.newest.held.bytes {
            return Ok(());
        }
        if len == 0 {
            self.newest = Volume::default();
            return Ok(());
        }
        let (held, torn) = read_through(&path)?;
        if torn > 0 {
            let file = File::options().write(true).open(&path)?;
            file.set_len(held.bytes)?;
            file.sync_data()?;
            self.torn += torn;
        }
        self.newest.held = held;
        Ok(())
    }

    /// Whether the newest file takes no more. One with an old letter neither, since it goes as a whole.
    fn is_full(&self, more: u64, now: Timestamp) -> bool {
        let held = self.newest.held;
        held.bytes > 0
            && (held.bytes + more > self.file_bytes()
                || self.is_old(held.oldest, self.config.max_age / FILES, now))
    }

    /// Begins a new file; the newest becomes the youngest of the old ones.
    fn turn_over(&mut self) -> io::Result<()> {
        let number = self.old.last().and_then(|volume| volume.number).unwrap_or(0) + 1;
        fs::rename(self.path(None), self.path(Some(number)))?;
        let Volume { held, .. } = std::mem::take(&mut self.newest);
        self.old.push(Volume { number: Some(number), held });
        sync(&self.folder)
    }

    fn is_old(&self, time: Option<Timestamp>, age: std::time::Duration, now: Timestamp) -> bool {
        // An age that no time can have is none.
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        time.is_some_and(|time| now.duration_since(time) > age)
    }

    fn file_bytes(&self) -> u64 {
        self.config.max_bytes / u64::from(FILES)
    }

    fn volumes(&self) -> impl Iterator<Item = &Volume> {
        self.old.iter().chain(std::iter::once(&self.newest))
    }

    fn path(&self, number: Option<u64>) -> PathBuf {
        let number = number.map(|number| format!(".{number}")).unwrap_or_default();
        self.folder.join(format!("{}{number}{END}", escaped(&self.name)))
    }
}

fn count(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}
