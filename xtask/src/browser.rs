//! What tests in a real browser need from outside: Chromium, and the accessibility checker axe-core.
//!
//! Chromium is the one that `EVENTCENTER_CHROMIUM` names, else the first of the usual names on the PATH. `cargo xtask
//! test` installs Debian's where it may.
//!
//! axe-core is fetched by npm, once: `tests/testbed/axe/package-lock.json` pins it. Its licence (MPL-2.0) is why it is
//! never copied into the repository.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::npm;
use crate::testbed::workspace_root;

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
    Ok(npm::modules("axe-core", &wanted, say)?.join("axe-core/axe.min.js"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

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
