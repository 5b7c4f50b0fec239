//! `cargo xtask testbed`: a control plane that stays until it is told to go.

use std::fs;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use xtask::testbed::{Binaries, Instance, Lifetime, Options, Record, Subset, records, sweep};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start one (building the servers first if need be) and print its kubeconfig
    Up(Up),
    /// End one, by pid and start time
    Down(Down),
    /// List those that there are
    Status,
    /// Only build the servers
    Build(Build),
}

#[derive(Args)]
pub(crate) struct Up {
    /// Its name; several can run side by side
    #[arg(long, default_value = "default")]
    name: String,
    /// Which servers
    #[arg(long, value_enum, default_value_t = Servers::All)]
    subset: Servers,
    /// How long Events are kept
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    event_ttl: String,
    /// How often old revisions are compacted away; 0 for never
    #[arg(long, value_name = "DURATION", default_value = "5m")]
    compaction: String,
    /// How many fake Nodes there are
    #[arg(long, default_value_t = 3)]
    nodes: u32,
}

#[derive(Args)]
pub(crate) struct Down {
    /// Which one
    #[arg(long, default_value = "default", conflicts_with = "all")]
    name: String,
    /// All of this user
    #[arg(long)]
    all: bool,
}

#[derive(Args)]
pub(crate) struct Build {
    /// Which servers
    #[arg(long, value_enum, default_value_t = Servers::All)]
    subset: Servers,
}

#[derive(Clone, Copy, ValueEnum)]
enum Servers {
    /// etcd and kube-apiserver
    Api,
    /// Also controller manager, scheduler, and kwok with fake Nodes
    All,
}

impl From<Servers> for Subset {
    fn from(servers: Servers) -> Self {
        match servers {
            Servers::Api => Self::Api,
            Servers::All => Self::All,
        }
    }
}

pub(crate) fn run(command: Command) -> Result<()> {
    match command {
        Command::Up(up) => start(up),
        Command::Down(down) => stop(&down),
        Command::Status => status(),
        Command::Build(build) => {
            Binaries::get(build.subset.into(), &say)?;
            say("the servers are there");
            Ok(())
        }
    }
}

fn start(up: Up) -> Result<()> {
    if let Some(record) = find(&up.name)? {
        if !record.is_up() {
            bail!("{0} is there, but not all of it runs: `testbed down --name {0}` first", up.name);
        }
        say(&format!("{} is up already", up.name));
        show(&record);
        return Ok(());
    }
    let subset = up.subset.into();
    let binaries = Binaries::get(subset, &say)?;
    let begin = Instant::now();
    let options = Options {
        name: Some(up.name.clone()),
        subset,
        event_ttl: up.event_ttl,
        compaction: up.compaction,
        nodes: up.nodes,
        lifetime: Lifetime::Detached,
    };
    let instance = Instance::start_with(&binaries, &options)?;
    say(&format!("{} is up, after {:.1} s", up.name, begin.elapsed().as_secs_f64()));
    println!("kubeconfig: {}", instance.kubeconfig().display());
    println!("export KUBECONFIG={}", instance.kubeconfig().display());
    Ok(())
}

fn stop(down: &Down) -> Result<()> {
    for name in sweep()? {
        say(&format!("{name} had lost its owner: ended"));
    }
    let mut found = records()?;
    found.retain(|record| down.all || record.name() == down.name);
    if found.is_empty() {
        say("nothing to end");
    }
    for record in found {
        let begin = Instant::now();
        record.stop()?;
        say(&format!("{} is down, after {:.1} s", record.name(), begin.elapsed().as_secs_f64()));
    }
    Ok(())
}

fn status() -> Result<()> {
    let found = records()?;
    if found.is_empty() {
        println!("no test bed");
    }
    for record in found {
        println!("{}: {}", record.name(), if record.is_up() { "up" } else { "not all of it runs" });
        for server in &record.servers {
            let state = if server.process.is_alive() { "runs" } else { "ended" };
            println!("  {} {} {state}", server.program.name(), server.process.pid);
        }
        show(&record);
        let logs = fs::read_dir(&record.dir)?.flatten().map(|entry| entry.file_name());
        let logs = logs.filter(|name| name.to_string_lossy().ends_with(".log")).count();
        println!("  {logs} logs in {}", record.dir.display());
    }
    Ok(())
}

fn find(name: &str) -> Result<Option<Record>> {
    Ok(records()?.into_iter().find(|record| record.name() == name))
}

fn show(record: &Record) {
    println!("export KUBECONFIG={}", record.kubeconfig().display());
}

fn say(message: &str) {
    println!("testbed: {message}");
}
