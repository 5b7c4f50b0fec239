//! Every source file belongs to a module tree, and every module says what it promises.

use std::collections::BTreeSet;

use anyhow::Result;

use super::tree::Tree;
use crate::metadata::Metadata;

/// Complains about `.rs` files that no target compiles.
pub(super) fn reachable(metadata: &Metadata, tree: &Tree) -> Result<Vec<String>> {
    let sources = metadata.ours().flat_map(|package| &package.targets);
    let root = xtask::testbed::workspace_root()?;
    let roots = sources.filter_map(|target| {
        let path = target.src_path.strip_prefix(&root).ok()?;
        Some(path.to_string_lossy().into_owned())
    });
    Ok(orphans(roots.collect(), tree))
}

/// `.rs` files that cannot be reached from `roots` by `mod` and `include!`.
fn orphans(roots: Vec<String>, tree: &Tree) -> Vec<String> {
    let mut reached = BTreeSet::new();
    // The files of a target's root look for their modules beside themselves.
    let mut open: Vec<(String, bool)> = roots.into_iter().map(|path| (path, true)).collect();
    while let Some((path, is_root)) = open.pop() {
        let Some(text) = tree.text(&path) else { continue };
        if reached.insert(path.clone()) {
            open.extend(children(&path, is_root, text, tree));
        }
    }
    let files = tree.ending(".rs").map(|(path, _)| path);
    files
        .filter(|path| !reached.contains(*path))
        .map(|path| format!("{path} is not part of any module tree"))
        .collect()
}

/// The files that `mod name;`, `#[path = "..."] mod name;` and `include!("....rs")` name. Modules
/// in braces open a folder of their name; a closing brace at the same indent leaves it.
fn children(path: &str, is_root: bool, text: &str, tree: &Tree) -> Vec<(String, bool)> {
    let (dir, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.trim_end_matches(".rs");
    let below = if is_root || stem == "mod" { dir.to_owned() } else { join(dir, stem) };
    let mut found = Vec::new();
    let mut inside: Vec<(usize, String)> = Vec::new();
    let mut given: Option<String> = None;
    for line in text.lines() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if let Some(value) = code.strip_prefix("#[path = \"") {
            given = value.split('"').next().map(str::to_owned);
        } else if let Some((_, value)) = code.split_once("include!(\"") {
            let named = value.split('"').next().filter(|name| name.ends_with(".rs"));
            found.extend(named.map(|name| (join(dir, name), true)));
        } else if code.starts_with('}') {
            inside.retain(|(opened, _)| *opened < indent);
        } else if let Some((name, declared)) = module(code) {
            let folder = inside.iter().fold(below.clone(), |dir, (_, name)| join(&dir, name));
            if !declared {
                inside.push((indent, name.to_owned()));
            } else if let Some(given) = given.take() {
                found.push((join(dir, &given), true));
            } else {
                let candidates =
                    [join(&folder, &format!("{name}.rs")), join(&folder, name) + "/mod.rs"];
                found.extend(
                    candidates.into_iter().filter(|path| tree.has(path)).map(|path| (path, false)),
                );
            }
        }
    }
    found
}

/// `mod x;` gives `(x, true)`, `mod x {` gives `(x, false)`; any visibility may stand before.
fn module(code: &str) -> Option<(&str, bool)> {
    let code = match code.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(')')?.1.trim_start(),
        Some(rest) => rest.trim_start(),
        None => code,
    };
    let rest = code.strip_prefix("mod ")?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    let (name, rest) = rest.split_at(end);
    match rest.trim_start().chars().next()? {
        ';' => Some((name, true)),
        '{' if !rest.trim_end().ends_with('}') => Some((name, false)),
        _ => None,
    }
}

/// Joins paths with `/` and resolves `..`.
fn join(dir: &str, name: &str) -> String {
    let mut parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Complains about source files that do not begin with `//!`.
pub(super) fn documented(tree: &Tree) -> Vec<String> {
    let begins = |text: &str| {
        let mut lines = text.lines().map(str::trim).filter(|line| {
            let comment = line.starts_with("//") && !line.starts_with("//!");
            !line.is_empty() && !comment && !line.starts_with("#!")
        });
        lines.next().is_some_and(|line| line.starts_with("//!"))
    };
    let missing = tree.ending(".rs").filter(|(_, text)| !begins(text));
    missing.map(|(path, _)| format!("{path} does not begin with `//!`")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orphans_of(files: &[(&str, &str)]) -> Vec<String> {
        let roots = ["a/src/lib.rs", "a/tests/it.rs"].map(str::to_owned);
        let found = orphans(roots.to_vec(), &Tree::of(files));
        found.iter().map(|text| text.split(' ').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn modules_are_followed_down() {
        let files = [
            ("a/src/lib.rs", "mod one;\npub(crate) mod two;\n#[path = \"odd/name.rs\"]\nmod x;\n"),
            ("a/src/one.rs", "pub mod deep;\nmod inner {\n    mod most;\n}\nmod after;\n"),
            ("a/src/one/deep.rs", ""),
            ("a/src/one/inner/most.rs", ""),
            ("a/src/one/after.rs", ""),
            ("a/src/two/mod.rs", "mod more;"),
            ("a/src/two/more.rs", "include!(\"../piece.rs\");"),
            ("a/src/piece.rs", ""),
            ("a/src/odd/name.rs", "mod beside;"),
            ("a/src/odd/beside.rs", ""),
            ("a/tests/it.rs", "mod help;"),
            ("a/tests/help.rs", ""),
        ];
        assert_eq!(orphans_of(&files), Vec::<String>::new());
    }

    #[test]
    fn a_forgotten_file_is_found() {
        let files = [
            ("a/src/lib.rs", "// mod gone;\nmod one;"),
            ("a/src/one.rs", ""),
            ("a/src/gone.rs", ""),
            ("a/src/one/lost.rs", ""),
        ];
        assert_eq!(orphans_of(&files), ["a/src/gone.rs", "a/src/one/lost.rs"]);
    }

    #[test]
    fn a_module_without_docs_is_found() {
        let tree = Tree::of(&[
            ("good.rs", "#![no_std]\n\n//! Promises.\nuse x;\n"),
            ("bad.rs", "// A comment.\nuse x;\n//! Too late.\n"),
            ("empty.rs", ""),
        ]);
        assert_eq!(documented(&tree).len(), 2);
    }
}
