//! A second watcher: a plain watch with another client, which knows nothing of ours.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use eventcenter_tests::fake_api_server::Identity;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Event;
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::{Api, Client};
use tokio::task::JoinHandle;

/// Everything that it has seen, from its start on. Dropping it ends the watch.
pub(super) struct Second {
    seen: Arc<Mutex<BTreeMap<u64, Seen>>>,
    start: u64,
    task: JoinHandle<()>,
}

/// One occurrence.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) identity: Identity,
    pub(super) reason: String,
    pub(super) namespace: String,
}

impl Second {
    /// Begins now.
    pub(super) async fn start(client: &Client) -> Self {
        let api: Api<Event> = Api::all(client.clone());
        let list = api.list(&ListParams::default().limit(1)).await.unwrap();
        let version = list.metadata.resource_version.unwrap();
        let start = version.parse().unwrap();
        let seen = Arc::new(Mutex::new(BTreeMap::new()));
        let task = tokio::spawn(watch(api, version, Arc::clone(&seen)));
        Self { seen, start, task }
    }

    /// The version that it began after.
    pub(super) fn began_after(&self) -> u64 {
        self.start
    }

    /// All of it so far, in the order of versions.
    pub(super) fn seen(&self) -> Vec<Seen> {
        assert!(!self.task.is_finished(), "the second watcher has died");
        self.seen.lock().unwrap().values().cloned().collect()
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Watches for ever; a watch that ends goes on from the last version.
async fn watch(api: Api<Event>, mut version: String, seen: Arc<Mutex<BTreeMap<u64, Seen>>>) {
    loop {
        let changes = api.watch(&WatchParams::default(), &version).await.unwrap().boxed();
        let mut changes = changes.into_stream();
        while let Some(change) = changes.next().await {
            let event = match change.unwrap() {
                WatchEvent::Added(event) | WatchEvent::Modified(event) => event,
                WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => continue,
                WatchEvent::Error(error) => panic!("the second watcher was told {error:?}"),
            };
            version = event.metadata.resource_version.unwrap();
            let one = Seen {
                identity: (event.metadata.uid.unwrap(), version.clone()),
                reason: event.reason.unwrap_or_default(),
                namespace: event.metadata.namespace.unwrap_or_default(),
            };
            seen.lock().unwrap().insert(version.parse().unwrap(), one);
        }
    }
}
