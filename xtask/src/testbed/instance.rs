//! One running control plane: its start and its end.
//!
//! Ports lie below the ephemeral range (20000 to 29999), so that no
//! outgoing connection takes one meanwhile. If one is taken all the same before the server binds
//! it, the start is tried again with other ports, three times in all.

mod control;
mod launch;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use rustls::ClientConfig;

use super::record::runs;
use super::servers::Ports;
use super::{Binaries, Process, Program, Record, Subset, files, sweep};

/// What an instance is to be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name, which no running instance may have; `None` makes one up.
    pub name: Option<String>,
    /// Which servers.
    pub subset: Subset,
    /// How long Events are kept; a duration of Go. Kubernetes' own default is `1h`.
    pub event_ttl: String,
    /// How often the API server compacts the store; a duration of Go, `0` for never.
    pub compaction: String,
    /// How many Nodes kwok plays; only with [`Subset::All`].
    pub nodes: u32,
    /// How long it lives.
    pub lifetime: Lifetime,
}

/// How long an instance lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until the [`Instance`] is dropped; swept later if the process dies first.
    Owned,
    /// Until somebody says `cargo xtask testbed down`.
    Detached,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: None,
            subset: Subset::All,
            event_ttl: "1h".to_owned(),
            compaction: "5m".to_owned(),
            nodes: 3,
            lifetime: Lifetime::Owned,
        }
    }
}

/// A running control plane.
pub struct Instance {
    record: Record,
    binaries: Binaries,
    options: Options,
    ports: Ports,
    tokens: [String; 3],
    children: BTreeMap<Program, Child>,
    trusted: Option<Arc<ClientConfig>>,
}

impl Instance {
    /// Starts one from programs that are there already; returns when it can be used: the API
    /// server is ready, and with [`Subset::All`] all Nodes are and Pods can be made.
    ///
    /// # Errors
    /// When a program is missing, the name is taken, or a server does not come up; the message
    /// then holds the end of its log, and nothing is left running.
    pub fn start(options: &Options) -> Result<Self> {
        Self::start_with(&Binaries::find(options.subset)?, options)
    }

    /// The same with these programs.
    ///
    /// # Errors
    /// As [`Instance::start`].
    pub fn start_with(binaries: &Binaries, options: &Options) -> Result<Self> {
        sweep()?;
        let mut tries = 3;
        loop {
            tries -= 1;
            match Self::try_start(binaries, options) {
                Err(error)
                    if tries > 0 && format!("{error:#}").contains("address already in use") => {}
                result => return result,
            }
        }
    }

    fn try_start(binaries: &Binaries, options: &Options) -> Result<Self> {
        let name = options.name.clone().unwrap_or_else(made_up_name);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            bail!("a test bed's name has only letters, digits, `-` and `_`: {name:?}");
        }
        fs::create_dir_all(runs()?)?;
        let dir = runs()?.join(&name);
        fs::create_dir(&dir).with_context(|| format!("is a test bed {name:?} there already?"))?;

        let owner = match options.lifetime {
            Lifetime::Owned => Some(Process::this()?),
            Lifetime::Detached => None,
        };
        let [etcd, peer, api] = launch::free_ports()?;
        let mut instance = Self {
            record: Record { dir, owner, servers: Vec::new() },
            binaries: binaries.clone(),
            options: options.clone(),
            ports: Ports { etcd, peer, api },
            tokens: [files::token()?, files::token()?, files::token()?],
            children: BTreeMap::new(),
            trusted: None,
        };
        match instance.bring_up() {
            Ok(()) => Ok(instance),
            Err(error) => {
                // The first error is the one to tell; the next start sweeps what is left.
                instance.shut_down().ok();
                Err(error)
            }
        }
    }

    fn bring_up(&mut self) -> Result<()> {
        self.record.save()?;
        files::write(&self.file("tokens.csv"), &files::tokens_csv(&self.tokens))?;
        files::write(&self.file("sa.key"), &files::signing_key()?)?;
        let stages = include_str!("../../../tests/testbed/kwok/stages.yaml");
        files::write(&self.file("stages.yaml"), stages)?;
        self.binaries.link_into(&self.bin())?;

        self.spawn(Program::Etcd)?;
        self.until_healthy(Program::Etcd)?;
        self.start_apiserver()?;
        for (path, object) in files::rights() {
            self.create(path, &object)?;
        }
        if self.options.subset == Subset::Api {
            return Ok(());
        }
        for number in 1..=self.options.nodes {
            self.create("/api/v1/nodes", &files::node(number))?;
        }
        for program in [Program::KubeControllerManager, Program::KubeScheduler, Program::Kwok] {
            self.spawn(program)?;
        }
        self.until_usable()
    }

    /// The run directory: logs, `record.json`, what the servers read and write.
    pub fn dir(&self) -> &Path {
        &self.record.dir
    }

    /// The kubeconfig, with the contexts `admin` (current), `reader` and `stranger`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.record.kubeconfig()
    }

    /// A folder with the programs, for `EVENTCENTER_TESTBED_BIN`.
    pub fn bin(&self) -> PathBuf {
        self.file("bin")
    }

    /// The API server's port on 127.0.0.1.
    pub fn api_port(&self) -> u16 {
        self.ports.api
    }

    /// Ends everything and removes the run directory, with a report; dropping does so without.
    ///
    /// # Errors
    /// When a process cannot be ended.
    pub fn stop(mut self) -> Result<()> {
        self.options.lifetime = Lifetime::Detached; // so that dropping has nothing left to do
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<()> {
        let stopped = self.record.stop();
        for child in self.children.values_mut() {
            child.wait()?;
        }
        stopped
    }

    fn file(&self, name: &str) -> PathBuf {
        self.record.dir.join(name)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if self.options.lifetime == Lifetime::Owned {
            // Nobody is left to tell; the next start sweeps what is still there.
            self.shut_down().ok();
        }
    }
}

fn made_up_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("own-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
