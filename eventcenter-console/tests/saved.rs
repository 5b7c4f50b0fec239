//! What people keep, as a client sees it: revisions, names, who it was, and the way out and in as YAML.

#![expect(clippy::unwrap_used, reason = "that is how a test fails")]

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, header};
use eventcenter_console::{Console, Surroundings};
use eventcenter_core::Health;
use eventcenter_store::MemoryStore;
use eventcenter_store::saved::SavedInMemory;
use serde_json::{Value, json};
use tower::ServiceExt;

fn console(config: &str) -> Console {
    let (engine, saved) = (Arc::new(MemoryStore::new()), Some(Arc::new(SavedInMemory::new()) as _));
    let config = serde_json::from_str(config).unwrap();
    let around = Surroundings { saved, ..Surroundings::default() };
    Console::build(engine, config, Health::new(), around)
}

fn request(method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Body::from(body)).unwrap()
}

/// Status, entity tag and body.
async fn send(console: &Console, request: Request<Body>) -> (u16, Option<String>, String) {
    let response = console.router().oneshot(request).await.unwrap();
    let tag = response.headers().get(header::ETAG).map(|tag| tag.to_str().unwrap().to_owned());
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 8 << 20).await.unwrap();
    (status, tag, String::from_utf8(body.to_vec()).unwrap())
}

const JSON: (&str, &str) = ("content-type", "application/json");

async fn post(console: &Console, name: &str, query: &str) -> (u16, Value) {
    let body = json!({ "kind": "query", "name": name, "body": { "query": query } }).to_string();
    let (status, _, body) =
        send(console, request(Method::POST, "/api/v1/saved", &[JSON], body)).await;
    (status, serde_json::from_str(&body).unwrap())
}

async fn put(console: &Console, id: &Value, seen: &str, name: &str) -> (u16, Option<String>) {
    let path = format!("/api/v1/saved/{}", id.as_str().unwrap());
    let body = json!({ "kind": "query", "name": name, "body": { "query": "*" } }).to_string();
    let headers = [JSON, ("if-match", seen)];
    let (status, tag, _) = send(console, request(Method::PUT, &path, &headers, body)).await;
    (status, tag)
}

