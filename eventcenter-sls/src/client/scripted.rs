//! A server for tests: it says what it is told to, and keeps what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{Builder, Client, Retries};
use crate::Credential;

/// Answers each request with the next of its answers, and closes the connection where that is empty.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    requests: Arc<Mutex<Vec<Received>>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value)
    }
}

impl Server {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        let mut answers: VecDeque<_> = answers.into_iter().collect();
        tokio::spawn(async move {
            // One connection after the other: the client sends one request at a time.
            while let Ok((mut connection, _)) = listener.accept().await {
                while let Some(request) = receive(&mut connection).await {
                    kept.lock().unwrap().push(request);
                    let answer = answers.pop_front().expect("another request than were expected");
                    if answer.is_empty() {
                        break;
                    }
                    connection.write_all(&answer).await.unwrap();
                }
            }
        });
        Self { endpoint, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn client(&self) -> Builder {
        Client::builder(&self.endpoint).no_proxy().credentials(Credential::new("id", "secret"))
    }
}

async fn receive(connection: &mut TcpStream) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut received = Received { line, headers, body: Vec::new() };
    received.body = vec![0; received.header("content-length").parse().unwrap_or(0)];
    connection.read_exact(&mut received.body).await.ok()?;
    Some(received)
}

pub(crate) fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

pub(crate) fn ok(body: &str) -> Vec<u8> {
    answer(200, "x-log-requestid: 5B8F\r\n", body.as_bytes())
}

pub(crate) fn failure(status: u16, code: &str, headers: &str) -> Vec<u8> {
    let body = format!(r#"{{"errorCode":"{code}","errorMessage":"told to"}}"#);
    answer(status, &format!("x-log-requestid: 5B8F\r\n{headers}"), body.as_bytes())
}

pub(crate) fn quick() -> Retries {
    let (first, longest) = (Duration::from_millis(1), Duration::from_millis(1));
    Retries { first, longest, budget: Duration::from_secs(30) }
}
