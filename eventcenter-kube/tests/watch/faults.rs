//! An API server that is away, busy or closed to us.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::model::consumer::Consumer;
use crate::model::{Fault, Op, Server};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_outage_of_ten_minutes_loses_nothing() {
    let server = Server::new();
    server.put("default", "a");
    let mut consumer = Consumer::new(&server, "{}", None);
    consumer.drain(SECOND).await;
    server.lock().is_down = true;
    server.cut();
    let during = server.clone();
    tokio::spawn(async move {
        for n in 0..600 {
            sleep(SECOND).await;
            during.put("default", &format!("b{n}"));
        }
        during.lock().is_down = false;
    });
    consumer.drain(Duration::from_secs(300)).await;
    assert_eq!(
        consumer.state(),
        "https://test:6443: events/c1/*: cannot reach the API server (cause=connection refused)"
    );
    consumer.until(601).await;
    consumer.drain(SECOND).await;
    assert_eq!(consumer.events.len(), 601);
    assert_eq!(consumer.state(), "ready");
    assert!(consumer.gaps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_outage_at_the_first_start_is_waited_out() {
    let server = Server::new();
    server.put("default", "a");
    server.lock().is_down = true;
    let mut consumer = Consumer::new(&server, "{}", None);
    consumer.drain(Duration::from_secs(600)).await;
    assert!(consumer.state().contains("cannot reach"), "{}", consumer.state());
    server.lock().is_down = false;
    consumer.until(1).await;
    consumer.drain(SECOND).await;
    assert_eq!(consumer.state(), "ready");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured() {
    let server = Server::new();
    server.put("default", "a");
    server.fault(Op::List, Fault::Status(429, "20", "{}"));
    let mut consumer = Consumer::new(&server, "{}", None);
    let start = Instant::now();
    consumer.until(1).await;
    let waited = start.elapsed();
    assert!(waited >= 20 * SECOND && waited <= 23 * SECOND, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_asked_again() {
    let server = Server::new();
    server.put("default", "a");
    server.fault(Op::List, Fault::Silent);
    let mut consumer = Consumer::new(&server, "{}", None);
    let start = Instant::now();
    consumer.until(1).await;
    assert!(start.elapsed() >= 30 * SECOND && start.elapsed() < 32 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_missing_role_is_named_and_waited_for() {
    let server = Server::new();
    server.put("default", "a");
    let text = r#"{"kind":"Status","reason":"Forbidden","message":"no","code":403}"#;
    for _ in 0..5 {
        server.fault(Op::List, Fault::Status(403, "", text));
    }
    let mut consumer = Consumer::new(&server, "{}", None);
    assert!(!consumer.one(Duration::ZERO).await);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!consumer.one(Duration::from_millis(1)).await);
    let state = consumer.state();
    assert!(state.contains("needs get, list and watch on events"), "{state}");
    consumer.until(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_each_watch_at_once_is_not_hammered() {
    let server = Server::new();
    for _ in 0..1000 {
        server.fault(Op::Watch, Fault::Sends(String::new()));
    }
    let mut consumer = Consumer::new(&server, "{}", None);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(600) {
        consumer.one(Duration::from_secs(60)).await;
    }
    assert!(server.count(Op::Watch) < 100, "{}", server.count(Op::Watch));
}

#[tokio::test(start_paused = true)]
async fn a_half_open_connection_is_given_up() {
    let server = Server::new();
    let mut consumer = Consumer::new(&server, "{}", Some("100"));
    server.fault(Op::Watch, Fault::HalfOpen);
    let start = Instant::now();
    consumer.drain(SECOND).await;
    server.put("default", "a");
    consumer.until(1).await;
    assert!(start.elapsed() <= Duration::from_secs(136), "{:?}", start.elapsed());
    assert_eq!(server.count(Op::Watch), 2);
}
