//! SLS in this process, as strict as SLS: for tests of programs that talk to it, in any language.
//!
//! ```
//! use eventcenter_sls::testing::{Double, Fault};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let double = Double::builder().key("an-id", "its-secret").start().await;
//! double.create("k8s-log-c1", "k8s-event");
//! double.fail_next(Fault::refuse(403, "WriteQuotaExceed", "Project write quota exceed"));
//! // … a client puts logs to `double.endpoint()`, is refused once, and tries again …
//! assert!(double.logs("k8s-log-c1", "k8s-event").is_empty());
//! # }
//! ```
//!
//! **What it does.** It listens on loopback, over plain HTTP. It verifies signatures v1 and v4, hashes, sizes, lengths,
//! compression and the clock, each by code of its own that shares nothing with the client's; decodes groups of logs
//! strictly; keeps them and the objects of the control plane in memory; answers searches (no SQL), histograms, cursors
//! and pulls; and refuses in the service's codes and, as far as they are known, its words. Official clients are tried with
//! it in `tests/tests/sls/`: those for Python and Node.js, and the producer written in Rust.
//!
//! **What it does not.** SQL and SPL, contexts, splitting of shards, web tracking, ingest processors, apps: these are
//! refused, and not made up. Policies: every key may do everything. Objects are kept as they are, whatever they say.
//!
//! **Where it listens, and what a project is.** At an IP address there is no `project.` before the host, so the project
//! is what the header `Host` has before its first dot: `k8s-log-c1.127.0.0.1:4567`, `k8s-log-c1.cn-hangzhou.log.…`, or
//! the whole name if it has none. `127.0.0.1`, `localhost` and the service's own hosts name no project. A client that
//! insists on names can be told that the double is its HTTP proxy (`HTTP_PROXY`), and that the endpoint is
//! `http://cn-hangzhou.log.aliyuncs.com`: then no name is looked up, and nothing leaves the machine.
//!
//! **Bounds.** See [`LARGEST_BODY`] and the sources; groups beyond [`Builder::room`] push out the oldest. What the
//! control plane is told is kept whole.

#![allow(clippy::expect_used, reason = "what is used in tests may panic")]

mod body;
mod consumers;
mod decode;
mod exchange;
mod fault;
mod http;
mod logs;
mod objects;
mod pull;
mod reply;
mod route;
mod search;
mod server;
mod state;
mod verify;

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use exchange::{Counters, Exchange, Record};
pub use fault::Fault;
pub use http::LARGEST_BODY;

use crate::clock::{Clock, SystemClock};
use crate::credentials::Credential;
use server::Shared;
use state::{Logstore, Object, Project};
use verify::Key;

/// How a [`Double`] is to be.
#[derive(Debug)]
pub struct Builder {
    listen: SocketAddr,
    keys: Vec<Key>,
    region: String,
    clock: Arc<dyn Clock>,
    room: u64,
    most_logs: usize,
    lag: SignedDuration,
    patience: Duration,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            keys: Vec::new(),
            region: "cn-hangzhou".to_owned(),
            clock: Arc::new(SystemClock),
            room: 512 * 1024 * 1024,
            most_logs: 4096,
            lag: SignedDuration::ZERO,
            patience: Duration::from_secs(30),
        }
    }
}

impl Builder {
    /// Where to listen. Default: a free port of `127.0.0.1`.
    #[must_use]
    pub fn listen(mut self, at: SocketAddr) -> Self {
        self.listen = at;
        self
    }

    /// Adds an access key. None at all: `test-id` with `test-secret`.
    #[must_use]
    pub fn key(self, id: &str, secret: &str) -> Self {
        self.credential(&Credential::new(id, secret))
    }

    /// Adds an access key with its token and expiry.
    #[must_use]
    pub fn credential(mut self, credential: &Credential) -> Self {
        self.keys.push(Key::from(credential));
        self
    }

