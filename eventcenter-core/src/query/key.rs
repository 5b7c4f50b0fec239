//! What a statement can ask for by name.
//!
//! | key | also written | is |
//! |---|---|---|
//! | `cluster` | `ClusterId` | id or name of the cluster |
//! | `level` | | `Normal`, `Warning`, `Error`: [`Level`](crate::Level) |
//! | `type` | `eventId.type` | Kubernetes' own word |
//! | `class` | | the known fault: [`class`](crate::class) |
//! | `reason` | `eventId.reason` | |
//! | `message` | `eventId.message` | searched by words |
//! | `count` | `eventId.count`, `eventId.series.count` | a number |
//! | `namespace` | `eventId.involvedObject.namespace` | of the object; a Node has none |
//! | `kind` | `eventId.involvedObject.kind` | of the object |
//! | `name` | `eventId.involvedObject.name` | of the object |
//! | `uid` | `eventId.involvedObject.uid` | of the object, or of the Event |
//! | `field_path` | `eventId.involvedObject.fieldPath` | the part of the object, `spec.containers{web}` |
//! | `api_version` | `eventId.involvedObject.apiVersion` | of the object |
//! | `node` | `host`, `hostname`, `eventId.source.host` | the node it was seen on, or is about |
//! | `component` | `eventId.source.component`, `eventId.reportingComponent` | who reported it |
//! | `action` | `eventId.action` | what was done |
//! | `workload` | | `web` or `Deployment/web`: [`Event::workload`] |
//! | `pod` | `pod_name` | name, or `namespace/name`, of the Pod it is about: [`Event::pod`] |
//! | `pod_uid` | `pod_id` | of that Pod |
//! | `event_name` | `eventId.metadata.name` | of the Event object |
//! | `event_namespace` | `eventId.metadata.namespace` | where the Event object lives: `default` for a Node's |
//! | `labels.KEY`, `annotations.KEY` | `eventId.metadata.labels.KEY`, … | of the Event object |

use std::borrow::Cow;
use std::fmt;

use super::text::quoted;
use crate::event::Event;

/// A key of the [table](self).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table of the module says what each is")]
#[non_exhaustive]
pub enum Key {
    Cluster,
    Level,
    Type,
    Class,
    Reason,
    Message,
    Count,
    Namespace,
    Kind,
    Name,
    Uid,
    FieldPath,
    ApiVersion,
    Node,
    Component,
    Action,
    Workload,
    Pod,
    PodUid,
    EventName,
    EventNamespace,
    Label(String),
    Annotation(String),
}

/// All spellings; the first of a key is ours.
const NAMES: &[(&str, Key)] = &[
    ("cluster", Key::Cluster),
    ("ClusterId", Key::Cluster),
    ("level", Key::Level),
    ("type", Key::Type),
    ("eventId.type", Key::Type),
    ("class", Key::Class),
    ("reason", Key::Reason),
    ("eventId.reason", Key::Reason),
    ("message", Key::Message),
    ("eventId.message", Key::Message),
    ("count", Key::Count),
    ("eventId.count", Key::Count),
    ("eventId.series.count", Key::Count),
    ("namespace", Key::Namespace),
    ("eventId.involvedObject.namespace", Key::Namespace),
    ("kind", Key::Kind),
    ("eventId.involvedObject.kind", Key::Kind),
    ("name", Key::Name),
    ("eventId.involvedObject.name", Key::Name),
    ("uid", Key::Uid),
    ("eventId.involvedObject.uid", Key::Uid),
    ("eventId.metadata.uid", Key::Uid),
    ("field_path", Key::FieldPath),
    ("eventId.involvedObject.fieldPath", Key::FieldPath),
    ("api_version", Key::ApiVersion),
    ("eventId.involvedObject.apiVersion", Key::ApiVersion),
    ("node", Key::Node),
    ("host", Key::Node),
    ("hostname", Key::Node),
    ("eventId.source.host", Key::Node),
    ("component", Key::Component),
    ("eventId.source.component", Key::Component),
    ("eventId.reportingComponent", Key::Component),
    ("action", Key::Action),
    ("eventId.action", Key::Action),
    ("workload", Key::Workload),
    ("pod", Key::Pod),
    ("pod_name", Key::Pod),
    ("pod_uid", Key::PodUid),
    ("pod_id", Key::PodUid),
    ("event_name", Key::EventName),
    ("eventId.metadata.name", Key::EventName),
    ("event_namespace", Key::EventNamespace),
    ("eventId.metadata.namespace", Key::EventNamespace),
];

