//! Where refused events go: one NDJSON file a sink, `dead-letters/NAME.ndjson` in the state folder.
//!
//! ```json
//! {"time":"2026-11-25T01:02:03Z","sink":"hook","kind":"refused","reason":"status 400: no such field",
//!  "attempts":1,"id":"uid-resourceVersion","cluster":{"id":"…","name":"prod"},"event":{ the document }}
//! ```
//!
//! A document that could not be read as an event stands under `document`, as a string, and its `sink` is the name
//! of the source. A line is synced before the sink's cursor moves past it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{Cluster, Event};
use crate::folder;

/// Why an event was set aside.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub(crate) kind: ErrorKind,
    pub(crate) reason: &'a str,
    pub(crate) attempts: u32,
}

/// The folder of dead letters.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetters {
    folder: PathBuf,
}

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
    event: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a str>,
}

impl DeadLetters {
    /// In this folder, which is made when the first letter comes.
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

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
            event: None,
            document: Some(&String::from_utf8_lossy(raw)),
        })
    }

    /// Appends lines to the file of `name`; they are on disk when this returns.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when they cannot be written: they are not settled then.
    pub(crate) async fn bury(&self, name: &str, lines: Vec<u8>) -> Result<()> {
        let (folder, file) = (self.folder.clone(), file_name(name));
        let written = tokio::task::spawn_blocking(move || append(&folder, &file, &lines)).await;
        written.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| {
            Error::new("dead letters", ErrorKind::Storage, "cannot write")
                .with("sink", name)
                .with_source(error)
        })
    }
}

/// Sources have slashes and stars in their names: these become `%2F` and `%2A`, so that no two names share a file.
fn file_name(name: &str) -> String {
    let mut file = String::with_capacity(name.len() + 8);
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            file.push(char::from(byte));
        } else {
            file.push_str(&format!("%{byte:02X}"));
        }
    }
    file + ".ndjson"
}

fn line(line: &Line<'_>) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn append(folder: &Path, file: &str, lines: &[u8]) -> io::Result<()> {
    folder::make_private(folder)?;
    let path = folder.join(file);
    let is_new = !path.exists();
    let mut file = fs::File::options().create(true).append(true).open(path)?;
    let before = file.metadata()?.len();
    if let Err(error) = file.write_all(lines).and_then(|()| file.sync_data()) {
        // Half a line would spoil the one that is written next.
        file.set_len(before).ok();
        return Err(error);
    }
    if is_new { fs::File::open(folder)?.sync_all() } else { Ok(()) }
}
