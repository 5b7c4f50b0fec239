//! A browser's way in.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use eventcenter_console::Console;

use crate::{console, get, send};

const TOKEN: &str = r#"{"auth":{"token":"s3cr3t-s3cr3t"},"hosts":["events.example.org"]}"#;

fn page(path: &str) -> Request<Body> {
    let mut request = get(path);
    request.headers_mut().insert(header::ACCEPT, "text/html,*/*;q=0.8".parse().unwrap());
    request
}

/// A form of ours, as a browser sends it.
fn post(path: &str, form: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::post(path)
        .header(header::HOST, "localhost:8085")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(form.to_owned())).unwrap()
}

fn header_of<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Logs in, and returns the cookie as a browser sends it back.
async fn logged_in(console: &Console) -> String {
    let login = post("/login", "token=s3cr3t-s3cr3t&next=%2F", &[]);
    let (status, _, headers) = send(console, login).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let cookie = header_of(&headers, "set-cookie").unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

fn with_cookie(mut request: Request<Body>, cookie: &str) -> Request<Body> {
    request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
    request
}

#[tokio::test]
async fn a_page_without_the_token_is_a_form_that_leads_back() {
    let console = console(TOKEN);
    let (status, body, headers) = send(&console, page("/?query=%22a%22&since=1h")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(header_of(&headers, "content-type"), Some("text/html; charset=utf-8"));
    assert!(header_of(&headers, "www-authenticate").is_some_and(|how| !how.contains("Basic")));
    assert!(body.contains(r#"name="next" value="/?query=%22a%22&amp;since=1h""#), "{body}");
    assert!(!body.contains("http-equiv"), "{body}");
    let (status, ..) = send(&console, get("/assets/login.css")).await;
    assert_eq!(status, StatusCode::OK, "the form is drawn for who is not known yet");
    // A strict cookie does not come along from another site: the page asks for itself once more.
    let mut linked = page("/");
    linked.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert!(send(&console, linked).await.1.contains(r#"http-equiv="refresh""#));
    let mut chinese = page("/");
    chinese.headers_mut().insert(header::ACCEPT_LANGUAGE, "zh-CN".parse().unwrap());
    assert!(send(&console, chinese).await.1.contains("令牌"));
}

#[tokio::test]
async fn a_login_is_a_cookie_that_says_nothing_of_the_token() {
    let console = console(TOKEN);
    let login = post("/login", "token=s3cr3t-s3cr3t&next=%2F%3Fsince%3D1h", &[]);
    let (status, _, headers) = send(&console, login).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(header_of(&headers, "location"), Some("/?since=1h"));
    let cookie = header_of(&headers, "set-cookie").unwrap();
    assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("s3cr3t"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(send(&console, with_cookie(page("/"), cookie)).await.0, StatusCode::OK);
    let (status, ..) = send(&console, with_cookie(get("/api/v1/gaps"), cookie)).await;
    assert_eq!(status, StatusCode::OK);
    let other = "eventcenter=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let (status, ..) = send(&console, with_cookie(get("/api/v1/gaps"), other)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let secure = [("origin", "https://localhost:8085")];
    let (_, _, headers) = send(&console, post("/login", "token=s3cr3t-s3cr3t", &secure)).await;
    assert!(header_of(&headers, "set-cookie").unwrap().ends_with("; Secure"));
}

#[tokio::test]
async fn a_login_from_elsewhere_and_one_that_leads_elsewhere_are_refused() {
    let console = console(TOKEN);
    for headers in [[("origin", "https://evil.example.org")], [("sec-fetch-site", "cross-site")]] {
        let login = post("/login", "token=s3cr3t-s3cr3t", &headers);
        assert_eq!(send(&console, login).await.0, StatusCode::FORBIDDEN, "{headers:?}");
    }
    let login = post("/login", "token=s3cr3t-s3cr3t&next=//evil.example.org", &[]);
    let (_, _, headers) = send(&console, login).await;
    assert_eq!(header_of(&headers, "location"), Some("/"));
    let json = Request::post("/login").header(header::HOST, "localhost").body(Body::from("{}"));
    let (status, ..) = send(&console, json.unwrap()).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let open = crate::console("{}");
    assert_eq!(send(&open, post("/login", "token=x", &[])).await.0, StatusCode::NOT_FOUND);
    assert_eq!(send(&open, get("/login")).await.0, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn what_changes_something_has_to_be_asked_by_a_page_of_ours() {
    let console = console(TOKEN);
    let cookie = logged_in(&console).await;
    for (headers, status) in [
        (&[][..], StatusCode::FORBIDDEN),
        (&[("sec-fetch-site", "none")], StatusCode::FORBIDDEN),
        (&[("origin", "null")], StatusCode::FORBIDDEN),
        (&[("origin", "http://localhost:8085")], StatusCode::SEE_OTHER),
    ] {
        let logout = with_cookie(post("/logout", "", headers), &cookie);
        assert_eq!(send(&console, logout).await.0, status, "{headers:?}");
    }
    let (status, ..) = send(&console, with_cookie(get("/api/v1/gaps"), &cookie)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "it has logged out");
    // Who has the token itself is no browser that was tricked.
    let mut direct = post("/logout", "", &[]);
    direct.headers_mut().insert("authorization", "Bearer s3cr3t-s3cr3t".parse().unwrap());
    assert_eq!(send(&console, direct).await.0, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whoever_guesses_is_told_to_wait_and_who_is_in_stays_in() {
    let console = console(TOKEN);
    let cookie = logged_in(&console).await;
    for n in 0..10 {
        let (status, body, _) = if n % 2 == 0 {
            send(&console, post("/login", &format!("token=guess-{n}"), &[])).await
        } else {
            let mut request = get("/api/v1/gaps");
            let guess = format!("Bearer guess-{n}").parse().unwrap();
            request.headers_mut().insert(header::AUTHORIZATION, guess);
            send(&console, request).await
        };
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
        assert!(!body.contains("guess"), "{body}");
    }
    let (status, body, headers) = send(&console, post("/login", "token=s3cr3t-s3cr3t", &[])).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{body}");
    let wait: u64 = header_of(&headers, "retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let (status, ..) = send(&console, get("/api/v1/gaps")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "nothing was guessed");
    let (status, ..) = send(&console, with_cookie(get("/api/v1/gaps"), &cookie)).await;
    assert_eq!(status, StatusCode::OK);
    // Another peer is another peer.
    let mut other = post("/login", "token=s3cr3t-s3cr3t", &[]);
    let peer: std::net::SocketAddr = "192.0.2.7:9".parse().unwrap();
    other.extensions_mut().insert(axum::extract::ConnectInfo(peer));
    assert_eq!(send(&console, other).await.0, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_token_that_is_written_anew_ends_the_sessions_of_the_old_one() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "s3cr3t-s3cr3t\n").unwrap();
    let config = serde_json::json!({ "auth": { "token": { "file": file.path() } } }).to_string();
    let console = console(&config);
    let cookie = logged_in(&console).await;
    std::fs::write(file.path(), "another\n").unwrap();
    let later = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
    file.as_file().set_modified(later).unwrap();
    let (status, ..) = send(&console, with_cookie(get("/api/v1/gaps"), &cookie)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    // An empty file opens nothing, and is nobody's mistake.
    std::fs::write(file.path(), "\n").unwrap();
    file.as_file().set_modified(later + std::time::Duration::from_secs(9)).unwrap();
    let (status, ..) = send(&console, post("/login", "token=", &[])).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
}
