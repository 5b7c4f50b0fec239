//! Which crate may see which: arrows run one way, and core stays free of the outside world.

use std::path::Path;

use anyhow::Result;

use crate::metadata::{Metadata, Package, output};

/// Our libraries, and what of ours each may depend on, in any way. Packages that are not named
/// here (`examples`, `tests`, `xtask`) may use everything.
const MAY_SEE: &[(&str, &[&str])] = &[
    ("eventcenter-core", &[]),
    ("eventcenter-sls", &[]),
    ("eventcenter-kube", &["eventcenter-core"]),
    ("eventcenter-sinks", &["eventcenter-core", "eventcenter-sls"]),
    ("eventcenter-detect", &["eventcenter-core"]),
    ("eventcenter-store", &["eventcenter-core"]),
    ("eventcenter-console", &["eventcenter-core", "eventcenter-store"]),
];

/// The packages of programs, which meet everything.
const PROGRAMS: [&str; 3] = ["eventcenter-examples", "eventcenter-tests", "xtask"];

/// What core must not link, not even through others.
const NOT_IN_CORE: [&str; 10] = [
    "kube",
    "k8s-openapi",
    "hyper",
    "reqwest",
    "http",
    "rustls",
    "ring",
    "openssl",
    "native-tls",
    "axum",
];

pub(super) fn packages(metadata: &Metadata) -> Vec<String> {
    let ours: Vec<&str> = metadata.ours().map(|package| package.name.as_str()).collect();
    metadata.ours().flat_map(|package| of_package(package, &ours)).collect()
}

fn of_package(package: &Package, ours: &[&str]) -> Vec<String> {
    let name = package.name.as_str();
    if PROGRAMS.contains(&name) {
        return Vec::new();
    }
    let Some((_, may)) = MAY_SEE.iter().find(|(library, _)| *library == name) else {
        return vec![format!("{name} is not in the table of xtask's tidy rules: add it")];
    };
    let mut found = Vec::new();
    for dependency in &package.dependencies {
        let other = dependency.name.as_str();
        if other != name && ours.contains(&other) && !may.contains(&other) {
            found.push(format!("{name} must not depend on {other}"));
        }
        if other.starts_with("kube") && name != "eventcenter-kube" {
            found.push(format!("{name} links {other}, which only eventcenter-kube may"));
        }
        let mut features = dependency.features.iter();
        let chooses = features.any(|feature| feature == "latest" || feature.starts_with("v1_"));
        if other == "k8s-openapi" && chooses && dependency.kind.as_deref() != Some("dev") {
            found.push(format!("{name} chooses a Kubernetes version: only programs may"));
        }
    }
    found
}

/// Core's own closure, without what other members of the workspace add by feature unification.
pub(super) fn core_closure(root: &Path) -> Result<Vec<String>> {
    let arguments = ["tree", "-p", "eventcenter-core", "-e", "normal", "--prefix", "none"];
    let tree = output(root, "cargo", &arguments)?;
    Ok(forbidden(&tree))
}

/// Forbidden names in lines such as `bytes v1.12.1 (*)`.
fn forbidden(tree: &str) -> Vec<String> {
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let names = names.filter(|name| NOT_IN_CORE.contains(name));
    names.map(|name| format!("eventcenter-core links {name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn metadata(name: &str, other: &str, kind: Option<&str>, features: &[&str]) -> Metadata {
        let dependency = Dependency {
            name: other.to_owned(),
            kind: kind.map(str::to_owned),
            features: features.iter().map(|&feature| feature.to_owned()).collect(),
        };
        let package = |name: &str, dependencies| Package {
            id: name.to_owned(),
            name: name.to_owned(),
            dependencies,
            ..Package::default()
        };
        let mut packages = vec![package(name, vec![dependency])];
        packages.extend(["eventcenter-core", "eventcenter-kube"].map(|name| package(name, vec![])));
        let workspace_members = packages.iter().map(|package| package.id.clone()).collect();
        Metadata { packages, workspace_members, ..Metadata::default() }
    }

    #[test]
    fn a_forbidden_edge_is_found_whatever_its_kind() {
        for kind in [None, Some("dev"), Some("build")] {
            let found = packages(&metadata("eventcenter-sinks", "eventcenter-kube", kind, &[]));
            assert!(found[0].contains("must not depend on eventcenter-kube"), "{found:?}");
        }
    }

    #[test]
    fn allowed_edges_pass() {
        for (name, other) in [
            ("eventcenter-sinks", "eventcenter-core"),
            ("eventcenter-examples", "eventcenter-kube"),
            ("eventcenter-tests", "kube"),
            ("eventcenter-sinks", "reqwest"),
        ] {
            assert!(packages(&metadata(name, other, None, &[])).is_empty(), "{name} {other}");
        }
    }

    #[test]
    fn only_one_crate_links_kube_and_only_programs_choose_a_version() {
        let found = packages(&metadata("eventcenter-store", "kube", None, &[]));
        assert_eq!(found.len(), 1);
        let k8s = |kind| {
            let package = metadata("eventcenter-sinks", "k8s-openapi", kind, &["v1_37"]);
            packages(&package).len()
        };
        assert_eq!(k8s(None), 1);
        assert_eq!(k8s(Some("dev")), 0);
    }

    #[test]
    fn a_new_crate_must_be_entered() {
        let found = packages(&metadata("eventcenter-new", "bytes", None, &[]));
        assert!(found[0].contains("add it"), "{found:?}");
    }

    #[test]
    fn the_closure_is_searched_by_whole_names() {
        let tree = "eventcenter-core v0.1.0 (/x)\nhttparse v1.0.0\nhttp v1.1.0\nring v0.17.0 (*)\n";
        assert_eq!(forbidden(tree), ["eventcenter-core links http", "eventcenter-core links ring"]);
    }
}
