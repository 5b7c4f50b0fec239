//! Licences and sources of every dependency, by the rules in `deny.toml`.
//!
//! `deny.toml` is written for cargo-deny, which CI may not have; this reads the part of it that
//! matters (licence allow list and exceptions, banned crates, several versions of one crate,
//! sources) and checks the same over `cargo metadata`. Every ban and skip must give a reason, and
//! a skip that skips nothing any more is a complaint too. Advisories need the network and are not
//! looked at.

mod spdx;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::metadata::{Metadata, Package};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Licenses {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Bans {
    deny: Vec<Named>,
    skip: Vec<Named>,
}

/// `name`, or `name@version`, where `1.2` means every `1.2.x`.
#[derive(Deserialize)]
struct Named {
    #[serde(rename = "crate")]
    name: String,
    #[serde(default)]
    reason: String,
}

pub(crate) fn run(root: &Path) -> Result<bool> {
    let text = fs::read_to_string(root.join("deny.toml")).context("cannot read deny.toml")?;
    let rules = toml::from_str(&text).context("deny.toml")?;
    let metadata = Metadata::load(root)?;
    let packages: Vec<&Package> = metadata.built().collect();
    let complaints = complaints(&rules, &packages);
    for complaint in &complaints {
        println!("{complaint}");
    }
    println!("{} packages, {} complaints", packages.len(), complaints.len());
    Ok(complaints.is_empty())
}

fn complaints(rules: &Rules, packages: &[&Package]) -> Vec<String> {
    let mut found = Vec::new();
    for package in packages {
        found.extend(licence(rules, package));
        found.extend(
            rules.bans.deny.iter().filter(|ban| matches(ban, package)).map(|ban| {
                format!("{} {} is banned: {}", package.name, package.version, ban.reason)
            }),
        );
    }
    found.extend(sources(packages));
    found.extend(versions(&rules.bans.skip, packages));
    let named = rules.bans.deny.iter().chain(&rules.bans.skip);
    found.extend(
        named
            .filter(|named| named.reason.trim().is_empty())
            .map(|named| format!("deny.toml: no reason for {}", named.name)),
    );
    found
}

fn licence(rules: &Rules, package: &Package) -> Option<String> {
    let Package { name, version, license, .. } = package;
    let Some(expression) = license else { return Some(format!("{name} {version}: no licence")) };
    let extra = rules.licenses.exceptions.iter().filter(|exception| exception.name == *name);
    let extra: Vec<&String> = extra.flat_map(|exception| &exception.allow).collect();
    let allowed = |one: &str| {
        rules.licenses.allow.iter().chain(extra.iter().copied()).any(|allowed| allowed == one)
    };
    match spdx::satisfied(expression, &allowed) {
        Some(true) => None,
        Some(false) => Some(format!("{name} {version}: {expression:?} is not allowed")),
        None => Some(format!("{name} {version}: {expression:?} cannot be read")),
    }
}

/// Ours have no source; all others have the same registry.
fn sources(packages: &[&Package]) -> Vec<String> {
    let registry = packages.iter().filter_map(|package| package.source.as_deref());
    let registry = registry.filter(|source| source.starts_with("registry+")).min();
    let strangers = packages
        .iter()
        .filter(|package| package.source.is_some() && package.source.as_deref() != registry);
    strangers
        .map(|package| {
            let source = package.source.as_deref().unwrap_or_default();
            format!(
                "{} {} is not from the registry but from {source}",
                package.name, package.version
            )
        })
        .collect()
}

fn versions(skips: &[Named], packages: &[&Package]) -> Vec<String> {
    let mut by_name: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        by_name.entry(&package.name).or_default().insert(&package.version);
    }
    let twice = |name: &str| by_name.get(name).is_some_and(|versions| versions.len() > 1);
    let mut found = Vec::new();
    for (name, versions) in &by_name {
        let kept = packages.iter().filter(|package| package.name == *name);
        let kept = kept.filter(|package| !skips.iter().any(|skip| matches(skip, package)));
        if kept.count() > 1 {
            let versions: Vec<&str> = versions.iter().copied().collect();
            found.push(format!("several versions of {name}: {}", versions.join(", ")));
        }
    }
    for skip in skips {
        let here = packages.iter().any(|package| matches(skip, package) && twice(&package.name));
        if !here {
            found.push(format!("deny.toml: the skip of {} is not needed any more", skip.name));
        }
    }
    found
}

fn matches(named: &Named, package: &Package) -> bool {
    match named.name.split_once('@') {
        Some((name, version)) => {
            let rest = package.version.strip_prefix(version);
            name == package.name
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        }
        None => named.name == package.name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"
        [licenses]
        allow = ["MIT", "Apache-2.0"]
        exceptions = [{ crate = "odd", allow = ["ISC"] }]
        [bans]
        deny = [{ crate = "openssl-sys", reason = "rustls" }]
        skip = [{ crate = "two@1.0", reason = "the other is newer" }]
    "#;

    fn package(name: &str, version: &str, license: &str, source: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            license: Some(license.to_owned()),
            source: (!source.is_empty()).then(|| source.to_owned()),
            ..Package::default()
        }
    }

    fn check(packages: &[Package]) -> Result<Vec<String>> {
        let mut packages: Vec<&Package> = packages.iter().collect();
        let two =
            [package("two", "1.0.0", "MIT", "registry+a"), package("two", "2.0.0", "MIT", "")];
        packages.extend(&two);
        Ok(complaints(&toml::from_str(RULES)?, &packages))
    }

    #[test]
    fn what_is_allowed_passes() -> Result<()> {
        let good = [
            package("ours", "0.1.0", "Apache-2.0", ""),
            package("a", "1.0.0", "MIT OR GPL-3.0", "registry+a"),
            package("odd", "1.0.0", "ISC", "registry+a"),
        ];
        assert_eq!(check(&good)?, Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn each_rule_can_fail() -> Result<()> {
        let bad = [
            (package("a", "1.0.0", "GPL-3.0", "registry+a"), "is not allowed"),
            (package("a", "1.0.0", "MIT OR (", "registry+a"), "cannot be read"),
            (package("openssl-sys", "1.0.0", "MIT", "registry+a"), "is banned: rustls"),
            (package("a", "1.0.0", "MIT", "git+elsewhere"), "not from the registry"),
            (package("a", "1.0.0", "MIT", "registry+b"), "not from the registry"),
            (package("two", "3.0.0", "MIT", "registry+a"), "several versions of two"),
        ];
        for (package, expected) in bad {
            let found = check(std::slice::from_ref(&package))?;
            assert!(found.iter().any(|text| text.contains(expected)), "{expected}: {found:?}");
        }
        Ok(())
    }

    #[test]
    fn a_skip_needs_a_reason_and_a_use() -> Result<()> {
        let rules = toml::from_str("[bans]\nskip = [{ crate = \"gone\" }]")?;
        let found = complaints(&rules, &[]);
        assert!(found.contains(&"deny.toml: no reason for gone".to_owned()), "{found:?}");
        assert!(found.iter().any(|text| text.contains("not needed any more")), "{found:?}");
        Ok(())
    }
}