    /// The region that signatures v4 must name. Default `cn-hangzhou`.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.region);
        self
    }

    /// The clock, to which [`Double::clock_skew`] is added. Default: this machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// How many bytes of logs are kept, as they were sent but not compressed. Default 512 MiB.
    #[must_use]
    pub fn room(mut self, bytes: u64) -> Self {
        self.room = bytes;
        self
    }

    /// How many logs one group may have. Default 4096, which is documented.
    #[must_use]
    pub fn most_logs(mut self, most: usize) -> Self {
        self.most_logs = most;
        self
    }

    /// How long what was just made is not found by PutLogs: with the service that can be a minute. Default: not at all.
    #[must_use]
    pub fn lag(mut self, lag: SignedDuration) -> Self {
        self.lag = lag;
        self
    }

    /// How long a request may take to arrive. Default 30 s.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it cannot listen there. A program says [`try_start`](Self::try_start).
    pub async fn start(self) -> Double {
        self.try_start().await.expect("a double must be able to listen")
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// When it cannot listen there.
    pub async fn try_start(mut self) -> std::io::Result<Double> {
        if self.keys.is_empty() {
            self = self.key("test-id", "test-secret");
        }
        let listener = TcpListener::bind(self.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(self));
        let task = tokio::spawn(server::accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Double { address, shared, task })
    }
}

/// SLS that listens on loopback; it ends when this is dropped.
pub struct Double {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Double {
    /// One that knows the access key `test-id`, `test-secret`, on a free port.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Says how it is to be.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// `http://127.0.0.1:port`, as a client takes it for an endpoint.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes a project and a logstore, unless they are there, with an index of everything.
    pub fn create(&self, project: &str, logstore: &str) {
        let now = self.shared.now();
        let mut account = self.shared.account();
        let name = |key: &str, name: &str| Object::from_iter([(key.to_owned(), name.into())]);
        let info = name("projectName", project);
        let project =
            account.projects.entry(project.to_owned()).or_insert_with(|| Project::new(info, now));
        let mut info = name("logstoreName", logstore);
        info.insert("ttl".to_owned(), 90.into());
        let mut new = Logstore::new(info, now);
        let tokens = [",", " ", "'", "\"", ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&"];
        let tokens = [&tokens[..], &["<", ">", "/", ":", "\n", "\t", "\r"]].concat();
        let line = serde_json::json!({ "token": tokens, "caseSensitive": false, "chn": true });
        new.index = Some(Object::from_iter([("line".to_owned(), line)]));
        project.logstores.entry(logstore.to_owned()).or_insert(new);
    }

    /// Replaces the access keys by one. Who signs with another is refused from now on.
    pub fn rotate_key(&self, credential: &Credential) {
        *self.shared.keys() = vec![Key::from(credential)];
    }

    /// The logs of a logstore, those of each shard in the order in which they came. Empty if there is none.
    pub fn logs(&self, project: &str, logstore: &str) -> Vec<Record> {
        let mut account = self.shared.account();
        let Ok(logstore) = account.logstore(project, logstore) else { return Vec::new() };
        logstore.groups().flat_map(|kept| exchange::records(&kept.bytes)).collect()
    }

    /// What an object of the control plane was last set to: `object("p", "dashboards", "name")`. The name of a
    /// logstore's index is that of the logstore.
    pub fn object(&self, project: &str, kind: &str, name: &str) -> Option<serde_json::Value> {
        let mut account = self.shared.account();
        let project = account.project(project).ok()?;
        let object = match kind {
            "logstores" => Some(project.logstores.get(name)?.info.clone()),
            "index" => project.logstores.get(name)?.index.clone(),
            "alerts" => project.objects.get("jobs")?.get(name).cloned(),
            kind => project.objects.get(kind)?.get(name).cloned(),
        };
        object.map(serde_json::Value::Object)
    }

    /// This happens to the next request, after what was told before.
    pub fn fail_next(&self, fault: Fault) {
        self.shared.script().push_back(fault);
    }

    /// This happens to as many requests.
    pub fn fail_times(&self, times: usize, fault: Fault) {
        self.shared.script().extend(std::iter::repeat_n(fault, times));
    }

    /// Asks this about each request to which nothing of [`fail_next`](Self::fail_next) happens. The exchange has no
    /// answer yet. It replaces what was asked before.
    pub fn fail_when(&self, asked: impl Fn(&Exchange) -> Option<Fault> + Send + Sync + 'static) {
        *self.shared.asked() = Some(Arc::new(asked));
    }

    /// Nothing goes wrong from now on.
    pub fn heal(&self) {
        self.shared.script().clear();
        *self.shared.asked() = None;
    }

    /// How far its clock is ahead.
    pub fn clock_skew(&self, ahead: SignedDuration) {
        self.shared.set_ahead(ahead);
    }

    /// What its clock says.
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// The latest requests, 4096 at most, the oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.exchanges().iter().cloned().collect()
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }
}

impl fmt::Debug for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Double").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.task.abort();
    }
}
