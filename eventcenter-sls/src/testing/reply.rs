//! What the double answers: the service's headers, and its errors in its own words.

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

/// A refusal: an HTTP status, a code and a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    /// The usual one: a parameter is wrong.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new(400, "ParameterInvalid", message)
    }
}

/// An answer without the headers that all answers have.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Bytes,
    /// False for what something on the way answers: it has no request id.
    pub(super) from_sls: bool,
}

impl Reply {
    /// 200 with an empty body.
    pub(super) fn ok() -> Self {
        let (headers, body) = (Vec::new(), Bytes::new());
        Self { status: 200, code: None, headers, body, from_sls: true }
    }

    /// 200 with a document.
    pub(super) fn json(value: &Value) -> Self {
        Self::ok().with_body("application/json", value.to_string())
    }

    #[must_use]
    pub(super) fn with_header(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    #[must_use]
    pub(super) fn with_body(mut self, kind: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.with_header("Content-Type", kind)
    }

    /// The head as it is sent.
    pub(super) fn head(&self, request_id: &str, now: Timestamp, close: bool) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        let mut add = |name: &str, value: &str| {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        };
        for (name, value) in &self.headers {
            add(name, value);
        }
        add("Content-Length", &self.body.len().to_string());
        add("Connection", if close { "close" } else { "keep-alive" });
        add("Date", &httpdate::fmt_http_date(now.into()));
        if self.from_sls {
            add("x-log-requestid", request_id);
            add("x-log-time", &now.as_second().to_string());
        }
        head.push_str("\r\n");
        head
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let Refusal { status, code, message } = refusal;
        let body = json!({ "errorCode": code, "errorMessage": message });
        Self { status, code: Some(code), ..Self::json(&body) }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Payload Too Large",
        415 => "Unsupported Media Type",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Told",
    }
}
