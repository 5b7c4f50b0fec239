//! What tests in a real browser need from outside: Chromium, and the accessibility checker axe-core.
//!
//! Chromium is the one that `EVENTCENTER_CHROMIUM` names, else the first of the usual names on the PATH. `cargo xtask
//! test` installs Debian's where it may.
//!
//! axe-core is fetched by npm into `CACHE/axe-core-VERSION`, once: `tests/testbed/axe/package-lock.json` pins its version
//! and its hash, which npm checks. From which registry is npm's own setting. Its licence (MPL-2.0) is why it is never
//! copied into the repository.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::testbed::{cache_dir, workspace_root};

/// What Debian calls the browser, and glyphs for Chinese.
pub const PACKAGES: &[&str] = &["chromium", "fonts-noto-cjk"];

const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Where Chromium is.
///
/// # Errors
/// When there is none; says how to install it.
pub fn chromium() -> Result<PathBuf> {
    if let Some(given) = env::var_os("EVENTCENTER_CHROMIUM").filter(|value| !value.is_empty()) {
        let given = PathBuf::from(given);
        if !given.is_file() {
            bail!("EVENTCENTER_CHROMIUM is {}, where no file is", given.display());
        }
        return Ok(given);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    on_path(&path).with_context(|| {
        format!("no {} on the PATH: apt-get install {}", NAMES.join(", "), PACKAGES.join(" "))
    })
}

/// A browser that is preferred in the last folder still goes before another in the first.
fn on_path(path: &std::ffi::OsStr) -> Option<PathBuf> {
    NAMES.iter().find_map(|name| {
        env::split_paths(path).map(|dir| dir.join(name)).find(|program| program.is_file())
    })
}

/// Where the script of axe-core is; fetches it if need be, and says so to `say`.
///
/// # Errors
/// When npm is missing, or cannot fetch the package, or its hash is another one.
pub fn axe(say: &dyn Fn(&str)) -> Result<PathBuf> {
    let wanted = workspace_root()?.join("tests/testbed/axe");
    let version = pinned(&wanted)?;
    let cache = cache_dir()?;
    let dir = cache.join(format!("axe-core-{version}"));
    let script = dir.join("node_modules/axe-core/axe.min.js");
    if script.is_file() {
        return Ok(script);
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let lock = File::create(cache.join("axe.lock"))?;
    lock.lock()?;
    if script.is_file() {
        return Ok(script); // another run fetched it
    }
    say(&format!("fetching axe-core {version} with npm (once)"));
    let new = cache.join("axe-core.new");
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
        .context("cannot run npm, which would fetch axe-core: apt-get install npm")?;
    if !done.success() {
        bail!("npm ci in a copy of {} failed ({done})", wanted.display());
    }
    fs::rename(&new, &dir).with_context(|| format!("cannot keep {}", dir.display()))?;
    Ok(script)
}

/// The version that the lock file pins.
fn pinned(folder: &Path) -> Result<String> {
    let text = fs::read_to_string(folder.join("package-lock.json"))
        .with_context(|| format!("no package-lock.json in {}", folder.display()))?;
    let lock: serde_json::Value = serde_json::from_str(&text).context("package-lock.json")?;
    let axe = &lock["packages"]["node_modules/axe-core"];
    let hashed = axe["integrity"].as_str().is_some_and(|hash| hash.starts_with("sha512-"));
    let version = axe["version"].as_str().filter(|_| hashed);
    Ok(version.context("package-lock.json does not pin axe-core by its hash")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axe_is_pinned_by_its_hash_and_the_lock_names_no_host() -> Result<()> {
        let folder = workspace_root()?.join("tests/testbed/axe");
        assert_eq!(pinned(&folder)?.split('.').count(), 3);
        assert!(!fs::read_to_string(folder.join("package-lock.json"))?.contains("://"));
        Ok(())
    }

    #[test]
    fn a_lock_without_a_hash_pins_nothing() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let lock = r#"{"packages": {"node_modules/axe-core": {"version": "4.0.0"}}}"#;
        fs::write(folder.path().join("package-lock.json"), lock)?;
        assert!(pinned(folder.path()).is_err());
        Ok(())
    }

    #[test]
    fn the_browser_is_found_by_any_of_its_names() -> Result<()> {
        let folder = tempfile::tempdir()?;
        assert_eq!(on_path(folder.path().as_os_str()), None);
        let program = folder.path().join("google-chrome");
        fs::write(&program, "")?;
        assert_eq!(on_path(folder.path().as_os_str()), Some(program));
        Ok(())
    }
}
