//! One running control plane: start, stop, and the ways in which a test can hurt it.
//!
//! An API server that was stopped or killed comes back on the same port, with the same store,
//! tokens and certificate. Ports lie below the ephemeral range (20000 to 29999), so that no
//! outgoing connection takes one meanwhile. If one is taken all the same before the server binds
//! it, the start is tried again with other ports, three times in all.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use rustls::ClientConfig;
use serde_json::{Value, json};

use super::http::{self, Reply, Request};
use super::record::{GRACE, Running, runs};
use super::servers::{Ports, Settings, arguments};
use super::{Binaries, Process, Program, Record, Subset, files, sweep, wait_for};

/// How long a server may take until it answers: a busy machine of two cores needs 30 s.
const READY: Duration = Duration::from_secs(120);

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
        let [etcd, peer, api] = free_ports()?;
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
                instance.shut_down()?;
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

    /// SIGTERM to the API server; returns when it is gone. Watches end cleanly.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub fn stop_apiserver(&mut self) -> Result<()> {
        self.process(Program::KubeApiserver)?.stop(GRACE)?;
        self.reap(Program::KubeApiserver)
    }

    /// SIGKILL to the API server; returns when it is gone. Connections break.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub fn kill_apiserver(&mut self) -> Result<()> {
        self.process(Program::KubeApiserver)?.kill()?;
        self.reap(Program::KubeApiserver)
    }

    /// Starts the API server again; returns when it is ready.
    ///
    /// # Errors
    /// When it runs already, or does not get ready.
    pub fn start_apiserver(&mut self) -> Result<()> {
        self.spawn(Program::KubeApiserver)?;
        wait_for("the API server's certificate", READY, || {
            self.must_run(Program::KubeApiserver)?;
            let chain = fs::read_to_string(self.file("certs/apiserver.crt")).unwrap_or_default();
            let Some(authority) = files::authority(&chain) else { return Ok(None) };
            files::write(&self.file("ca.crt"), authority)?;
            let config = files::kubeconfig(self.ports.api, authority.as_bytes(), &self.tokens)?;
            files::write(&self.kubeconfig(), &config)?;
            Ok(Some(http::trust(authority.as_bytes())?))
        })
        .map(|trusted| self.trusted = Some(trusted))?;
        self.until_healthy(Program::KubeApiserver)
    }

    /// SIGSTOP to a server: connections stay open and nothing answers, until [`Instance::thaw`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze(&mut self, program: Program) -> Result<()> {
        self.process(program)?.signal(Signal::STOP).map(drop)
    }

    /// SIGCONT to a frozen server.
    ///
    /// # Errors
    /// When it does not run.
    pub fn thaw(&mut self, program: Program) -> Result<()> {
        self.process(program)?.signal(Signal::CONT).map(drop)
    }

    /// Compacts the store up to now, so that older resourceVersions are gone; returns the
    /// revision. A watch from two below it or less gets `Expired`.
    ///
    /// # Errors
    /// When etcd refuses.
    pub fn compact(&self) -> Result<u64> {
        let revision = self.revision()?;
        let body = json!({"revision": revision.to_string(), "physical": true});
        let reply = self.etcd("POST", "/v3/kv/compaction", Some(&body))?;
        if reply.status != 200 {
            bail!("etcd does not compact: HTTP {} {}", reply.status, reply.text());
        }
        Ok(revision)
    }

    /// The store's revision: the resourceVersion of the last write.
    ///
    /// # Errors
    /// When etcd does not answer.
    pub fn revision(&self) -> Result<u64> {
        let reply = self.etcd("POST", "/v3/kv/range", Some(&json!({"key": "AA=="})))?.json()?;
        let revision = reply["header"]["revision"].as_str().and_then(|text| text.parse().ok());
        revision.with_context(|| format!("no revision in {reply}"))
    }

    /// One request to the API server as `admin`.
    ///
    /// # Errors
    /// When there is no reply; any status is a reply.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply> {
        let trusted = self.trusted.clone().context("the API server never ran")?;
        let token = self.tokens.first().map(String::as_str);
        http::tls(self.ports.api, trusted, &Request { method, path, token, body })
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

    fn etcd(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply> {
        http::plain(self.ports.etcd, &Request { method, path, token: None, body })
    }

    fn create(&self, path: &str, object: &Value) -> Result<()> {
        let reply = self.api("POST", path, Some(object))?;
        if reply.status != 201 {
            bail!("POST {path}: HTTP {} {}", reply.status, reply.text());
        }
        Ok(())
    }

    fn spawn(&mut self, program: Program) -> Result<()> {
        if self.process(program).is_ok_and(|process| process.is_alive()) {
            bail!("{} runs already", program.name());
        }
        let settings = Settings {
            dir: &self.record.dir,
            ports: self.ports,
            event_ttl: &self.options.event_ttl,
            compaction: &self.options.compaction,
        };
        let log = OpenOptions::new().create(true).append(true).open(self.log(program))?;
        let child = Command::new(self.binaries.path(program)?)
            .args(arguments(program, &settings))
            .current_dir(&self.record.dir)
            .env_clear() // neither a proxy nor somebody's KUBECONFIG
            .env("HOME", &self.record.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0) // the terminal's Ctrl-C is not for it
            .spawn()
            .with_context(|| format!("cannot start {}", program.name()))?;
        let pid = child.id();
        self.children.insert(program, child);
        let Ok(process) = Process::of(pid) else { return self.must_run(program) };
        self.record.servers.retain(|server| server.program != program);
        self.record.servers.push(Running { program, process });
        self.record.save()
    }

    fn until_healthy(&self, program: Program) -> Result<()> {
        wait_for(&format!("{} to get ready", program.name()), READY, || {
            self.must_run(program)?;
            let reply = match program {
                Program::Etcd => self.etcd("GET", "/health", None),
                _ => self.api("GET", "/readyz", None),
            };
            Ok(reply.is_ok_and(|reply| reply.status == 200).then_some(()))
        })
        .with_context(|| format!("its log ends: {}", self.log_end(program)))
    }

    /// Nodes are ready, and the default namespace has the account that every Pod needs.
    fn until_usable(&self) -> Result<()> {
        wait_for("the Nodes to get ready", READY, || {
            for program in [Program::KubeControllerManager, Program::KubeScheduler, Program::Kwok] {
                self.must_run(program)?;
            }
            let account = "/api/v1/namespaces/default/serviceaccounts/default";
            if self.api("GET", account, None)?.status != 200 {
                return Ok(None);
            }
            let nodes = self.api("GET", "/api/v1/nodes", None)?.json()?;
            let nodes = nodes["items"].as_array().map(Vec::as_slice).unwrap_or_default();
            Ok(nodes.iter().all(is_schedulable).then_some(()))
        })
        .with_context(|| format!("kwok's log ends: {}", self.log_end(Program::Kwok)))
    }

    fn process(&self, program: Program) -> Result<&Process> {
        let mut servers = self.record.servers.iter();
        let server = servers.find(|server| server.program == program);
        Ok(&server.with_context(|| format!("{} never ran", program.name()))?.process)
    }

    fn must_run(&self, program: Program) -> Result<()> {
        if self.process(program).is_ok_and(Process::is_alive) {
            return Ok(());
        }
        bail!("{} ended; its log ends: {}", program.name(), self.log_end(program))
    }

    fn reap(&mut self, program: Program) -> Result<()> {
        if let Some(mut child) = self.children.remove(&program) {
            child.wait()?;
        }
        Ok(())
    }

    fn log(&self, program: Program) -> PathBuf {
        self.file(&format!("{}.log", program.name()))
    }

    fn log_end(&self, program: Program) -> String {
        let log = fs::read(self.log(program)).unwrap_or_default();
        let end = log.get(log.len().saturating_sub(1500)..).unwrap_or_default();
        String::from_utf8_lossy(end).into_owned()
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

fn is_schedulable(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array().map(Vec::as_slice);
    let ready = conditions.unwrap_or_default().iter().any(|condition| {
        condition["type"].as_str() == Some("Ready") && condition["status"].as_str() == Some("True")
    });
    ready && node["spec"]["taints"].is_null()
}

fn made_up_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("own-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Three ports that nobody listens on, from a random place on.
fn free_ports() -> Result<[u16; 3]> {
    let from = u16::from_le_bytes(files::random()?) % 10_000;
    let candidates = (0..10_000).map(|step| 20_000 + (from + step) % 10_000);
    let free = candidates.filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    let held: Vec<TcpListener> = free.take(3).collect();
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    if held.len() < 3 {
        bail!("no free ports between 20000 and 29999");
    }
    Ok(ports)
}
