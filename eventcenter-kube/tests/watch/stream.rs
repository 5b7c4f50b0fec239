//! Lines, halves of lines, and what is no line at all.

use std::time::Duration;

use eventcenter_core::Source;
use tokio::time::timeout;

use crate::model::consumer::Consumer;
use crate::model::{Fault, Op, Server};

const SECOND: Duration = Duration::from_secs(1);

fn line(server: &Server, place: usize) -> String {
    let model = server.lock();
    format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", model.log[place].document)
}

#[tokio::test(start_paused = true)]
async fn a_line_that_breaks_off_is_sent_again() {
    let server = Server::new();
    server.put("default", "a");
    server.put("default", "b");
    let mut consumer = Consumer::new(&server, "{}", Some("100"));
    server.fault(Op::Watch, Fault::Cut(line(&server, 0).len() + 50));
    // An end in good order, but within a line.
    let whole = line(&server, 1);
    let (half, _) = whole.split_at(whole.len() / 2);
    server.fault(Op::Watch, Fault::Sends(half.to_owned()));
    consumer.drain(Duration::from_secs(60)).await;
    assert_eq!(consumer.names(), ["u-default-a", "u-default-b"]);
    assert!(consumer.unreadable.is_empty());
    assert_eq!(server.count(Op::Watch), 3);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_handed_out_and_the_rest_goes_on() {
    let server = Server::new();
    server.put("default", "a");
    let good = line(&server, 0);
    let wrong_type =
        r#"{"type":"ADDED","object":{"metadata":{"resourceVersion":"150"},"reason":5}}"#;
    let sent = format!("garbage\n{good}{wrong_type}\n\n{{\"type\":\"ADDED\",\"object\":[1]}}\n");
    server.lock().revision = 200;
    server.fault(Op::Watch, Fault::Sends(sent));
    let mut consumer = Consumer::new(&server, "{}", Some("100"));
    assert!(consumer.one(SECOND).await);
    assert_eq!(consumer.at(), "100", "garbage has no version");
    assert!(consumer.one(SECOND).await && consumer.one(SECOND).await);
    assert_eq!(consumer.at(), "150", "a document that is JSON has one");
    assert!(consumer.one(SECOND).await);
    assert_eq!(
        consumer.unreadable,
        ["garbage", r#"{"metadata":{"resourceVersion":"150"},"reason":5}"#, "[1]"]
    );
    assert_eq!(consumer.names(), ["u-default-a"]);
    assert_eq!(consumer.at(), "150");
}

/// Its events would all have one key, and a store would take them for one.
#[tokio::test(start_paused = true)]
async fn an_object_without_a_uid_is_no_event() {
    let server = Server::new();
    server.put("default", "a");
    let odd = r#"{"metadata":{"name":"x","resourceVersion":"150"},"reason":"Started"}"#;
    let bare = r#"{"reason":"Started","message":"who am I?"}"#;
    let lines = [odd, bare].map(|object| format!("{{\"type\":\"ADDED\",\"object\":{object}}}\n"));
    server.lock().revision = 200;
    server.fault(Op::Watch, Fault::Sends(format!("{}{}", line(&server, 0), lines.concat())));
    let mut consumer = Consumer::new(&server, "{}", Some("100"));
    consumer.drain(SECOND).await;
    assert_eq!(consumer.names(), ["u-default-a"]);
    assert_eq!(consumer.unreadable, [odd, bare]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_set_aside_once() {
    let server = Server::new();
    let odd = r#"{"type":"ADDED","object":{"metadata":{"resourceVersion":"150"},"reason":5}}"#;
    server.lock().revision = 200;
    server.fault(Op::Watch, Fault::Sends(format!("{odd}\n{odd}\n")));
    let mut consumer = Consumer::new(&server, "{}", Some("100"));
    consumer.drain(SECOND).await;
    assert_eq!(consumer.unreadable.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_no_text_arrive_as_they_are() {
    let server = Server::new();
    server.put("default", "a");
    let odd =
        "{ \"object\" :".to_owned() + &server.lock().log[0].document + ", \"type\":\"ADDED\"}\n";
    server.fault(Op::Watch, Fault::Sends(odd));
    let mut consumer = Consumer::new(&server, "{}", Some("100"));
    consumer.until(1).await;
    assert_eq!(consumer.at(), "101");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_repeats_itself_is_not_passed_on() {
    let server = Server::new();
    server.put("default", "a");
    server.put("default", "b");
    let (a, b) = (line(&server, 0), line(&server, 1));
    server.fault(Op::Watch, Fault::Sends(format!("{a}{a}{b}{a}{b}")));
    let mut consumer = Consumer::new(&server, "{}", Some("100"));
    consumer.drain(SECOND).await;
    assert_eq!(consumer.names(), ["u-default-a", "u-default-b"]);
}

#[tokio::test(start_paused = true)]
async fn deletions_move_the_position_and_are_told_now_and_then() {
    let server = Server::new();
    for n in 0..1000 {
        server.put("default", &format!("a{n}"));
    }
    let mut consumer = Consumer::new(&server, "{}", None);
    consumer.until(1000).await;
    consumer.drain(SECOND).await;
    let before = consumer.progress;
    let deleting = server.clone();
    tokio::spawn(async move {
        for n in 0..1000 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            deleting.delete("default", &format!("a{n}"));
        }
    });
    consumer.drain(Duration::from_secs(30)).await;
    assert_eq!(consumer.events.len(), 1000);
    let told = consumer.progress - before;
    assert!((8..=11).contains(&told), "{told}");
    server.cut();
    consumer.drain(SECOND).await;
    assert_eq!(consumer.at(), "2100");
}

#[tokio::test(start_paused = true)]
async fn a_bookmark_moves_the_position() {
    let server = Server::new();
    server.lock().revision = 500;
    let mark = r#"{"type":"BOOKMARK","object":{"kind":"Event","apiVersion":"v1","metadata":{"resourceVersion":"400"}}}"#;
    server.fault(Op::Watch, Fault::Sends(format!("{mark}\n{mark}\n")));
    let mut consumer = Consumer::new(&server, "{}", Some("300"));
    consumer.drain(SECOND).await;
    assert_eq!((consumer.at(), consumer.progress), ("400", 1));
}

#[tokio::test(start_paused = true)]
async fn an_error_in_the_stream_is_waited_out() {
    let server = Server::new();
    let error = r#"{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError","details":{"retryAfterSeconds":5}}}"#;
    server.fault(Op::Watch, Fault::Sends(format!("{error}\n")));
    server.fault(Op::Watch, Fault::Sends("{\"type\":\"ERROR\",\"object\":7}\n".to_owned()));
    let bare = r#"{"kind":"Status","code":503,"reason":"ServiceUnavailable"}"#;
    server.fault(Op::Watch, Fault::Sends(format!("{bare}\n")));
    server.put("default", "a");
    let mut consumer = Consumer::new(&server, "{}", Some("100"));
    let start = tokio::time::Instant::now();
    consumer.until(1).await;
    assert!(start.elapsed() >= 5 * SECOND);
    assert!(consumer.gaps.is_empty() && consumer.unreadable.is_empty());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_wait_loses_and_doubles_nothing() {
    let server = Server::new();
    for n in 0..50 {
        server.put("default", &format!("a{n:02}"));
    }
    let mut consumer = Consumer::new(&server, r#"{"page_size": 7}"#, None);
    let putting = server.clone();
    tokio::spawn(async move {
        for n in 0..500 {
            tokio::time::sleep(Duration::from_millis(7)).await;
            putting.put("default", &format!("b{n:03}"));
            if n % 100 == 50 {
                putting.cut();
            }
        }
    });
    let mut dropped = 0;
    while consumer.events.len() < 550 {
        match timeout(Duration::from_millis(1), consumer.watch.next()).await {
            Ok(observed) => consumer.take(observed.unwrap()),
            Err(_) => dropped += 1,
        }
    }
    assert!(dropped > 500, "{dropped}");
    consumer.drain(SECOND).await;
    let mut names = consumer.names();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), consumer.events.len()), (550, 550));
}
