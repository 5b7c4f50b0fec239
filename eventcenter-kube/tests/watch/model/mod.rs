//! An API server for Events, in memory: what Kubernetes does where the watch depends on it.
//!
//! One revision for everything, lists in key order from a snapshot, tokens that expire with it, watches in the
//! order of revisions, compaction, TTL. Faults are put in line for the next request of a kind.

#![allow(dead_code, reason = "each test uses a part of it")]

mod body;
pub(crate) mod consumer;
mod serve;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use kube::Client;
use tokio::sync::watch;

/// A server; clones are the same.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) model: Arc<Mutex<Model>>,
    /// Counts changes and cuts, for the watches.
    signal: watch::Sender<(u64, u64)>,
}

#[derive(Default)]
pub(crate) struct Model {
    /// The newest revision.
    pub(crate) revision: u64,
    /// Revisions below this are forgotten.
    pub(crate) compacted: u64,
    /// Every change, in order.
    pub(crate) log: Vec<Change>,
    /// What comes before the number in a resourceVersion.
    pub(crate) prefix: &'static str,
    /// What the next requests of a kind run into.
    pub(crate) faults: VecDeque<(Op, Fault)>,
    /// Every request as path and query.
    pub(crate) requests: Vec<String>,
    /// Nobody answers.
    pub(crate) is_down: bool,
    /// Whether an expired token comes with a fresh one.
    pub(crate) gives_fresh_tokens: bool,
    /// Whether expired watches are refused by status instead of in the stream.
    pub(crate) refuses_by_status: bool,
    /// Whether core/v1 has no events.
    pub(crate) only_new_api: bool,
    /// After how much silence connections are cut.
    pub(crate) cuts_idle_after: Option<Duration>,
}

#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) kind: &'static str,
    pub(crate) key: String,
    pub(crate) document: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Probe,
    List,
    Watch,
}

#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// No connection.
    Refused,
    /// A status, with a `Retry-After` if it is not empty, and a body.
    Status(u16, &'static str, &'static str),
    /// No answer, ever.
    Silent,
    /// The answer is cut after so many bytes.
    Cut(usize),
    /// A watch that sends just this, and ends.
    Sends(String),
    /// A watch that sends just this, is silent, and ends in good order: after so long, or when its time is over.
    Holds(&'static str, Option<Duration>),
    /// A watch that opens, and is never heard of again.
    HalfOpen,
}

impl Server {
    pub(crate) fn new() -> Self {
        let model = Model { revision: 100, ..Model::default() };
        Self { model: Arc::new(Mutex::new(model)), signal: watch::Sender::new((0, 0)) }
    }

    /// A client of it. Needs a runtime.
    pub(crate) fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request| {
            let server = server.clone();
            async move { server.answer(request).await }
        });
        Client::new(service, "default")
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    /// Creates an Event or changes it; its (uid, resourceVersion).
    pub(crate) fn put(&self, namespace: &str, name: &str) -> (String, String) {
        let made = self.lock().put(namespace, name);
        self.wake();
        made
    }

    pub(crate) fn delete(&self, namespace: &str, name: &str) {
        self.lock().delete(&format!("{namespace}/{name}"));
        self.wake();
    }

    /// Something else in the cluster changes.
    pub(crate) fn tick(&self) {
        self.lock().revision += 1;
    }

    /// Forgets all revisions but the newest.
    pub(crate) fn compact(&self) {
        let mut model = self.lock();
        model.compacted = model.revision;
    }

    /// Goes back to an older revision, as a restored backup does.
    pub(crate) fn restore(&self, revision: u64) {
        let mut model = self.lock();
        model.revision = revision;
        model.compacted = model.compacted.min(revision);
        model.log.retain(|change| change.revision <= revision);
        drop(model);
        self.cut();
    }

    /// Cuts all open watches.
    pub(crate) fn cut(&self) {
        self.signal.send_modify(|signal| signal.1 += 1);
    }

    pub(crate) fn wake(&self) {
        self.signal.send_modify(|signal| signal.0 += 1);
    }

    pub(crate) fn fault(&self, op: Op, fault: Fault) {
        self.lock().faults.push_back((op, fault));
    }

    /// Requests of a kind so far.
    pub(crate) fn count(&self, op: Op) -> usize {
        self.lock().requests.iter().filter(|uri| Op::of(uri) == op).count()
    }
}

impl Op {
    pub(crate) fn of(uri: &str) -> Self {
        if uri.contains("watch=1") {
            Self::Watch
        } else if uri.ends_with("?limit=1") {
            Self::Probe
        } else {
            Self::List
        }
    }
}

impl Model {
    pub(crate) fn put(&mut self, namespace: &str, name: &str) -> (String, String) {
        let key = format!("{namespace}/{name}");
        let kind = if self.at(self.revision).contains_key(&key) { "MODIFIED" } else { "ADDED" };
        self.revision += 1;
        let version = self.version(self.revision);
        let uid = format!("u-{namespace}-{name}");
        let document = format!(
            r#"{{"kind":"Event","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"{namespace}","uid":"{uid}","resourceVersion":"{version}","creationTimestamp":"2026-11-26T08:00:00Z"}},"involvedObject":{{"kind":"Pod","namespace":"{namespace}","name":"p","resourceVersion":"99999999"}},"reason":"Started","message":"line\none","type":"Normal","count":1,"lastTimestamp":"2026-11-26T08:00:00Z"}}"#
        );
        self.log.push(Change { revision: self.revision, kind, key, document });
        (uid, version)
    }

    pub(crate) fn delete(&mut self, key: &str) {
        let Some(document) = self.at(self.revision).remove(key) else { return };
        self.revision += 1;
        let old = document_version(&document);
        let version = self.version(self.revision);
        let document = document.replacen(&format!(r#""{old}""#), &format!(r#""{version}""#), 1);
        let key = key.to_owned();
        self.log.push(Change { revision: self.revision, kind: "DELETED", key, document });
    }

    /// What there was at a revision, by key.
    pub(crate) fn at(&self, revision: u64) -> BTreeMap<String, String> {
        let mut state = BTreeMap::new();
        for change in self.log.iter().take_while(|change| change.revision <= revision) {
            match change.kind {
                "DELETED" => state.remove(&change.key),
                _ => state.insert(change.key.clone(), change.document.clone()),
            };
        }
        state
    }

    /// The (uid, resourceVersion) of everything there is.
    pub(crate) fn stock(&self) -> Vec<(String, String)> {
        self.at(self.revision).values().map(|document| identity(document)).collect()
    }

    pub(crate) fn version(&self, revision: u64) -> String {
        if self.prefix.is_empty() {
            revision.to_string()
        } else {
            format!("{}{revision:06}", self.prefix)
        }
    }

    pub(crate) fn revision_of(&self, version: &str) -> Option<u64> {
        version.strip_prefix(self.prefix)?.parse().ok()
    }

    fn fault(&mut self, op: Op) -> Option<Fault> {
        let place = self.faults.iter().position(|(of, _)| *of == op)?;
        self.faults.remove(place).map(|(_, fault)| fault)
    }
}

fn document_version(document: &str) -> String {
    identity(document).1
}

/// The (uid, resourceVersion) of a document.
pub(crate) fn identity(document: &str) -> (String, String) {
    let value: serde_json::Value = serde_json::from_str(document).unwrap();
    let of = |key: &str| value["metadata"][key].as_str().unwrap().to_owned();
    (of("uid"), of("resourceVersion"))
}
