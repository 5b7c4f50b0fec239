//! The event model: one Kubernetes Event (or one that was born here), immutable, shared behind [`Arc`].
//!
//! An [`Event`] is its document and nothing else: the JSON as it arrived ([`Event::raw`]), and a view that
//! remembers *where* in it each field stands. Fields are therefore borrowed from the document; an event of
//! 1.6 kB costs about 0.5 kB beyond its document, where `k8s_openapi`'s type costs 3.5 kB.
//!
//! core/v1 and events.k8s.io/v1 have one normal form here:
//!
//! | here | core/v1 | events.k8s.io/v1 |
//! |---|---|---|
//! | [`message`](Event::message) | `message` | `note` |
//! | [`object`](Event::object) | `involvedObject` | `regarding` |
//! | [`component`](Event::component) | `reportingComponent`, else `source.component` | `reportingController`, else `deprecatedSource.component` |
//! | [`host`](Event::host) | `source.host`, else the name of a Node it is about | `deprecatedSource.host`, else the same |
//! | [`count`](Event::count) | `series.count`, else `count`, else 1 | `series.count`, else `deprecatedCount`, else 1 |
//! | [`time`](Event::time) | `series.lastObservedTime`, else `lastTimestamp`, else `eventTime`, else `firstTimestamp`, else `metadata.creationTimestamp` | the same, with `deprecatedLastTimestamp` and `deprecatedFirstTimestamp` |
//!
//! kube-eventer ignores `series`, and says "now" where an event has no time; here the time of an event never
//! depends on when it was read, since keys and partitions are made from it.

mod born;
mod document;
mod envelope;
#[cfg(test)]
mod fuzz;
mod identity;
mod kubernetes;
mod pod;
mod shortened;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use born::{Alert, AlertStatus, Draft};
use document::Span;
pub use pod::PodRef;

use crate::class::Class;

/// The cluster an event comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cluster {
    /// What it is known by: the uid of its `kube-system` namespace, or what the user set by hand.
    pub id: String,
    /// What people call it. May change; nothing is keyed by it.
    pub name: String,
}

/// How bad an event is, derived in one place for routes, queries and pages alike.
///
/// `Error` when the document's type says so (any case) or a built-in [`Class`] matches; `Warning` when the type
/// is `Warning`; else `Normal`, whatever the type. In a route a level is a threshold, so the order matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Business as usual.
    Normal,
    /// Something to look at.
    Warning,
    /// One of the known faults.
    Error,
}

impl Level {
    /// The word, as Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
            Self::Error => "Error",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One event. See the [module](self) for the normal form.
///
/// ```
/// use std::sync::Arc;
/// use eventcenter_core::{Cluster, Event, Level};
///
/// let cluster = Arc::new(Cluster { id: "c1".into(), name: "prod".into() });
/// let raw = r#"{"metadata":{"uid":"u","resourceVersion":"7"},"type":"Warning","reason":"Unhealthy",
///     "involvedObject":{"kind":"Pod","namespace":"default","name":"web-0"},
///     "lastTimestamp":"2026-11-25T01:02:03Z","count":3}"#;
/// let event = Event::from_kubernetes(&cluster, raw.into(), jiff::Timestamp::UNIX_EPOCH)?;
/// assert_eq!(event.reason(), "Unhealthy");
/// assert_eq!(event.object().name, "web-0");
/// assert_eq!(event.level(), Level::Warning);
/// assert_eq!(event.time().to_string(), "2026-11-25T01:02:03Z");
/// assert_eq!(event.occurrence_key(), "u-7");
/// # Ok::<(), eventcenter_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Event {
    raw: Bytes,
    /// `raw` as UTF-8: the same bytes, or, where they were not UTF-8, a repaired copy.
    text: ByteString,
    /// Strings that are escaped in the document, unescaped, one after another.
    unescaped: Box<str>,
    view: View,
    cluster: Arc<Cluster>,
    received: Timestamp,
    alert: Option<Arc<Alert>>,
}

/// Where each field stands. Times are parsed on demand, except the one that everything needs.
#[derive(Debug, Clone)]
struct View {
    uid: Span,
    resource_version: Span,
    name: Span,
    namespace: Span,
    created: Span,
    managed_fields: Span,
    labels: Box<[(Span, Span)]>,
    annotations: Box<[(Span, Span)]>,
    object: ObjectSpans,
    related: Option<Box<ObjectSpans>>,
    event_type: Span,
    reason: Span,
    message: Span,
    action: Span,
    component: Span,
    instance: Span,
    host: Span,
    first: Span,
    last: Span,
    event_time: Span,
    series_last: Span,
    count: u32,
    time: Timestamp,
    level: Level,
    class: Option<&'static Class>,
}

#[derive(Debug, Clone, Default)]
struct ObjectSpans {
    api_version: Span,
    kind: Span,
    namespace: Span,
    name: Span,
    uid: Span,
    resource_version: Span,
    field_path: Span,
}

/// The object an event is about, or is related to. A field that the document lacks is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectRef<'a> {
    /// `v1`, `apps/v1`, ...
    pub api_version: &'a str,
    /// `Pod`, `Node`, ...
    pub kind: &'a str,
    /// Empty for an object that lives in no namespace, although its Event lives in `default`.
    pub namespace: &'a str,
    /// The object's name (not the Event's).
    pub name: &'a str,
    /// Not always a UID: some kubelets and node agents write the node's name here.
    pub uid: &'a str,
    /// The version of the object that was seen.
    pub resource_version: &'a str,
    /// A part of the object, such as `spec.containers{web}`.
    pub field_path: &'a str,
}

