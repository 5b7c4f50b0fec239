//! What is written down about a running instance, so that another process can end it.
//!
//! `record.json` in the run directory is replaced whole (temporary file, rename) each time a
//! server starts. An instance that belongs to a process (a test run) is swept once that process
//! is gone, however it went.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::process::wait_for;
use super::{Process, Program, cache_dir, files};

/// How long servers get between SIGTERM and SIGKILL.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// One running server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Which one.
    pub program: Program,
    /// Its pid and start time.
    pub process: Process,
}

/// One instance, as written in its run directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The run directory.
    pub dir: PathBuf,
    /// Who must live for the instance to live; nobody for `testbed up`.
    pub owner: Option<Process>,
    /// The servers, in the order in which they started.
    pub servers: Vec<Running>,
}

impl Record {
    /// The name of the instance: that of its run directory.
    pub fn name(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Where its kubeconfig is.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// Whether all its servers run.
    pub fn is_up(&self) -> bool {
        !self.servers.is_empty() && self.servers.iter().all(|server| server.process.is_alive())
    }

    /// Ends its servers, etcd last, and removes the run directory.
    ///
    /// # Errors
    /// When a process cannot be ended, or the directory not be removed.
    pub fn stop(&self) -> Result<()> {
        let (store, clients): (Vec<_>, Vec<_>) =
            self.servers.iter().partition(|server| server.program == Program::Etcd);
        for servers in [clients, store] {
            stop_together(&servers)?;
        }
        remove(&self.dir)
    }

    /// Writes `record.json`.
    pub(super) fn save(&self) -> Result<()> {
        let new = self.dir.join("record.json.new");
        files::write(&new, &serde_json::to_string_pretty(self)?)?;
        fs::rename(&new, self.dir.join("record.json")).context("cannot keep record.json")
    }

    /// Reads `record.json`; `None` where there is none.
    pub(super) fn load(dir: &Path) -> Result<Option<Self>> {
        match fs::read(dir.join("record.json")) {
            Ok(bytes) => {
                let record = serde_json::from_slice(&bytes);
                record.map(Some).with_context(|| format!("record.json in {}", dir.display()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", dir.display())),
        }
    }
}

/// Every instance of this user.
///
/// # Errors
/// When the cache folder cannot be read.
pub fn records() -> Result<Vec<Record>> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(runs()?) else { return Ok(found) };
    for entry in entries {
        found.extend(Record::load(&entry?.path())?);
    }
    found.sort_by(|a, b| a.dir.cmp(&b.dir));
    Ok(found)
}

/// Ends instances whose owner is gone, and says which.
///
/// # Errors
/// When one cannot be ended.
pub fn sweep() -> Result<Vec<String>> {
    let mut swept = Vec::new();
    for record in records()? {
        if record.owner.as_ref().is_some_and(|owner| !owner.is_alive()) {
            record.stop()?;
            swept.push(record.name());
        }
    }
    Ok(swept)
}

/// Where the run directories are.
pub(super) fn runs() -> Result<PathBuf> {
    Ok(cache_dir()?.join("run"))
}

/// Removes a run directory, also when somebody else did it first.
pub(super) fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

fn stop_together(servers: &[&Running]) -> Result<()> {
    for server in servers {
        server.process.signal(Signal::TERM)?;
    }
    let gone = || Ok(servers.iter().all(|server| !server.process.is_alive()).then_some(()));
    if wait_for("the servers to stop", GRACE, gone).is_err() {
        for server in servers {
            server.process.kill()?;
        }
    }
    Ok(())
}
