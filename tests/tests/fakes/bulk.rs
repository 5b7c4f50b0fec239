//! Generated Events: distinct, resumable, scattered, and true to their size and rate.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use eventcenter_tests::FakeApiServer;
use eventcenter_tests::fake_api_server::{Bulk, Fault, On, SENT_US};
use jiff::Timestamp;
use serde_json::Value;

use crate::client::{LONG, Next, brief, get};

fn server(plan: Bulk) -> FakeApiServer {
    let server = FakeApiServer::start();
    server.set_bulk(plan);
    server
}

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_stream_starts_after_the_list_and_has_each_event_once_in_order() {
    let server = server(Bulk::stream(5_000));
    let list = get(&server.url(), "/api/v1/events?limit=500").await.json().await;
    assert_eq!(list["items"].as_array().unwrap().len(), 0);
    let from = version(&list);

    for path in ["/api/v1/events", "/apis/events.k8s.io/v1/events"] {
        let path = format!("{path}?watch=1&resourceVersion={from}");
        let mut watch = get(&server.url(), &path).await;
        let (mut uids, mut names) = (HashSet::new(), HashSet::new());
        for i in 1..=5_000 {
            let Next::Line(line) = watch.next(LONG).await else { panic!("no line {i}") };
            assert_eq!(line.len() + 1, 1600);
            let event: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(event["type"], "ADDED");
            assert_eq!(version(&event["object"]), from + i);
            uids.insert(event["object"]["metadata"]["uid"].as_str().unwrap().to_owned());
            names.insert(brief(&event).1);
        }
        assert_eq!((uids.len(), names.len()), (5_000, 5_000));
        assert!(watch.is_silent().await);
        assert_eq!(server.revision(), from + 5_000);
    }
}

#[tokio::test]
async fn a_stream_can_be_resumed_and_cut() {
    let server = server(Bulk::stream(1_000).with_size(2_000));
    let from = server.revision();
    server.inject(On::Watch, 1, Fault::CutMidLine { after_events: 700 });
    let path = format!("/api/v1/events?watch=1&resourceVersion={from}");
    let mut watch = get(&server.url(), &path).await;
    let mut last = from;
    while let Next::Line(line) = watch.next(LONG).await {
        assert_eq!(line.len() + 1, 2_000);
        last = version(&serde_json::from_str::<Value>(&line).unwrap()["object"]);
    }
    assert_eq!(last, from + 700);
    let path = format!("/api/v1/events?watch=1&resourceVersion={last}&timeoutSeconds=1");
    let mut watch = get(&server.url(), &path).await;
    assert_eq!(version(&watch.line().await["object"]), last + 1);
    for _ in 0..299 {
        watch.line().await;
    }
    assert_eq!(watch.next(LONG).await, Next::End);
}

#[tokio::test]
async fn pages_of_a_generated_list_are_in_key_order_with_scattered_versions() {
    let server = server(Bulk::list(25_000));
    let mut path = "/api/v1/events?limit=10000".to_owned();
    let (mut keys, mut versions) = (Vec::new(), Vec::new());
    loop {
        let page = get(&server.url(), &path).await.json().await;
        assert_eq!(version(&page), server.revision());
        for item in page["items"].as_array().unwrap() {
            let text = |name: &str| item["metadata"][name].as_str().unwrap().to_owned();
            keys.push(format!("{}/{}", text("namespace"), text("name")));
            versions.push(version(item));
        }
        let Some(token) = page["metadata"]["continue"].as_str() else {
            break;
        };
        assert_eq!(page["metadata"]["remainingItemCount"], 25_000 - keys.len());
        path = format!("/api/v1/events?limit=10000&continue={token}");
    }
    assert_eq!(keys.len(), 25_000);
    assert!(keys.is_sorted_by(|a, b| a < b));
    assert!(!versions.is_sorted());
    assert_eq!(versions.iter().collect::<HashSet<_>>().len(), 25_000);
    assert_eq!(versions.iter().max(), Some(&server.revision()));
}

#[tokio::test]
async fn an_expired_token_of_a_generated_list_reads_on() {
    let server = server(Bulk::list(1_000));
    let page = get(&server.url(), "/api/v1/events?limit=400").await.json().await;
    let token = page["metadata"]["continue"].as_str().unwrap();
    server.expire_continue_tokens();
    let refused = get(&server.url(), &format!("/api/v1/events?limit=400&continue={token}")).await;
    assert_eq!(refused.status, 410);
    let status = refused.json().await;
    let fresh = status["metadata"]["continue"].as_str().unwrap();
    let rest = get(&server.url(), &format!("/api/v1/events?continue={fresh}")).await.json().await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 600);
}

#[tokio::test]
async fn a_generated_list_has_the_events_that_were_streamed() {
    let server = server(Bulk { stream: 50, ..Bulk::list(100) });
    let from = server.revision();
    let old = format!("/api/v1/events?watch=1&resourceVersion={}", from - 1);
    assert_eq!(get(&server.url(), &old).await.line().await["object"]["code"], 410);
    let mut watch = get(&server.url(), "/api/v1/events?watch=1").await;
    let mut streamed = HashSet::new();
    for _ in 0..150 {
        let line = watch.line().await;
        streamed.insert((brief(&line).1, brief(&line).2));
    }
    let list = get(&server.url(), "/api/v1/events").await.json().await;
    let listed: HashSet<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let text = |name: &str| item["metadata"][name].as_str().unwrap().to_owned();
            (text("name"), text("resourceVersion"))
        })
        .collect();
    assert_eq!(streamed, listed);
    let selected = "/api/v1/events?fieldSelector=type=Normal";
    assert_eq!(get(&server.url(), selected).await.status, 400);
}

#[tokio::test]
async fn a_paced_stream_keeps_its_rate_and_says_when_each_event_was_sent() {
    let server = server(Bulk::stream(200).with_rate(400.0));
    let path = format!("/api/v1/events?watch=1&resourceVersion={}", server.revision());
    let begin = Instant::now();
    let mut watch = get(&server.url(), &path).await;
    for _ in 0..200 {
        let event = watch.line().await;
        let now = Timestamp::now();
        let sent: i64 =
            event["object"]["metadata"]["annotations"][SENT_US].as_str().unwrap().parse().unwrap();
        let time: Timestamp = event["object"]["eventTime"].as_str().unwrap().parse().unwrap();
        assert_eq!(time.as_microsecond(), sent);
        let delay = now.as_microsecond() - sent;
        assert!((0..2_000_000).contains(&delay), "{delay} us");
    }
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(480), "{took:?}");
    assert!(watch.is_silent().await);
}
