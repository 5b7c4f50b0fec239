//! Rules about the guides: what they name exists, links lead somewhere, the map stays short.

use super::tree::Tree;

/// The guides whose backticked paths are checked.
const GUIDES: [&str; 3] = ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"];
const LONGEST: usize = 300;

/// Complains about paths in backticks that are not there.
///
/// A path is a word of letters, digits and `._-/` that begins with a folder or file of the root,
/// or ends with `.rs`. One that is not found from the root may be the end of a longer path.
pub(super) fn paths(tree: &Tree) -> Vec<String> {
    let tops: Vec<&str> = tree.paths().filter_map(|path| path.split('/').next()).collect();
    let mut found = Vec::new();
    for guide in GUIDES {
        for (number, line) in prose(tree.text(guide).unwrap_or_default()) {
            for span in line.split('`').skip(1).step_by(2) {
                let word = span.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c));
                let top = span.split('/').next().is_some_and(|first| tops.contains(&first));
                let ours = !span.split('/').any(is_placeholder)
                    && (span.ends_with(".rs") || (span.contains('/') && top));
                if word && ours && !exists(tree, span) {
                    found.push(format!("{guide}:{number}: no {span}"));
                }
            }
        }
    }
    found
}

/// `NAME.rs` stands for a name that the reader chooses.
fn is_placeholder(part: &str) -> bool {
    let stem = part.strip_suffix(".rs").unwrap_or_default();
    !stem.is_empty() && stem.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

fn exists(tree: &Tree, path: &str) -> bool {
    let end = format!("/{path}");
    tree.has(path) || tree.paths().any(|file| file.ends_with(&end))
}

/// `ARCHITECTURE.md` is a map, read in one sitting.
pub(super) fn length(tree: &Tree) -> Vec<String> {
    let lines = tree.text("ARCHITECTURE.md").map_or(0, |text| text.lines().count());
    let complaint = format!("it has {lines} lines; {LONGEST} are the most");
    if lines >= LONGEST { vec![complaint] } else { Vec::new() }
}

/// Complains about relative links of any `*.md` that lead nowhere.
pub(super) fn links(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.ending(".md") {
        let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
        for (number, line) in prose(text) {
            let plain: String = line.split('`').step_by(2).collect();
            for target in plain.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = target.split([' ', '#']).next().unwrap_or_default();
                let outside =
                    target.is_empty() || target.contains("://") || target.starts_with("mailto:");
                if !outside && !resolves(tree, dir, target) {
                    found.push(format!("{path}:{number}: no {target}"));
                }
            }
        }
    }
    found
}

fn resolves(tree: &Tree, dir: &str, target: &str) -> bool {
    let mut parts: Vec<&str> = match target.starts_with('/') {
        true => Vec::new(),
        false => dir.split('/').filter(|part| !part.is_empty()).collect(),
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            part => parts.push(part),
        }
    }
    tree.has(&parts.join("/"))
}

/// Numbered lines outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_gone_is_found() {
        let check = |guide: &str| {
            let files = [("README.md", guide), ("core/src/spool.rs", ""), ("deny.toml", "")];
            paths(&Tree::of(&files)).len()
        };
        assert_eq!(check("See `core/src/gone.rs`."), 1);
        assert_eq!(check("See `gone.rs`."), 1);
        assert_eq!(check("See `core/nothing/`."), 1);
        assert_eq!(check("See `core/src/spool.rs`, `spool.rs`, `src/spool.rs`, `core/src/`."), 0);
        assert_eq!(check("`core/v1`"), 1, "a folder of ours: say it without backticks");
        assert_eq!(check("`/healthz` `application/json` `~/.kube/config` `deny.toml`"), 0);
        assert_eq!(check("`core/src/NAME.rs`"), 0);
        assert_eq!(check("```\n`gone.rs`\n```\n"), 0);
    }

    #[test]
    fn a_long_map_is_found() {
        let check = |lines: usize| length(&Tree::of(&[("ARCHITECTURE.md", &"x\n".repeat(lines))]));
        assert!(check(299).is_empty());
        assert_eq!(check(300).len(), 1);
        assert!(length(&Tree::of(&[])).is_empty());
    }

    #[test]
    fn a_dead_link_is_found() {
        let check = |text: &str| {
            links(&Tree::of(&[("docs/a.md", text), ("docs/b.md", ""), ("README.md", "")])).len()
        };
        assert_eq!(check("[x](c.md)"), 1);
        assert_eq!(check("[x](../../README.md)"), 1);
        assert_eq!(check("[x](b.md#part) [y](../README.md) [z](../docs/) ![w](/README.md)"), 0);
        assert_eq!(check("[x](https://example.org/c.md) [y](#here) `[z](c.md)`"), 0);
    }
}
