//! The server as a process: starting, stopping, and what it remembers.

use std::time::{Duration, Instant};

use eventcenter_tests::FakeApiServer;
use eventcenter_tests::fake_api_server::{EventSpec, Fault, On};
use http::Method;
use tokio::net::TcpStream;

use crate::client::{LONG, Next, brief, get, send};

#[tokio::test]
async fn a_polite_stop_ends_watches_cleanly_and_closes_the_port() {
    let server = FakeApiServer::start();
    let mut watch = get(&server.url(), "/api/v1/events?watch=1").await;
    server.create(EventSpec::pod("default", "p").with_name("a"));
    assert_eq!(brief(&watch.line().await).1, "a");
    server.stop();
    assert_eq!(watch.next(LONG).await, Next::End);
    assert!(TcpStream::connect(server.url().trim_start_matches("http://")).await.is_err());
    server.stop();
}

#[tokio::test]
async fn a_kill_and_a_drop_break_watches() {
    let server = FakeApiServer::start();
    let mut watch = get(&server.url(), "/api/v1/events?watch=1").await;
    server.kill();
    assert_eq!(watch.next(LONG).await, Next::Broken(Vec::new()));

    server.restart_on_same_port();
    let mut watch = get(&server.url(), "/api/v1/events?watch=1").await;
    drop(server);
    assert_eq!(watch.next(LONG).await, Next::Broken(Vec::new()));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_what_hangs() {
    let server = FakeApiServer::start();
    server.inject(On::Watch, 1, Fault::HalfOpen { after_events: 0 });
    let mut watch = get(&server.url(), "/api/v1/events?watch=1").await;
    let begin = Instant::now();
    server.stop();
    assert!(begin.elapsed() < Duration::from_secs(5));
    assert!(matches!(watch.next(LONG).await, Next::Broken(_)));
}

#[tokio::test]
async fn a_restarted_server_is_the_same_server() {
    let server = FakeApiServer::start();
    let url = server.url();
    let made = server.create(EventSpec::pod("default", "p").with_name("a"));
    let idle = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    for _ in 0..3 {
        server.restart_on_same_port();
        assert_eq!(server.url(), url);
        let list = get(&url, "/api/v1/events").await.json().await;
        assert_eq!(list["items"][0]["metadata"]["uid"], made.0.as_str());
        assert_eq!(server.created(), std::slice::from_ref(&made));
    }
    drop(idle);
}

#[tokio::test]
async fn requests_are_remembered_with_their_parameters_decoded() {
    let server = FakeApiServer::start();
    let headers = [("authorization", "Bearer fake-token"), ("user-agent", "test/1")];
    let path = "/api/v1/events?watch=true&fieldSelector=type%3DWarning%2Creason%21%3Dx+y";
    send(&server.url(), Method::GET, path, &headers, "").await.unwrap();
    assert_eq!(
        send(&server.url(), Method::POST, "/api/v1/events", &headers, "{}").await.unwrap().status,
        405
    );
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let first = &requests[0];
    assert_eq!((first.method.as_str(), first.path.as_str()), ("GET", "/api/v1/events"));
    assert_eq!(first.parameter("fieldSelector"), Some("type=Warning,reason!=x y"));
    assert_eq!(first.header("user-agent"), Some("test/1"));
    assert!(first.is_watch() && first.is_events());
    assert!(requests[1].at >= first.at);
}

#[tokio::test]
async fn the_kubeconfig_leads_to_the_server() {
    let server = FakeApiServer::start();
    let yaml = server.kubeconfig_yaml();
    assert!(yaml.contains("current-context: fake\n"));
    assert!(yaml.contains(&format!("    server: {}\n", server.url())));
    assert!(yaml.contains("    token: fake-token\n"));
}
