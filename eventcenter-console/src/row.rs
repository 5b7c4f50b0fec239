//! An event of a list, as JSON.

use eventcenter_core::{Cluster, ObjectRef};
use eventcenter_store::ask::{PodRef, Row};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

/// See `Event` in the OpenAPI document.
#[derive(Debug, Serialize)]
pub(crate) struct EventJson<'a> {
    id: String,
    mark: u64,
    cluster: &'a Cluster,
    time: Timestamp,
    first: Option<Timestamp>,
    received: Timestamp,
    level: &'static str,
    #[serde(rename = "type")]
    event_type: &'a str,
    class: Option<&'static str>,
    reason: &'a str,
    message: &'a str,
    /// What the document says.
    count: u32,
    /// How often it occurred in the range.
    occurrences: u64,
    estimated: bool,
    object: ObjectJson<'a>,
    node: &'a str,
    component: &'a str,
    action: &'a str,
    workload: Option<&'a str>,
    pod: Option<&'a PodRef>,
    uid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Box<RawValue>>,
}

/// How much of an event is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// The document as well.
    pub(crate) document: bool,
    /// Characters of the message, at most: a list of messages of a megabyte each helps nobody.
    pub(crate) message: usize,
}

impl Told {
    /// Everything but the document.
    pub(crate) const FIELDS: Self = Self { document: false, message: usize::MAX };
    /// Everything.
    pub(crate) const ALL: Self = Self { document: true, ..Self::FIELDS };
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ObjectJson<'a> {
    api_version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    uid: &'a str,
    field_path: &'a str,
}

impl<'a> EventJson<'a> {
    pub(crate) fn new(row: &'a Row, told: Told) -> Self {
        let event = &row.event;
        let ObjectRef { api_version, kind, namespace, name, uid, field_path, .. } = event.object();
        Self {
            id: row.id.0.to_string(),
            mark: row.mark.0,
            cluster: event.cluster(),
            time: event.time(),
            first: event.first(),
            received: event.received(),
            level: event.level().as_str(),
            event_type: event.event_type(),
            class: event.class().map(|class| class.name),
            reason: event.reason(),
            message: beginning(event.message(), told.message),
            count: event.count(),
            occurrences: row.occurrences,
            estimated: row.estimated,
            object: ObjectJson { api_version, kind, namespace, name, uid, field_path },
            node: event.host(),
            component: event.component(),
            action: event.action(),
            workload: row.workload.as_deref(),
            pod: row.pod.as_ref(),
            uid: event.uid(),
            document: told.document.then(|| document(row)).flatten(),
        }
    }
}

/// So many characters of the text, or all that there are.
fn beginning(text: &str, most: usize) -> &str {
    let end = text.char_indices().nth(most).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

fn document(row: &Row) -> Option<Box<RawValue>> {
    let mut document = Vec::new();
    row.event.write_document(&mut document);
    RawValue::from_string(String::from_utf8(document).ok()?).ok()
}
