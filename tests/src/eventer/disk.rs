//! A file system of a few MiB, for a program that is to run out of room.
//!
//! It is a tmpfs, mounted in a mount namespace that the program's process has to itself: nobody else sees it, and it is
//! gone with the process, however that ends. It takes `unshare` and `mount` of util-linux, and to be root or to be allowed
//! user namespaces; where neither is so the process ends at once, and says why. What is on it is reached through the
//! process: `/proc/PID/root`.

use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

use super::Eventer;

/// How large it is, and how much of it is taken from the start by a file of zeros.
#[derive(Debug, Clone, Copy)]
pub(super) struct SmallDisk {
    pub(super) mib: u32,
    pub(super) filler_mib: u32,
}

/// Mounts at $1 as many MiB as $2 says, writes $3 MiB of zeros there, and becomes the program.
const MOUNT: &str = r#"
    mkdir -p "$1" && mount -t tmpfs -o "size=$2m,mode=700" small "$1" &&
    head -c "$3M" /dev/zero > "$1/filler" && shift 3 && exec "$@"
"#;

impl SmallDisk {
    /// Starts `program` with the disk at `place`.
    pub(super) fn command(self, place: &Path, program: &Path) -> Command {
        let Self { mib, filler_mib } = self;
        let mut command = Command::new("/usr/bin/unshare");
        if !geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "--propagation", "private", "/bin/sh", "-c", MOUNT, "sh"]);
        command.arg(place).args([mib.to_string(), filler_mib.to_string()]).arg(program);
        command
    }
}

impl Eventer {
    /// Where a path is that this process sees, and others may not.
    #[must_use]
    pub fn sees(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.pid()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }
}