impl ObjectRef<'_> {
    /// Whether the object lives in no namespace (a Node, a PersistentVolume, ...).
    pub fn is_cluster_scoped(&self) -> bool {
        self.namespace.is_empty()
    }
}

impl Event {
    /// The document as it arrived, byte for byte, with `managedFields` and fields that are unknown here.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The document as text: [`raw`](Self::raw), with each invalid UTF-8 sequence replaced by U+FFFD.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cluster it comes from.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// When it arrived here.
    pub fn received(&self) -> Timestamp {
        self.received
    }

    /// The alert that this event is about, for an event that an alert rule gave birth to.
    pub fn alert(&self) -> Option<&Arc<Alert>> {
        self.alert.as_ref()
    }

    /// The uid of the Event object. An Event that recurs keeps it until its TTL (1 h by default) is over.
    pub fn uid(&self) -> &str {
        self.str(self.view.uid)
    }

    /// The revision of the Event object. Opaque, although a number in every cluster seen.
    pub fn resource_version(&self) -> &str {
        self.str(self.view.resource_version)
    }

    /// The name of the Event object, such as `web-0.17f3a1b2c3d4e5f6`.
    pub fn name(&self) -> &str {
        self.str(self.view.name)
    }

    /// The namespace the Event object lives in. For what it is about ask [`object`](Self::object).
    pub fn namespace(&self) -> &str {
        self.str(self.view.namespace)
    }

    /// What it is about.
    pub fn object(&self) -> ObjectRef<'_> {
        self.object_ref(&self.view.object)
    }

    /// A second object that has a part in it, such as the node a Pod was bound to.
    pub fn related(&self) -> Option<ObjectRef<'_>> {
        self.view.related.as_deref().map(|spans| self.object_ref(spans))
    }

    /// Kubernetes' word: `Normal`, `Warning`, or anything else that a component wrote.
    pub fn event_type(&self) -> &str {
        self.str(self.view.event_type)
    }

    /// How bad it is; see [`Level`].
    pub fn level(&self) -> Level {
        self.view.level
    }

    /// The known fault it is an instance of, if any.
    pub fn class(&self) -> Option<&'static Class> {
        self.view.class
    }

    /// `FailedScheduling`, `OOMKilling`, ...
    pub fn reason(&self) -> &str {
        self.str(self.view.reason)
    }

    /// The text for people. Anybody who may create Pods can put words in here.
    pub fn message(&self) -> &str {
        self.str(self.view.message)
    }

    /// What was done about the object (`Binding`, `Scheduling`, ...), where the component says so.
    pub fn action(&self) -> &str {
        self.str(self.view.action)
    }

    /// The component that reported it: `kubelet`, `default-scheduler`, ...
    pub fn component(&self) -> &str {
        self.str(self.view.component)
    }

    /// Which instance of the component, where it says so.
    pub fn instance(&self) -> &str {
        self.str(self.view.instance)
    }

    /// The node it was seen on, or the Node it is about; else empty.
    pub fn host(&self) -> &str {
        self.str(self.view.host)
    }

    /// How often it has happened according to the document; at least 1.
    pub fn count(&self) -> u32 {
        self.view.count
    }

    /// When it last happened, in the order of the table above; 1970-01-01 if the document has no time at all.
    pub fn time(&self) -> Timestamp {
        self.view.time
    }

    /// When it first happened: `firstTimestamp`, else `eventTime`, else the creation of the Event object.
    pub fn first(&self) -> Option<Timestamp> {
        [self.view.first, self.view.event_time, self.view.created]
            .into_iter()
            .find_map(|span| self.time_at(span))
    }

    /// When the Event object was created: unlike the others this is no word of a recorder, and never changes.
    pub fn created(&self) -> Option<Timestamp> {
        self.time_at(self.view.created)
    }

    /// `lastTimestamp` or, if newer, `series.lastObservedTime`. None for an event that happened once and has
    /// only an `eventTime`.
    pub fn last(&self) -> Option<Timestamp> {
        self.time_at(self.view.last).max(self.time_at(self.view.series_last))
    }

    /// Labels of the Event object.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.view.labels.iter().map(|&(key, value)| (self.str(key), self.str(value)))
    }

    /// Annotations of the Event object.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.view.annotations.iter().map(|&(key, value)| (self.str(key), self.str(value)))
    }

    /// What it costs in memory, in bytes, document included: what queues count.
    pub fn weight(&self) -> usize {
        let copy =
            if self.text.as_bytes().as_ptr() == self.raw.as_ptr() { 0 } else { self.text.len() };
        size_of::<Self>()
            + self.raw.len()
            + copy
            + self.unescaped.len()
            + size_of::<(Span, Span)>() * (self.view.labels.len() + self.view.annotations.len())
    }

    fn object_ref<'a>(&'a self, spans: &ObjectSpans) -> ObjectRef<'a> {
        ObjectRef {
            api_version: self.str(spans.api_version),
            kind: self.str(spans.kind),
            namespace: self.str(spans.namespace),
            name: self.str(spans.name),
            uid: self.str(spans.uid),
            resource_version: self.str(spans.resource_version),
            field_path: self.str(spans.field_path),
        }
    }

    fn str(&self, span: Span) -> &str {
        span.of(&self.text, &self.unescaped)
    }

    fn time_at(&self, span: Span) -> Option<Timestamp> {
        document::time(self.str(span))
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("cluster", &self.cluster.id)
            .field("key", &self.occurrence_key())
            .field("level", &self.level())
            .field("reason", &self.reason())
            .field("object", &self.object())
            .field("message", &self.message())
            .finish_non_exhaustive()
    }
}
