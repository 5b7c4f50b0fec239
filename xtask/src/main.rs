//! What CI runs, by name. `cargo xtask help` lists the commands; `test` and `check` are the gate.

#![expect(clippy::print_stdout, reason = "a command-line program talks on standard output")]

mod bed;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "What CI runs, by name")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start, list or end a real Kubernetes control plane on loopback
    #[command(subcommand)]
    Testbed(bed::Command),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Testbed(command) => bed::run(command).map(|()| true),
    };
    exit_code(done)
}

/// Success, or 1 for a check that failed or a command that could not do its work.
fn exit_code(done: Result<bool>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
