//! A bare HTTP/1.1 client that hides nothing: one connection a request, bytes as they come.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Longer than anything that is waited for takes.
pub(crate) const LONG: Duration = Duration::from_secs(10);

/// Long enough to call it silence.
pub(crate) const SILENCE: Duration = Duration::from_millis(200);

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: Incoming,
    buffer: BytesMut,
}

/// What comes next in a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A line, without its newline.
    Line(String),
    /// The body is over, as it should be.
    End,
    /// The connection broke; this had come of a line that is not whole.
    Broken(Vec<u8>),
    /// Nothing.
    Silence,
}

/// A GET with the token that the fake server accepts at first.
pub(crate) async fn get(base: &str, path: &str) -> Answer {
    send(base, Method::GET, path, &[("authorization", "Bearer fake-token")], "").await.unwrap()
}

pub(crate) async fn send(
    base: &str,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> hyper::Result<Answer> {
    let authority = base.strip_prefix("http://").unwrap().trim_end_matches('/');
    let socket = TcpStream::connect(authority).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", authority);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let (status, headers) = (parts.status.as_u16(), parts.headers);
    Ok(Answer { status, headers, body, buffer: BytesMut::new() })
}

impl Answer {
    /// All of the body.
    pub(crate) async fn bytes(self) -> Vec<u8> {
        let rest = tokio::time::timeout(LONG, self.body.collect()).await.unwrap().unwrap();
        [self.buffer.as_ref(), &rest.to_bytes()].concat()
    }

    pub(crate) async fn text(self) -> String {
        String::from_utf8(self.bytes().await).unwrap()
    }

    pub(crate) async fn json(self) -> Value {
        serde_json::from_slice(&self.bytes().await).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The next frame of the body.
    pub(crate) async fn chunk(&mut self) -> Option<Bytes> {
        self.body.frame().await.map(|frame| frame.unwrap().into_data().unwrap())
    }

    /// The next line, for which it waits a long time.
    pub(crate) async fn line(&mut self) -> Value {
        match self.next(LONG).await {
            Next::Line(line) => serde_json::from_str(&line).unwrap(),
            other => panic!("{other:?} instead of a line"),
        }
    }

    /// Nothing comes, and the body is not over.
    pub(crate) async fn is_silent(&mut self) -> bool {
        self.next(SILENCE).await == Next::Silence
    }

    pub(crate) async fn next(&mut self, patience: Duration) -> Next {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                return Next::Line(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            match tokio::time::timeout_at(deadline, self.body.frame()).await {
                Ok(Some(Ok(frame))) => self.buffer.extend_from_slice(&frame.into_data().unwrap()),
                Ok(Some(Err(_))) => return Next::Broken(self.buffer.split().to_vec()),
                Ok(None) if self.buffer.is_empty() => return Next::End,
                Ok(None) => panic!("the body ended properly in the middle of a line"),
                Err(_) => return Next::Silence,
            }
        }
    }
}

/// Type, name and resourceVersion of a line.
pub(crate) fn brief(line: &Value) -> (String, String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &line["object"]["metadata"];
    (text(&line["type"]), text(&metadata["name"]), text(&metadata["resourceVersion"]))
}

/// The names of the items of a list.
pub(crate) fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["metadata"]["name"].as_str().unwrap())
        .collect()
}
