//! From a document of core/v1 or events.k8s.io/v1 to an [`Event`].
//!
//! Both versions are read by one set of fields: each name of the older has at most one counterpart in the
//! newer, and no document has both. What is unknown stays in the document. A document that is no JSON object,
//! or has a field of another type than the API says, is refused: the caller quarantines it as a dead letter.

use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use jiff::Timestamp;
use memchr::memchr;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use super::document::{self, MAX_DOCUMENT, Span, Spans, Word};
use super::{Alert, Cluster, Event, Level, ObjectSpans, View};
use crate::class;
use crate::error::{Error, ErrorKind};

/// The fields of both API versions that are read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(borrow, default)]
    metadata: Metadata<'a>,
    #[serde(borrow, default, alias = "regarding")]
    involved_object: Reference<'a>,
    #[serde(borrow, default)]
    related: Option<Reference<'a>>,
    #[serde(borrow, default, rename = "type")]
    event_type: Word<'a>,
    #[serde(borrow, default)]
    reason: Word<'a>,
    #[serde(borrow, default, alias = "note")]
    message: Word<'a>,
    #[serde(borrow, default)]
    action: Word<'a>,
    #[serde(borrow, default, alias = "deprecatedSource")]
    source: Option<EventSource<'a>>,
    #[serde(borrow, default, alias = "reportingController")]
    reporting_component: Word<'a>,
    #[serde(borrow, default)]
    reporting_instance: Word<'a>,
    #[serde(borrow, default, alias = "deprecatedFirstTimestamp")]
    first_timestamp: Word<'a>,
    #[serde(borrow, default, alias = "deprecatedLastTimestamp")]
    last_timestamp: Word<'a>,
    #[serde(borrow, default)]
    event_time: Word<'a>,
    #[serde(default, alias = "deprecatedCount")]
    count: Option<i64>,
    #[serde(borrow, default)]
    series: Option<Series<'a>>,
    #[serde(default)]
    alert: Option<Alert>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata<'a> {
    #[serde(borrow)]
    uid: Word<'a>,
    #[serde(borrow)]
    resource_version: Word<'a>,
    #[serde(borrow)]
    name: Word<'a>,
    #[serde(borrow)]
    namespace: Word<'a>,
    #[serde(borrow)]
    creation_timestamp: Word<'a>,
    #[serde(borrow)]
    labels: Pairs<'a>,
    #[serde(borrow)]
    annotations: Pairs<'a>,
    #[serde(borrow)]
    managed_fields: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reference<'a> {
    #[serde(borrow)]
    api_version: Word<'a>,
    #[serde(borrow)]
    kind: Word<'a>,
    #[serde(borrow)]
    namespace: Word<'a>,
    #[serde(borrow)]
    name: Word<'a>,
    #[serde(borrow)]
    uid: Word<'a>,
    #[serde(borrow)]
    resource_version: Word<'a>,
    #[serde(borrow)]
    field_path: Word<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EventSource<'a> {
    #[serde(borrow)]
    component: Word<'a>,
    #[serde(borrow)]
    host: Word<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Series<'a> {
    count: Option<i64>,
    #[serde(borrow)]
    last_observed_time: Word<'a>,
}

/// A map of strings in the order of the document; JSON's `null` is the empty map.
#[derive(Default)]
struct Pairs<'a>(Vec<(Word<'a>, Word<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;

        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of strings or null")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Pairs::default())
            }
        }

        deserializer.deserialize_any(PairsVisitor)
    }
}

impl Event {
    /// Reads an Event object as the API server writes it, in either API version.
    ///
    /// `received` is when it arrived. Invalid UTF-8 in the document is kept in [`raw`](Event::raw) and replaced
    /// in the view.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when the document is no JSON object of this shape, or is larger than 32 MiB. The
    /// message says where; it quotes nothing of the document.
    pub fn from_kubernetes(
        cluster: &Arc<Cluster>,
        raw: Bytes,
        received: Timestamp,
    ) -> Result<Self, Error> {
        if raw.len() > MAX_DOCUMENT {
            return Err(unreadable("the document is larger than 32 MiB"));
        }
        let text = match ByteString::try_from(raw.clone()) {
            Ok(text) => text,
            Err(_) => ByteString::from(String::from_utf8_lossy(&raw).into_owned()),
        };
        let text = match without_half_characters(&text) {
            Some(repaired) => ByteString::from(repaired),
            None => text,
        };
        // serde would take an array for an object whose fields all have defaults.
        if !text.trim_start().starts_with('{') {
            return Err(unreadable("the document is no JSON object"));
        }
        let mut wire: Wire<'_> = serde_json::from_str(&text).map_err(|error| {
            let place = format!("line {} column {}", error.line(), error.column());
            unreadable("the document is no Event").with("at", place)
        })?;
        let alert = wire.alert.take().map(Arc::new);
        let mut spans = Spans::new(&text);
        let view = View::new(&wire, &mut spans);
        let unescaped = spans.unescaped.into_boxed_str();
        drop(wire);
        Ok(Self { raw, text, unescaped, view, cluster: Arc::clone(cluster), received, alert })
    }
}

