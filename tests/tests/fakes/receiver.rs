//! The webhook receiver.

use std::io::Write;
use std::time::{Duration, Instant};

use eventcenter_tests::Receiver;
use eventcenter_tests::receiver::Reply;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Method;

use crate::client::{SILENCE, send};

fn event(uid: &str, version: u32) -> String {
    format!(r#"{{"metadata":{{"name":"x","uid":"{uid}","resourceVersion":"{version}"}}}}"#)
}

fn id(uid: &str, version: u32) -> (String, String) {
    (uid.to_owned(), version.to_string())
}

#[tokio::test]
async fn every_form_of_a_body_is_counted_in_order_with_its_copies() {
    let receiver = Receiver::start();
    let (a, b, c) = (event("a", 1), event("b", 2), event("a", 3));
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(a.as_bytes()).unwrap();
    for (method, headers, body) in [
        (Method::POST, &[][..], a.clone().into_bytes()),
        (Method::PUT, &[], format!("[{b},{c}]").into_bytes()),
        (Method::POST, &[], format!("{b}\n{{\"type\":\"ADDED\",\"object\":{c}}}\n").into_bytes()),
        (Method::POST, &[("content-encoding", "gzip")], gzip.finish().unwrap()),
    ] {
        let answer = send(&receiver.url(), method, "/in?x=1", headers, body).await.unwrap();
        assert_eq!(answer.status, 200);
    }
    let received: Vec<_> =
        receiver.received().into_iter().map(|one| (one.uid, one.resource_version)).collect();
    let expected = [("a", 1), ("b", 2), ("a", 3), ("b", 2), ("a", 3), ("a", 1)];
    assert_eq!(received, expected.map(|(uid, version)| id(uid, version)));
    assert_eq!(receiver.distinct().len(), 3);
    assert_eq!((receiver.count(), receiver.duplicates()), (6, 3));
    assert_eq!(receiver.copies(&id("a", 1)), 2);
    let requests = receiver.requests();
    assert_eq!(requests.iter().map(|one| one.documents).collect::<Vec<_>>(), [1, 2, 2, 1]);
    assert_eq!((requests[0].path.as_str(), requests[0].body.as_ref()), ("/in?x=1", a.as_bytes()));
}

#[tokio::test]
async fn another_envelope_needs_another_extractor() {
    let receiver = Receiver::with_extractor(0, |text| {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        Some((value["id"].as_str()?.to_owned(), String::new()))
    });
    send(&receiver.url(), Method::POST, "/", &[], r#"{"id":"7"}"#).await.unwrap();
    send(&receiver.url(), Method::POST, "/", &[], r#"{"no":"id"}"#).await.unwrap();
    assert_eq!(receiver.received()[0].uid, "7");
    assert_eq!(receiver.received()[1].uid, "");
}

#[tokio::test]
async fn what_is_refused_is_recorded_but_not_received() {
    let receiver = Receiver::start();
    let throttled = Reply::Status {
        code: 429,
        retry_after: Some("3".to_owned()),
        body: "slow down".to_owned(),
    };
    receiver.reply_next(1, &throttled);
    receiver.reply_next(1, &Reply::Redirect("http://127.0.0.1:1/".to_owned()));
    receiver.reply_next(1, &Reply::Reset);

    let answer = send(&receiver.url(), Method::POST, "/", &[], event("a", 1)).await.unwrap();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("3")));
    assert_eq!(answer.text().await, "slow down");
    let answer = send(&receiver.url(), Method::POST, "/", &[], event("a", 1)).await.unwrap();
    assert_eq!((answer.status, answer.header("location")), (307, Some("http://127.0.0.1:1/")));
    assert!(send(&receiver.url(), Method::POST, "/", &[], event("a", 1)).await.is_err());
    assert_eq!(
        send(&receiver.url(), Method::POST, "/", &[], "not json").await.unwrap().status,
        400
    );
    assert_eq!(send(&receiver.url(), Method::GET, "/", &[], "").await.unwrap().status, 405);
    assert_eq!(receiver.count(), 0);
    assert_eq!(receiver.requests().len(), 5);
    assert_eq!(receiver.requests()[0].reply, throttled);

    receiver.reply(Reply::status(500));
    for _ in 0..2 {
        let answer = send(&receiver.url(), Method::POST, "/", &[], event("a", 1)).await.unwrap();
        assert_eq!(answer.status, 500);
    }
    receiver.reply(Reply::Ok);
    send(&receiver.url(), Method::POST, "/", &[], event("a", 1)).await.unwrap();
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn a_connection_can_be_dropped_after_the_events_were_stored() {
    let receiver = Receiver::start();
    receiver.reply_next(1, &Reply::CloseAfterStore);
    assert!(send(&receiver.url(), Method::POST, "/", &[], event("a", 1)).await.is_err());
    assert_eq!(receiver.copies(&id("a", 1)), 1);
}

#[tokio::test]
async fn answers_can_be_slow_or_never_come() {
    let receiver = Receiver::start();
    let url = receiver.url();
    receiver.reply_next(1, &Reply::Slow(Duration::from_millis(50)));
    receiver.reply_next(1, &Reply::Hang);
    let begin = Instant::now();
    assert_eq!(send(&url, Method::POST, "/", &[], event("a", 1)).await.unwrap().status, 200);
    assert!(begin.elapsed() >= Duration::from_millis(50));
    let hanging = send(&url, Method::POST, "/", &[], event("b", 1));
    assert!(tokio::time::timeout(SILENCE, hanging).await.is_err());
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn a_receiver_comes_back_where_it_was_and_remembers() {
    let receiver = Receiver::start();
    let url = receiver.url();
    send(&url, Method::POST, "/", &[], event("a", 1)).await.unwrap();
    receiver.stop();
    receiver.restart_on_same_port();
    receiver.keep_bodies(false);
    send(&url, Method::POST, "/", &[], event("b", 1)).await.unwrap();
    assert_eq!(receiver.count(), 2);
    assert!(receiver.requests()[1].body.is_empty());
}
