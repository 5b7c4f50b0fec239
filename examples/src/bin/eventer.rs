//! `eventer`: the events of Kubernetes clusters, on disk first, then to their sinks.
//!
//! Without `--config` it watches the cluster that `kubectl` would talk to, prints every event, and keeps its spool
//! under `$XDG_STATE_HOME/eventcenter` (as root `/var/lib/eventcenter`). With a subcommand it looks after what it could
//! not deliver, also while it runs:
//!
//! ```text
//! eventer --config eventer.yaml dead-letters list --sink hook
//! eventer --config eventer.yaml dead-letters replay --sink hook --all
//! eventer --config eventer.yaml replay --sink hook --since 2h --filter 'level >= Warning' --dry-run
//! ```
//!
//! Exit codes: 0 after SIGTERM or Ctrl-C, and for a command that is done; 1 for what should not happen, and for a command
//! that is not; 2 for a configuration that cannot be honoured; 3 for `--no-wait` and no API server.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stderr,
    reason = "errors before logging is set up, and help, are for people"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eventcenter_examples::config::Config;
use eventcenter_examples::replay::ReplayArgs;
use eventcenter_examples::{config, dead_letters, eventer, logging, replay};

/// Watches the Events of Kubernetes clusters and delivers them, losing none.
#[derive(Debug, Parser)]
#[command(name = "eventer", version)]
struct Args {
    /// The configuration. Without it: the current kubeconfig, all events, to standard output
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    /// Where spool, cursors and dead letters are kept, instead of what the configuration says
    #[arg(long, value_name = "DIR", global = true)]
    state_dir: Option<PathBuf>,

    /// Exit with code 3 when an API server cannot be reached at the start, instead of trying on
    #[arg(long)]
    no_wait: bool,

    /// Log lines as JSON
    #[arg(long)]
    log_json: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

/// Also while the program runs.
#[derive(Debug, Subcommand)]
enum Command {
    /// What sinks would not take: list, show, replay, drop
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Sends to one sink again what the spool still has
    Replay(ReplayArgs),
}

fn main() -> ExitCode {
    let args = Args::parse();
    logging::start(args.log_json);
    let config = match &args.config {
        Some(file) => config::load(file),
        None => config::built_in(),
    };
    let mut config = match config {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if let Some(state_dir) = args.state_dir {
        (config.state_dir, config.state_dir_is_given) = (state_dir, true);
    }
    let done = match args.command {
        None => return run(config, args.no_wait),
        Some(Command::DeadLetters(command)) => dead_letters::obey(eventer::left(config), command),
        Some(Command::Replay(args)) => replay::obey(eventer::left(config), args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("{}", trouble.message);
            if trouble.is_config { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run(config: Config, no_wait: bool) -> ExitCode {
    match eventer::run(config, no_wait) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
