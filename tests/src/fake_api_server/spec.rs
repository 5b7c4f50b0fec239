//! What a test says about an Event it wants to exist; everything has a sensible default.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::json;

use super::object::{ManagedFields, Metadata, Object, Reference, Series, Source};

/// Which of the two ways of writing Events is used; the stored object differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writer {
    /// Kubelet and controllers, through core/v1: `count`, `firstTimestamp`, `lastTimestamp`,
    /// `eventTime` null, second precision.
    #[default]
    Core,
    /// The scheduler, through events.k8s.io/v1: `eventTime` with microseconds, no `count`, first
    /// and last timestamps null, `source` empty; `series` from the second occurrence on.
    Events,
}

/// An Event to be made. All fields may be set; the `with_…` methods cover the usual ones.
#[derive(Clone, Debug)]
pub struct EventSpec {
    /// The namespace of the Event itself.
    pub namespace: String,
    /// The Event's name; `None` makes one up from the object's name.
    pub name: Option<String>,
    /// What it is about.
    pub regarding: Reference,
    /// `Scheduled`, `BackOff`, ...
    pub reason: String,
    /// The text.
    pub message: String,
    /// `Warning` instead of `Normal`.
    pub warning: bool,
    /// Who reports.
    pub component: String,
    /// The node it is reported from; may be empty.
    pub host: String,
    /// The Event's labels.
    pub labels: BTreeMap<String, String>,
    /// The Event's annotations.
    pub annotations: BTreeMap<String, String>,
    /// How it is written.
    pub writer: Writer,
    /// How often it has happened already.
    pub count: u32,
    /// When it happened; `None` is now.
    pub at: Option<Timestamp>,
}

impl EventSpec {
    /// An Event about a Pod in `namespace`.
    #[must_use]
    pub fn pod(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: None,
            regarding: Reference {
                kind: "Pod".to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                uid: new_uid(),
                api_version: "v1".to_owned(),
                ..Reference::default()
            },
            reason: "Started".to_owned(),
            message: format!("Started container {name}"),
            warning: false,
            component: "kubelet".to_owned(),
            host: String::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            writer: Writer::Core,
            count: 1,
            at: None,
        }
    }

    /// An Event about a Node: in namespace `default`, its object without one.
    #[must_use]
    pub fn node(name: &str) -> Self {
        let mut spec = Self::pod("default", name)
            .with_reason("NodeNotReady")
            .with_message(format!("Node {name} status is now: NodeNotReady"));
        spec.regarding.kind = "Node".to_owned();
        spec.regarding.namespace.clear();
        spec.component = "node-controller".to_owned();
        spec
    }

    /// Sets the Event's own name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the reason.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Sets the message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Makes it a Warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.warning = true;
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn with_label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds an annotation.
    #[must_use]
    pub fn with_annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Has it written by the scheduler, through events.k8s.io/v1.
    #[must_use]
    pub fn from_scheduler(mut self) -> Self {
        self.writer = Writer::Events;
        self.component = "default-scheduler".to_owned();
        self
    }

    /// Sets when it happened; the past and the future are fine.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.at = Some(time);
        self
    }

    /// The object as it is stored, but for its resourceVersion.
    pub(crate) fn into_object(self) -> Object {
        let at = self.at.unwrap_or_else(Timestamp::now);
        let name = self.name.unwrap_or_else(|| unique_name(&self.regarding.name));
        let core = self.writer == Writer::Core;
        let created = seconds(at);
        let stamp = core.then(|| created.clone());
        Object {
            metadata: Metadata {
                name,
                namespace: self.namespace,
                uid: new_uid(),
                resource_version: String::new(),
                creation_timestamp: created,
                labels: self.labels,
                annotations: self.annotations,
                managed_fields: vec![managed_fields(self.writer, &self.component, at)],
            },
            involved_object: self.regarding,
            reason: self.reason,
            message: self.message,
            source: if core {
                Source { component: self.component.clone(), host: self.host }
            } else {
                Source::default()
            },
            first_timestamp: stamp.clone(),
            last_timestamp: stamp,
            count: if core { self.count } else { 0 },
            r#type: if self.warning { "Warning" } else { "Normal" }.to_owned(),
            event_time: (!core).then(|| micros(at)),
            series: (!core && self.count > 1)
                .then(|| Series { count: self.count, last_observed_time: micros(at) }),
            action: if core { String::new() } else { "Scheduling".to_owned() },
            related: None,
            reporting_instance: if core {
                String::new()
            } else {
                format!("{}-fake", self.component)
            },
            reporting_component: self.component,
        }
    }
}

/// The object after it happened once more at `at`.
pub(crate) fn repeated(object: &Object, at: Timestamp) -> Object {
    let mut next = object.clone();
    if next.event_time.is_some() {
        let count = next.series.as_ref().map_or(1, |series| series.count) + 1;
        next.series = Some(Series { count, last_observed_time: micros(at) });
    } else {
        next.count += 1;
        next.last_timestamp = Some(seconds(at));
    }
    for managed in &mut next.metadata.managed_fields {
        managed.time = seconds(at);
    }
    next
}

/// Who wrote which fields, as long as the real ones.
pub(crate) fn managed_fields(writer: Writer, manager: &str, at: Timestamp) -> ManagedFields {
    ManagedFields {
        manager: manager.to_owned(),
        operation: "Update".to_owned(),
        api_version: if writer == Writer::Core { "v1" } else { "events.k8s.io/v1" }.to_owned(),
        time: seconds(at),
        fields_type: "FieldsV1".to_owned(),
        fields_v1: match writer {
            Writer::Core => json!({
                "f:count": {}, "f:firstTimestamp": {}, "f:involvedObject": {},
                "f:lastTimestamp": {}, "f:message": {}, "f:reason": {},
                "f:reportingComponent": {}, "f:source": { "f:component": {} }, "f:type": {},
            }),
            Writer::Events => json!({
                "f:action": {}, "f:eventTime": {}, "f:note": {}, "f:reason": {}, "f:regarding": {},
                "f:reportingController": {}, "f:reportingInstance": {}, "f:type": {},
            }),
        },
    }
}

/// `metav1.Time`: whole seconds.
pub(crate) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `metav1.MicroTime`: always six digits.
pub(crate) fn micros(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// A random version 4 uuid.
pub(crate) fn new_uid() -> String {
    let bits = rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// `object.18eaa76f18455562`; the real suffix is a time in nanoseconds, ours counts up.
fn unique_name(object: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0x18ea_a76f_0000_0000);
    format!("{object}.{:x}", NEXT.fetch_add(0x0001_0003, Ordering::Relaxed))
}
