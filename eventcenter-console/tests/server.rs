//! The server on a real socket: the live tail, and clients that mean no good.

#![expect(clippy::unwrap_used, reason = "that is how a test fails")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use eventcenter_console::{Console, ConsoleConfig};
use eventcenter_core::{Cluster, Event, Health, Stop};
use eventcenter_store::MemoryStore;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn event(n: u32) -> Arc<Event> {
    long_at(n, "", Timestamp::now())
}

fn long(n: u32, message: &str) -> Arc<Event> {
    long_at(n, message, Timestamp::now())
}

fn long_at(n: u32, message: &str, at: Timestamp) -> Arc<Event> {
    let cluster = Arc::new(Cluster { id: "c".to_owned(), name: "c".to_owned() });
    let document = format!(
        r#"{{"metadata":{{"uid":"e-{n}","resourceVersion":"{n}"}},"reason":"R{n}","message":"{message}","lastTimestamp":"{at}"}}"#
    );
    Arc::new(Event::from_kubernetes(&cluster, document.into(), Timestamp::now()).unwrap())
}

struct Served {
    address: SocketAddr,
    store: Arc<MemoryStore>,
    stop: Stop,
    running: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn serve(config: &str) -> Served {
    let store = Arc::new(MemoryStore::new());
    let config: ConsoleConfig = serde_json::from_str(config).unwrap();
    let console = Console::new(Arc::clone(&store) as _, config, Health::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), Stop::new());
    let stopped = stop.listen();
    let running = tokio::spawn(async move { console.serve(listener, stopped).await });
    Served { address, store, stop, running }
}

async fn connect(served: &Served, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until the text is there; at most 30 s.
async fn until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&read).contains(wanted) {
            let len = stream.read(&mut buffer).await.unwrap();
            assert_ne!(len, 0, "closed after {}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&buffer[..len]);
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.unwrap();
    String::from_utf8(read).unwrap()
}

#[tokio::test]
async fn a_live_tail_goes_on_where_it_broke_off() {
    let served = serve("{}").await;
    served.store.take(&event(1));
    served.store.take(&event(2));
    let head = "GET /api/v1/live?query=reason%3AR* HTTP/1.1\r\nHost: localhost\r\n";
    let mut first = connect(&served, &format!("{head}Last-Event-ID: 0\r\n\r\n")).await;
    let seen = until(&mut first, "R2").await;
    assert!(seen.contains("id: 1.") && seen.contains("\"reason\":\"R1\""), "{seen}");
    drop(first);
    served.store.take(&event(3));
    let mut second = connect(&served, &format!("{head}Last-Event-ID: 2\r\n\r\n")).await;
    let seen = until(&mut second, "R3").await;
    assert!(!seen.contains("R2"), "{seen}");
    served.store.take(&event(4));
    until(&mut second, "R4").await;
}

#[tokio::test]
async fn a_stop_ends_a_tail_in_an_orderly_way() {
    let served = serve("{}").await;
    let request = "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut tail = connect(&served, request).await;
    until(&mut tail, "text/event-stream").await;
    served.stop.begin();
    // The last chunk: a tail that is waited for and then dropped has none.
    until(&mut tail, "0\r\n\r\n").await;
    tokio::time::timeout(Duration::from_secs(30), served.running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_takes_nothing_keeps_nobody_out() {
    let served = serve(r#"{"limits":{"requests":1,"write_timeout":"300ms"}}"#).await;
    // More than the buffers of two sockets.
    assert!((0..40).all(|n| served.store.take(&long(n, &"x".repeat(1 << 20)))));
    let export = "GET /api/v1/export.ndjson?since=all HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut slow = connect(&served, export).await;
    until(&mut slow, "\r\n\r\n").await;
    let ask = "GET /api/v1/gaps HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answered = async {
        loop {
            let mut other = connect(&served, ask).await;
            if until(&mut other, "\r\n\r\n").await.starts_with("HTTP/1.1 200") {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), answered).await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), slow.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "the connection is still open");
    assert!(!rest.ends_with(b"0\r\n\r\n"), "it took all of it after all");
}

#[tokio::test]
async fn a_live_tail_since_some_time_leaves_out_what_happened_before() {
    let served = serve("{}").await;
    let request = "GET /api/v1/live?since=1h&after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    served.store.take(&long_at(1, "", Timestamp::now() - SignedDuration::from_hours(2)));
    served.store.take(&event(2));
    let seen = until(&mut connect(&served, request).await, "R2").await;
    assert!(!seen.contains("R1"), "{seen}");
    let whole = request.replace("since=1h&", "");
    let seen = until(&mut connect(&served, &whole).await, "R2").await;
    assert!(seen.contains("R1"), "{seen}");
}

#[tokio::test]
async fn tails_beyond_their_number_are_asked_to_come_back() {
    let served = serve(r#"{"limits":{"tails":1}}"#).await;
    let request = "GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut first = connect(&served, request).await;
    until(&mut first, "text/event-stream").await;
    let mut second = connect(&served, request).await;
    let said = until(&mut second, "too many live tails").await;
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("retry-after: 1"), "{said}");
}

#[tokio::test]
async fn a_head_without_an_end_is_not_kept() {
    let served = serve("{}").await;
    let mut stream = connect(&served, "GET / HTTP/1.1\r\n").await;
    let line = format!("X-Much: {}\r\n", "a".repeat(1000));
    for _ in 0..200 {
        if stream.write_all(line.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut said = Vec::new();
    let read =
        tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut said)).await.unwrap();
    let said = String::from_utf8_lossy(&said);
    assert!(read.is_err() || said.starts_with("HTTP/1.1 431"), "{said}");
}

#[tokio::test]
async fn a_body_that_does_not_come_keeps_nobody_out() {
    let served = serve(r#"{"limits":{"requests":1,"deadline":"100ms"}}"#).await;
    let begun = "POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Content-Length: 100\r\n\r\n{";
    let mut slow = connect(&served, begun).await;
    let said = until(&mut slow, "took too long to come").await;
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    let mut other = connect(&served, "GET /api/v1/gaps HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(until(&mut other, "\r\n\r\n").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_says_nothing_is_let_go() {
    let served = serve("{}").await;
    let mut stream = connect(&served, "GET / HT").await;
    let mut said = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut said)).await;
    assert!(read.is_ok(), "the connection is still open");
}

#[tokio::test]
async fn a_thousand_idle_connections_leave_room_for_who_asks() {
    let served = serve("{}").await;
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(TcpStream::connect(served.address).await.unwrap());
    }
    let mut stream = connect(&served, "GET /api/v1/gaps HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    until(&mut stream, "\"gaps\":[]").await;
}
