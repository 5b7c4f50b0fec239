//! Short stories told to a [`MemoryStore`], for the tests of what is derived from events.

use std::sync::Arc;

use eventcenter_core::{Cluster, Event};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::memory::MemoryStore;

/// A day on which events happen, in the cluster `c1`.
pub(crate) struct Scene {
    pub(crate) store: MemoryStore,
    made: u32,
}

/// One event of a scene. Fields that are not given are those of the Pod `shop/web-0` on `worker-1`.
pub(crate) struct Said<'a> {
    /// `2026-11-25T` is put before it, unless it has a date.
    pub(crate) at: &'a str,
    pub(crate) level: &'a str,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
    pub(crate) object: Value,
    pub(crate) component: &'a str,
    pub(crate) host: &'a str,
}

impl<'a> Said<'a> {
    pub(crate) fn new(at: &'a str, reason: &'a str, message: &'a str) -> Self {
        Self {
            at,
            level: "Normal",
            reason,
            message,
            object: pod("web-0", "p1", ""),
            component: "kubelet",
            host: "worker-1",
        }
    }

    pub(crate) fn warning(self) -> Self {
        Self { level: "Warning", ..self }
    }

    pub(crate) fn about(self, object: Value) -> Self {
        Self { object, ..self }
    }

    pub(crate) fn by(self, component: &'a str) -> Self {
        Self { component, ..self }
    }
}

/// A Pod of the namespace `shop`, or a container of it.
pub(crate) fn pod(name: &str, uid: &str, container: &str) -> Value {
    let path = if container.is_empty() {
        String::new()
    } else {
        format!("spec.containers{{{container}}}")
    };
    json!({"kind": "Pod", "namespace": "shop", "name": name, "uid": uid, "fieldPath": path})
}

/// A Node.
pub(crate) fn node(name: &str) -> Value {
    json!({"kind": "Node", "name": name, "uid": name})
}

/// `2026-11-25T` before a time without a date.
pub(crate) fn time(text: &str) -> Timestamp {
    let whole = if text.contains('T') { text.to_owned() } else { format!("2026-11-25T{text}Z") };
    whole.parse().expect("a time")
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self { store: MemoryStore::new(), made: 0 }
    }

    /// Says it once.
    pub(crate) fn say(&mut self, said: &Said<'_>) {
        self.made += 1;
        let number = self.made;
        self.tell(said, number, 1);
    }

    /// Says it, and again at these times with a higher count.
    pub(crate) fn repeat(&mut self, said: &Said<'_>, again: &[(&str, u32)]) {
        self.made += 1;
        let number = self.made;
        self.tell(said, number, 1);
        for (at, count) in again {
            self.tell(&Said { at, object: said.object.clone(), ..*said }, number, *count);
        }
    }

    /// Says what had happened `count` times before anybody listened.
    pub(crate) fn first_seen_with(&mut self, said: &Said<'_>, count: u32) {
        self.made += 1;
        self.tell(said, self.made, count);
    }

    fn tell(&self, said: &Said<'_>, number: u32, count: u32) {
        let at = time(said.at);
        // Who is seen with a higher count at once has happened before anybody listened.
        let first = at - SignedDuration::from_hours(24 * i64::from(count > 1));
        let cluster = Arc::new(Cluster { id: "c1".to_owned(), name: "prod".to_owned() });
        let document = json!({
            "metadata": {
                "name": format!("e.{number}"), "namespace": "shop", "uid": format!("e-{number}"),
                "resourceVersion": (u64::from(number) * 100 + u64::from(count)).to_string(),
            },
            "type": said.level, "reason": said.reason, "message": said.message, "count": count,
            "involvedObject": said.object,
            "source": {"component": said.component, "host": said.host},
            "firstTimestamp": first.to_string(), "lastTimestamp": at.to_string(),
        });
        let event = Event::from_kubernetes(&cluster, document.to_string().into(), at);
        self.store.take(&Arc::new(event.expect("an Event")));
    }
}
