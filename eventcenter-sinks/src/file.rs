//! NDJSON files that rotate.
//!
//! `path` holds the newest events, one [`Event::write_json`](eventcenter_core::Event::write_json) object
//! a line; `path.1` is older, `path.2` older still.
//! Before a batch that would make the file larger than `rotate.size`, or when the file is older than `rotate.age`,
//! each file moves one number up; the one beyond `rotate.keep` is overwritten.
//!
//! **What `Ok` means.** The whole batch is in the file and, unless `sync: false`, on the disk (`fdatasync`, once a
//! batch): the sink's cursor moves on `Ok`, so a power cut must not take back what was confirmed. A batch that could
//! not be written whole (disk full, I/O error) is cut off again, and is tried again: every line is a whole event.
//!
//! **After a crash.** A line without its line feed was never confirmed: it is cut off when the file is opened. A
//! rotation that was interrupted leaves a number free, which the next one fills. A lock keeps a second program out,
//! whose lines a cut would take along.
//!
//! A path that cannot be opened suspends the sink until a person acts; any other error of the disk is tried again. Do
//! not let another program (logrotate) rename these files.
//!
//! kube-eventer has no such sink.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use eventcenter_core::config::present;
use eventcenter_core::{
    Batch, ByteSize, Clock, Error, ErrorKind, HumanDuration, Limits, Receipt, Result, Sink,
    SystemClock,
};
use jiff::Timestamp;
use serde::Deserialize;
use tracing::warn;

use crate::own_thread::OwnThread;

/// A longer line without an end is not ours: refuse the file rather than cut it. etcd takes 1.5 MiB at most.
const LONGEST_TAIL: u64 = 16 << 20;

/// The settings of [`File`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FileConfig {
    /// The newest file. Folders above it are made.
    pub path: PathBuf,
    /// When to begin a new file.
    #[serde(default)]
    pub rotate: RotateConfig,
    /// Whether a batch is on the disk before it counts as delivered. Default true.
    #[serde(default = "yes")]
    pub sync: bool,
}

/// When to begin a new file, and how many old ones to keep.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RotateConfig {
    /// Bytes that a file has at most, unless a single batch is larger. Default 100 MiB.
    pub size: ByteSize,
    /// How old a file gets, looked at when a batch arrives. Default: as old as it takes.
    #[serde(deserialize_with = "present")]
    pub age: Option<HumanDuration>,
    /// How many old files stay beside the newest. Default 5.
    pub keep: u32,
}

impl FileConfig {
    /// The defaults, in this file.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), rotate: RotateConfig::default(), sync: true }
    }
}

impl Default for RotateConfig {
    fn default() -> Self {
        Self { size: ByteSize::new(100 << 20), age: None, keep: 5 }
    }
}

fn yes() -> bool {
    true
}

/// Writes events to files. See the [module](self).
#[derive(Debug)]
pub struct File {
    name: String,
    path: PathBuf,
    files: OwnThread<Files>,
}

impl File {
    /// A sink of this name. Opens the file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the file cannot be opened; names it.
    pub fn new(name: impl Into<String>, config: FileConfig) -> Result<Self> {
        Self::on(name.into(), config, Arc::new(SystemClock), |file, bytes| file.write_all(bytes))
    }

    /// The same, with this clock and this way of writing.
    fn on(
        name: String,
        config: FileConfig,
        clock: Arc<dyn Clock>,
        write: impl FnMut(&mut fs::File, &[u8]) -> io::Result<()> + Send + 'static,
    ) -> Result<Self> {
        let path = config.path.clone();
        let mut files = Files { config, clock, write: Box::new(write), newest: None };
        let started = files.newest().map(drop).and_then(|()| OwnThread::new(&name, files));
        let files = started.map_err(|error| failed(&name, &path, error))?;
        Ok(Self { name, path, files })
    }

    async fn run(
        &self,
        work: impl FnOnce(&mut Files) -> io::Result<()> + Send + 'static,
    ) -> Result<()> {
        self.files.run(work).await.map_err(|error| failed(&self.name, &self.path, error))
    }
}

#[async_trait]
impl Sink for File {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        // A line twice costs who reads it less than a line in another file: each has the event's id.
        Limits::new().with_max_events(500).with_idempotent(true)
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let mut lines = Vec::new();
        for event in batch.events() {
            event.write_json(&mut lines);
            lines.push(b'\n');
        }
        self.run(move |files| files.append(&lines)).await?;
        Ok(Receipt::all())
    }

    async fn probe(&self) -> Result<()> {
        self.run(|files| files.newest().map(drop)).await
    }

    async fn close(&self) -> Result<()> {
        self.run(Files::close).await
    }
}

