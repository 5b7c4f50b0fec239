//! The files of the repository, read once. What git would ignore as a build product is left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Every file by its path from the root, with `/`; only text that a rule reads is kept.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the tree below `root`.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.walk(root, "")?;
        Ok(tree)
    }

    /// A tree out of thin air, for the tests of the rules.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let own = |&(path, text): &(&str, &str)| (path.to_owned(), text.to_owned());
        Self { files: files.iter().map(own).collect() }
    }

    /// The text of a file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Path and text of every file whose name ends so.
    pub(super) fn ending(&self, end: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        files.filter(move |(path, _)| path.ends_with(end))
    }

    /// Every path.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Whether a file or folder is there.
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.paths().any(|file| file.starts_with(&folder))
    }

    fn walk(&mut self, dir: &Path, prefix: &str) -> Result<()> {
        let entries = fs::read_dir(dir).with_context(|| dir.display().to_string())?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if entry.file_type()?.is_dir() {
                let product = name == "target" || name.starts_with("target-");
                if name != ".git" && name != "node_modules" && !product {
                    self.walk(&entry.path(), &path)?;
                }
                continue;
            }
            let read = [".rs", ".md", ".toml", ".yaml"].iter().any(|end| name.ends_with(end));
            let text = if read { fs::read_to_string(entry.path()).ok() } else { None };
            self.files.insert(path, text.unwrap_or_default());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_build_products_are_not() -> Result<()> {
        let dir = tempfile::tempdir()?;
        for path in ["a/b.rs", "target/c.rs", ".git/d.rs", "target-x/e.rs"] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().context("parent")?)?;
            fs::write(path, "//! Docs.\n")?;
        }
        let tree = Tree::read(dir.path())?;
        assert_eq!(tree.paths().collect::<Vec<_>>(), ["a/b.rs"]);
        assert_eq!(tree.text("a/b.rs"), Some("//! Docs.\n"));
        assert!(tree.has("a") && tree.has("a/") && tree.has("a/b.rs") && !tree.has("b"));
        Ok(())
    }
}
