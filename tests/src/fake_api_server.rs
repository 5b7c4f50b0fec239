//! A Kubernetes API server that knows Events and nothing else, and misbehaves when told to.
//!
//! It speaks plain HTTP/1.1 on 127.0.0.1 and imitates what a real Kubernetes 1.37.2 was seen to do:
//!
//! - lists come in key order (`namespace/name`), all pages of a list from one snapshot and with one
//!   resourceVersion; an expired `continue` token is answered with 410 and a fresh token;
//! - a watch without a version, or from 0, sends what is stored in *key* order, not in the order
//!   of versions, and goes on live; Events get no periodic bookmarks;
//! - a watch from a compacted version is answered with 200 and an `ERROR` line of code 410 (from
//!   `compacted - 1` on it works); a watch that is open survives the compaction;
//! - a watch from a future version is answered with 200 and silence; a list with 504;
//! - a version that is no number: 500; a wrong token: 401; no token or no right: 403;
//! - `timeoutSeconds` and a stopping server end a watch cleanly, without an error.
//!
//! Objects are kept in the form of core/v1 and converted for events.k8s.io/v1. What the real server
//! does and this one does not: TLS, HTTP/2, protobuf, tables, writing (use [`FakeApiServer::create`]
//! and its like), `timeoutSeconds` by default, set-based label selectors (refused with 400).
//!
//! Faults are ordered with [`FakeApiServer::inject`] and strike the next requests that match.
//! [`FakeApiServer::set_bulk`] exchanges the store for millions of generated Events.

mod bulk;
mod discovery;
mod fault;
mod list;
mod object;
mod outlet;
mod query;
mod selector;
mod serve;
mod spec;
mod state;
mod status;
mod store;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::Deserialize;

pub use self::bulk::{Bulk, SENT_US};
pub use self::fault::{Fault, On};
pub use self::object::{Api, Reference};
pub use self::spec::{EventSpec, Writer};
pub use self::state::{Access, KubeSystem, RecordedRequest};

use self::bulk::BulkRun;
use self::fault::Faults;
use self::object::Object;
use self::state::{Shared, State};
use self::store::Store;
use crate::loopback::Loopback;

/// The name of the account whose token is accepted, in messages of RBAC.
pub(crate) const USER: &str = "fake";

/// The token that is accepted until [`FakeApiServer::set_token`].
pub const TOKEN: &str = "fake-token";

/// The uid of `kube-system` until [`FakeApiServer::set_kube_system`].
pub const CLUSTER_UID: &str = "0c5a7f6e-6d4e-4d6c-9d0a-8b4f3e2a1c00";

/// The revision before the first write: a real cluster has written other things before.
const FIRST_REVISION: u64 = 100;

/// One occurrence of an Event: its uid and its resourceVersion.
pub type Identity = (String, String);

/// The server. Dropping it is pulling its plug: connections are reset.
///
/// ```
/// use eventcenter_tests::fake_api_server::{EventSpec, FakeApiServer, Fault, On};
///
/// let server = FakeApiServer::start();
/// server.inject(On::Watch, 1, Fault::CutMidLine { after_events: 2 });
/// let (uid, version) = server.create(EventSpec::pod("default", "web-0").warning());
/// assert_eq!(server.created(), [(uid, version)]);
/// ```
#[derive(Debug)]
pub struct FakeApiServer {
    shared: Arc<Shared>,
    port: u16,
    running: Mutex<Option<Loopback>>,
}

