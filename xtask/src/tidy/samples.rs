//! Sample configs and the toolchain: small facts that must agree.

use anyhow::{Context, Result};
use serde_json::Value;

use super::tree::Tree;

const CONFIGS: &str = "examples/config/";

/// Where there is a folder of sample configs, none is empty and a test reads them all.
pub(super) fn configs(tree: &Tree) -> Vec<String> {
    let samples: Vec<(&str, &str)> =
        tree.ending(".yaml").filter(|(path, _)| path.starts_with(CONFIGS)).collect();
    let mut found: Vec<String> = samples
        .iter()
        .filter(|(_, text)| text.trim().is_empty())
        .map(|(path, _)| format!("{path} is empty"))
        .collect();
    if !tree.has(CONFIGS) {
        return found;
    }
    if samples.is_empty() {
        found.push(format!("{CONFIGS} has no *.yaml"));
    }
    let own = |path: &str| path.starts_with("examples/") || path.starts_with("tests/");
    let mut code = tree.ending(".rs").filter(|(path, _)| own(path));
    let named = |text: &str| text.contains("examples/config") || text.contains("\"config\"");
    if !code.any(|(_, text)| text.contains("test]") && named(text)) {
        found.push(format!("no test names the folder {CONFIGS}"));
    }
    found
}

/// `rust-version` of the workspace and `channel` of the toolchain are one version.
pub(super) fn toolchain(tree: &Tree) -> Result<Vec<String>> {
    let value = |file: &str, keys: &[&str]| -> Result<Option<String>> {
        let Some(text) = tree.text(file) else { return Ok(None) };
        let table: Value = toml::from_str(text).with_context(|| file.to_owned())?;
        let value = keys.iter().try_fold(&table, |value, key| value.get(key));
        Ok(value.and_then(Value::as_str).map(str::to_owned))
    };
    let version = value("Cargo.toml", &["workspace", "package", "rust-version"])?;
    let channel = value("rust-toolchain.toml", &["toolchain", "channel"])?;
    let (Some(version), Some(channel)) = (version, channel) else { return Ok(Vec::new()) };
    let same = channel == version
        || channel.strip_prefix(&version).is_some_and(|rest| rest.starts_with('.'));
    let complaint = format!("rust-version is {version}, the toolchain is {channel}");
    Ok(if same { Vec::new() } else { vec![complaint] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_untested_sample_is_found() {
        let test = ("examples/tests/samples.rs", "#[test]\nfn x() { read(\"examples/config\") }");
        let full = ("examples/config/a.yaml", "sinks: []\n");
        assert!(configs(&Tree::of(&[test, full])).is_empty());
        assert!(configs(&Tree::of(&[])).is_empty());
        assert_eq!(configs(&Tree::of(&[full])).len(), 1);
        assert_eq!(configs(&Tree::of(&[test, ("examples/config/a.yaml", " \n")])).len(), 1);
        assert_eq!(configs(&Tree::of(&[test, ("examples/config/a.md", "")])).len(), 1);
    }

    #[test]
    fn versions_that_differ_are_found() -> Result<()> {
        let check = |version: &str, channel: &str| {
            let manifest = format!("[workspace.package]\nrust-version = \"{version}\"\n");
            let pinned = format!("[toolchain]\nchannel = \"{channel}\"\n");
            toolchain(&Tree::of(&[("Cargo.toml", &manifest), ("rust-toolchain.toml", &pinned)]))
        };
        assert!(check("1.95", "1.95.0")?.is_empty());
        assert!(check("1.95.0", "1.95.0")?.is_empty());
        assert_eq!(check("1.9", "1.95.0")?.len(), 1);
        assert_eq!(check("1.95", "stable")?.len(), 1);
        Ok(())
    }
}
