//! Who may ask.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::routing;
use eventcenter_console::{Console, Surroundings};
use eventcenter_core::Health;
use eventcenter_store::MemoryStore;

use crate::{console, get, send};

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
async fn a_probe_without_the_token_learns_the_status_alone() {
    let trouble = || async { (StatusCode::SERVICE_UNAVAILABLE, "watch of prod: no route") };
    let beside = || Router::new().route("/readyz", routing::get(trouble));
    let console = |config: &str| {
        let around = Surroundings { beside: beside(), ..Surroundings::default() };
        let config = serde_json::from_str(config).unwrap();
        Console::build(Arc::new(MemoryStore::new()), config, Health::new(), around)
    };
    let closed = console(r#"{"auth":{"token":"s3cr3t-s3cr3t"}}"#);
    let (status, body, _) = send(&closed, get("/readyz")).await;
    assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, ""));
    let mut known = get("/readyz");
    let token = "Bearer s3cr3t-s3cr3t".parse().unwrap();
    known.headers_mut().insert(header::AUTHORIZATION, token);
    for (console, request) in [(&closed, known), (&console("{}"), get("/readyz"))] {
        let (status, body, _) = send(console, request).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("prod"), "{body}");
    }
}
