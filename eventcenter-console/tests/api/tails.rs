//! The live tail: how far it has looked, what it lacks, and its end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::StatusCode;
use eventcenter_console::{Console, ConsoleConfig, Surroundings};
use eventcenter_core::Health;
use eventcenter_store::ask::Mark;
use eventcenter_store::{EventQuery, MemoryStore};
use futures::StreamExt;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::engines::{Fault, Faulty, gap};
use crate::{event, get, over, send, store};

async fn tail(console: &Console, query: &str) -> BodyDataStream {
    let response = console.router().oneshot(get(&format!("/api/v1/live?{query}"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.into_body().into_data_stream()
}

async fn next(tail: &mut BodyDataStream) -> String {
    let chunk = tail.next().await.unwrap().unwrap();
    String::from_utf8(chunk.to_vec()).unwrap()
}

/// The id of a message without its time.
fn mark(sent: &str) -> &str {
    let id = sent.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    id.split('.').next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_tail_that_finds_nothing_says_how_far_it_has_looked() {
    let engine = Arc::new(MemoryStore::new());
    for watched in [false, true] {
        let (taken, mark_of) = watch::channel(Mark(0));
        let woken = watched.then(|| mark_of.clone());
        let console = Console::build(
            Arc::clone(&engine) as _,
            ConsoleConfig::default(),
            Health::new(),
            Surroundings { mark: woken, ..Surroundings::default() },
        );
        let mut tail = tail(&console, "query=reason%20:%20rare").await;
        engine.take(&event(if watched { 2 } else { 1 }, "common"));
        let now = engine.state().await.unwrap().mark;
        taken.send_replace(now);
        let began = tokio::time::Instant::now();
        let sent = next(&mut tail).await;
        assert!(!sent.contains("data:"), "{sent}");
        assert_eq!(mark(&sent), now.0.to_string(), "{sent}");
        assert_eq!(began.elapsed(), Duration::from_secs(15));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tail_tells_a_loss_once_and_only_if_it_is_its_own() {
    let console = over(Faulty(store(), Fault::Lacking), "{}");
    let mut fresh = tail(&console, "").await;
    let sent = [next(&mut fresh).await, next(&mut fresh).await].concat();
    assert!(sent.contains("event: gap\n") && sent.contains("the disk was full"), "{sent}");
    assert!(sent.contains("event: unread\n") && sent.contains("a file is damaged"), "{sent}");
    let id = sent.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    // It is told again to who comes back in that time, and not to who was told all of it.
    let sent = next(&mut fresh).await;
    assert!(!sent.contains("event:"), "{sent}");
    let mut again = tail(&console, &format!("after={id}")).await;
    assert!(next(&mut again).await.contains("event: gap\n"));
    let (mark, _) = id.split_once('.').unwrap();
    let later = gap().until.as_second() + 1;
    let mut later = tail(&console, &format!("after={mark}.{later}")).await;
    let sent = next(&mut later).await;
    assert!(sent.contains("event: unread\n"), "{sent}");
    assert!(!next(&mut later).await.contains("gap"));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_does_not_answer_in_time_is_given_up() {
    let console = over(Faulty(store(), Fault::Silent), "{}");
    for path in ["/api/v1/status", "/api/v1/gaps", "/api/v1/live", "/api/v1/pods/-/shop/web-1"] {
        let (status, body, _) = send(&console, get(path)).await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{path}: {body}");
    }
}
