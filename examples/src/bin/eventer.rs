//! `eventer`: the events of Kubernetes clusters, on disk first, then to their sinks.
//!
//! Without `--config` it watches the cluster that `kubectl` would talk to, prints every event, and keeps its spool
//! under `$XDG_STATE_HOME/eventcenter` (as root `/var/lib/eventcenter`). Exit codes: 0 after SIGTERM or Ctrl-C, 1 for
//! what should not happen, 2 for a configuration that cannot be honoured, 3 for `--no-wait` and no API server.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stderr,
    reason = "errors before logging is set up, and help, are for people"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use eventcenter_examples::eventer;
use eventcenter_examples::{config, logging};

/// Watches the Events of Kubernetes clusters and delivers them, losing none.
#[derive(Debug, Parser)]
#[command(name = "eventer", version)]
struct Args {
    /// The configuration. Without it: the current kubeconfig, all events, to standard output
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where spool, cursors and dead letters are kept, instead of what the configuration says
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,

    /// Exit with code 3 when an API server cannot be reached at the start, instead of trying on
    #[arg(long)]
    no_wait: bool,

    /// Log lines as JSON
    #[arg(long)]
    log_json: bool,
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
        config.state_dir = state_dir;
    }
    match eventer::run(config, args.no_wait) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
