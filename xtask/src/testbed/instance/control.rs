//! What a test may do to a running instance: stop, kill, freeze, compact, ask.

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::Instance;
use crate::testbed::Program;
use crate::testbed::http::{self, Reply, Request};
use crate::testbed::record::GRACE;

impl Instance {
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

    /// Starts the API server again, with the same port, store, tokens and certificate; returns when
    /// it is ready.
    ///
    /// # Errors
    /// When it runs already, or does not get ready.
    pub fn start_apiserver(&mut self) -> Result<()> {
        self.launch_apiserver()
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

    pub(super) fn etcd(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply> {
        http::plain(self.ports.etcd, &Request { method, path, token: None, body })
    }

    pub(super) fn create(&self, path: &str, object: &Value) -> Result<()> {
        let reply = self.api("POST", path, Some(object))?;
        if reply.status != 201 {
            bail!("POST {path}: HTTP {} {}", reply.status, reply.text());
        }
        Ok(())
    }

    fn reap(&mut self, program: Program) -> Result<()> {
        if let Some(mut child) = self.children.remove(&program) {
            child.wait()?;
        }
        Ok(())
    }
}
