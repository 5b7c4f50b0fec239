//! What `bench`, `soak`, `fuzz` and `screenshots` run: one table each, to be changed freely.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

/// One cargo command.
pub(crate) struct Task {
    /// What it is asked for by; tasks may share a name.
    name: &'static str,
    /// The arguments of cargo.
    cargo: &'static [&'static str],
    env: &'static [(&'static str, &'static str)],
}

/// Every `[[bench]]` target; the whole-system ones are targets of the package `eventcenter-tests`.
pub(crate) const BENCH: &[Task] = &[
    Task { name: "all", cargo: &["bench", "--workspace", "--benches"], env: &[] },
    // What no public function does alone.
    Task {
        name: "spool",
        cargo: &[
            "test",
            "--profile",
            "bench",
            "-p",
            "eventcenter-core",
            "--lib",
            "--",
            "--ignored",
            "--nocapture",
            "spool::tests::speed",
        ],
        env: &[],
    },
];

/// Thousands of lives with crashes, torn writes and a misbehaving API server, each from a seed of its own.
pub(crate) const SOAK: &[Task] = &[
    Task {
        name: "lives",
        cargo: &["test", "-p", "eventcenter-core", "--lib", "--", "pipeline::tests::nothing"],
        env: &[("SEEDS", "1000")],
    },
    Task {
        name: "replicas",
        cargo: &["test", "-p", "eventcenter-core", "--lib", "--", "pipeline::tests::reigns"],
        env: &[("SEEDS", "1000")],
    },
    Task {
        name: "watch",
        cargo: &["test", "-p", "eventcenter-kube", "--test", "watch", "--", "random"],
        env: &[("SEEDS", "2000")],
    },
    Task {
        name: "simulation",
        cargo: &["test", "-p", "eventcenter-kube", "--test", "simulation"],
        env: &[("SEEDS", "10000")],
    },
];

/// The property tests, 20,000 cases each instead of a few hundred; spoilt search statements, events, watch lines,
/// configurations and spools for ten minutes each.
pub(crate) const FUZZ: &[Task] = &[
    Task {
        name: "properties",
        cargo: &["test", "-p", "eventcenter-core", "--all-features"],
        env: &[("PROPTEST_CASES", "20000")],
    },
    Task {
        name: "sls",
        cargo: &["test", "-p", "eventcenter-sls", "--all-features"],
        env: &[("PROPTEST_CASES", "20000")],
    },
    Task {
        name: "query",
        cargo: &["test", "-p", "eventcenter-core", "--lib", "--", "query::fuzz"],
        env: TEN_MINUTES,
    },
    Task {
        name: "event",
        cargo: &["test", "-p", "eventcenter-core", "--lib", "--", "event::fuzz"],
        env: TEN_MINUTES,
    },
    Task {
        name: "spool",
        cargo: &["test", "-p", "eventcenter-core", "--lib", "--", "spool::tests::spoilt"],
        env: TEN_MINUTES,
    },
    Task {
        name: "watch",
        cargo: &["test", "-p", "eventcenter-kube", "--lib", "--", "no_stream_breaks"],
        env: TEN_MINUTES,
    },
    Task {
        name: "config",
        cargo: &[
            "test",
            "-p",
            "eventcenter-examples",
            "--test",
            "config",
            "--",
            "no_configuration",
        ],
        env: TEN_MINUTES,
    },
];

const TEN_MINUTES: &[(&str, &str)] = &[("FUZZ_SECONDS", "600")];

/// Which pages, in which size, theme and language, is a table in `tests/screenshots/main.rs`.
pub(crate) const SCREENSHOTS: &[Task] = &[Task {
    name: "screenshots",
    cargo: &[
        "test",
        "-p",
        "eventcenter-tests",
        "--test",
        "screenshots",
        "--",
        "../docs/screenshots",
    ],
    env: &[],
}];

#[derive(Args)]
pub(crate) struct Extra {
    /// Only the tasks of these names
    only: Vec<String>,
    /// More arguments for cargo
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Runs all tasks of a table, also after one has failed.
pub(crate) fn run(root: &Path, tasks: &[Task], extra: &Extra) -> Result<bool> {
    let mut good = true;
    if let Some(unknown) =
        extra.only.iter().find(|name| tasks.iter().all(|task| task.name != **name))
    {
        let names: Vec<_> = tasks.iter().map(|task| task.name).collect();
        bail!("there is no {unknown:?} here, only {}", names.join(", "));
    }
    let wanted =
        |task: &&Task| extra.only.is_empty() || extra.only.iter().any(|name| name == task.name);
    for task in tasks.iter().filter(wanted) {
        println!("cargo {}", task.cargo.join(" "));
        let status = Command::new("cargo")
            .current_dir(root)
            .args(task.cargo)
            .args(&extra.arguments)
            .envs(task.env.iter().copied())
            .status()
            .context("cannot run cargo")?;
        good &= status.success();
    }
    Ok(good)
}
