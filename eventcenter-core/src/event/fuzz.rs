//! Documents that no API server would send, at the reader of events.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Cluster, Event};
use crate::plain::plain;
use crate::testing::events;
use crate::testing::fuzz::fuzz;

/// What JSON and an Event are made of.
const PIECES: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud83d",
    b"\\n",
    b"null",
    b"true",
    b"-1",
    b"4294967296",
    b"1e400",
    b"0.5",
    b"\"metadata\":",
    b"\"series\":null,",
    b"\"series\":{\"count\":3},",
    b"\"managedFields\":[{}],",
    b"\"lastTimestamp\":\"2026-11-25T01:02:03Z\",",
    b"\"9999-12-31T23:59:60+99:99\"",
    b"\"eventTime\":\"2026-11-25T01:02:03.000004Z\",",
    b"\"count\":-5,",
    b"\xff",
    b"\xed\xa0\x80",
    b"\0",
    "镜".as_bytes(),
    "\u{202e}".as_bytes(),
    b" ",
    b"\n",
];

/// Whether it was read.
fn hold(cluster: &Arc<Cluster>, bytes: &[u8]) -> bool {
    let received = Timestamp::UNIX_EPOCH;
    let read = |bytes: &[u8]| Event::from_kubernetes(cluster, bytes.to_vec().into(), received);
    let event = match read(bytes) {
        Ok(event) => event,
        Err(error) => {
            assert_eq!(plain(&error.to_string()), error.to_string());
            return false;
        }
    };
    assert_eq!(event.raw().as_ref(), bytes, "the document is kept as it is");
    let mut line = Vec::new();
    event.write_json(&mut line);
    assert!(!line.contains(&b'\n'), "an event is one line");
    let line: serde_json::Value = serde_json::from_slice(&line).expect("an event is JSON");
    assert_eq!(line["id"], event.occurrence_key());
    let mut document = Vec::new();
    event.write_document(&mut document);
    let again = read(&document).expect("what is written is read");
    let fields = |event: &Event| {
        let object = event.object();
        let texts =
            [event.uid(), event.reason(), event.message(), event.host(), object.name, object.kind];
        let texts = texts.map(str::to_owned);
        (
            texts,
            event.count(),
            event.time(),
            event.level(),
            event.occurrence_key(),
            event.incident_key(),
        )
    };
    assert_eq!(fields(&again), fields(&event));
    assert!(event.count() >= 1);
    if let Some(short) = event.shortened() {
        assert_eq!(short.occurrence_key(), event.occurrence_key());
        assert!(short.raw().len() < event.raw().len());
    }
    std::hint::black_box((event.first(), event.last(), event.workload(), event.weight()));
    true
}

#[test]
fn no_document_breaks_the_reader_or_is_written_as_another() {
    let standard: Vec<_> = events::standard().iter().map(|event| event.raw().clone()).collect();
    let corpus: Vec<&[u8]> = standard.iter().map(AsRef::as_ref).collect();
    let cluster = Arc::new(Cluster { id: "c1".to_owned(), name: "prod".to_owned() });
    let tried = fuzz(&corpus, PIECES, 10_000, |bytes| hold(&cluster, bytes));
    assert!(tried.read > tried.inputs / 10 && tried.read < tried.inputs, "{tried:?}");
}
