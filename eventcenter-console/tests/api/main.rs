//! The API as a client sees it: answers against the document that describes them, and hostile requests.

#![expect(clippy::unwrap_used, clippy::panic, reason = "that is how a test fails")]

mod access;
mod cluster_changes;
mod clusters;
mod described;
mod engines;
mod exports;
mod login;
mod tails;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use eventcenter_console::{Console, ConsoleConfig, Surroundings};
use eventcenter_core::{Cluster, Event, Health};
use eventcenter_store::saved::{Draft, Kind, SavedInMemory, SavedThings};
use eventcenter_store::{EventQuery, MemoryStore};
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt;

fn event(n: u32, message: &str) -> Arc<Event> {
    let cluster = Arc::new(Cluster { id: "c-1".to_owned(), name: "prod".to_owned() });
    let time = Timestamp::now() - SignedDuration::from_mins(i64::from(n));
    let document = json!({
        "metadata": { "name": format!("web-{n}.1"), "namespace": "shop", "uid": format!("e-{n}"), "resourceVersion": "1" },
        "involvedObject": { "kind": "Pod", "namespace": "shop", "name": format!("web-{n}"), "uid": format!("p-{n}") },
        "type": "Warning", "reason": "BackOff", "message": message, "count": 1,
        "source": { "component": "kubelet", "host": "node-1" },
        "firstTimestamp": time, "lastTimestamp": time,
    });
    Arc::new(
        Event::from_kubernetes(&cluster, document.to_string().into(), Timestamp::now()).unwrap(),
    )
}

fn store() -> MemoryStore {
    let store = MemoryStore::new();
    for n in 1..=30 {
        store.take(&event(n, "Back-off restarting failed container web"));
    }
    store
        .take(&event(31, "=cmd|' /C calc'!A0,\"\u{1b}[31m\u{9b}\u{202e}<script>alert(1)</script>"));
    store
}

fn console(config: &str) -> Console {
    over(store(), config)
}

fn over(engine: impl EventQuery, config: &str) -> Console {
    let config: ConsoleConfig = serde_json::from_str(config).unwrap();
    let saved = SavedInMemory::new();
    let query = json!({ "query": "level : Error" }).as_object().unwrap().clone();
    let query = Draft::new(Kind::Query, "Errors", query).unwrap();
    saved.create(&query, Some("s-1"), "ada").now_or_never().unwrap().unwrap();
    let saved = Some(Arc::new(saved) as _);
    let around = Surroundings { saved, ..Surroundings::default() };
    Console::build(Arc::new(engine), config, Health::new(), around)
}

async fn send(
    console: &Console,
    request: Request<Body>,
) -> (StatusCode, String, Vec<(String, String)>) {
    let response = console.router().oneshot(request).await.unwrap();
    let headers = response.headers().iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let status = response.status();
    let body = to_bytes(response.into_body(), 8 << 20).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap(), headers)
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header(header::HOST, "localhost:8085").body(Body::empty()).unwrap()
}

async fn fetch(console: &Console, path: &str) -> (StatusCode, Value) {
    let (status, body, _) = send(console, get(path)).await;
    let value =
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"));
    (status, value)
}

