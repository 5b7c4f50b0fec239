//! `event-center`: the memory of Kubernetes clusters, on one machine.
//!
//! Without a subcommand it watches the cluster that `kubectl` would talk to, keeps its Events, and shows them at
//! <http://127.0.0.1:8085>. With one it answers from what is kept, also while it runs:
//!
//! ```text
//! event-center query 'class : PodOOM' --since 2h
//! event-center query '* | select reason, count(1) as n group by reason order by n desc'
//! event-center pod shop/web-0
//! kubectl get events -A -o json | event-center import - --cluster prod
//! event-center backup /mnt/backup
//! event-center dead-letters list
//! event-center replay --sink hook --since 2h --dry-run
//! event-center --demo
//! ```
//!
//! Exit codes: 0 when it is done, 1 for what should not happen and for a statement that cannot be read, 2 for a
//! configuration that cannot be honoured, also a store that another program writes.

#![forbid(unsafe_code)]
#![expect(
    clippy::print_stderr,
    reason = "errors before logging is set up, and help, are for people"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args as ClapArgs, Parser, Subcommand};
use eventcenter_examples::center::{self, Format, Trouble, Window};
use eventcenter_examples::eventer::Failure;
use eventcenter_examples::replay::ReplayArgs;
use eventcenter_examples::{config, dead_letters, logging, replay};

/// Keeps the Events of Kubernetes clusters, and answers.
#[derive(Debug, Parser)]
#[command(name = "event-center", version)]
struct Args {
    #[command(flatten)]
    common: Common,

    /// Log lines as JSON
    #[arg(long)]
    log_json: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, ClapArgs)]
struct Common {
    /// The configuration. Without it: the current kubeconfig, every event, the page at 127.0.0.1:8085
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    /// Where everything is kept, instead of what the configuration says
    #[arg(long, value_name = "DIR", global = true)]
    state_dir: Option<PathBuf>,

    /// Show the recorded history of a small cluster, moved into these days, instead of watching one
    #[arg(long, global = true)]
    demo: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Finds events, or makes a table of them: a search statement of SLS, with `| select …` or without
    Query {
        /// Such as `level : Error and namespace : shop`
        statement: String,
        #[command(flatten)]
        window: WindowArgs,
        /// Events at most, newest first; by default 50. Of a `select`: rows, by default 10,000
        #[arg(long)]
        limit: Option<usize>,
        /// How to print them
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Tells a Pod's life, also when it is gone
    Pod {
        /// NAMESPACE/NAME
        pod: String,
        /// Id or name of the cluster, if there are several
        #[arg(long)]
        cluster: Option<String>,
        #[command(flatten)]
        window: WindowArgs,
    },
    /// Takes events from a file: NDJSON of ours or of Events, or what `kubectl get events -A -o json` prints
    Import {
        /// The file; `-` is standard input
        file: PathBuf,
        /// The cluster that they are of, where the file does not say
        #[arg(long)]
        cluster: Option<String>,
    },
    /// Copies what is kept, also while it is written
    Backup {
        /// An empty folder, or one that is not there
        folder: PathBuf,
    },
    /// What sinks would not take: list, show, replay, drop; also while it runs
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Sends to one sink again what is kept, each event in its newest state; also while it runs
    Replay(ReplayArgs),
    /// Answers the one `SELECT` that stands on standard input: `event-center` starts itself so
    #[command(name = center::SQL_WORKER, hide = true)]
    SqlWorker,
}

#[derive(Debug, ClapArgs)]
struct WindowArgs {
    /// How far back: 2h, 7d, or all; or a time as RFC 3339
    #[arg(long, default_value = "24h")]
    since: String,
    /// Until when, RFC 3339; default now
    #[arg(long)]
    until: Option<jiff::Timestamp>,
}

impl WindowArgs {
    fn window(&self) -> Result<Window, String> {
        Window::new(&self.since, self.until)
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    logging::start(args.log_json);
    let config = match &args.common.config {
        Some(file) => config::load_center(file),
        None => config::built_in_center(),
    };
    let mut config = match config {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    if let Some(state_dir) = args.common.state_dir {
        config.common.state_dir = state_dir;
    }
    // Goes at the end, with all that is in it.
    let demo = args.common.demo.then(|| center::demo::prepare(&mut config));
    let _folder = match demo.transpose() {
        Ok(folder) => folder,
        Err(error) => return ended(Err(error.into())),
    };
    let done = match args.command {
        None => return ended(center::run(config)),
        Some(Command::Query { statement, window, limit, format }) => window
            .window()
            .map_err(Trouble::from)
            .and_then(|window| center::query(&config, &statement, window, limit, format)),
        Some(Command::Pod { pod, cluster, window }) => window
            .window()
            .map_err(Trouble::from)
            .and_then(|window| center::pod(&config, &pod, cluster.as_deref(), window)),
        Some(Command::Import { file, cluster }) => {
            center::import(&config, &file, cluster.as_deref())
        }
        Some(Command::Backup { folder }) => center::backup(&config, &folder),
        Some(Command::DeadLetters(command)) => dead_letters::obey(center::left(config), command),
        Some(Command::Replay(args)) => replay::obey(center::left(config), args),
        Some(Command::SqlWorker) => center::answer_sql(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("{}", trouble.message);
            if trouble.is_config { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn ended(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
