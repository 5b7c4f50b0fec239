//! An event as one line of JSON, for sinks that write JSON and have no format of their own.
//!
//! ```json
//! {"id":"uid-resourceVersion","cluster":{"id":"…","name":"prod"},"time":"2026-11-25T01:02:03Z",
//!  "received":"2026-11-25T01:02:03.4Z","level":"Error","class":"PodOOM","event":{ the document }}
//! ```
//!
//! `class` is there only for a known fault. The document is the API server's own, in its own API version, with
//! `managedFields` emptied: a third of its bytes that nobody reads. kube-eventer's webhook sink builds JSON from
//! a text template, and gets it wrong for a message with a line break; this is always one valid line.

use jiff::Timestamp;
use serde::Serialize;

use super::{Cluster, Event};

#[derive(Serialize)]
struct Head<'a> {
    id: &'a str,
    cluster: &'a Cluster,
    time: Timestamp,
    received: Timestamp,
    level: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
}

impl Event {
    /// Appends the event to `out` as one line of JSON, without the line feed. The shape:
    ///
    /// ```json
    /// {"id":"uid-rv","cluster":{"id":"c1","name":"prod"},"time":"…","received":"…","level":"Warning","event":{}}
    /// ```
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let head = Head {
            id: &self.occurrence_key(),
            cluster: &self.cluster,
            time: self.time(),
            received: self.received,
            level: self.level().as_str(),
            class: self.class().map(|class| class.name),
        };
        // Neither a Vec nor these plain fields can fail.
        serde_json::to_writer(&mut *out, &head).ok();
        out.pop();
        out.extend_from_slice(br#","event":"#);
        self.write_document(out);
        out.push(b'}');
    }

    /// Appends the document alone, on one line, with `managedFields` emptied.
    pub fn write_document(&self, out: &mut Vec<u8>) {
        let text = self.text.trim();
        let lead = self.text.len() - self.text.trim_start().len();
        let start = out.len();
        let managed = self.view.managed_fields;
        let range =
            managed.range().start.saturating_sub(lead)..managed.range().end.saturating_sub(lead);
        match (text.get(..range.start), text.get(range.end..)) {
            (Some(before), Some(after)) if !managed.is_empty() => {
                out.extend_from_slice(before.as_bytes());
                out.extend_from_slice(b"[]");
                out.extend_from_slice(after.as_bytes());
            }
            _ => out.extend_from_slice(text.as_bytes()),
        }
        // In valid JSON a line break is never inside a string: what is one is white space.
        for byte in out.iter_mut().skip(start).filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
    }
}