fn failed(name: &str, path: &Path, error: io::Error) -> Error {
    use io::ErrorKind::{
        InvalidData, IsADirectory, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem,
        WouldBlock,
    };
    let (kind, message) = match error.kind() {
        WouldBlock => (ErrorKind::Config, "another program writes to this file"),
        InvalidData => (ErrorKind::Config, "this is no file of lines"),
        IsADirectory | NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem => {
            (ErrorKind::Config, "cannot open the file")
        }
        _ => (ErrorKind::Storage, "cannot write to the file"),
    };
    Error::new(name, kind, message).with("file", path.display()).with_source(error)
}

/// How bytes get into a file: tests put a disk here that is full.
type Write = dyn FnMut(&mut fs::File, &[u8]) -> io::Result<()> + Send;

/// The newest file and its elders. Everything here may block.
struct Files {
    config: FileConfig,
    clock: Arc<dyn Clock>,
    write: Box<Write>,
    /// None before the first use, after a close, and after a cut that failed.
    newest: Option<Newest>,
}

struct Newest {
    file: fs::File,
    /// Bytes of whole lines: what is beyond them is cut off.
    len: u64,
    begun: Timestamp,
}

impl Files {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.is_full(lines.len() as u64)? {
            self.rotate()?;
        }
        self.newest()?;
        let Some(mut newest) = self.newest.take() else { return Ok(()) };
        let sync = self.config.sync;
        let written = (self.write)(&mut newest.file, lines)
            .and_then(|()| if sync { newest.file.sync_data() } else { Ok(()) });
        match written {
            Ok(()) => newest.len += lines.len() as u64,
            // A file that cannot be cut is opened anew, and repaired then.
            Err(_) if newest.file.set_len(newest.len).is_err() => return written,
            Err(_) => {}
        }
        self.newest = Some(newest);
        written
    }

    fn is_full(&mut self, more: u64) -> io::Result<bool> {
        let now = self.clock.now();
        let RotateConfig { size, age, .. } = self.config.rotate;
        let newest = self.newest()?;
        let grown = newest.len.saturating_add(more) > size.bytes();
        let old =
            age.is_some_and(|age| now.duration_since(newest.begun).unsigned_abs() >= age.get());
        Ok(newest.len > 0 && (grown || old))
    }

    /// Moves each file one number up, oldest first, so that a crash in between loses nothing.
    fn rotate(&mut self) -> io::Result<()> {
        self.newest = None;
        let keep = self.config.rotate.keep;
        let file = |number| match number {
            0 => self.config.path.clone(),
            number => numbered(&self.config.path, number),
        };
        if keep == 0 {
            return fs::remove_file(file(0));
        }
        let free = (1..keep).find(|&number| !file(number).exists()).unwrap_or(keep);
        for number in (0..free).rev() {
            fs::rename(file(number), file(number + 1))?;
        }
        Ok(())
    }

    /// The newest file, opened and repaired if it was not open.
    fn newest(&mut self) -> io::Result<&mut Newest> {
        let newest = match self.newest.take() {
            Some(newest) => newest,
            None => Newest::open(&self.config.path, &*self.clock)?,
        };
        Ok(self.newest.insert(newest))
    }

    fn close(&mut self) -> io::Result<()> {
        self.newest.take().map_or(Ok(()), |newest| newest.file.sync_all())
    }
}

impl Newest {
    fn open(path: &Path, clock: &dyn Clock) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = fs::File::options().read(true).append(true).create(true).open(path)?;
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = whole_lines(&mut file)?;
        let torn = file.metadata()?.len() - len;
        if torn > 0 {
            warn!(file = %path.display(), bytes = torn, "a torn line is cut off");
            file.set_len(len)?;
        }
        // The name of a file is in its folder: a new file, or a rotation, is on the disk when the folder is.
        fs::File::open(folder)?.sync_all()?;
        let metadata = file.metadata()?;
        let made = metadata.created().or_else(|_| metadata.modified())?;
        let begun =
            if len == 0 { clock.now() } else { made.try_into().map_err(io::Error::other)? };
        Ok(Self { file, len, begun })
    }
}

/// Bytes up to and including the last line feed, found from the end.
fn whole_lines(file: &mut fs::File) -> io::Result<u64> {
    let len = file.metadata()?.len();
    let mut end = len;
    let mut chunk = Vec::new();
    while end > 0 && len - end < LONGEST_TAIL {
        let start = end.saturating_sub(64 << 10);
        file.seek(SeekFrom::Start(start))?;
        chunk.clear();
        file.take(end - start).read_to_end(&mut chunk)?;
        if let Some(place) = chunk.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + place as u64 + 1);
        }
        end = start;
    }
    if end == 0 { Ok(0) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(format!(".{number}"));
    path.into()
}

#[cfg(test)]
mod tests;
