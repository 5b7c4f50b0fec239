//! `cargo xtask check`: format, lints, documentation, house rules, licences. Everything runs,
//! also after a failure, each step with the time it took.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::{licences, tidy};

type Step<'a> = (&'a str, &'a dyn Fn() -> Result<bool>);

pub(crate) fn run(root: &Path) -> Result<bool> {
    let cargo = |arguments: &str, env: &[(&str, &str)]| {
        let mut command = Command::new("cargo");
        command.current_dir(root).args(arguments.split(' ')).envs(env.iter().copied());
        let status = command.status().context("cannot run cargo")?;
        Ok(status.success())
    };
    let steps: &[Step<'_>] = &[
        ("format", &|| cargo("fmt --all --check", &[])),
        ("lints", &|| cargo("clippy --workspace --all-targets --all-features -- -D warnings", &[])),
        ("documentation", &|| {
            cargo("doc --workspace --no-deps --all-features", &[("RUSTDOCFLAGS", "-Dwarnings")])
        }),
        ("house rules", &|| tidy::run(root)),
        ("licences and sources", &|| licences::run(root)),
        ("cargo deny", &|| {
            if crate::metadata::output(root, "cargo", &["deny", "--version"]).is_err() {
                println!("not installed: `licences and sources` has checked the same rules");
                return Ok(true);
            }
            cargo("deny check bans licenses sources", &[])
        }),
    ];
    run_steps(steps)
}

fn run_steps(steps: &[Step<'_>]) -> Result<bool> {
    let mut summary = Vec::new();
    for (name, step) in steps {
        println!("== {name}");
        let begin = Instant::now();
        let good = step().unwrap_or_else(|error| {
            println!("error: {error:#}");
            false
        });
        let seconds = begin.elapsed().as_secs_f64();
        let word = if good { "ok" } else { "FAILED" };
        println!("== {name}: {word}, {seconds:.1} s");
        summary.push((name, good));
    }
    let failed: Vec<&str> =
        summary.iter().filter(|(_, good)| !good).map(|(name, _)| **name).collect();
    println!("{} checks passed, {} failed", summary.len() - failed.len(), failed.len());
    if !failed.is_empty() {
        println!("failed: {}", failed.join(", "));
    }
    Ok(failed.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn later_steps_run_after_a_failure() -> Result<()> {
        let last = Cell::new(false);
        let good = run_steps(&[
            ("bad", &|| Ok(false)),
            ("broken", &|| anyhow::bail!("no")),
            ("good", &|| {
                last.set(true);
                Ok(true)
            }),
        ])?;
        assert!(!good);
        assert!(last.get());
        Ok(())
    }
}
