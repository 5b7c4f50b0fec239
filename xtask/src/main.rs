//! What CI runs, by name. `cargo xtask help` lists the commands; `test` and `check` are the gate.

#![expect(clippy::print_stdout, reason = "a command-line program talks on standard output")]

mod bed;
mod check;
mod licences;
mod metadata;
mod tasks;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::testbed::workspace_root;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "What CI runs, by name")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every test, with a real control plane for those that need one
    Test(test::Test),
    /// Format, lints, documentation, house rules, licences
    Check,
    /// Only the house rules that no other tool knows
    Tidy,
    /// Only licences and sources of the dependencies
    Licences,
    /// Start, list or end a real Kubernetes control plane on loopback
    #[command(subcommand)]
    Testbed(bed::Command),
    /// Photograph the pages of the demo, into docs/screenshots
    Screenshots(tasks::Extra),
    /// Run the benchmarks
    Bench(tasks::Extra),
    /// Run the tests that take hours
    Soak(tasks::Extra),
    /// Run the property tests for long
    Fuzz(tasks::Extra),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything that was checked is in order.
fn run(command: Command) -> Result<bool> {
    let root = workspace_root()?;
    match command {
        Command::Test(test) => test::run(&root, &test),
        Command::Check => check::run(&root),
        Command::Tidy => tidy::run(&root),
        Command::Licences => licences::run(&root),
        Command::Testbed(command) => bed::run(command).map(|()| true),
        Command::Screenshots(extra) => tasks::run(&root, tasks::SCREENSHOTS, &extra),
        Command::Bench(extra) => tasks::run(&root, tasks::BENCH, &extra),
        Command::Soak(extra) => tasks::run(&root, tasks::SOAK, &extra),
        Command::Fuzz(extra) => tasks::run(&root, tasks::FUZZ, &extra),
    }
}
