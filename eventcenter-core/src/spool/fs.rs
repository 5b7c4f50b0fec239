//! The file operations that the spool uses, as a trait, so that tests can tear writes and drop unsynced ones.
//!
//! What a file system promises here, and no more: bytes are durable once [`File::sync_data`] has returned, the
//! existence of a file once [`Fs::sync`] has returned. A write that was not synced may be lost in a power cut, as
//! a whole or in part, in any order with others; after the death of the process alone it is kept.

use std::fmt::Debug;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::folder;

/// Whether an error says that the medium does not give back what was written: reading on in this place is in vain.
/// Every other error may heal, or wants a person (a permission, a folder that is gone).
pub(super) fn is_damage(error: &io::Error) -> bool {
    const EIO: i32 = 5;
    const EBADMSG: i32 = 74;
    const EUCLEAN: i32 = 117;
    matches!(error.raw_os_error(), Some(EIO | EBADMSG | EUCLEAN))
}

/// A folder of files.
pub trait Fs: Debug + Send + Sync + 'static {
    /// The names in it.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn list(&self) -> io::Result<Vec<String>>;

    /// A new file, for writing and reading.
    ///
    /// # Errors
    ///
    /// The operating system's; also when there is one of that name.
    fn create(&self, name: &str) -> io::Result<Box<dyn File>>;

    /// A file that is there, for writing and reading.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn open(&self, name: &str) -> io::Result<Box<dyn File>>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations and removals durable.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn sync(&self) -> io::Result<()>;
}

/// A file that is read and written at offsets.
pub trait File: Debug + Send + Sync + 'static {
    /// Reads up to `buffer.len()` bytes; fewer only at the end of the file.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `data`.
    ///
    /// # Errors
    ///
    /// The operating system's; a part may have been written.
    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()>;

    /// Makes what was written durable.
    ///
    /// # Errors
    ///
    /// The operating system's. After an error nobody knows what is durable: see `fsync(2)`.
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts or extends the file.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// How long it is, in bytes.
    ///
    /// # Errors
    ///
    /// The operating system's.
    fn size(&self) -> io::Result<u64>;
}

/// A folder of the operating system's.
#[derive(Debug)]
pub struct DiskFs {
    folder: PathBuf,
}

impl DiskFs {
    /// The folder, made if it is not there, and for its owner alone: events can say things that are not for everybody.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn new(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        folder::make_private(&folder)?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(Path::new(name))
    }
}

impl Fs for DiskFs {
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        let mut options = std::fs::File::options();
        let file = options.read(true).write(true).create_new(true).open(self.path(name))?;
        Ok(Box::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn File>> {
        let file = std::fs::File::options().read(true).write(true).open(self.path(name))?;
        Ok(Box::new(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path(name))
    }

    fn sync(&self) -> io::Result<()> {
        std::fs::File::open(&self.folder)?.sync_all()
    }
}

impl File for std::fs::File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match FileExt::read_at(self, rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(data, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        Self::set_len(self, len)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
