//! Exports: all of it, nothing that another program would obey, and whether it is whole.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use eventcenter_console::Console;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::engines::{Fault, Faulty, gap};
use crate::{console, event, get, over, send, store};

/// The lines of an NDJSON export, and its last one.
async fn lines(console: &Console, path: &str) -> (Vec<Value>, Value) {
    let (status, body, _) = send(console, get(path)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let mut lines: Vec<Value> =
        body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut last = lines.pop().unwrap();
    (lines, last["end"].take())
}

/// A header of an answer, and its body; none if it broke off.
async fn taken(console: &Console, path: &str) -> (Option<String>, Option<String>) {
    let response = console.router().oneshot(get(path)).await.unwrap();
    let gaps = response.headers().get("eventcenter-gaps");
    let gaps = gaps.map(|gaps| gaps.to_str().unwrap().to_owned());
    let body = to_bytes(response.into_body(), 8 << 20).await.ok();
    (gaps, body.map(|body| String::from_utf8(body.to_vec()).unwrap()))
}

#[tokio::test]
async fn an_export_has_every_event_and_says_that_it_is_whole() {
    let console = console("{}");
    let (events, end) = lines(&console, "/api/v1/export.ndjson").await;
    assert_eq!(events.len(), 31);
    assert!(events.iter().all(|event| event["event"].is_object()), "{events:?}");
    assert_eq!(end, json!({ "events": 31, "truncated": false, "gaps": [], "unread": [] }));
    let (events, end) = lines(&console, "/api/v1/export.ndjson?query=reason%20:%20nothing").await;
    assert!(events.is_empty() && end["events"] == 0, "{end}");
    let (gaps, csv) = taken(&console, "/api/v1/export.csv").await;
    assert_eq!((gaps.as_deref(), csv.map(|csv| csv.lines().count())), (Some("0"), Some(32)));
}

#[tokio::test]
async fn an_export_says_that_there_is_more_than_it_has() {
    let console = console(r#"{"limits":{"export_rows":5}}"#);
    let (events, end) = lines(&console, "/api/v1/export.ndjson").await;
    assert_eq!((events.len(), &end["truncated"]), (5, &json!(true)));
    assert_eq!(taken(&console, "/api/v1/export.csv").await.1, None, "it breaks off");
    let exactly = crate::console(r#"{"limits":{"export_rows":31}}"#);
    assert_eq!(lines(&exactly, "/api/v1/export.ndjson").await.1["truncated"], false);
    assert!(taken(&exactly, "/api/v1/export.csv").await.1.is_some());
}

#[tokio::test]
async fn an_export_says_what_it_lacks() {
    let console = over(Faulty(store(), Fault::Lacking), "{}");
    let (_, end) = lines(&console, "/api/v1/export.ndjson").await;
    assert_eq!(end["gaps"][0]["reason"], gap().reason);
    assert_eq!(end["unread"], json!(["a file is damaged"]));
    let (gaps, csv) = taken(&console, "/api/v1/export.csv").await;
    assert!(gaps.as_deref() == Some("1") && csv.is_some(), "{gaps:?}");
}

#[tokio::test]
async fn what_turns_out_later_ends_the_ndjson_and_breaks_off_the_csv() {
    let store = store();
    assert!((32..1200).all(|n| store.take(&event(n, "m"))));
    let console = over(Faulty(store, Fault::LackingLater), "{}");
    let (events, end) = lines(&console, "/api/v1/export.ndjson?since=all").await;
    assert_eq!((events.len(), end["gaps"].as_array().map(Vec::len)), (1199, Some(1)));
    let (gaps, csv) = taken(&console, "/api/v1/export.csv?since=all").await;
    assert_eq!((gaps.as_deref(), csv), (Some("0"), None));
}

#[tokio::test]
async fn no_program_that_reads_it_is_given_orders() {
    let console = console("{}");
    let (_, csv, _) = send(&console, get("/api/v1/export.csv?query=script")).await;
    assert!(csv.starts_with("time,level,class,") && csv.contains(",\"'=cmd|"), "{csv}");
    let orders = |text: &str| text.contains(['\u{1b}', '\u{9b}', '\u{202e}']);
    assert!(!orders(&csv) && csv.contains("␛[31m��<script>"), "{csv}");
    for path in [
        "/api/v1/export.ndjson?query=script",
        "/api/v1/events?query=script&document=true",
        "/api/v1/events/-/e-31",
        "/api/v1/pods/-/shop/web-31",
    ] {
        let (_, body, _) = send(&console, get(path)).await;
        assert!(!orders(&body), "{path}: {body}");
        let text = body.lines().next().unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        assert!(orders(&strings(&value)), "it is the same text: {value}");
    }
}

#[tokio::test]
async fn a_table_as_a_file_says_what_it_lacks_and_gives_no_orders() {
    let console = over(Faulty(store(), Fault::Lacking), "{}");
    for (kind, text) in
        [("csv", "x\r\n\"'=␛��x\"\r\n"), ("ndjson", "{\"x\":\"=\\u001b\\u009b\\u202ex\"}\n")]
    {
        let path = format!("/api/v1/query.{kind}?query=*%7Cselect%20x");
        let (status, body, headers) = send(&console, get(&path)).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, text));
        for name in ["eventcenter-gaps", "eventcenter-unread"] {
            let header = headers.iter().find(|(known, _)| known == name);
            assert_eq!(header.map(|(_, value)| value.as_str()), Some("1"), "{kind}: {name}");
        }
    }
}

/// All text in a value, one after the other.
fn strings(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(strings).collect(),
        Value::Object(map) => map.values().map(strings).collect(),
        _ => String::new(),
    }
}

#[tokio::test]
async fn an_export_holds_its_place_until_it_was_taken() {
    let console = Arc::new(console(r#"{"limits":{"requests":1}}"#));
    let export = console.router().oneshot(get("/api/v1/export.ndjson")).await.unwrap();
    let (status, ..) = send(&console, get("/api/v1/gaps")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    drop(export);
    assert_eq!(send(&console, get("/api/v1/gaps")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn an_answer_is_packed_for_who_takes_it_and_what_lasts_is_not() {
    let ask = async |path: &str, accepts: &str| {
        let request = Request::get(path)
            .header(header::HOST, "localhost")
            .header(header::ACCEPT_ENCODING, accepts)
            .body(Body::empty())
            .unwrap();
        let response = console("{}").router().oneshot(request).await.unwrap();
        let is_packed = response.headers().contains_key(header::CONTENT_ENCODING);
        (is_packed, response.into_body())
    };
    let (is_packed, plain) = ask("/api/v1/events?limit=20&until=2100-01-01T00:00:00Z", "br").await;
    assert!(!is_packed);
    let plain = to_bytes(plain, 1 << 20).await.unwrap();
    let (is_packed, packed) =
        ask("/api/v1/events?limit=20&until=2100-01-01T00:00:00Z", "gzip, br").await;
    assert!(is_packed);
    let packed = to_bytes(packed, 1 << 20).await.unwrap();
    assert!(packed.len() * 3 < plain.len(), "{} of {}", packed.len(), plain.len());
    for path in ["/api/v1/live", "/api/v1/export.ndjson", "/api/v1/keys", "/healthz"] {
        assert!(!ask(path, "gzip").await.0, "{path}");
    }
}
