//! Starting servers and waiting until they can be used; free ports.

use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Instance;
use crate::testbed::record::Running;
use crate::testbed::servers::{Settings, arguments};
use crate::testbed::{Process, Program, files, http, wait_for};

/// How long a server may take until it answers: a busy machine of two cores needs 30 s.
const READY: Duration = Duration::from_secs(120);

impl Instance {
    /// The API server makes its own certificate; the kubeconfig follows from that.
    pub(super) fn launch_apiserver(&mut self) -> Result<()> {
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

    pub(super) fn spawn(&mut self, program: Program) -> Result<()> {
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

    pub(super) fn until_healthy(&self, program: Program) -> Result<()> {
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
    pub(super) fn until_usable(&self) -> Result<()> {
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

    pub(super) fn process(&self, program: Program) -> Result<&Process> {
        let mut servers = self.record.servers.iter();
        let server = servers.find(|server| server.program == program);
        Ok(&server.with_context(|| format!("{} never ran", program.name()))?.process)
    }

    pub(super) fn must_run(&self, program: Program) -> Result<()> {
        if self.process(program).is_ok_and(Process::is_alive) {
            return Ok(());
        }
        bail!("{} ended; its log ends: {}", program.name(), self.log_end(program))
    }

    pub(super) fn log(&self, program: Program) -> PathBuf {
        self.file(&format!("{}.log", program.name()))
    }

    pub(super) fn log_end(&self, program: Program) -> String {
        let log = fs::read(self.log(program)).unwrap_or_default();
        let end = log.get(log.len().saturating_sub(1500)..).unwrap_or_default();
        String::from_utf8_lossy(end).into_owned()
    }
}

fn is_schedulable(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array().map(Vec::as_slice);
    let ready = conditions.unwrap_or_default().iter().any(|condition| {
        condition["type"].as_str() == Some("Ready") && condition["status"].as_str() == Some("True")
    });
    ready && node["spec"]["taints"].is_null()
}

/// Three ports that nobody listens on, from a random place on.
pub(super) fn free_ports() -> Result<[u16; 3]> {
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