#[tokio::test]
async fn pages_go_on_where_the_one_before_ended() {
    let console = console("{}");
    let (mut path, mut seen) = ("/api/v1/events?limit=7".to_owned(), Vec::new());
    loop {
        let (_, page) = fetch(&console, &path).await;
        seen.extend(
            page["events"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| event["object"]["name"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/events?limit=7&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (1..=31).map(|n| format!("web-{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_pod_that_nothing_happened_to_has_no_lives_and_what_the_answer_lacks_is_told() {
    let console = console("{}");
    for path in ["/api/v1/pods/prod/shop/nobody", "/api/v1/pods/prod/no-uid"] {
        let (status, told) = fetch(&console, path).await;
        assert_eq!((status, &told["lives"]), (StatusCode::OK, &json!([])), "{path}");
        assert!(told["gaps"].is_array() && told["unread"].is_array(), "{path}");
    }
}

#[tokio::test]
async fn a_list_begins_at_a_time_with_what_happened_then() {
    let console = console("{}");
    let (_, all) = fetch(&console, "/api/v1/events").await;
    let row = |n: usize| all["events"][n]["object"]["name"].clone();
    let time = all["events"][9]["time"].as_str().unwrap();
    for (order, then) in [("newest", [9, 10]), ("oldest", [9, 8])] {
        let path = format!("/api/v1/events?limit=2&order={order}&after={time}");
        let (_, page) = fetch(&console, &path).await;
        let names: Vec<_> =
            [0, 1].map(|n: usize| page["events"][n]["object"]["name"].clone()).into();
        assert_eq!(names, then.map(row), "{order}");
    }
}

#[tokio::test]
async fn a_message_is_cut_where_the_reader_says_and_between_characters() {
    let store = MemoryStore::new();
    store.take(&event(1, &"事件".repeat(100_000)));
    let console = Console::new(Arc::new(store), ConsoleConfig::default(), Health::new());
    let message = async |cut: &str| {
        let (_, page) = fetch(&console, &format!("/api/v1/events?{cut}")).await;
        page["events"][0]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(message("cut=3").await, "事件事");
    assert_eq!(message("").await.chars().count(), 200_000);
}

#[tokio::test]
async fn a_list_is_narrowed_to_its_cluster_its_node_and_its_time() {
    let console = console("{}");
    let found = async |path: &str| {
        let (_, page) = fetch(&console, path).await;
        page["events"].as_array().or(page["nodes"].as_array()).map(Vec::len)
    };
    for (path, number) in [
        ("/api/v1/events?cluster=prod", 31),
        ("/api/v1/events?cluster=c-1&query=name%20:%20web-1%20or%20name%20:%20web-2", 2),
        ("/api/v1/events?cluster=other&query=name%20:%20web-1%20or%20name%20:%20web-2", 0),
        ("/api/v1/events?cluster=other%22%20or%20%22web", 0),
        ("/api/v1/nodes?node=node-1", 1),
        ("/api/v1/nodes?node=node-2", 0),
        // One event a minute, the first a minute ago.
        ("/api/v1/events?since=630s", 10),
        ("/api/v1/events?since=all", 31),
    ] {
        assert_eq!(found(path).await, Some(number), "{path}");
    }
}

#[tokio::test]
async fn a_request_that_is_not_understood_is_answered_in_words() {
    let console = console("{}");
    let deep = format!("/api/v1/events?query={}", "(".repeat(10_000));
    let many = format!("/api/v1/events?query={}", "a+or+".repeat(5_000));
    for (path, status, says) in [
        ("/api/v1/events?query=reson%3Ax", 422, "did you mean `reason`"),
        (deep.as_str(), 422, "nested more than 64"),
        (many.as_str(), 422, "at most 256 terms"),
        ("/api/v1/events?qery=x", 400, "unknown parameter `qery`; known here: query,"),
        ("/api/v1/events?since=2h&since=3h", 400, "given twice"),
        ("/api/v1/events?since=yesterday", 400, "`since`: invalid duration"),
        (
            "/api/v1/events?from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
            400,
            "the range is empty",
        ),
        ("/api/v1/events?from=noon", 400, "`from` is no time"),
        ("/api/v1/events?limit=0", 400, "a number from 1 to 1000"),
        ("/api/v1/events?limit=99999999999999999999", 400, "a number from 1 to 1000"),
        ("/api/v1/events?document=maybe", 400, "`document` is true or false"),
        ("/api/v1/gaps?since=1h", 400, "unknown parameter `since`; known here: none"),
        ("/api/v1/status?x=1", 400, "unknown parameter `x`"),
        ("/api/v1/openapi.json?x=1", 400, "unknown parameter `x`"),
        ("/api/v1/events?order=best", 400, "newest, oldest or arrival"),
        ("/api/v1/events?after=zzz", 400, "not what a page of this list gave"),
        ("/api/v1/events?order=arrival&after=t0.0", 400, "not what a page of this list gave"),
        (
            "/api/v1/events?order=arrival&after=2026-01-01T00:00:00Z",
            400,
            "not what a page of this list gave",
        ),
        ("/api/v1/events?query=%ff%fe", 422, "no letter and no digit"),
        ("/api/v1/histogram?since=3650d&step=1s", 400, "at most 2000 buckets"),
        ("/api/v1/facets?by=password", 400, "`by` is one of cluster, level"),
        ("/api/v1/query?query=level%3AError", 400, "search | select"),
        ("/api/v1/query?query=*%7C", 422, "expected a SELECT"),
        ("/api/v1/objects?prefix=a%20or%20b", 400, "the beginning of a name"),
        ("/api/v1/events/..%2f..%2fetc/passwd", 404, "no such event"),
        ("/api/v1/nope", 404, "no such path"),
        ("/api/v1/live?after=x", 400, "no mark of ours"),
    ] {
        let (got, value) = fetch(&console, path).await;
        let shown: String = path.chars().take(80).collect();
        assert_eq!(got.as_u16(), status, "{shown}: {value}");
        let detail = value["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{shown}: {detail}");
        assert_eq!(value["status"], status);
    }
    let (_, value) = fetch(&console, "/api/v1/events?query=a%20reson%3Ax").await;
    assert_eq!(value["column"], 3);
}

#[tokio::test]
async fn a_statement_may_come_as_json_and_not_as_a_form_of_another_site() {
    let console = console("{}");
    let post = |kind: &str, body: String| {
        Request::post("/api/v1/query")
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))
            .unwrap()
    };
    let given = json!({ "query": "* | select 1", "since": "1h" }).to_string();
    let (status, body, _) = send(&console, post("application/json", given.clone())).await;
    assert_eq!(
        status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the engine in memory knows no SQL: {body}"
    );
    let (status, ..) = send(&console, post("text/plain", given.clone())).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (status, ..) = send(&console, post("application/json", "x".repeat(100_000))).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut foreign = post("application/json", given);
    foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(send(&console, foreign).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_probe_is_answered_however_busy_it_is() {
    let config: ConsoleConfig = serde_json::from_str(r#"{"limits":{"requests":1}}"#).unwrap();
    let beside = axum::Router::new()
        .route("/long", axum::routing::get(std::future::pending::<()>))
        .route("/healthz", axum::routing::get(|| async { "ok" }));
    let engine = Arc::new(MemoryStore::new());
    let console = Console::build(
        engine,
        config,
        Health::new(),
        Surroundings { beside, ..Surroundings::default() },
    );
    let mut long = Box::pin(console.router().oneshot(get("/long")));
    assert!(futures::poll!(&mut long).is_pending());
    assert_eq!(send(&console, get("/api/v1/gaps")).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(send(&console, get("/healthz")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_plain_page_shows_text_of_others_as_text() {
    let console = console("{}");
    let (status, page, headers) = send(&console, get("/plain?since=all")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("web-1") && page.contains("&lt;script&gt;"), "{page}");
    assert!(!page.contains("<script") && !page.contains('\u{1b}') && !page.contains('\u{202e}'));
    let policy = headers.iter().find(|(name, _)| name == "content-security-policy").unwrap();
    assert!(policy.1.starts_with("default-src 'none'") && !policy.1.contains("unsafe"));
    let (status, page, _) = send(&console, get("/plain?query=reson%3A%3Cb%3E")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("did you mean") && page.contains("reson:&lt;b&gt;\n^"), "{page}");
    let mut chinese = get("/plain");
    chinese.headers_mut().insert(header::ACCEPT_LANGUAGE, "zh-CN".parse().unwrap());
    assert!(send(&console, chinese).await.1.contains("事件中心"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_made_of_many_questions_has_the_time_of_one() {
    let console = over(engines::Faulty(store(), engines::Fault::Tardy), "{}");
    for path in
        ["overview", "pods", "pods/prod/shop/web-1", "nodes", "nodes/prod/node-1", "components"]
    {
        let (status, told) = fetch(&console, &format!("/api/v1/{path}")).await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{path}: {told}");
    }
}
