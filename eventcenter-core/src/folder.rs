//! Folders that hold what events say: for their owner alone.
//!
//! The spool and the dead letters are such folders. The state folder around them is not: it is the user's, who may
//! keep other things in it, and is made for its owner alone only if it is not there.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use tracing::warn;

/// Makes a folder, with those around it, for its owner alone. One that is there is closed to others.
///
/// # Errors
///
/// The operating system's, also when something else is there. That a folder of somebody else's cannot be closed is
/// no error: it may be one that we are meant to share.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    make(folder)?;
    let mode = fs::metadata(folder)?.permissions().mode();
    if mode & 0o077 != 0
        && let Err(error) = fs::set_permissions(folder, Permissions::from_mode(0o700))
    {
        let (folder, mode) = (folder.display(), format_args!("{:o}", mode & 0o7777));
        warn!(%folder, %mode, %error, "others can read what events say here");
    }
    Ok(())
}

/// Makes a folder, with those around it, for its owner alone. One that is there stays as it is.
///
/// # Errors
///
/// The operating system's, also when something else is there.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_folder_that_is_open_to_others_is_closed_and_those_around_it_are_not() {
        let around = tempfile::tempdir().unwrap();
        fs::set_permissions(around.path(), Permissions::from_mode(0o755)).unwrap();
        let folder = around.path().join("spool");
        make_private(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        make_private(&folder).unwrap();
        assert_eq!((mode(&folder), mode(around.path())), (0o700, 0o755));
    }

    #[test]
    fn a_file_is_no_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(make_private(file.path()).is_err());
    }
}
