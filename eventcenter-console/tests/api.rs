//! The API as a client sees it: answers against the document that describes them, and hostile requests.

#![expect(clippy::unwrap_used, clippy::panic, reason = "that is how a test fails")]

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use eventcenter_console::{Console, ConsoleConfig, Surroundings};
use eventcenter_core::{Cluster, Event, Health};
use eventcenter_store::MemoryStore;
use eventcenter_store::saved::{Draft, Kind, SavedInMemory, SavedThings};
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

fn console(config: &str) -> Console {
    let store = MemoryStore::new();
    for n in 1..=30 {
        store.take(&event(n, "Back-off restarting failed container web"));
    }
    store.take(&event(31, "=cmd|' /C calc'!A0,\"\u{1b}[31m\u{202e}<script>alert(1)</script>"));
    let config: ConsoleConfig = serde_json::from_str(config).unwrap();
    let saved = SavedInMemory::new();
    let query = json!({ "query": "level : Error" }).as_object().unwrap().clone();
    let query = Draft::new(Kind::Query, "Errors", query).unwrap();
    saved.create(&query, Some("s-1"), "ada").now_or_never().unwrap().unwrap();
    let (store, saved) = (Arc::new(store), Some(Arc::new(saved) as _));
    let around = Surroundings { saved, ..Surroundings::default() };
    Console::build(store, config, Health::new(), around)
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

/// Complains unless the value is as the schema says: types, required keys, and no key that it does not name.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return check(
            document,
            &document["components"]["schemas"][name],
            value,
            &format!("{place}<{name}>"),
        );
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().map(|one| one.as_str().unwrap()).collect(),
        other => panic!("{place}: a schema without a type: {other}"),
    };
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&found), "{place}: {found} is none of {types:?}");
    if let (Some(allowed), Value::String(_)) = (schema["enum"].as_array(), value) {
        assert!(allowed.contains(value), "{place}: {value}");
    }
    if let (Value::Array(items), Some(_)) = (value, schema.get("items")) {
        items
            .iter()
            .for_each(|item| check(document, &schema["items"], item, &format!("{place}[]")));
    }
    if let (Value::Object(map), Some(properties)) = (value, schema["properties"].as_object()) {
        for required in schema["required"].as_array().unwrap() {
            assert!(map.contains_key(required.as_str().unwrap()), "{place}: {required} is missing");
        }
        for (key, inner) in map {
            let known = properties.get(key);
            // The overview and a life say more than the document spells out.
            if let Some(known) = known {
                check(document, known, inner, &format!("{place}.{key}"));
            } else {
                assert!(
                    place.contains("Overview") || place.contains("Lifecycle"),
                    "{place}: {key} is not described"
                );
            }
        }
    }
}