/// A key with a key of the user's behind it.
type Open = (&'static str, fn(String) -> Key);

const OPEN: &[Open] = &[
    ("labels.", Key::Label),
    ("eventId.metadata.labels.", Key::Label),
    ("annotations.", Key::Annotation),
    ("eventId.metadata.annotations.", Key::Annotation),
];

impl Key {
    /// The key of this name.
    pub fn of(name: &str) -> Option<Self> {
        let open = |&(prefix, key): &Open| {
            let rest = name.strip_prefix(prefix)?;
            (!rest.is_empty()).then(|| key(rest.to_owned()))
        };
        let named = NAMES.iter().find(|(known, _)| *known == name).map(|(_, key)| key.clone());
        named.or_else(|| OPEN.iter().find_map(open))
    }

    /// All names, ours and those of SLS, for completion; `labels.` and `annotations.` want more behind them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name).chain(OPEN.iter().map(|(prefix, _)| *prefix))
    }

    /// The name that is nearest to one that is unknown, if one is near.
    pub(super) fn near(name: &str) -> Option<&'static str> {
        let lower = name.to_lowercase();
        Self::names()
            .map(|known| (strsim::osa_distance(&lower, &known.to_lowercase()), known))
            .filter(|(distance, known)| (1..=1 + known.len() / 5).contains(distance))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, known)| known)
    }

    /// Whether one of the values that an event has under this key passes. A value that is missing, or empty, is none.
    pub(super) fn any(&self, event: &Event, mut passes: impl FnMut(&str) -> bool) -> bool {
        let object = event.object();
        let mut some = |value: &str| !value.is_empty() && passes(value);
        match self {
            Self::Cluster => some(&event.cluster().id) || some(&event.cluster().name),
            Self::Level => some(event.level().as_str()),
            Self::Type => some(event.event_type()),
            Self::Class => event.class().is_some_and(|class| some(class.name)),
            Self::Reason => some(event.reason()),
            Self::Message => some(event.message()),
            Self::Count => some(&event.count().to_string()),
            Self::Namespace => some(object.namespace),
            Self::Kind => some(object.kind),
            Self::Name => some(object.name),
            Self::Uid => some(object.uid) || some(event.uid()),
            Self::FieldPath => some(object.field_path),
            Self::ApiVersion => some(object.api_version),
            Self::Node => some(event.host()),
            Self::Component => some(event.component()),
            Self::Action => some(event.action()),
            Self::Workload => event.workload().is_some_and(|workload| {
                some(&workload) || workload.split_once('/').is_some_and(|(_, name)| some(name))
            }),
            Self::Pod => event.pod().is_some_and(|pod| {
                some(pod.name) || some(&format!("{}/{}", pod.namespace, pod.name))
            }),
            Self::PodUid => event.pod().is_some_and(|pod| some(&pod.uid)),
            Self::EventName => some(event.name()),
            Self::EventNamespace => some(event.namespace()),
            Self::Label(key) => event.labels().any(|(known, value)| known == key && some(value)),
            Self::Annotation(key) => {
                event.annotations().any(|(known, value)| known == key && some(value))
            }
        }
    }

    fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Label(key) => format!("labels.{key}").into(),
            Self::Annotation(key) => format!("annotations.{key}").into(),
            _ => NAMES.iter().find(|(_, key)| key == self).map_or("", |(name, _)| name).into(),
        }
    }
}

/// Our name for it.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        // Only a key of the user's can have such characters.
        if name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/')) {
            f.write_str(&name)
        } else {
            f.write_str(&quoted(&name))
        }
    }
}