/// A copy in which `\ud83d` without its other half is `\ufffd`; none if there is none such. The grammar of JSON has
/// them, its readers refuse them, and no field that is read here need be the one that has it. (Go never writes one.)
fn without_half_characters(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let unit = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(hex, 16).ok()
    };
    let mut repaired: Option<String> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at += found;
        at += match (unit(at), unit(at + 6)) {
            (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (Some(0xd800..0xe000), _) => {
                let copy = repaired.get_or_insert_default();
                copy.push_str(text.get(copied..at).unwrap_or_default());
                copy.push_str("\\ufffd");
                copied = at + 6;
                6
            }
            // An escaped backslash begins nothing.
            _ => 2,
        };
    }
    repaired.map(|copy| copy + text.get(copied..).unwrap_or_default())
}

fn unreadable(message: &str) -> Error {
    Error::new("event", ErrorKind::Protocol, message)
}

impl View {
    fn new<'a>(wire: &Wire<'a>, spans: &mut Spans<'a>) -> Self {
        let none = EventSource::default();
        let source = wire.source.as_ref().unwrap_or(&none);
        let no_series = Series::default();
        let series = wire.series.as_ref().unwrap_or(&no_series);
        let object = &wire.involved_object;
        let component = wire.reporting_component.or(&source.component);
        let node = Word::default();
        let host = source.host.or(if object.kind.0 == "Node" { &object.name } else { &node });
        let class = class::classify(&wire.reason.0, &object.kind.0, &wire.message.0);

        Self {
            uid: spans.of(&wire.metadata.uid),
            resource_version: spans.of(&wire.metadata.resource_version),
            name: spans.of(&wire.metadata.name),
            namespace: spans.of(&wire.metadata.namespace),
            created: spans.of(&wire.metadata.creation_timestamp),
            managed_fields: (wire.metadata.managed_fields)
                .map_or_else(Span::default, |value| spans.of_part(value.get())),
            labels: pairs(&wire.metadata.labels, spans),
            annotations: pairs(&wire.metadata.annotations, spans),
            object: ObjectSpans::new(object, spans),
            related: (wire.related.as_ref())
                .map(|related| Box::new(ObjectSpans::new(related, spans))),
            event_type: spans.of(&wire.event_type),
            reason: spans.of(&wire.reason),
            message: spans.of(&wire.message),
            action: spans.of(&wire.action),
            component: spans.of(component),
            instance: spans.of(&wire.reporting_instance),
            host: spans.of(host),
            first: spans.of(&wire.first_timestamp),
            last: spans.of(&wire.last_timestamp),
            event_time: spans.of(&wire.event_time),
            series_last: spans.of(&series.last_observed_time),
            count: count(series.count).or(count(wire.count)).unwrap_or(1),
            time: [
                &series.last_observed_time,
                &wire.last_timestamp,
                &wire.event_time,
                &wire.first_timestamp,
                &wire.metadata.creation_timestamp,
            ]
            .into_iter()
            .find_map(|word| document::time(&word.0))
            .unwrap_or(Timestamp::UNIX_EPOCH),
            level: level(&wire.event_type.0, class.is_some()),
            class,
        }
    }
}

impl ObjectSpans {
    fn new<'a>(reference: &Reference<'a>, spans: &mut Spans<'a>) -> Self {
        Self {
            api_version: spans.of(&reference.api_version),
            kind: spans.of(&reference.kind),
            namespace: spans.of(&reference.namespace),
            name: spans.of(&reference.name),
            uid: spans.of(&reference.uid),
            resource_version: spans.of(&reference.resource_version),
            field_path: spans.of(&reference.field_path),
        }
    }
}

fn pairs<'a>(pairs: &Pairs<'a>, spans: &mut Spans<'a>) -> Box<[(Span, Span)]> {
    pairs.0.iter().map(|(key, value)| (spans.of(key), spans.of(value))).collect()
}

/// A count that counts: zero, negative and absent ones say nothing.
fn count(count: Option<i64>) -> Option<u32> {
    count.filter(|&count| count > 0).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}

fn level(event_type: &str, is_known_fault: bool) -> Level {
    if is_known_fault || event_type.eq_ignore_ascii_case("Error") {
        Level::Error
    } else if event_type == "Warning" {
        Level::Warning
    } else {
        Level::Normal
    }
}

#[cfg(test)]
mod tests;
