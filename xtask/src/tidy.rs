//! `cargo xtask tidy`: the house rules that no other tool knows. Each rule is a function from the
//! tree to complaints, with a test that shows that it can fail.
//!
//! A rule about files that do not exist yet says nothing.

mod docs;
mod edges;
mod lines;
mod modules;
mod samples;
mod tree;

use std::path::Path;

use anyhow::{Context, Result};

use crate::metadata::Metadata;
use tree::Tree;

type Rule<'a> = (&'a str, &'a dyn Fn() -> Result<Vec<String>>);

pub(crate) fn run(root: &Path) -> Result<bool> {
    let metadata = Metadata::load(root)?;
    let tree = Tree::read(root)?;
    let rules: &[Rule<'_>] = &[
        ("crates see only what they may", &|| Ok(edges::packages(&metadata))),
        ("core links no client, no TLS, no HTTP", &|| edges::core_closure(root)),
        ("every .rs file is compiled", &|| modules::reachable(&metadata, &tree)),
        ("every module says what it promises", &|| Ok(modules::documented(&tree))),
        ("allow and expect have a reason", &|| Ok(lines::reasons(&tree))),
        ("log messages are lowercase, without a period", &|| Ok(lines::log_messages(&tree))),
        ("rust-version is the toolchain", &|| samples::toolchain(&tree)),
        ("sample configs are there and tested", &|| Ok(samples::configs(&tree))),
        ("files that the guides name exist", &|| Ok(docs::paths(&tree))),
        ("ARCHITECTURE.md is short", &|| Ok(docs::length(&tree))),
        ("links in *.md resolve", &|| Ok(docs::links(&tree))),
    ];
    let mut count = 0;
    for (name, rule) in rules {
        for complaint in rule().with_context(|| format!("rule: {name}"))? {
            println!("{name}: {complaint}");
            count += 1;
        }
    }
    println!("{} rules, {count} complaints", rules.len());
    Ok(count == 0)
}
