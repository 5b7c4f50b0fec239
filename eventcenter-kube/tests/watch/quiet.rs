//! Watches on which nothing happens, for hours, while the rest of the cluster is busy.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::model::consumer::Consumer;
use crate::model::{Fault, Op, Server};

const MINUTE: Duration = Duration::from_secs(60);

/// Other objects change each second, and every five minutes what is older than five minutes is forgotten.
fn busy(server: &Server) {
    let server = server.clone();
    tokio::spawn(async move {
        let mut before = server.lock().revision;
        loop {
            for _ in 0..300 {
                sleep(Duration::from_secs(1)).await;
                server.tick();
            }
            let mut model = server.lock();
            model.compacted = before;
            before = model.revision;
        }
    });
}

async fn watch_for(consumer: &mut Consumer, duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        consumer.one(MINUTE).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_watch_never_falls_behind() {
    let server = Server::new();
    server.put("default", "a");
    busy(&server);
    let mut consumer = Consumer::new(&server, "{}", None);
    watch_for(&mut consumer, 300 * MINUTE).await;
    assert!(consumer.gaps.is_empty(), "{:?}", consumer.gaps);
    // A restart is not a gap either, at any time.
    for pause in 0..40 {
        watch_for(&mut consumer, Duration::from_secs(pause * 17)).await;
        consumer.crash();
        watch_for(&mut consumer, MINUTE).await;
    }
    assert!(consumer.gaps.is_empty(), "{:?}", consumer.gaps);
    server.put("default", "b");
    watch_for(&mut consumer, MINUTE).await;
    assert_eq!(consumer.names(), ["u-default-a", "u-default-b"]);
    assert_eq!(consumer.state(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_cuts_idle_connections_is_adapted_to() {
    let server = Server::new();
    server.put("default", "a");
    server.lock().cuts_idle_after = Some(MINUTE);
    busy(&server);
    let mut consumer = Consumer::new(&server, "{}", None);
    watch_for(&mut consumer, 300 * MINUTE).await;
    assert!(consumer.gaps.is_empty(), "{:?}", consumer.gaps);
}

#[tokio::test(start_paused = true)]
async fn a_cut_proves_nothing() {
    let server = Server::new();
    let mut consumer = Consumer::new(&server, "{}", Some("100"));
    for _ in 0..5 {
        server.tick();
        consumer.drain(Duration::from_secs(25)).await;
        server.cut();
    }
    assert_eq!(consumer.at(), "100");
    watch_for(&mut consumer, 10 * MINUTE).await;
    assert_eq!(consumer.at(), "105");
}

#[tokio::test(start_paused = true)]
async fn only_the_end_of_a_watchs_own_time_between_two_lines_proves_that_nothing_happened() {
    for (fault, known) in [
        (Fault::Holds("", None), "103"),
        // The API server is stopped, in good order, and perhaps before it came to sending.
        (Fault::Holds("", Some(Duration::from_secs(85))), "100"),
        (Fault::Holds("{\"type\":\"ADD", None), "100"),
    ] {
        let server = Server::new();
        server.lock().revision = 103;
        server.fault(Op::Watch, fault.clone());
        let mut consumer = Consumer::new(&server, "{}", Some("100"));
        while server.count(Op::Watch) < 2 {
            consumer.one(Duration::from_secs(10)).await;
        }
        assert_eq!(consumer.at(), known, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_does_not_take_the_end_of_a_watch_for_silence() {
    let server = Server::new();
    let mut consumer = Consumer::new(&server, "{}", Some("100"));
    for n in 0..200 {
        server.put("default", &format!("a{n:03}"));
    }
    server.tick();
    // A watch ends after two minutes at most, with most of it unsent.
    for taken in 1..=200 {
        consumer.until(taken).await;
        assert_eq!(consumer.at(), (100 + taken).to_string());
        sleep(MINUTE).await;
    }
    assert_eq!(consumer.events.len(), 200);
}