#[tokio::test]
async fn answers_are_what_the_document_says() {
    let console = console("{}");
    let (_, document) = fetch(&console, "/api/v1/openapi.json").await;
    for (path, described) in [
        ("/api/v1/events?document=true&limit=3", "/api/v1/events"),
        ("/api/v1/events/prod/e-3", "/api/v1/events/{cluster}/{uid}"),
        ("/api/v1/histogram?by=level,reason", "/api/v1/histogram"),
        ("/api/v1/facets?query=level%3AError", "/api/v1/facets"),
        ("/api/v1/overview?since=all&offset=28800", "/api/v1/overview"),
        ("/api/v1/pods/-/shop/web-3", "/api/v1/pods/{cluster}/{namespace}/{name}"),
        ("/api/v1/pods/c-1/p-3", "/api/v1/pods/{cluster}/{uid}"),
        ("/api/v1/nodes", "/api/v1/nodes"),
        ("/api/v1/objects?prefix=web-1&kind=Pod", "/api/v1/objects"),
        ("/api/v1/keys", "/api/v1/keys"),
        ("/api/v1/saved", "/api/v1/saved"),
        ("/api/v1/saved/s-1", "/api/v1/saved/{id}"),
        ("/api/v1/gaps", "/api/v1/gaps"),
        ("/api/v1/status", "/api/v1/status"),
    ] {
        let (status, value) = fetch(&console, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {value}");
        let schema = &document["paths"][described]["get"]["responses"]["200"]["content"]["application/json"]
            ["schema"];
        check(&document, schema, &value, path);
    }
    for path in document["paths"].as_object().unwrap().keys() {
        let concrete = path
            .replace("{cluster}", "x")
            .replace("{uid}", "x")
            .replace("{namespace}", "x")
            .replace("{name}", "x");
        let request = Request::trace(&concrete)
            .header(header::HOST, "localhost")
            .body(Body::empty())
            .unwrap();
        let status = console.router().oneshot(request).await.unwrap().status();
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path} is described and not served");
    }
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
        ("/api/v1/pods/prod/shop/nobody", 404, "nothing happened"),
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
async fn only_names_of_ours_are_answered_on_loopback() {
    let console = console(r#"{"hosts":["events.example.org"]}"#);
    for (host, status) in [
        ("localhost", 200),
        ("127.0.0.1:8085", 200),
        ("[::1]:8085", 200),
        ("events.example.org", 200),
        ("evil.example.org", 403),
        ("127.0.0.1.evil.example.org:8085", 403),
    ] {
        let request =
            Request::get("/api/v1/gaps").header(header::HOST, host).body(Body::empty()).unwrap();
        assert_eq!(send(&console, request).await.0.as_u16(), status, "{host}");
    }
}

#[tokio::test]
async fn who_asks_has_to_have_the_token() {
    let console = console(r#"{"auth":{"token":"s3cr3t-s3cr3t"}}"#);
    assert!(!format!("{console:?}").contains("s3cr3t"));
    let with = |value: &str| {
        let mut request = get("/api/v1/gaps");
        request.headers_mut().insert(header::AUTHORIZATION, value.parse().unwrap());
        request
    };
    let (status, body, headers) = send(&console, get("/api/v1/gaps")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(!body.contains("s3cr3t") && headers.iter().any(|(name, _)| name == "www-authenticate"));
    for (value, status) in [
        ("Bearer s3cr3t-s3cr3t", 200),
        ("bearer  s3cr3t-s3cr3t", 200),
        ("Basic YW55Ym9keTpzM2NyM3QtczNjcjN0", 200),
        ("Bearer s3cr3t", 401),
        ("Bearer ", 401),
        ("Basic !!!", 401),
        ("Digest s3cr3t-s3cr3t", 401),
    ] {
        assert_eq!(send(&console, with(value)).await.0.as_u16(), status, "{value}");
    }
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
async fn a_proxy_is_believed_only_from_its_own_address() {
    let console =
        console(r#"{"auth":{"proxy":{"header":"X-Forwarded-User","trusted":["10.0.0.0/8"]}}}"#);
    for (peer, header, status) in
        [("10.1.2.3:9", true, 200), ("10.1.2.3:9", false, 401), ("192.0.2.1:9", true, 401)]
    {
        let mut request = get("/api/v1/gaps");
        let peer: std::net::SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        if header {
            request.headers_mut().insert("x-forwarded-user", "ada".parse().unwrap());
        }
        assert_eq!(send(&console, request).await.0.as_u16(), status, "{peer} {header}");
    }
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

#[tokio::test]
async fn an_export_has_every_event_and_no_formula() {
    let console = console("{}");
    let (_, lines, _) = send(&console, get("/api/v1/export.ndjson")).await;
    assert_eq!(lines.lines().count(), 31);
    lines.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
    let (_, csv, _) = send(&console, get("/api/v1/export.csv?query=script")).await;
    assert!(csv.starts_with("time,level,class,") && csv.contains(",\"'=cmd|"), "{csv}");
    let limited = console_with_export_of(5);
    assert_eq!(send(&limited, get("/api/v1/export.ndjson")).await.1.lines().count(), 5);
}

fn console_with_export_of(rows: usize) -> Console {
    console(&format!(r#"{{"limits":{{"export_rows":{rows}}}}}"#))
}
