//! What most tests share: a fake API server, a receiver, `eventer` between them, and how to look at what arrived.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use eventcenter_tests::fake_api_server::{CLUSTER_UID, EventSpec, Identity};
use eventcenter_tests::receiver::identity;
use eventcenter_tests::{Eventer, FakeApiServer, Receiver, Setup, eventually};
use serde_json::{Value, json};

/// Longer than the longest pause of the program between two tries, 30 s.
pub(crate) const LONG: Duration = Duration::from_secs(90);

/// The name of the source of the fake API server's events.
pub(crate) fn source() -> String {
    format!("events/{CLUSTER_UID}/*")
}

/// The file of that source's dead letters.
pub(crate) fn source_file() -> String {
    format!("events%2F{CLUSTER_UID}%2F%2A")
}

/// A setup of the program under test.
pub(crate) fn setup() -> Setup {
    Setup::new(env!("CARGO_BIN_EXE_eventer-under-test"))
}

/// A fake API server, and `eventer` with a file and a webhook.
pub(crate) struct World {
    pub(crate) server: FakeApiServer,
    pub(crate) receiver: Receiver,
    pub(crate) setup: Setup,
}

impl World {
    /// With small pages and impatient requests.
    pub(crate) fn new() -> Self {
        Self::with_cluster(json!({}))
    }

    /// With more settings of the cluster.
    pub(crate) fn with_cluster(more: Value) -> Self {
        let (server, receiver) = (FakeApiServer::start(), Receiver::start());
        let mut cluster = json!({ "page_size": 10, "request_timeout": "2s" });
        if let (Some(cluster), Value::Object(more)) = (cluster.as_object_mut(), more) {
            cluster.extend(more);
        }
        let setup = setup()
            .cluster_with(&server.kubeconfig_yaml(), cluster)
            .webhook("hook", &receiver.url())
            .file("archive");
        Self { server, receiver, setup }
    }

    /// Makes events of these names, about Pods.
    pub(crate) fn create(&self, names: impl IntoIterator<Item = String>) {
        for name in names {
            self.server.create(EventSpec::pod("shop", "web").with_name(name));
        }
    }

    /// What is in the file, in order.
    pub(crate) fn archived(&self) -> Vec<Value> {
        let lines = self.setup.lines("archive.ndjson");
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until both sinks have all of this.
    pub(crate) async fn delivered(&self, wanted: &[Identity]) {
        self.delivered_within(wanted, None).await;
    }

    /// The same with another patience.
    pub(crate) async fn delivered_within(&self, wanted: &[Identity], within: Option<Duration>) {
        eventually("everything at the webhook", within, async || {
            missing(wanted, &self.receiver.distinct())
        })
        .await;
        eventually("everything in the file", within, async || {
            missing(wanted, &identities(&self.archived()).into_iter().collect())
        })
        .await;
    }

    /// The same for everything that was ever created or updated.
    pub(crate) async fn all_delivered(&self) {
        self.delivered(&self.server.created()).await;
    }

    /// The gaps in the file, in order.
    pub(crate) fn gaps(&self) -> Vec<Value> {
        self.archived().into_iter().filter(is_gap).collect()
    }
}

/// Waits until the program says that it is in step.
pub(crate) async fn ready(eventer: &Eventer) {
    eventually("readiness", None, async || match eventer.readyz() {
        Some(answer) if answer.status == 200 => Ok(()),
        other => Err(other),
    })
    .await;
}

/// The first of what is wanted that is not there, and how many there are.
pub(crate) fn missing(wanted: &[Identity], there: &BTreeSet<Identity>) -> Result<(), String> {
    let absent: Vec<_> = wanted.iter().filter(|one| !there.contains(one)).collect();
    match absent.first() {
        None => Ok(()),
        Some(first) => Err(format!("{} of {} missing, {first:?}", absent.len(), wanted.len())),
    }
}

/// Uid and resourceVersion of each envelope, in order.
pub(crate) fn identities(envelopes: &[Value]) -> Vec<Identity> {
    envelopes.iter().map(|envelope| identity(&envelope.to_string()).unwrap()).collect()
}

/// The envelopes that a receiver took, in order.
pub(crate) fn taken(receiver: &Receiver) -> Vec<Value> {
    let requests = receiver.requests();
    let bodies = requests.iter().map(|request| String::from_utf8_lossy(&request.body));
    bodies
        .flat_map(|body| {
            let lines = body.lines().map(|line| serde_json::from_str(line).unwrap());
            lines.collect::<Vec<_>>()
        })
        .collect()
}

/// Whether it is about a gap.
pub(crate) fn is_gap(envelope: &Value) -> bool {
    envelope["event"]["reason"] == "EventsMissed"
}

/// Checks that the versions of each object rise, where an occurrence counts when it is first seen.
pub(crate) fn assert_in_order(what: &str, seen: &[Identity]) {
    let mut newest: HashMap<&str, u64> = HashMap::new();
    let mut known = BTreeSet::new();
    for occurrence in seen {
        if !known.insert(occurrence) {
            continue;
        }
        let version: u64 = occurrence.1.parse().unwrap();
        let before = newest.insert(&occurrence.0, version);
        assert!(
            before.is_none_or(|before| before < version),
            "{what}: {occurrence:?} came after {before:?}"
        );
    }
}
