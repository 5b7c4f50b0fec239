//! The faults do what they say, to the requests they are meant for.

use std::io::Read;
use std::time::{Duration, Instant};

use eventcenter_tests::FakeApiServer;
use eventcenter_tests::fake_api_server::{EventSpec, Fault, On};
use flate2::read::{GzDecoder, MultiGzDecoder};
use http::Method;

use crate::client::{LONG, Next, SILENCE, brief, get, names, send};

const WATCH: &str = "/api/v1/events?watch=1";
const LIST: &str = "/api/v1/events";

/// A server with three Events, and this fault for one request.
fn server_with(on: On, fault: Fault) -> FakeApiServer {
    let server = FakeApiServer::start();
    for name in ["a", "b", "c"] {
        server.create(EventSpec::pod("default", "p").with_name(name));
    }
    server.inject(on, 1, fault);
    server
}

#[tokio::test]
async fn a_status_is_answered_as_often_as_ordered_with_its_retry_after() {
    let server = server_with(On::List, Fault::throttled("7"));
    server.inject(On::List, 2, Fault::status(500));
    let date = "Wed, 21 Oct 2026 07:28:00 GMT".to_owned();
    let body = Some("upstream is down".to_owned());
    server.inject(On::Any, 1, Fault::Status { code: 503, retry_after: Some(date.clone()), body });
    assert_eq!(server.pending_faults(), 4);

    let throttled = get(&server.url(), LIST).await;
    assert_eq!((throttled.status, throttled.header("retry-after")), (429, Some("7")));
    assert_eq!(throttled.json().await["reason"], "TooManyRequests");
    for _ in 0..2 {
        assert_eq!(get(&server.url(), LIST).await.status, 500);
    }
    let down = get(&server.url(), "/version").await;
    assert_eq!((down.status, down.header("retry-after")), (503, Some(date.as_str())));
    assert_eq!(down.text().await, "upstream is down");
    assert_eq!(get(&server.url(), LIST).await.status, 200);
}

#[tokio::test]
async fn a_fault_waits_for_a_request_of_its_kind() {
    let server = server_with(On::Watch, Fault::status(410));
    assert_eq!(get(&server.url(), LIST).await.status, 200);
    assert_eq!(get(&server.url(), "/version").await.status, 200);
    assert_eq!(get(&server.url(), WATCH).await.status, 410);
    assert_eq!(get(&server.url(), WATCH).await.status, 200);
    server.inject(On::Any, 5, Fault::Reset);
    server.clear_faults();
    assert_eq!(get(&server.url(), WATCH).await.status, 200);
}

#[tokio::test]
#[should_panic(expected = "can never strike")]
async fn a_fault_that_can_never_strike_is_a_mistake_of_the_test() {
    FakeApiServer::start().inject(On::List, 1, Fault::DuplicateDelivery);
}

#[tokio::test]
async fn connections_end_before_the_headers_by_rst_or_by_fin() {
    for (fault, reset) in [(Fault::Reset, true), (Fault::Close, false)] {
        let server = server_with(On::Any, fault);
        let headers = [("authorization", "Bearer fake-token")];
        let answer = send(&server.url(), Method::GET, LIST, &headers, "").await;
        let error = answer.err().expect("no answer");
        let mut cause: &dyn std::error::Error = &error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        assert_eq!(io == Some(std::io::ErrorKind::ConnectionReset), reset, "{error:?}");
    }
}

#[tokio::test]
async fn no_headers_come_when_it_hangs_before_them() {
    let server = server_with(On::Any, Fault::HangBeforeHeaders);
    let url = server.url();
    assert!(tokio::time::timeout(SILENCE, get(&url, LIST)).await.is_err());
    assert_eq!(get(&url, LIST).await.status, 200);
}

#[tokio::test]
async fn a_watch_is_cut_in_the_middle_of_a_line() {
    let server = server_with(On::Watch, Fault::CutMidLine { after_events: 2 });
    let mut watch = get(&server.url(), WATCH).await;
    assert_eq!(brief(&watch.line().await).1, "a");
    assert_eq!(brief(&watch.line().await).1, "b");
    let Next::Broken(half) = watch.next(LONG).await else { panic!("not broken") };
    assert!(half.starts_with(b"{\"type\":\"ADDED\""));
    assert!(serde_json::from_slice::<serde_json::Value>(&half).is_err());
}

