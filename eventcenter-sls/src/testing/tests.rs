//! The double, asked over TCP by a client that is made of text: what it takes, and what it refuses and how.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha1::Sha1;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::body::Compression;
use super::http::Request;
use super::*;

mod calls;
mod hostile;

/// A request that can be spoilt before it is sent.
#[derive(Debug, Clone)]
struct Spoken {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    secret: &'static str,
}

/// An answer as it was read.
#[derive(Debug, Default)]
struct Heard {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Heard {
    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    /// The code of a refusal that is in the service's form.
    fn code(&self) -> String {
        let id = self.header("x-log-requestid").expect("every answer has a request id");
        assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        assert!(self.header("x-log-time").is_some());
        let said = self.json();
        assert!(said["errorMessage"].as_str().is_some_and(|text| !text.is_empty()), "{said}");
        said["errorCode"].as_str().unwrap().to_owned()
    }
}

const HOST: &str = "k8s-log-c1.cn-hangzhou.log.aliyuncs.com";

impl Spoken {
    fn new(method: &'static str, target: &str) -> Self {
        let headers = [
            ("Host", HOST),
            ("x-log-apiversion", "0.6.0"),
            ("x-log-signaturemethod", "hmac-sha1"),
            ("x-log-bodyrawsize", "0"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { method, target: target.to_owned(), headers, body: Vec::new(), secret: "test-secret" }
    }

    fn json(method: &'static str, target: &str, body: &Value) -> Self {
        Self::new(method, target).with_body("application/json", body.to_string().into_bytes())
    }

    /// PutLogs of a group as it is.
    fn put(body: Vec<u8>) -> Self {
        Self::new("POST", "/logstores/k8s-event/shards/lb")
            .with_body("application/x-protobuf", body)
    }

    fn compressed(body: &[u8], compression: Compression, name: &str) -> Self {
        let size = body.len().to_string();
        let spoken = Self::put(compression.compress(body)).with("x-log-compresstype", name);
        spoken.with("x-log-bodyrawsize", &size)
    }

    fn with_body(mut self, kind: &str, body: Vec<u8>) -> Self {
        self = self.with("x-log-bodyrawsize", &body.len().to_string()).with("Content-Type", kind);
        self.body = body;
        self
    }

    /// Sets a header; an empty value takes it away.
    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Signs under v1, with what stands in it.
    fn signed(mut self, double: &Double) -> Self {
        if !self.headers.iter().any(|(name, _)| name == "Date") {
            let now = httpdate::fmt_http_date(double.now().into());
            self = self.with("Date", &now);
        }
        if !self.body.is_empty() {
            let hash: String = Md5::digest(&self.body).iter().map(|b| format!("{b:02X}")).collect();
            self = self.with("Content-MD5", &hash);
        }
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let mut request = Request::default();
        self.method.clone_into(&mut request.method);
        path.clone_into(&mut request.path);
        query.clone_into(&mut request.query);
        let lower = |(name, value): &(String, String)| (name.to_lowercase(), value.clone());
        request.headers = self.headers.iter().map(lower).collect();
        let date = request.header("date").unwrap_or_default().to_owned();
        let mut mac = Hmac::<Sha1>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(verify::v1_text(&request, &date).as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        self.with("Authorization", &format!("LOG test-id:{signature}"))
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let has_length = self.headers.iter().any(|(name, _)| name == "Content-Length");
        if !has_length && self.method != "GET" {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        [text.as_bytes(), b"\r\n", &self.body].concat()
    }

    async fn send(self, double: &Double) -> Heard {
        let bytes = self.signed(double).bytes();
        told(double, &bytes).await
    }
}

/// Says this, and hears one answer. A connection that is reset is no answer: status 0.
async fn told(double: &Double, bytes: &[u8]) -> Heard {
    let mut stream = TcpStream::connect(double.address()).await.unwrap();
    // Who is refused early need not hear all of it.
    stream.write_all(bytes).await.ok();
    hear(&mut stream).await
}

async fn hear(stream: &mut TcpStream) -> Heard {
    let mut all = Vec::new();
    let mut part = vec![0; 65536];
    loop {
        if let Some(end) = all.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(all[..end].to_vec()).unwrap();
            let mut lines = head.split("\r\n");
            let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
            let header = |line: &str| {
                let (name, value) = line.split_once(": ").unwrap();
                (name.to_owned(), value.to_owned())
            };
            let mut heard =
                Heard { status, headers: lines.map(header).collect(), body: Vec::new() };
            let length: usize = heard.header("Content-Length").unwrap().parse().unwrap();
            if all.len() >= end + 4 + length {
                heard.body = all[end + 4..end + 4 + length].to_vec();
                return heard;
            }
        }
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return Heard::default(),
            Ok(read) => all.extend(&part[..read]),
        }
    }
}

/// A group of one log per time, whose key `n` counts.
fn group(times: impl IntoIterator<Item = i64>) -> Vec<u8> {
    fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
        out.push(number << 3 | 2);
        let mut length = bytes.len();
        while length >= 0x80 {
            out.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        out.push(u8::try_from(length).unwrap());
        out.extend(bytes);
    }
    let mut group = Vec::new();
    for (n, mut time) in times.into_iter().enumerate() {
        let mut log = vec![0x08];
        while time >= 0x80 {
            log.push(u8::try_from(time & 0x7f).unwrap() | 0x80);
            time >>= 7;
        }
        log.push(u8::try_from(time).unwrap());
        for (key, value) in [("n", n.to_string()), ("level", "Warning".to_owned())] {
            let mut pair = Vec::new();
            field(&mut pair, 1, key.as_bytes());
            field(&mut pair, 2, value.as_bytes());
            field(&mut log, 2, &pair);
        }
        field(&mut group, 1, &log);
    }
    field(&mut group, 3, b"k8s");
    field(&mut group, 4, b"10.0.0.1");
    group
}

async fn double() -> Double {
    let double = Double::start().await;
    double.create("k8s-log-c1", "k8s-event");
    double
}

fn second(double: &Double) -> i64 {
    double.now().as_second()
}
