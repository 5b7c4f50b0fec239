//! The bytes are those of the real server.

use eventcenter_tests::FakeApiServer;
use eventcenter_tests::fake_api_server::EventSpec;

use crate::client::{brief, get};

const CORE: &str = include_str!("../../vectors/kubernetes-1.37/events-core-v1.json");
const EVENTS: &str = include_str!("../../vectors/kubernetes-1.37/events-events-k8s-io-v1.json");

#[tokio::test]
async fn a_recorded_list_comes_back_byte_for_byte_in_both_api_versions() {
    let server = FakeApiServer::start();
    server.load(CORE);
    assert_eq!(get(&server.url(), "/api/v1/events").await.text().await, CORE);
    assert_eq!(get(&server.url(), "/apis/events.k8s.io/v1/events").await.text().await, EVENTS);
}

#[tokio::test]
async fn what_a_controller_writes_looks_like_a_recorded_event() {
    let server = FakeApiServer::start();
    server.create(EventSpec::node("hollow-1"));
    let list = get(&server.url(), "/api/v1/events").await.json().await;
    let recorded: serde_json::Value = serde_json::from_str(CORE).unwrap();
    let real = recorded["items"].as_array().unwrap();
    let real = real.iter().find(|item| item["reason"] == "RegisteredNode").unwrap();
    assert_eq!(keys(&list["items"][0]), keys(real));
    assert_eq!(keys(&list["items"][0]["involvedObject"]), keys(&real["involvedObject"]));
    assert_eq!(widths(&list["items"][0]), widths(real));
    assert!(list["items"][0]["eventTime"].is_null());
}

#[tokio::test]
async fn what_the_scheduler_writes_looks_like_a_recorded_event() {
    let server = FakeApiServer::start();
    server.create(EventSpec::pod("default", "big").from_scheduler().with_name("big.1"));
    let recorded: serde_json::Value = serde_json::from_str(CORE).unwrap();
    let real = recorded["items"].as_array().unwrap();
    let of_scheduler = |series: bool| {
        let mut found = real.iter().filter(|i| i["reportingComponent"] == "default-scheduler");
        found.find(|item| item["series"].is_object() == series).unwrap()
    };
    let first = get(&server.url(), "/api/v1/events").await.json().await;
    assert_eq!(keys(&first["items"][0]), keys(of_scheduler(false)));
    assert_eq!(widths(&first["items"][0]), widths(of_scheduler(false)));

    server.update("default", "big.1");
    let second = get(&server.url(), "/api/v1/events").await.json().await;
    assert_eq!(keys(&second["items"][0]), keys(of_scheduler(true)));
    assert_eq!(second["items"][0]["series"]["count"], 2);
}

#[tokio::test]
async fn a_line_of_a_watch_carries_kind_and_version_first() {
    let server = FakeApiServer::start();
    server.load(CORE);
    let mut watch = get(&server.url(), "/api/v1/events?watch=1").await;
    let chunk = watch.chunk().await.unwrap();
    let start =
        br#"{"type":"ADDED","object":{"kind":"Event","apiVersion":"v1","metadata":{"name":"#;
    assert!(chunk.starts_with(start), "{chunk:?}");
}

#[tokio::test]
async fn characters_that_go_escapes_are_escaped() {
    let server = FakeApiServer::start();
    let message = "a < b && c > d \u{2028} 节点 \u{7}";
    server.create(EventSpec::pod("default", "p").with_message(message));
    let text = get(&server.url(), "/api/v1/events").await.text().await;
    assert!(text.contains(r"a \u003c b \u0026\u0026 c \u003e d \u2028 节点 \u0007"), "{text}");
    let mut watch = get(&server.url(), "/api/v1/events?watch=1").await;
    let line = watch.line().await;
    assert_eq!(line["object"]["message"], message);
    assert_eq!(brief(&line).0, "ADDED");
}

/// The keys of an object, sorted.
fn keys(object: &serde_json::Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// How long the timestamps are, and what they end with.
fn widths(event: &serde_json::Value) -> Vec<Option<usize>> {
    ["firstTimestamp", "lastTimestamp", "eventTime"]
        .into_iter()
        .map(|name| event[name].as_str().inspect(|time| assert!(time.ends_with('Z'))).map(str::len))
        .collect()
}
