//! Official clients of Alibaba Cloud's log service, which its double is tried with, each once in the cache.
//!
//! From PyPI, into `CACHE/sls-clients-HASH/`, the one for Python and the producer written in Rust:
//! `tests/testbed/sls/requirements.txt` pins them and all that they need, and a change of it makes another folder. From
//! npm the one for Node.js.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::npm;
use crate::testbed::{cache_dir, workspace_root};

/// The folder that `PYTHONPATH` is to name; installs the clients if need be, and says so to `say`.
///
/// # Errors
/// When there is no `python3 -m pip`, or it cannot install them.
pub fn python(say: &dyn Fn(&str)) -> Result<PathBuf> {
    let wanted = workspace_root()?.join("tests/testbed/sls/requirements.txt");
    let text =
        fs::read_to_string(&wanted).with_context(|| format!("cannot read {}", wanted.display()))?;
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let cache = cache_dir()?;
    let dir = cache.join(format!("sls-clients-{:016x}", hasher.finish()));
    if dir.is_dir() {
        return Ok(dir);
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let lock = File::create(cache.join("sls-clients.lock"))?;
    lock.lock()?;
    if dir.is_dir() {
        return Ok(dir); // another run installed them
    }
    say("installing official clients of SLS with pip (once)");
    let new = cache.join("sls-clients.new");
    if new.exists() {
        fs::remove_dir_all(&new)?; // of a run that was killed
    }
    let done = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--root-user-action=ignore", "--target"])
        .arg(&new)
        .arg("--requirement")
        .arg(&wanted)
        .stdin(Stdio::null())
        .status()
        .context("cannot run python3 -m pip: apt-get install python3-pip")?;
    if !done.success() {
        bail!("python3 -m pip install --requirement {} failed ({done})", wanted.display());
    }
    fs::rename(&new, &dir).with_context(|| format!("cannot keep {}", dir.display()))?;
    Ok(dir)
}

/// The folder that `NODE_PATH` is to name; fetches the client if need be, and says so to `say`.
///
/// # Errors
/// When npm is missing, or cannot fetch the client.
pub fn node(say: &dyn Fn(&str)) -> Result<PathBuf> {
    npm::modules("@alicloud/log", &workspace_root()?.join("tests/testbed/sls"), say)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_is_pinned_and_no_host_is_named() -> Result<()> {
        let path = workspace_root()?.join("tests/testbed/sls/requirements.txt");
        let text = fs::read_to_string(path)?;
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        assert!(lines.all(|line| line.split("==").count() == 2), "{text}");
        assert!(!text.contains("://") && !text.contains("--"), "{text}");
        Ok(())
    }
}