#[tokio::test]
async fn a_list_is_cut_in_the_middle_of_an_item() {
    let server = server_with(On::List, Fault::CutMidLine { after_events: 1 });
    let mut list = get(&server.url(), LIST).await;
    let Next::Broken(part) = list.next(LONG).await else { panic!("not broken") };
    let part = String::from_utf8(part).unwrap();
    assert!(
        part.contains(r#""name":"a""#) && part.contains(r#""name":"b""#) && !part.contains("\n")
    );
}

#[tokio::test]
async fn bytes_come_slowly_and_all_of_them() {
    let pause = Duration::from_millis(2);
    let server = server_with(On::Watch, Fault::SlowBytes { per_chunk: 100, pause });
    let begin = Instant::now();
    let mut watch = get(&server.url(), WATCH).await;
    assert_eq!(watch.chunk().await.unwrap().len(), 100);
    for _ in 0..2 {
        assert!(matches!(watch.next(LONG).await, Next::Line(_)));
    }
    assert_eq!(brief(&watch.line().await).1, "c");
    assert!(begin.elapsed() > 15 * pause);
}

#[tokio::test]
async fn a_half_open_connection_is_silent_whatever_happens() {
    let server = server_with(On::Watch, Fault::HalfOpen { after_events: 1 });
    let mut watch = get(&server.url(), &format!("{WATCH}&timeoutSeconds=1")).await;
    assert_eq!(watch.status, 200);
    assert_eq!(brief(&watch.line().await).1, "a");
    server.end_watches();
    assert_eq!(watch.next(Duration::from_millis(1500)).await, Next::Silence);
    assert_eq!(server.open_watches(), 1);
}

#[tokio::test]
async fn a_gzipped_watch_has_a_member_for_each_line_if_the_client_takes_it() {
    let server = server_with(On::Watch, Fault::Gzip);
    let headers = [("authorization", "Bearer fake-token"), ("accept-encoding", "br, gzip;q=0.5")];
    let path = format!("{WATCH}&timeoutSeconds=1");
    let watch = send(&server.url(), Method::GET, &path, &headers, "").await.unwrap();
    assert_eq!(watch.header("content-encoding"), Some("gzip"));
    let body = watch.bytes().await;
    let (mut one, mut all) = (String::new(), String::new());
    GzDecoder::new(body.as_slice()).read_to_string(&mut one).unwrap();
    MultiGzDecoder::new(body.as_slice()).read_to_string(&mut all).unwrap();
    assert_eq!((one.lines().count(), all.lines().count()), (1, 3));

    server.inject(On::Watch, 1, Fault::Gzip);
    let mut plain = get(&server.url(), &path).await;
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(brief(&plain.line().await).1, "a");
}

#[tokio::test]
async fn a_gzipped_list_is_one_member() {
    let server = server_with(On::List, Fault::Gzip);
    let headers = [("authorization", "Bearer fake-token"), ("accept-encoding", "gzip")];
    let list = send(&server.url(), Method::GET, LIST, &headers, "").await.unwrap();
    assert_eq!(list.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    GzDecoder::new(list.bytes().await.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(text, get(&server.url(), LIST).await.text().await);
}

#[tokio::test]
async fn duplicates_are_delivered_side_by_side() {
    let server = server_with(On::Watch, Fault::DuplicateDelivery);
    let mut watch = get(&server.url(), WATCH).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(brief(&watch.line().await).1);
    }
    assert_eq!(seen, ["a", "a", "b", "b", "c", "c"]);
}

#[tokio::test]
async fn garbage_comes_once_and_the_events_go_on() {
    let server = server_with(On::Watch, Fault::bad_object());
    let mut watch = get(&server.url(), WATCH).await;
    assert_eq!(watch.line().await["object"]["metadata"], 42);
    assert_eq!(brief(&watch.line().await).1, "a");

    let Fault::GarbageLine { bytes, .. } = Fault::bad_utf8() else { unreachable!() };
    assert!(std::str::from_utf8(&bytes).is_err());
    server.inject(On::Watch, 1, Fault::GarbageLine { after_events: 3, bytes });
    let mut watch = get(&server.url(), WATCH).await;
    for name in ["a", "b", "c"] {
        assert_eq!(brief(&watch.line().await).1, name);
    }
    assert!(matches!(watch.next(LONG).await, Next::Line(line) if line.contains('\u{fffd}')));
    server.create(EventSpec::pod("default", "p").with_name("d"));
    assert_eq!(brief(&watch.line().await).1, "d");
}

#[tokio::test]
async fn garbage_in_a_list_is_an_item() {
    for after_events in [0, 3] {
        let bytes = br#"{"metadata":42}"#.to_vec();
        let server = server_with(On::List, Fault::GarbageLine { after_events, bytes });
        let list = get(&server.url(), LIST).await.json().await;
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), 4);
        assert_eq!(items[usize::try_from(after_events).unwrap()]["metadata"], 42);
        assert_eq!(names(&get(&server.url(), LIST).await.json().await), ["a", "b", "c"]);
    }
}

#[tokio::test]
async fn errors_in_the_stream_end_it() {
    let server = server_with(On::Watch, Fault::Error410InStream { after_events: 1 });
    let mut watch = get(&server.url(), WATCH).await;
    assert_eq!(brief(&watch.line().await).1, "a");
    let error = watch.line().await;
    assert_eq!((&error["type"], &error["object"]["code"]), (&"ERROR".into(), &410.into()));
    assert_eq!(watch.next(LONG).await, Next::End);

    let message = "etcdserver: no leader".to_owned();
    server.inject(On::Watch, 1, Fault::InStreamError { after_events: 0, code: 500, message });
    let mut watch = get(&server.url(), WATCH).await;
    assert_eq!(watch.line().await["object"]["message"], "etcdserver: no leader");
    assert_eq!(watch.next(LONG).await, Next::End);
}

#[tokio::test]
async fn an_error_due_after_the_last_event_does_not_wait_for_another() {
    let server = server_with(On::Watch, Fault::Error410InStream { after_events: 3 });
    let mut watch = get(&server.url(), WATCH).await;
    for _ in 0..3 {
        watch.line().await;
    }
    assert_eq!(watch.line().await["type"], "ERROR");
}
