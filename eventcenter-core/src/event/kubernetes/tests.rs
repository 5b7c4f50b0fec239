//! A table of documents, each with what the normal form says of it.

use super::*;

fn cluster() -> Arc<Cluster> {
    Arc::new(Cluster { id: "c1".to_owned(), name: "prod".to_owned() })
}

fn read(document: impl Into<Bytes>) -> Event {
    Event::from_kubernetes(&cluster(), document.into(), Timestamp::UNIX_EPOCH).unwrap()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

#[test]
fn the_time_of_an_event_is_the_newest_thing_the_document_says() {
    let cases = [
        // A scheduler's event on its first occurrence: core/v1 view, no count, no first or last.
        (
            r#"{"metadata":{"creationTimestamp":"2026-01-01T00:00:00Z"},"firstTimestamp":null,
                "lastTimestamp":null,"eventTime":"2026-01-01T00:00:01.000002Z"}"#,
            "2026-01-01T00:00:01.000002Z",
            1,
        ),
        // A series is newer than lastTimestamp, and its count is the one that counts.
        (
            r#"{"lastTimestamp":"2026-01-01T00:00:05Z","count":2,
                "series":{"count":9,"lastObservedTime":"2026-01-01T00:09:00.5Z"}}"#,
            "2026-01-01T00:09:00.5Z",
            9,
        ),
        (
            r#"{"lastTimestamp":"2026-01-01T00:00:05Z","eventTime":"2026-01-01T00:00:01Z","count":0}"#,
            "2026-01-01T00:00:05Z",
            1,
        ),
        (r#"{"firstTimestamp":"2026-01-01T00:00:03Z","count":-4}"#, "2026-01-01T00:00:03Z", 1),
        (
            r#"{"metadata":{"creationTimestamp":"2026-01-01T00:00:04Z"},"count":null}"#,
            "2026-01-01T00:00:04Z",
            1,
        ),
        // A time that is none is passed over; offsets are understood.
        (
            r#"{"lastTimestamp":"yesterday","eventTime":"2026-01-01T08:00:00+08:00"}"#,
            "2026-01-01T00:00:00Z",
            1,
        ),
        // No time at all: never "now".
        ("{}", "1970-01-01T00:00:00Z", 1),
        (r#"{"count":99999999999}"#, "1970-01-01T00:00:00Z", u32::MAX),
    ];
    for (document, time, count) in cases {
        let event = read(document);
        assert_eq!((event.time(), event.count()), (at(time), count), "{document}");
    }
}

#[test]
fn both_api_versions_have_one_normal_form() {
    let core = read(
        r#"{"metadata":{"name":"p.1","namespace":"n","uid":"u","resourceVersion":"7","labels":{"a":"b"}},
            "involvedObject":{"kind":"Pod","namespace":"n","name":"p","fieldPath":"spec.containers{c}"},
            "related":{"kind":"Node","name":"w1"},"type":"Normal","reason":"R","message":"m \"q\"",
            "source":{"component":"kubelet","host":"w1"},"reportingComponent":"","reportingInstance":"i",
            "firstTimestamp":"2026-01-01T00:00:00Z","lastTimestamp":"2026-01-01T00:00:02Z","count":2,"action":"A"}"#,
    );
    let events_v1 = read(
        r#"{"metadata":{"name":"p.1","namespace":"n","uid":"u","resourceVersion":"7","labels":{"a":"b"}},
            "regarding":{"kind":"Pod","namespace":"n","name":"p","fieldPath":"spec.containers{c}"},
            "related":{"kind":"Node","name":"w1"},"type":"Normal","reason":"R","note":"m \"q\"",
            "deprecatedSource":{"component":"kubelet","host":"w1"},"reportingController":"","reportingInstance":"i",
            "deprecatedFirstTimestamp":"2026-01-01T00:00:00Z","deprecatedLastTimestamp":"2026-01-01T00:00:02Z",
            "deprecatedCount":2,"action":"A"}"#,
    );
    for event in [core, events_v1] {
        assert_eq!(event.object().name, "p");
        assert_eq!(event.object().field_path, "spec.containers{c}");
        assert_eq!(event.related().unwrap().name, "w1");
        assert_eq!(event.message(), "m \"q\"");
        assert_eq!((event.component(), event.host(), event.instance()), ("kubelet", "w1", "i"));
        assert_eq!(
            (event.first(), event.last()),
            (Some(at("2026-01-01T00:00:00Z")), Some(at("2026-01-01T00:00:02Z")))
        );
        assert_eq!((event.count(), event.action(), event.reason()), (2, "A", "R"));
        assert_eq!(event.labels().collect::<Vec<_>>(), [("a", "b")]);
        assert_eq!(event.object_key(), "c1/u");
        assert_eq!(event.cluster_occurrence_key(), "c1-u-7");
    }
}