async fn names(console: &Console) -> Vec<String> {
    let list = request(Method::GET, "/api/v1/saved?kind=query", &[], String::new());
    let list: Value = serde_json::from_str(&send(console, list).await.2).unwrap();
    let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
    list["saved"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn who_has_seen_an_older_revision_changes_nothing() {
    let console = console("{}");
    let (status, made) = post(&console, "ours", "level : Error").await;
    assert_eq!((status, &made["revision"]), (201, &json!(1)));
    let (tag, path) =
        (Some("\"2\"".to_owned()), format!("/api/v1/saved/{}", made["id"].as_str().unwrap()));
    assert_eq!(put(&console, &made["id"], "\"1\"", "ann's").await, (200, tag.clone()));
    assert_eq!(put(&console, &made["id"], "\"1\"", "bob's").await, (412, None));
    assert_eq!(names(&console).await, ["ann's"]);
    assert_eq!(send(&console, request(Method::GET, &path, &[], String::new())).await.1, tag);
    let delete = |seen| request(Method::DELETE, &path, &[("if-match", seen)], String::new());
    assert_eq!(send(&console, delete("\"1\"")).await.0, 412);
    assert_eq!(send(&console, delete("two")).await.0, 400);
    assert_eq!(send(&console, request(Method::DELETE, &path, &[], String::new())).await.0, 428);
    assert_eq!(send(&console, delete("*")).await.0, 200);
    assert_eq!(send(&console, delete("*")).await.0, 404);
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_in_words() {
    let console = console("{}");
    let (_, made) = post(&console, "ours", "*").await;
    let (_, other) = post(&console, "theirs", "*").await;
    let (status, problem) = post(&console, "ours", "level : Error").await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/conflict")));
    assert!(problem["detail"].as_str().unwrap().contains(made["id"].as_str().unwrap()));
    assert_eq!(put(&console, &other["id"], "*", "ours").await.0, 409);
    assert_eq!(post(&console, " ", "*").await.0, 422);
    for (body, status, says) in [
        (r#"{"kind":"alarm","name":"a","body":{}}"#, 400, "unknown variant `alarm`"),
        (r#"{"kind":"query","name":"a","body":{}}"#, 422, "has its statement"),
        (r#"{"kind":"query","name":"a","body":[]}"#, 400, "expected a map"),
        (
            r#"{"kind":"query","name":"a","body":{"query":"*"},"by":"me"}"#,
            400,
            "unknown field `by`",
        ),
        (r#"{"kind":"cluster","name":"a","body":{}}"#, 422, "changed at /api/v1/clusters"),
        ("", 400, "not understood"),
    ] {
        let asked = request(Method::POST, "/api/v1/saved", &[JSON], body.to_owned());
        let (got, _, problem) = send(&console, asked).await;
        assert!(got == status && problem.contains(says), "{body}: {got} {problem}");
    }
    assert_eq!(names(&console).await, ["ours", "theirs"]);
}

#[tokio::test]
async fn a_page_of_another_site_keeps_and_removes_nothing() {
    let console = console("{}");
    let (_, made) = post(&console, "ours", "*").await;
    let path = format!("/api/v1/saved/{}", made["id"].as_str().unwrap());
    let body = json!({ "kind": "query", "name": "evil", "body": { "query": "*" } }).to_string();
    let any = ("if-match", "*");
    for foreign in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example.org")] {
        for (method, path) in
            [(Method::POST, "/api/v1/saved"), (Method::PUT, &path), (Method::DELETE, &path)]
        {
            let asked = request(method.clone(), path, &[JSON, any, foreign], body.clone());
            assert_eq!(send(&console, asked).await.0, 403, "{method} {path} {foreign:?}");
        }
    }
    // What a form can send.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
        for (method, path) in [
            (Method::POST, "/api/v1/saved"),
            (Method::POST, "/api/v1/saved.yaml"),
            (Method::PUT, &path),
        ] {
            let asked = request(method, path, &[("content-type", kind), any], body.clone());
            assert_eq!(send(&console, asked).await.0, 415, "{path} {kind}");
        }
    }
    assert_eq!(names(&console).await, ["ours"]);
}

#[tokio::test]
async fn it_is_noted_who_it_was_as_far_as_that_is_known() {
    let (_, made) = post(&console("{}"), "a", "*").await;
    assert_eq!(made["created"]["by"], "");
    let body = json!({ "kind": "query", "name": "a", "body": { "query": "*" } }).to_string();
    let by = async |config: &str, header: (&str, &str)| {
        let mut asked = request(Method::POST, "/api/v1/saved", &[JSON, header], body.clone());
        let peer: std::net::SocketAddr = "10.0.0.1:9".parse().unwrap();
        asked.extensions_mut().insert(axum::extract::ConnectInfo(peer));
        let made: Value = serde_json::from_str(&send(&console(config), asked).await.2).unwrap();
        made["created"]["by"].as_str().unwrap().to_owned()
    };
    let proxy = r#"{"auth":{"proxy":{"header":"X-User","trusted":["10.0.0.0/8"]}}}"#;
    assert_eq!(by(proxy, ("x-user", "ada@example.org")).await, "ada@example.org");
    let token = r#"{"auth":{"token":"s3cr3t"}}"#;
    assert_eq!(by(token, ("authorization", "Bearer s3cr3t")).await, "token");
    // Nobody is believed without a proxy that says so.
    assert_eq!(by("{}", ("x-user", "ada")).await, "");
}

#[tokio::test]
async fn an_export_is_imported_elsewhere_and_again() {
    let (one, other) = (console("{}"), console("{}"));
    let awkward = "a: \"b\"\n- {c}\t# \u{1b}[31m名 'x' | select count(*) as n, 'yes' -- no";
    post(&one, "awkward", awkward).await;
    post(&one, "yes", "no").await;
    let export = async |console: &Console| {
        send(console, request(Method::GET, "/api/v1/saved.yaml", &[], String::new())).await.2
    };
    let import = async |console: &Console, text: &str| {
        let kind = ("content-type", "application/yaml");
        let asked = request(Method::POST, "/api/v1/saved.yaml", &[kind], text.to_owned());
        let (status, _, body) = send(console, asked).await;
        let became: Value = serde_json::from_str(&body).unwrap();
        let became = became["imported"].as_array().into_iter().flatten();
        let became: Vec<_> = became.map(|one| one["became"].as_str().unwrap().to_owned()).collect();
        (status, became.join(","), body)
    };
    let text = export(&one).await;
    assert_eq!(import(&other, &text).await.1, "created,created");
    assert_eq!(export(&other).await, text);
    assert_eq!(import(&other, &text).await.1, "unchanged,unchanged");
    assert_eq!(
        import(&other, &text.replace("name: awkward", "name: mild")).await.1,
        "replaced,unchanged"
    );
    let stranger = "saved: [{ id: x, kind: query, name: mild, body: { query: '*' } }]";
    let (_, became, body) = import(&other, stranger).await;
    assert!(became == "refused" && body.contains("is called so already"), "{body}");
    // All of it is checked before anything is kept.
    for (bad, says) in [
        (
            "saved: [{ id: y, kind: query, name: new, body: { query: '*' } }, { id: z, kind: query, name: '', body: { query: '*' } }]",
            "a name has",
        ),
        ("saved: [{ id: ../y, kind: query, name: new, body: { query: '*' } }]", "an id is"),
        ("saved: [{ id: y, kind: query, name: new, body: { query: '*' }, by: me }]", "unknown key"),
        ("saved: [", "the body:1"),
        ("", "is empty"),
    ] {
        let (status, _, body) = import(&other, bad).await;
        assert!((400..500).contains(&status) && body.contains(says), "{bad}: {status} {body}");
    }
    assert_eq!(names(&other).await, ["mild", "yes"]);
}

#[tokio::test]
async fn an_export_has_no_orders_to_a_terminal_and_keeps_them() {
    let (one, other) = (console("{}"), console("{}"));
    let hostile = "\u{202e}cod.exe\u{7f}\u{9b}31m\u{e0041} 名\n: x";
    let (_, made) = post(&one, "hostile", hostile).await;
    let asked = request(Method::GET, "/api/v1/saved.yaml", &[], String::new());
    let text = send(&one, asked).await.2;
    for line in text.lines() {
        assert_eq!(eventcenter_core::plain(line), line);
    }
    let kind = ("content-type", "application/yaml");
    let asked = request(Method::POST, "/api/v1/saved.yaml", &[kind], text);
    assert_eq!(send(&other, asked).await.0, 200);
    let path = format!("/api/v1/saved/{}", made["id"].as_str().unwrap());
    let there = send(&other, request(Method::GET, &path, &[], String::new())).await.2;
    let there: Value = serde_json::from_str(&there).unwrap();
    assert_eq!(there["body"]["query"], hostile);
}
