//! Files of letters: their names, and how they are read.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{ANEW, END, Held};
use crate::dead_letter::letter::{self, Letter};

/// Letters that are being read. Files that are removed or written anew meanwhile are read as they were.
#[derive(Debug)]
pub(in crate::dead_letter) struct Letters {
    name: String,
    /// The oldest last.
    files: Vec<BufReader<io::Take<File>>>,
}

impl Letters {
    /// Those in the first bytes of these files, the oldest first. A file that somebody removed has none.
    pub(super) fn open(
        name: &str,
        paths: impl DoubleEndedIterator<Item = (PathBuf, u64)>,
    ) -> io::Result<Self> {
        let mut files = Vec::new();
        for (path, bytes) in paths.rev() {
            match File::open(path) {
                Ok(file) => files.push(BufReader::new(file.take(bytes))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { name: name.to_owned(), files })
    }
}

impl Iterator for Letters {
    type Item = io::Result<Letter>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(file) = self.files.last_mut() {
            let mut line = Vec::new();
            match file.read_until(b'\n', &mut line) {
                Ok(0) => {}
                Ok(_) => {
                    return Some(Ok(Letter::read(&self.name, endless(&line))));
                }
                Err(error) => {
                    self.files.clear();
                    return Some(Err(error));
                }
            }
            self.files.pop();
        }
        None
    }
}

/// The names that have files in `folder`.
pub(in crate::dead_letter) fn names(folder: &Path) -> io::Result<BTreeSet<String>> {
    let named = files(folder)?.into_iter().filter_map(|file| match Place::of(&file)? {
        Place::Volume(name, _) | Place::Anew(name) => Some(name),
    });
    Ok(named.collect())
}

pub(super) fn files(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
    names.filter_map(io::Result::transpose).collect()
}

/// What a file of the folder is.
pub(super) enum Place {
    /// Of this name, and an old one if it has a number.
    Volume(String, Option<u64>),
    Anew(String),
}

impl Place {
    pub(super) fn of(file: &str) -> Option<Self> {
        if let Some(name) = file.strip_suffix(ANEW) {
            return Some(Self::Anew(unescaped(name)?));
        }
        let stem = file.strip_suffix(END)?;
        match stem.split_once('.') {
            None => Some(Self::Volume(unescaped(stem)?, None)),
            Some((name, number)) => {
                Some(Self::Volume(unescaped(name)?, Some(number.parse().ok()?)))
            }
        }
    }
}

/// Sources have slashes and stars in their names: these become `%2F` and `%2A`, so that no two names share a file, and
/// a point is never a part of a name.
pub(super) fn escaped(name: &str) -> String {
    let mut file = String::with_capacity(name.len() + 8);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            file.push(char::from(byte));
        } else {
            file.push_str(&format!("%{byte:02X}"));
        }
    }
    file
}

/// None for what is no name of ours.
fn unescaped(file: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), file.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    let name = String::from_utf8(bytes).ok()?;
    (escaped(&name) == file && !name.is_empty()).then_some(name)
}

/// What a file holds, and how many bytes stand behind its last whole line.
pub(super) fn read_through(path: &Path) -> io::Result<(Held, u64)> {
    let file = File::open(path)?;
    let changed = file.metadata()?.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let (mut held, mut first, mut last, mut line) =
        (Held::default(), Vec::new(), Vec::new(), Vec::new());
    let torn = loop {
        line.clear();
        reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            break line.len() as u64;
        }
        held.letters += 1;
        held.bytes += line.len() as u64;
        if held.letters == 1 {
            first.clone_from(&line);
        }
        std::mem::swap(&mut last, &mut line);
    };
    // A line that does not say when it was written is as old as its file.
    let dated = |line: &[u8]| letter::time(line).or(changed).filter(|_| held.letters > 0);
    (held.oldest, held.newest) = (dated(&first), dated(&last));
    Ok((held, torn))
}

/// Reads the lines in the first bytes of a file, without their ends. A file that is not there has none.
pub(super) fn each_line(
    path: &Path,
    bytes: u64,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let (mut reader, mut line) = (BufReader::with_capacity(1 << 18, file.take(bytes)), Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        take(endless(&line))?;
        line.clear();
    }
    Ok(())
}

pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A line without its end.
fn endless(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}
