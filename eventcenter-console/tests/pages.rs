//! The shells of pages and their files, as a browser asks for them. What scripts make of them is tried in a real
//! browser, in the workspace's `tests`.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use eventcenter_console::{Console, ConsoleConfig};
use eventcenter_core::Health;
use eventcenter_store::memory::MemoryStore;
use tower::ServiceExt;

async fn get(
    path: &str,
    headers: &[(header::HeaderName, &str)],
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let config: ConsoleConfig = serde_json::from_str("{}").unwrap();
    let console = Console::new(Arc::new(MemoryStore::default()), config, Health::default());
    let mut request = Request::get(path).header(header::HOST, "localhost");
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let answer: Response =
        console.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, 10_000_000).await.unwrap().to_vec();
    (head.status, head.headers, body)
}

async fn text(path: &str, headers: &[(header::HeaderName, &str)]) -> String {
    let (status, _, body) = get(path, headers).await;
    assert_eq!(status, StatusCode::OK, "{path}");
    String::from_utf8(body).unwrap()
}

/// The files that a shell names.
fn files(shell: &str) -> Vec<String> {
    let parts = shell.split('"').filter(|part| part.starts_with("/assets/"));
    parts.map(str::to_owned).collect()
}

#[tokio::test]
async fn every_page_has_a_shell_whose_files_are_there() {
    for path in [
        "/",
        "/events?query=a",
        "/pods",
        "/pods/c1/shop/web-1",
        "/nodes",
        "/nodes/c1/node-1",
        "/components",
        "/query",
        "/status",
    ] {
        let shell = text(path, &[]).await;
        let files = files(&shell);
        assert!(files.iter().any(|file| file.contains("/pages/")), "{path}: {files:?}");
        for file in files {
            let (status, headers, _) = get(&file, &[]).await;
            assert_eq!(status, StatusCode::OK, "{path}: {file}");
            assert!(
                headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"),
                "{file}"
            );
        }
        // Nothing is inline but the words, which are data.
        assert!(
            !shell.contains("style=") && !shell.contains("onclick") && !shell.contains("<script>"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_reader_gets_the_language_and_theme_of_choice_and_else_the_browsers() {
    let chinese = (header::ACCEPT_LANGUAGE, "zh-CN,zh;q=0.9");
    assert!(
        text("/", &[]).await.contains(r#"<html lang="en" data-theme="auto" data-zone="local">"#)
    );
    assert!(text("/", std::slice::from_ref(&chinese)).await.contains("事件总览"));
    let chosen = (header::COOKIE, "theme=dark; language=en; zone=utc");
    let shell = text("/", &[chinese, chosen]).await;
    assert!(shell.contains(r#"<html lang="en" data-theme="dark" data-zone="utc">"#), "{shell}");
    let hostile = (header::COOKIE, "theme=\"><script>; language=xx");
    assert!(text("/", &[hostile]).await.contains(r#"<html lang="en" data-theme="auto""#));
}

#[tokio::test]
async fn files_travel_compressed_and_a_file_of_another_version_is_not_kept() {
    let shell = text("/", &[]).await;
    let file = files(&shell).into_iter().find(|file| file.ends_with("base.css")).unwrap();
    let (_, headers, gzip) = get(&file, &[(header::ACCEPT_ENCODING, "gzip, br")]).await;
    assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    let (_, headers, plain) = get(&file, &[]).await;
    assert!(!headers.contains_key(header::CONTENT_ENCODING) && gzip.len() < plain.len() / 2);
    let (status, headers, _) = get("/assets/0123456789abcdef/base.css", &[]).await;
    assert_eq!(
        (status, &headers[header::CACHE_CONTROL]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    for outside in [
        "/assets/x/../Cargo.toml",
        "/assets/x/%2e%2e/Cargo.toml",
        "/assets/x/nothing.js",
        "/assets/x//etc/passwd",
    ] {
        assert_eq!(get(outside, &[]).await.0, StatusCode::NOT_FOUND, "{outside}");
    }
}

#[tokio::test]
async fn a_shell_travels_compressed_and_says_what_it_says_without() {
    let taken = (header::ACCEPT_ENCODING, "gzip");
    let (_, headers, gzip) = get("/pods", &[taken]).await;
    assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    let varies = headers.get_all(header::VARY).iter().map(|value| value.to_str().unwrap());
    assert_eq!(varies.collect::<Vec<_>>(), ["accept-language, cookie", "accept-encoding"]);
    let mut unpacked = String::new();
    std::io::Read::read_to_string(
        &mut flate2::read::GzDecoder::new(gzip.as_slice()),
        &mut unpacked,
    )
    .unwrap();
    assert_eq!(unpacked, text("/pods", &[]).await);
}

#[tokio::test]
async fn a_shell_has_the_words_and_modules_of_its_page_alone() {
    let shell = text("/pods", &[]).await;
    assert!(shell.contains("\"pods.") && shell.contains("\"level.") && shell.contains("\"shell."));
    assert!(!shell.contains("\"status.") && !shell.contains("\"query."));
    assert!(shell.contains("/lib/dom.js") && !shell.contains("/lib/saved.js"));
    // `nodes` asks for modules of its own, and a Pod's page for words that another file has.
    let shell = text("/pods/c1/shop/web-1", &[]).await;
    assert!(shell.contains("/pages/pod/story.js") && shell.contains("\"lanes."));
}

#[tokio::test]
async fn a_mistaken_address_is_a_page_to_a_browser_and_problem_details_to_a_program() {
    let browser = (header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8");
    let chinese = (header::ACCEPT_LANGUAGE, "zh-CN");
    for path in ["/no/such/page", "/plain?unknown=1", "/%3Cscript%3E"] {
        let (status, headers, body) = get(path, std::slice::from_ref(&browser)).await;
        let body = String::from_utf8(body).unwrap();
        assert!(status.is_client_error(), "{path}");
        assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(body.contains("<h1>") && body.contains("href=\"/events\""), "{body}");
        assert!(!body.contains("<script"), "{body}");
        for file in files(&body) {
            assert_eq!(get(&file, &[]).await.0, StatusCode::OK, "{file}");
        }
        let (_, headers, _) = get(path, &[]).await;
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    }
    let (_, _, body) = get("/no/such/page", &[browser.clone(), chinese]).await;
    assert!(String::from_utf8(body).unwrap().contains("此地址没有页面。"));
    // What is asked of the API is answered by the API.
    let (_, headers, _) = get("/api/v1/none", &[browser]).await;
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
}
