//! `cargo xtask test`: the one test command.
//!
//! It says what it found, builds the control plane the first time, compiles the tests, starts one
//! test bed for all of them, runs them, and ends the test bed, also after a failure, Ctrl-C or
//! SIGTERM. The last line is the sum over all test programs.
//!
//! The tests see `EVENTCENTER_TESTBED=1`, `EVENTCENTER_KUBECONFIG` (the shared instance),
//! `EVENTCENTER_TESTBED_BIN` (programs for an instance of their own) and `EVENTCENTER_SKIPPED`
//! (where a skipped test writes its name; see `xtask::testbed::shared`). Where no server can be
//! had they see `EVENTCENTER_SKIP_REASON` instead; with `CI=true` that is a failure.
//!
//! Chromium and axe-core, for the tests of the pages, are got before anything runs. Where they cannot be had it says
//! how to get them, and those tests fail, which say the same: none of them is skipped. It is the same with the official
//! clients of SLS.

mod cargo;
mod packages;
mod summary;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use xtask::testbed::{Binaries, Go, Instance, Options, Program, Subset, sweep};

use crate::metadata::output;

#[derive(Args)]
pub(crate) struct Test {
    /// Start no servers; the tests that need one are skipped
    #[arg(long)]
    no_testbed: bool,
    /// For `cargo test`, such as a filter
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(root: &Path, test: &Test) -> Result<bool> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let in_ci = env::var("CI").is_ok_and(|value| value == "true");
    for name in sweep()? {
        say(&format!("ended {name}, whose owner is gone"));
    }
    report(root);

    let begin = Instant::now();
    if let Err(error) = browser() {
        say(&format!("the tests of the pages will fail: {error:#}"));
    }
    if let Err(error) = sls_clients() {
        say(&format!("the tests with official clients of SLS will fail: {error:#}"));
    }
    let servers = if test.no_testbed { Err(anyhow::anyhow!("--no-testbed")) } else { programs() };
    let compiled = cargo::compile(root, &test.arguments, &stop)?;
    if !compiled.success() || stop.load(Ordering::Relaxed) {
        println!("the tests do not compile, or were stopped");
        println!("0 passed, 1 failed");
        return Ok(false);
    }
    let bed = servers.and_then(|binaries| start(&binaries, &stop));
    say(&format!("ready to test after {:.0} s", begin.elapsed().as_secs_f64()));

    let skipped = env::temp_dir().join(format!("eventcenter-skipped-{}", std::process::id()));
    let mut env = vec![("EVENTCENTER_SKIPPED", skipped.clone())];
    match &bed {
        Ok(bed) => env.extend([
            ("EVENTCENTER_TESTBED", PathBuf::from("1")),
            ("EVENTCENTER_KUBECONFIG", bed.kubeconfig()),
            ("EVENTCENTER_TESTBED_BIN", bed.bin()),
        ]),
        Err(reason) => {
            say(&format!("no test bed: {reason:#}"));
            env.push(("EVENTCENTER_SKIP_REASON", PathBuf::from(format!("{reason:#}"))));
        }
    }
    let result = cargo::test(root, &test.arguments, &env, &stop);
    let no_bed = bed.as_ref().err().map(|reason| format!("{reason:#}"));
    if let Ok(bed) = bed {
        bed.stop()?;
        say("the test bed is down");
    }
    // A test that was killed could not end the instance of its own.
    for name in sweep()? {
        say(&format!("ended {name}, whose owner is gone"));
    }

    let mut summary = result?;
    if let Ok(lines) = fs::read_to_string(&skipped) {
        fs::remove_file(&skipped)?;
        println!("skipped:");
        for line in lines.lines() {
            println!("  {line}");
        }
        summary.skip(lines.lines().count());
    }
    if let Some(reason) = no_bed.filter(|_| in_ci && !test.no_testbed) {
        println!("CI must have a test bed: {reason}");
        summary.failed += 1;
    }
    println!("{summary}");
    Ok(summary.failed == 0)
}

/// Says what is there and what has to be made, before anything takes time.
fn report(root: &Path) {
    let rust = output(root, "rustc", &["--version"]);
    say(rust.as_deref().unwrap_or("no rustc").trim());
    match Go::find() {
        Some(go) => say(&format!("go {} ({})", go.version, go.program.display())),
        None => say("no Go that is new enough: it will be installed if a server has to be built"),
    }
    for &program in Subset::All.programs() {
        let (name, version) = (program.name(), program.version());
        match program.find() {
            Ok(Some(path)) => say(&format!("{name} ({})", path.display())),
            Ok(None) => say(&format!("{name} {version} will be built")),
            Err(error) => say(&format!("{name}: {error:#}")),
        }
    }
}

fn programs() -> Result<Binaries> {
    let missing = Subset::All.programs().iter().any(|program| !is_there(*program));
    if missing && Go::find().is_none() {
        packages::need("python3-pip", "python3", &["-m", "pip", "--version"])?;
    }
    Binaries::get(Subset::All, &say)
}

/// Chromium and what is used in it.
fn browser() -> Result<()> {
    if xtask::browser::chromium().is_err() {
        packages::install(xtask::browser::PACKAGES)?;
    }
    say(&format!("chromium ({})", xtask::browser::chromium()?.display()));
    packages::need("npm", "npm", &["--version"])?;
    xtask::browser::axe(&say)?;
    Ok(())
}

/// Official clients of SLS, which its double is tried with.
fn sls_clients() -> Result<()> {
    packages::need("python3-pip", "python3", &["-m", "pip", "--version"])?;
    say(&format!("clients of SLS ({})", xtask::sls_clients::python(&say)?.display()));
    packages::need("npm", "npm", &["--version"])?;
    say(&format!("client of SLS ({})", xtask::sls_clients::node(&say)?.display()));
    Ok(())
}

fn is_there(program: Program) -> bool {
    program.find().is_ok_and(|path| path.is_some())
}

fn start(binaries: &Binaries, stop: &AtomicBool) -> Result<Instance> {
    let begin = Instant::now();
    let name = Some(format!("test-{}", std::process::id()));
    let bed = Instance::start_with(binaries, &Options { name, ..Options::default() })?;
    if stop.load(Ordering::Relaxed) {
        bail!("stopped");
    }
    say(&format!("the test bed is up, after {:.1} s", begin.elapsed().as_secs_f64()));
    Ok(bed)
}

fn say(message: &str) {
    println!("test: {message}");
}
