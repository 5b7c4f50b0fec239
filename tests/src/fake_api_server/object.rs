//! An Event as the server stores it, in the two dresses it is served in.
//!
//! Field order, omitted fields and the escaping of `<`, `>` and `&` are those of the real server's
//! Go encoder: a list recorded from Kubernetes 1.37.2 goes through these types and comes out byte
//! for byte, in core/v1 and in events.k8s.io/v1 (`tests/tests/fakes/shape.rs`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The API group an Event is asked for in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `/api/v1`
    Core,
    /// `/apis/events.k8s.io/v1`
    Events,
}

impl Api {
    /// The group's name; the core group has an empty one.
    #[must_use]
    pub fn group(self) -> &'static str {
        match self {
            Self::Core => "",
            Self::Events => "events.k8s.io",
        }
    }

    /// What stands in `apiVersion`.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Core => "v1",
            Self::Events => "events.k8s.io/v1",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) resource_version: String,
    pub(crate) creation_timestamp: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) managed_fields: Vec<ManagedFields>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ManagedFields {
    pub(crate) manager: String,
    pub(crate) operation: String,
    pub(crate) api_version: String,
    pub(crate) time: String,
    pub(crate) fields_type: String,
    pub(crate) fields_v1: Value,
}

/// The object an Event is about (`involvedObject`, `regarding`).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Reference {
    /// `Pod`, `Node`, ...
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Empty for a cluster-scoped object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The object's uid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// `v1`, `batch/v1`, ...; some writers leave it out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// The object's version when the Event was made.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_version: String,
    /// `spec.containers{name}` for a container's Event.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field_path: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Source {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) component: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) host: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Series {
    pub(crate) count: u32,
    pub(crate) last_observed_time: String,
}

/// What is stored: the core/v1 form, without `kind` and `apiVersion`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Object {
    pub(crate) metadata: Metadata,
    pub(crate) involved_object: Reference,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) reason: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) source: Source,
    pub(crate) first_timestamp: Option<String>,
    pub(crate) last_timestamp: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) count: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) r#type: String,
    pub(crate) event_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) series: Option<Series>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) related: Option<Reference>,
    #[serde(default)]
    pub(crate) reporting_component: String,
    #[serde(default)]
    pub(crate) reporting_instance: String,
}

/// The same in events.k8s.io/v1.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventsView<'a> {
    metadata: &'a Metadata,
    event_time: &'a Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    series: &'a Option<Series>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reporting_controller: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reporting_instance: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    action: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    regarding: &'a Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    related: &'a Option<Reference>,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    r#type: &'a str,
    deprecated_source: &'a Source,
    deprecated_first_timestamp: &'a Option<String>,
    deprecated_last_timestamp: &'a Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    deprecated_count: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this signature")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Object {
    /// The key in etcd, below `/registry/events/`; lists come in its byte order.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.metadata.namespace, self.metadata.name)
    }

    /// An item of a list: without `kind` and `apiVersion`.
    pub(crate) fn item(&self, api: Api) -> Vec<u8> {
        match api {
            Api::Core => to_json(self),
            Api::Events => to_json(&EventsView {
                metadata: &self.metadata,
                event_time: &self.event_time,
                series: &self.series,
                reporting_controller: &self.reporting_component,
                reporting_instance: &self.reporting_instance,
                action: &self.action,
                reason: &self.reason,
                regarding: &self.involved_object,
                related: &self.related,
                note: &self.message,
                r#type: &self.r#type,
                deprecated_source: &self.source,
                deprecated_first_timestamp: &self.first_timestamp,
                deprecated_last_timestamp: &self.last_timestamp,
                deprecated_count: self.count,
            }),
        }
    }

    /// A line of a watch, with its newline.
    pub(crate) fn line(&self, kind: &str, api: Api) -> Vec<u8> {
        let mut line = format!(
            r#"{{"type":"{kind}","object":{{"kind":"Event","apiVersion":"{}","#,
            api.version()
        )
        .into_bytes();
        line.extend_from_slice(self.item(api).get(1..).unwrap_or_default());
        line.extend_from_slice(b"}\n");
        line
    }
}

/// JSON as Go's `encoding/json` writes it: `<`, `>`, `&`, U+2028 and U+2029 are escaped.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Vec<u8> {
    let plain = serde_json::to_string(value).expect("our own types serialise");
    if !plain.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return plain.into_bytes();
    }
    // These characters occur inside of strings only.
    let mut escaped = String::with_capacity(plain.len() + 64);
    for c in plain.chars() {
        match c {
            '<' => escaped.push_str(r"\u003c"),
            '>' => escaped.push_str(r"\u003e"),
            '&' => escaped.push_str(r"\u0026"),
            '\u{2028}' => escaped.push_str(r"\u2028"),
            '\u{2029}' => escaped.push_str(r"\u2029"),
            c => escaped.push(c),
        }
    }
    escaped.into_bytes()
}
