//! Copies a store while it is written, by this program or by another.
//!
//! Each partition is copied as it is at one instant, into a file without free space or a journal beside it. To restore,
//! copy the files into the folder of a store that does not run. The file of saved things is one of them. What was set aside as damaged is not copied; nor is a
//! partition whose time ends in the meantime.

use std::path::Path;
use std::{fs, io};

use eventcenter_core::{Error, ErrorKind, Result};

use super::failed;
use super::partition::{Span, open_to_read};
use super::writer::folder::LOCK;
use crate::saved::FILE;

/// Copies the store in the folder `from` into `to`, which must not be there or be empty.
///
/// # Errors
///
/// [`ErrorKind::Config`] when `to` holds something, or `from` no store; [`ErrorKind::Storage`] when a file cannot be
/// read or written. The copy is incomplete then.
pub fn backup(from: &Path, to: &Path) -> Result<()> {
    let names = partitions(from)?;
    let cannot = |error: io::Error| {
        failed("cannot write the backup").with("folder", to.display()).with_source(error)
    };
    fs::create_dir_all(to).map_err(cannot)?;
    if fs::read_dir(to).map_err(cannot)?.next().is_some() {
        return Err(unusable("the folder of a backup must be empty", to));
    }
    let saved = Some(FILE.to_owned()).filter(|name| from.join(name).exists());
    for name in names.into_iter().chain(saved) {
        let (partition, copy) = (from.join(&name), to.join(&name));
        let copied = open_to_read(&partition)
            .and_then(|connection| connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]));
        match copied {
            Err(_) if !partition.exists() => continue,
            Err(error) => {
                let error = failed("cannot copy a file of the store").with_source(error);
                return Err(error.with("file", partition.display()));
            }
            Ok(_) => {}
        }
        // SQLite does not sync what it copies so.
        fs::File::open(&copy).and_then(|file| file.sync_all()).map_err(cannot)?;
    }
    fs::File::open(to).and_then(|folder| folder.sync_all()).map_err(cannot)
}

/// The names of the files, oldest first.
fn partitions(folder: &Path) -> Result<Vec<String>> {
    let cannot = |error: io::Error| {
        unusable("cannot read the folder of the store", folder).with_source(error)
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        names.extend(entry.map_err(cannot)?.file_name().into_string());
    }
    if !names.iter().any(|name| name == LOCK || Span::is_file_name(name)) {
        return Err(unusable("this is not the folder of a store", folder));
    }
    names.retain(|name| Span::is_file_name(name));
    names.sort_unstable();
    Ok(names)
}

fn unusable(message: &str, folder: &Path) -> Error {
    Error::new("store", ErrorKind::Config, message).with("folder", folder.display())
}
