//! Packages from npm that tests use, each once in the cache: `CACHE/NAME-VERSION`.
//!
//! A `package-lock.json` in the repository pins the version and the hash of each, which npm checks. From which registry
//! they come is npm's own setting.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::testbed::cache_dir;

/// The `node_modules` that holds `package`, as the lock file in `wanted` pins it; fetches it if need be, and says so.
///
/// # Errors
/// When npm is missing, or cannot fetch the package, or its hash is another one.
pub(crate) fn modules(package: &str, wanted: &Path, say: &dyn Fn(&str)) -> Result<PathBuf> {
    let version = pinned(package, wanted)?;
    // A scope has a slash.
    let name = package.trim_start_matches('@').replace('/', "-");
    let cache = cache_dir()?;
    let dir = cache.join(format!("{name}-{version}"));
    let modules = dir.join("node_modules");
    if modules.is_dir() {
        return Ok(modules);
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let lock = File::create(cache.join(format!("{name}.lock")))?;
    lock.lock()?;
    if modules.is_dir() {
        return Ok(modules); // another run fetched it
    }
    say(&format!("fetching {package} {version} with npm (once)"));
    let new = cache.join(format!("{name}.new"));
    if new.exists() {
        fs::remove_dir_all(&new)?; // of a run that was killed
    }
    fs::create_dir_all(&new)?;
    for file in ["package.json", "package-lock.json"] {
        fs::copy(wanted.join(file), new.join(file))?;
    }
    let done = Command::new("npm")
        .args(["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&new)
        .stdin(Stdio::null())
        .status()
        .with_context(|| {
            format!("cannot run npm, which would fetch {package}: apt-get install npm")
        })?;
    if !done.success() {
        bail!("npm ci in a copy of {} failed ({done})", wanted.display());
    }
    fs::rename(&new, &dir).with_context(|| format!("cannot keep {}", dir.display()))?;
    Ok(modules)
}

/// The version that the lock file pins.
fn pinned(package: &str, folder: &Path) -> Result<String> {
    let text = fs::read_to_string(folder.join("package-lock.json"))
        .with_context(|| format!("no package-lock.json in {}", folder.display()))?;
    let lock: serde_json::Value = serde_json::from_str(&text).context("package-lock.json")?;
    let entry = &lock["packages"][format!("node_modules/{package}")];
    let hashed = entry["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-"));
    let version = entry["version"].as_str().filter(|_| hashed);
    let message = || format!("package-lock.json does not pin {package} by its hash");
    Ok(version.with_context(message)?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testbed::workspace_root;

    #[test]
    fn packages_are_pinned_by_their_hashes_and_the_locks_name_no_host() -> Result<()> {
        for (package, folder) in [("axe-core", "axe"), ("@alicloud/log", "sls")] {
            let folder = workspace_root()?.join("tests/testbed").join(folder);
            assert_eq!(pinned(package, &folder)?.split('.').count(), 3);
            let text = fs::read_to_string(folder.join("package-lock.json"))?;
            assert!(!text.contains("://"));
            let lock: serde_json::Value = serde_json::from_str(&text)?;
            let packages = lock["packages"].as_object().context("packages")?;
            let mut others = packages.iter().filter(|(name, _)| !name.is_empty());
            assert!(others.all(|(_, entry)| entry["integrity"].is_string()));
        }
        Ok(())
    }

    #[test]
    fn a_lock_without_a_hash_pins_nothing() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let lock = r#"{"packages": {"node_modules/axe-core": {"version": "4.0.0"}}}"#;
        fs::write(folder.path().join("package-lock.json"), lock)?;
        assert!(pinned("axe-core", folder.path()).is_err());
        Ok(())
    }
}
