//! `sls`: logs into Alibaba Cloud's log service, and out of it.
//!
//! ```text
//! sls whoami
//! dmesg --follow | sls put --topic kernel
//! kubectl get events -A -o json | jq -c '.items[]' | sls put --logstore k8s-event
//! sls query 'level: Error | select pod_name, count(1) as n group by pod_name order by n desc' --since 1h
//! sls logstores
//! sls double --listen 127.0.0.1:9080 --access-key test-id --access-key-secret-file secret
//! ```
//!
//! Credentials are those of an access key that is given, or the first that this machine has: the Secret of ACK's addons,
//! the environment, a role, a profile. Exit codes: 0 when it is done, 1 when the service refused or nobody answered,
//! 2 for settings that cannot be used.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "an error is for people")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use eventcenter_examples::center::Format;
use eventcenter_examples::logging;
use eventcenter_examples::sls::{self, DoubleOptions, PutOptions, QueryOptions, Target, Trouble};

/// Puts logs into Alibaba Cloud's log service, and asks for them.
#[derive(Debug, Parser)]
#[command(name = "sls", version)]
struct Args {
    #[command(flatten)]
    target: Target,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Puts standard input, line by line: a JSON object is a log, anything else its `content`
    Put(PutOptions),
    /// Searches, or makes a table: a statement with `| select …` or without
    Query {
        #[command(flatten)]
        options: QueryOptions,
        /// How to print what is found
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Lists the project's logstores
    Logstores,
    /// Says which credential is used, for which region and endpoint, and how far the clocks differ
    Whoami,
    /// Plays the service on this machine, as strict as it is, for tests of programs that talk to it
    Double(DoubleOptions),
}

fn main() -> ExitCode {
    let args = Args::parse();
    // Who waits for an answer wants no other lines; the double runs for long.
    let level = if matches!(args.command, Command::Double(_)) { "info" } else { "warn" };
    logging::start_at(level, false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(Trouble::from).and_then(|runtime| {
        runtime.block_on(async {
            match args.command {
                Command::Put(options) => sls::put(&args.target, options).await,
                Command::Query { options, format } => {
                    sls::query(&args.target, &options, format).await
                }
                Command::Logstores => sls::logstores(&args.target).await,
                Command::Whoami => sls::whoami(&args.target).await,
                Command::Double(options) => sls::double(&args.target, &options).await,
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::from(trouble.exit_code())
        }
    }
}
