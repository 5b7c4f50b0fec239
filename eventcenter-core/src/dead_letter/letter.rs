//! One letter: a line of JSON, written and read.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::DeadLetters;
use crate::error::ErrorKind;
use crate::event::{Cluster, Event};

/// The kind of a line that is no letter.
const UNREADABLE: &str = "unreadable";

/// Why an event was set aside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub(crate) kind: ErrorKind,
    pub(crate) reason: &'a str,
    pub(crate) attempts: u32,
}

/// A line as it is written.
#[derive(Serialize)]
struct Line<'a> {
    time: Timestamp,
    sink: &'a str,
    kind: &'a str,
    reason: &'a str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a Cluster>,
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a str>,
}

impl DeadLetters {
    /// The line for an event.
    pub(crate) fn event_line(
        sink: &str,
        event: &Event,
        cause: Cause<'_>,
        now: Timestamp,
    ) -> Vec<u8> {
        let mut document = Vec::with_capacity(event.text().len());
        event.write_document(&mut document);
        let document = String::from_utf8(document).unwrap_or_default();
        let raw = RawValue::from_string(document).ok();
        line(&Line {
            time: now,
            sink,
            kind: cause.kind.as_str(),
            reason: cause.reason,
            attempts: cause.attempts,
            id: Some(event.occurrence_key()),
            cluster: Some(event.cluster()),
            received: Some(event.received()),
            event: raw.as_deref(),
            document: None,
        })
    }

    /// The line for a document that is no event.
    pub(crate) fn document_line(
        source: &str,
        raw: &[u8],
        cause: Cause<'_>,
        now: Timestamp,
    ) -> Vec<u8> {
        line(&Line {
            time: now,
            sink: source,
            kind: cause.kind.as_str(),
            reason: cause.reason,
            attempts: cause.attempts,
            id: None,
            cluster: None,
            received: None,
            event: None,
            document: Some(&String::from_utf8_lossy(raw)),
        })
    }
}

fn line(line: &Line<'_>) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// A letter as it was read. All of its text is that of others.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What commands call it: when it was written, in microseconds since 1970 as hex digits, and a part of the SHA-256 of
    /// its line. So ids grow with time, need not be kept, and two letters of one id say the same.
    pub id: String,
    /// The whole line, without its end.
    pub text: String,
    /// When it was written.
    pub time: Timestamp,
    /// The sink, or the source, that it is of.
    pub sink: String,
    /// An [`ErrorKind`] as a word; `unreadable` where the line is no letter.
    pub kind: String,
    /// The receiver's words.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The event's [occurrence key](Event::occurrence_key).
    pub occurrence: Option<String>,
    cluster: Option<Arc<Cluster>>,
    received: Option<Timestamp>,
    event: Option<Box<RawValue>>,
}

/// What is read of a line. Letters of older versions do not say when their event was received.
#[derive(Deserialize)]
struct Read {
    time: Timestamp,
    kind: String,
    reason: String,
    attempts: u32,
    id: Option<String>,
    cluster: Option<Arc<Cluster>>,
    received: Option<Timestamp>,
    event: Option<Box<RawValue>>,
}

impl Letter {
    /// Reads a line, without its end, of the file of `name`.
    pub(super) fn read(name: &str, line: &[u8]) -> Self {
        let read: Result<Read, _> = serde_json::from_slice(line);
        let time = read.as_ref().map_or(Timestamp::UNIX_EPOCH, |read| read.time);
        let letter = Self {
            id: id(time, line),
            text: String::from_utf8_lossy(line).into_owned(),
            time,
            sink: name.to_owned(),
            kind: UNREADABLE.to_owned(),
            reason: String::new(),
            attempts: 0,
            occurrence: None,
            cluster: None,
            received: None,
            event: None,
        };
        match read {
            Ok(Read {
                kind, reason, attempts, id: occurrence, cluster, received, event, ..
            }) => Self { kind, reason, attempts, occurrence, cluster, received, event, ..letter },
            Err(error) => Self { reason: format!("the line is no letter: {error}"), ..letter },
        }
    }

    /// The event that it holds; none for a document that was no event, and for a line that is no letter.
    pub fn event(&self) -> Option<Event> {
        let document = Bytes::copy_from_slice(self.event.as_ref()?.get().as_bytes());
        let received = self.received.unwrap_or(self.time);
        Event::from_kubernetes(self.cluster.as_ref()?, document, received).ok()
    }
}

/// When the letter of this line was written; none if the line is no letter.
pub(super) fn time(line: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Dated {
        time: Timestamp,
    }
    Some(serde_json::from_slice::<Dated>(line).ok()?.time)
}

/// The id of the letter of this line.
pub(super) fn id_of(line: &[u8]) -> String {
    id(time(line).unwrap_or(Timestamp::UNIX_EPOCH), line)
}

fn id(time: Timestamp, line: &[u8]) -> String {
    let digest = Sha256::digest(line);
    let [a, b, c, d, ..] = digest[..] else { return String::new() };
    format!("{:013x}-{a:02x}{b:02x}{c:02x}{d:02x}", time.as_microsecond().max(0))
}