#[test]
fn the_host_of_a_node_event_is_the_node() {
    let document = r#"{"involvedObject":{"kind":"Node","name":"w1"},"source":{"component":"node-controller"}}"#;
    assert_eq!(read(document).host(), "w1");
    assert_eq!(read(r#"{"involvedObject":{"kind":"Pod","name":"p"},"source":{}}"#).host(), "");
}

#[test]
fn level_comes_from_the_type_or_from_a_known_fault() {
    let cases = [
        (r#"{"type":"Normal"}"#, Level::Normal),
        (r#"{"type":"Warning"}"#, Level::Warning),
        (r#"{"type":"Error"}"#, Level::Error),
        (r#"{"type":"error"}"#, Level::Error),
        (r#"{"type":"Fatal"}"#, Level::Normal),
        (r#"{"type":"Normal","reason":"SystemOOM"}"#, Level::Error),
        ("{}", Level::Normal),
    ];
    for (document, level) in cases {
        assert_eq!(read(document).level(), level, "{document}");
    }
    assert_eq!(read(r#"{"type":"Fatal"}"#).event_type(), "Fatal");
}

#[test]
fn odd_documents_are_kept_and_read() {
    // A resourceVersion that is no number, and one that fits in no integer.
    assert_eq!(read(r#"{"metadata":{"resourceVersion":"a-b"}}"#).resource_version(), "a-b");
    let huge = "9".repeat(40);
    assert_eq!(
        read(format!(r#"{{"metadata":{{"resourceVersion":"{huge}"}}}}"#)).resource_version(),
        huge
    );

    // Control characters, CJK, emoji: escaped or not, they are what they are.
    let event = read(r#"{"message":"a\u0000\u001b[31m\n中文 \ud83d\ude00","reason":"中\u6587"}"#);
    assert_eq!(event.message(), "a\0\u{1b}[31m\n中文 😀");
    assert_eq!(event.reason(), "中文");

    // Everything null, as Go writes absent things.
    let event = read(
        r#"{"metadata":{"labels":null,"annotations":null,"managedFields":null,"creationTimestamp":null},
            "source":null,"series":null,"related":null,"count":null,"message":null}"#,
    );
    assert_eq!((event.message(), event.labels().count(), event.related()), ("", 0, None));

    // Fields that are unknown here stay in the document.
    let document = r#"{"metadata":{"uid":"u"},"future":{"x":[1,2]}}"#;
    let event = read(document);
    assert_eq!(event.raw(), document.as_bytes());
    assert!(event.text().contains("future"));
}

#[test]
fn invalid_utf8_is_kept_in_the_document_and_mended_in_the_view() {
    let document = [br#"{"message":"a"#.as_slice(), &[0xff, 0xfe], br#"b","reason":"R"}"#].concat();
    let event = read(document.clone());
    assert_eq!(event.raw(), &document);
    assert_eq!(event.message(), "a\u{fffd}\u{fffd}b");
    assert_eq!(event.reason(), "R");
}

#[test]
fn a_message_of_one_mebibyte_is_an_event() {
    let message = "x".repeat(1 << 20);
    let event = read(format!(r#"{{"message":"{message}"}}"#));
    assert_eq!(event.message(), message);
    assert!(event.weight() > 1 << 20 && event.weight() < (1 << 20) + 2048);
}

#[test]
fn what_is_no_event_is_refused_without_quoting_it() {
    for document in [r#"{"metadata":42}"#, "[]", "", r#"{"message":"s3cr3t""#, r#"{"message":7}"#] {
        let error =
            Event::from_kubernetes(&cluster(), document.into(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{document}");
        assert!(!format!("{error:?}").contains("s3cr3t"));
    }
}

#[test]
fn the_json_line_is_valid_and_leaves_managed_fields_out() {
    let event = read(
        "{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"7\",\"managedFields\":[{\"manager\":\"m\"}],\n\
         \"name\":\"n\"},\"message\":\"two\\nlines\",\"reason\":\"SystemOOM\"}\n",
    );
    let mut line = Vec::new();
    event.write_json(&mut line);
    assert!(!line.contains(&b'\n'));
    let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(value["id"], "u-7");
    assert_eq!(value["cluster"]["name"], "prod");
    assert_eq!((&value["level"], &value["class"]), (&"Error".into(), &"NodeOOM".into()));
    assert_eq!(value["event"]["message"], "two\nlines");
    assert_eq!(value["event"]["metadata"]["managedFields"], serde_json::json!([]));
    assert_eq!(value["event"]["metadata"]["name"], "n");
}

#[test]
fn an_ordinary_event_costs_half_a_kilobyte_beyond_its_document() {
    let document = r#"{"metadata":{"uid":"u"},"message":"m","involvedObject":{"kind":"Pod"}}"#;
    let event = read(document);
    assert!(event.weight() - document.len() < 600, "{}", event.weight() - document.len());
}

#[test]
fn half_a_character_is_replaced_wherever_it_stands() {
    let repaired = |text: &str| without_half_characters(text);
    assert_eq!(repaired(r#""a\ud83d\ude00b" "c\\ud83d" "\u4e2d""#), None);
    assert_eq!(
        repaired(r#""a\ud83db" "\uDE00" "\ud83d\u0041" "\ud83""#).unwrap(),
        r#""a\ufffdb" "\ufffd" "\ufffd\u0041" "\ud83""#
    );
    assert_eq!(repaired(r#""中\ud83d中""#).unwrap(), r#""中\ufffd中""#);
}
