//! Where a watch begins.

use std::time::Duration;

use crate::model::consumer::Consumer;
use crate::model::{Op, Server};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_first_start_lists_everything_and_goes_on_with_what_happens() {
    let server = Server::new();
    for n in 0..25 {
        server.put("default", &format!("e{n:02}"));
    }
    let mut consumer = Consumer::new(&server, r#"{"page_size": 10}"#, None);
    assert_eq!(consumer.state(), "starting");
    consumer.until(25).await;
    assert_eq!(consumer.at(), "", "while a list runs the position is that from before");
    consumer.drain(SECOND).await;
    assert_eq!(consumer.at(), "125");
    assert_eq!(consumer.state(), "ready");
    server.put("default", "e00");
    server.put("other", "new");
    consumer.until(27).await;
    assert_eq!(consumer.at(), "127");
    assert_eq!(consumer.events[25], ("u-default-e00".into(), "126".into()));
    assert_eq!((server.count(Op::List), server.count(Op::Watch)), (3, 1));
    assert!(consumer.gaps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_empty_cluster_has_a_position_too() {
    let server = Server::new();
    let mut consumer = Consumer::new(&server, "{}", None);
    consumer.drain(SECOND).await;
    assert_eq!(consumer.at(), "100");
}

#[tokio::test(start_paused = true)]
async fn now_means_from_now_on() {
    let server = Server::new();
    server.put("default", "old");
    let mut consumer = Consumer::new(&server, r#"{"start": "now"}"#, None);
    consumer.drain(SECOND).await;
    assert_eq!((consumer.at(), consumer.events.len()), ("101", 0));
    server.put("default", "new");
    consumer.until(1).await;
    assert_eq!(consumer.names(), ["u-default-new"]);
    // A restart is no first start.
    server.put("default", "meanwhile");
    consumer.crash();
    consumer.until(2).await;
    assert_eq!(consumer.names(), ["u-default-new", "u-default-meanwhile"]);
}

#[tokio::test(start_paused = true)]
async fn a_duration_leaves_out_what_is_older_even_after_a_crash_in_the_list() {
    // The events are of 08:00, and it is 08:30.
    let server = Server::new();
    server.put("default", "a");
    let mut consumer = Consumer::new(&server, r#"{"start": "29m"}"#, None);
    consumer.drain(SECOND).await;
    assert_eq!(consumer.events.len(), 0);
    assert_eq!(consumer.at(), "101");

    server.put("default", "b");
    let mut consumer = Consumer::new(&server, r#"{"start": "31m", "page_size": 1}"#, None);
    consumer.until(1).await;
    tokio::time::advance(Duration::from_secs(600)).await;
    consumer.crash();
    consumer.until(3).await;
    assert_eq!(consumer.names(), ["u-default-a", "u-default-a", "u-default-b"]);
}

#[tokio::test(start_paused = true)]
async fn a_position_is_resumed_without_a_list() {
    let server = Server::new();
    server.put("default", "a");
    server.put("default", "b");
    let mut consumer = Consumer::new(&server, "{}", Some("101"));
    consumer.drain(SECOND).await;
    assert_eq!(consumer.names(), ["u-default-b"]);
    assert_eq!(server.count(Op::List), 0);
    assert_eq!(consumer.state(), "ready");
}

#[tokio::test(start_paused = true)]
async fn one_namespace_is_watched_with_the_rights_for_one() {
    let server = Server::new();
    server.put("default", "a");
    server.put("shop", "b");
    let mut consumer = Consumer::new(&server, r#"{"namespaces": ["shop"]}"#, None);
    consumer.drain(SECOND).await;
    server.put("default", "c");
    server.put("shop", "d");
    consumer.drain(SECOND).await;
    assert_eq!(consumer.names(), ["u-shop-b", "u-shop-d"]);
    let requests = server.lock().requests.clone();
    assert!(requests.iter().all(|uri| uri.starts_with("/api/v1/namespaces/shop/events?")));
    assert_eq!(eventcenter_core::Source::name(&consumer.watch), "events/c1/shop");
}

#[tokio::test(start_paused = true)]
async fn a_server_without_core_events_is_asked_for_the_new_ones() {
    let server = Server::new();
    server.lock().only_new_api = true;
    server.put("default", "a");
    let mut consumer = Consumer::new(&server, "{}", None);
    consumer.until(1).await;
    consumer.drain(SECOND).await;
    server.put("default", "b");
    consumer.until(2).await;
    let last = server.lock().requests.last().cloned().unwrap();
    assert!(last.starts_with("/apis/events.k8s.io/v1/events?watch=1"), "{last}");
}
