//! A real control plane: etcd, kube-apiserver and, if wanted, controller manager, scheduler, kwok.
//!
//! Promises: everything listens on 127.0.0.1 only, on ports that were free; all state is in one
//! run directory; a process is signalled only while its pid *and* its kernel start time are the
//! recorded ones, so a reused pid is never hit; an [`Instance`] that is dropped takes its
//! processes with it, and what a killed owner left behind is ended by the next start.
//!
//! The programs come from `$EVENTCENTER_TESTBED_BIN`, from `$KUBEBUILDER_ASSETS`, or from a
//! per-user cache folder keyed by version, where [`Binaries::get`] builds them with Go once.

mod binaries;
mod files;
mod go;
mod http;
mod instance;
mod process;
mod record;
mod servers;
pub mod shared;

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

pub use binaries::{Binaries, Program, Subset};
pub use go::Go;
pub use http::Reply;
pub use instance::{Instance, Lifetime, Options};
pub use process::{Process, Stopped, wait_for};
pub use record::{Record, Running, records, sweep};

/// Where built programs and run directories live: `$XDG_CACHE_HOME/eventcenter/testbed`, else
/// `~/.cache/eventcenter/testbed`.
///
/// # Errors
/// When neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache_dir() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: no place for the cache folder")?;
    Ok(caches.join("eventcenter").join("testbed"))
}

/// The root of the workspace: where `Cargo.lock` and `xtask/` are, at or above the package that
/// cargo runs.
///
/// # Errors
/// When the program runs outside of the workspace.
pub fn workspace_root() -> Result<PathBuf> {
    let from = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => env::current_dir().context("no current directory")?,
    };
    from.ancestors()
        .find(|dir| dir.join("Cargo.lock").is_file() && dir.join("xtask").is_dir())
        .map(PathBuf::from)
        .with_context(|| format!("{} is not inside of the workspace", from.display()))
}