impl FakeApiServer {
    /// Starts on a free port.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on(0)
    }

    /// Starts on this port; 0 takes a free one.
    ///
    /// # Panics
    ///
    /// When the port is taken.
    #[must_use]
    pub fn start_on(port: u16) -> Self {
        let shared = Arc::new(Shared::new(State {
            store: Store::at(FIRST_REVISION),
            bulk: None,
            faults: Faults::default(),
            requests: Vec::new(),
            token: TOKEN.to_owned(),
            access: Access::Everywhere,
            kube_system: KubeSystem::Uid(CLUSTER_UID.to_owned()),
            too_old_by_status: false,
            token_epoch: 0,
            generation: 0,
        }));
        let running = Loopback::start(port, serve::handler(&shared));
        Self { shared, port: running.address().port(), running: Mutex::new(Some(running)) }
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A kubeconfig whose one context, `fake`, leads here with the token that is accepted now.
    #[must_use]
    pub fn kubeconfig_yaml(&self) -> String {
        let url = self.url();
        let token = self.shared.state().token.clone();
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             current-context: fake\n\
             clusters:\n\
             - name: fake\n  cluster:\n    server: {url}\n\
             users:\n\
             - name: fake\n  user:\n    token: {token}\n\
             contexts:\n\
             - name: fake\n  context:\n    cluster: fake\n    user: fake\n"
        )
    }

    /// Stops like a server that got SIGTERM: watches end cleanly, then nobody listens. A second
    /// stop does nothing.
    pub fn stop(&self) {
        if let Some(running) = self.take() {
            running.stop();
        }
    }

    /// Stops like a server that got SIGKILL: connections are reset.
    pub fn kill(&self) {
        if let Some(running) = self.take() {
            running.kill();
        }
    }

    /// Starts again where it was, with all it has stored; stops first if it runs.
    ///
    /// # Panics
    ///
    /// When somebody else has taken the port.
    pub fn restart_on_same_port(&self) {
        self.stop();
        let running = Loopback::start(self.port, serve::handler(&self.shared));
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }

    fn take(&self) -> Option<Loopback> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    // ---- Events ----

    /// Makes an Event.
    pub fn create(&self, spec: EventSpec) -> Identity {
        self.shared.change(|state| state.store.put(spec.into_object()))
    }

    /// Lets an Event happen once more, now: its count rises, its last time and its version change.
    ///
    /// # Panics
    ///
    /// When there is no such Event.
    pub fn update(&self, namespace: &str, name: &str) -> Identity {
        self.update_at(namespace, name, Timestamp::now())
    }

    /// The same at a given time.
    ///
    /// # Panics
    ///
    /// When there is no such Event.
    pub fn update_at(&self, namespace: &str, name: &str, at: Timestamp) -> Identity {
        self.shared.change(|state| {
            let key = format!("{namespace}/{name}");
            let object = state.store.get(&key).unwrap_or_else(|| panic!("there is no Event {key}"));
            let next = spec::repeated(object, at);
            state.store.put(next)
        })
    }

    /// Deletes an Event, as its TTL does; returns the revision of the deletion.
    ///
    /// # Panics
    ///
    /// When there is no such Event.
    pub fn delete(&self, namespace: &str, name: &str) -> u64 {
        let key = format!("{namespace}/{name}");
        let deleted = self.shared.change(|state| state.store.delete(&key));
        deleted.unwrap_or_else(|| panic!("there is no Event {key}"))
    }

    /// The keys (`namespace/name`) of what is stored, in key order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let state = self.shared.state();
        state.store.snapshot(state.store.revision()).into_keys().collect()
    }

    /// Takes over a list that was recorded from a real server (core/v1 JSON).
    ///
    /// # Panics
    ///
    /// When it is no list of Events, has a field the fake does not know, or is not newer than what
    /// is stored.
    pub fn load(&self, list: &str) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Meta {
            resource_version: String,
        }
        #[derive(Deserialize)]
        struct List {
            metadata: Meta,
            items: Vec<Object>,
        }
        let list: List = serde_json::from_str(list).expect("a list of Events");
        let revision = list.metadata.resource_version.parse().expect("a number");
        self.shared.change(|state| state.store.load(list.items, revision));
    }

    /// (uid, resourceVersion) of each occurrence ever written, created or updated, in order. What
    /// was deleted, compacted or undone by a restore is still in it; generated Events are not.
    #[must_use]
    pub fn created(&self) -> Vec<Identity> {
        self.shared.state().store.created().to_vec()
    }

    // ---- revisions ----

    /// The cluster's revision: the resourceVersion of a list made now.
    #[must_use]
    pub fn revision(&self) -> u64 {
        let state = self.shared.state();
        state.bulk.as_ref().map_or(state.store.revision(), |run| bulk::BASE + run.present())
    }

    /// Lets the cluster write other things than Events.
    pub fn advance_revision(&self, by: u64) {
        self.shared.change(|state| state.store.advance(by));
    }

    /// Compacts as etcd does: watches from `revision - 2` or before, and lists and continue tokens
    /// from before `revision`, are too old from now on.
    ///
    /// # Panics
    ///
    /// When the revision is in the future.
    pub fn compact(&self, revision: u64) {
        self.shared.change(|state| state.store.compact(revision));
    }

    /// A watch from a compacted version gets HTTP 410 instead of 200 and an `ERROR` line: what some
    /// aggregated servers do.
    pub fn refuse_old_watches_by_status(&self, yes: bool) {
        self.shared.state().too_old_by_status = yes;
    }

    /// Restores a backup: what was written after `revision` never happened, its versions are given
    /// out again, and all watches end.
    ///
    /// # Panics
    ///
    /// When the revision is in the future.
    pub fn set_revision_back(&self, to: u64) {
        self.shared.change(|state| {
            state.store.restore(to);
            state.generation += 1;
        });
    }

    /// Lets all continue tokens expire that are out.
    pub fn expire_continue_tokens(&self) {
        self.shared.state().token_epoch += 1;
    }

    /// Ends all watches cleanly, as their timeout does. Generated Events are not concerned.
    pub fn end_watches(&self) {
        self.shared.change(|state| state.generation += 1);
    }

    // ---- behaviour ----

    /// Orders a fault for the next `times` requests that match. Faults wait in a queue; each
    /// request takes the first that strikes it.
    ///
    /// # Panics
    ///
    /// When such a fault can never strike such a request.
    pub fn inject(&self, on: On, times: u32, fault: Fault) {
        self.shared.state().faults.push(on, times, fault);
    }

    /// Forgets the faults that have not struck.
    pub fn clear_faults(&self) {
        self.shared.state().faults.clear();
    }

    /// How many times faults are still to strike.
    #[must_use]
    pub fn pending_faults(&self) -> u64 {
        self.shared.state().faults.pending()
    }

    /// Accepts this bearer token and no other.
    pub fn set_token(&self, token: &str) {
        token.clone_into(&mut self.shared.state().token);
    }

    /// Says who may list and watch Events.
    pub fn set_access(&self, access: Access) {
        self.shared.state().access = access;
    }

    /// Says what a GET of the namespace `kube-system` is answered with.
    pub fn set_kube_system(&self, answer: KubeSystem) {
        self.shared.state().kube_system = answer;
    }

    /// Serves generated Events instead of the stored ones; `None` goes back.
    pub fn set_bulk(&self, plan: impl Into<Option<Bulk>>) {
        let run = plan.into().map(|plan| Arc::new(BulkRun::new(plan)));
        self.shared.change(|state| {
            state.bulk = run;
            state.generation += 1;
        });
    }

    // ---- what was seen ----

    /// All requests so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.state().requests.clone()
    }

    /// How many watches are open now.
    #[must_use]
    pub fn open_watches(&self) -> usize {
        self.shared.open_watches()
    }
}
