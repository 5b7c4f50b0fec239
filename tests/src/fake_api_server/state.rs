//! What the fake server knows; one lock for all of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::bulk::{BASE, BulkRun};
use super::fault::Faults;
use super::store::Store;

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// `GET`, ...
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// When its headers had arrived.
    pub at: Instant,
}

impl RecordedRequest {
    /// A parameter of the query; `None` if it is not there.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// A header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Whether it is a watch.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        matches!(self.parameter("watch"), Some("1" | "true" | "True" | "TRUE" | "t" | "T"))
    }

    /// Whether it asks for Events, in either API group.
    #[must_use]
    pub fn is_events(&self) -> bool {
        self.path.ends_with("/events")
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Who may read Events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// A ClusterRole: everywhere.
    #[default]
    Everywhere,
    /// Roles in these namespaces only; the cluster scope is forbidden.
    Namespaces(Vec<String>),
    /// Nobody: each list and watch is answered with 403.
    Nowhere,
}

/// What `GET /api/v1/namespaces/kube-system` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubeSystem {
    /// The namespace, with this uid.
    Uid(String),
    /// 403: the account may not read namespaces.
    Forbidden,
    /// 404.
    Missing,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) bulk: Option<Arc<BulkRun>>,
    pub(crate) faults: Faults,
    pub(crate) requests: Vec<RecordedRequest>,
    pub(crate) token: String,
    pub(crate) access: Access,
    pub(crate) kube_system: KubeSystem,
    /// A watch from a compacted version is refused by status, not in the stream.
    pub(crate) too_old_by_status: bool,
    /// Continue tokens of an earlier epoch have expired.
    pub(crate) token_epoch: u64,
    /// Watches of an earlier generation end.
    pub(crate) generation: u64,
}

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    open_watches: AtomicUsize,
}

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self {
            state: Mutex::new(state),
            changed: watch::Sender::new(()),
            open_watches: AtomicUsize::new(0),
        }
    }

    /// A look; watches are not woken.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A test that failed while it held the lock has said what there is to say.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A change, after which the watches look again.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.send_replace(());
        result
    }

    /// Subscribe before looking, so that no change falls in between.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(crate) fn open_watches(&self) -> usize {
        self.open_watches.load(Ordering::SeqCst)
    }
}

/// Counts a watch for as long as it lives.
pub(crate) struct OpenWatch(Arc<Shared>);

impl OpenWatch {
    pub(crate) fn of(shared: &Arc<Shared>) -> Self {
        shared.open_watches.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        self.0.open_watches.fetch_sub(1, Ordering::SeqCst);
    }
}

impl State {
    /// Whether the state at `version` is compacted.
    pub(crate) fn list_is_too_old(&self, version: u64) -> bool {
        match &self.bulk {
            Some(run) => version < BASE + run.listed(),
            None => self.store.list_is_too_old(version),
        }
    }

    /// Whether the changes after `version` are compacted.
    pub(crate) fn watch_is_too_old(&self, version: u64) -> bool {
        match &self.bulk {
            Some(run) => version < BASE + run.listed(),
            None => self.store.watch_is_too_old(version),
        }
    }
}
