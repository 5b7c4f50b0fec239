//! HTTP requests to any receiver.
//!
//! ```yaml
//! - name: hook
//!   webhook:
//!     url: https://example.org/in             # or { file: PATH }, since a path often carries a token
//!     method: POST                            # or PUT, PATCH
//!     headers: { Authorization: { file: /run/secrets/hook } }
//!     batch: single                           # ndjson: a line an event; array: a JSON array
//!     body: envelope                          # Event::write_json; document: as Kubernetes writes it
//!     timeout: 15s
//! ```
//!
//! Success is any 2xx, whatever the body says; everything else is as in [`http`](crate::http). A batch that is refused
//! is halved by the worker until a bad event stands alone.
//!
//! Each request has an `Idempotency-Key`: the event's occurrence key (`uid-resourceVersion`), or for a batch the
//! SHA-256 of its events' keys, one a line. A request that is repeated has the same key; after a split there are new
//! ones, while the `id` of an envelope stays. `idempotent: true` says that the receiver knows what it has by these, and
//! lets lost answers be tried again freely.
//!
//! kube-eventer's webhook sends GET by default, takes 200 alone for success, tries nothing again, and builds JSON from a
//! text template, which a line break in a message breaks. It sends its own options to the receiver, header values
//! included, in the query.

use std::collections::BTreeMap;
use std::num::NonZero;

use async_trait::async_trait;
use eventcenter_core::{
    Batch, ByteSize, Error, ErrorKind, HumanDuration, KeyPath, Limits, Receipt, Result, Secret,
    Sink,
};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Url};
use serde::Deserialize;

use crate::http::{Http, TlsConfig, fifteen_seconds, sha256};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The settings of [`Webhook`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct WebhookConfig {
    /// Where to; `http` or `https`.
    pub url: Secret,
    /// Default POST.
    #[serde(default)]
    pub method: Method,
    /// Sent with each request; may replace `Content-Type`.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// What a request holds. Default a single event.
    #[serde(default)]
    pub batch: Batching,
    /// Events in a request. Default 500, or 1 for `batch: single`.
    #[serde(default)]
    pub max_events: Option<NonZero<usize>>,
    /// Bytes of documents in a request, unless one event is larger. Default 1 MiB.
    #[serde(default = "one_mib")]
    pub max_bytes: ByteSize,
    /// What an event looks like. Default the envelope.
    #[serde(default)]
    pub body: Body,
    /// For one request, from connecting to the end of the answer. Default 15 s.
    #[serde(default = "fifteen_seconds")]
    pub timeout: HumanDuration,
    /// Whether the receiver recognises repeats. Default false.
    #[serde(default)]
    pub idempotent: bool,
    /// Whom to trust, and who we are.
    #[serde(default)]
    pub tls: TlsConfig,
}

/// An HTTP method that carries a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "as in RFC 9110")]
pub enum Method {
    #[default]
    Post,
    Put,
    Patch,
}

/// What a request holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Batching {
    /// One event, as a JSON object.
    #[default]
    Single,
    /// A JSON object a line, as `application/x-ndjson`.
    Ndjson,
    /// A JSON array of objects.
    Array,
}

/// What an event looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Body {
    /// With id, cluster, time and level around the document: [`Event::write_json`](eventcenter_core::Event::write_json).
    #[default]
    Envelope,
    /// The Kubernetes document alone, with `managedFields` emptied.
    Document,
}

impl WebhookConfig {
    /// The defaults, to this URL.
    pub fn new(url: impl Into<Secret>) -> Self {
        Self {
            url: url.into(),
            method: Method::default(),
            headers: BTreeMap::new(),
            batch: Batching::default(),
            max_events: None,
            max_bytes: one_mib(),
            body: Body::default(),
            timeout: fifteen_seconds(),
            idempotent: false,
            tls: TlsConfig::default(),
        }
    }
}

fn unusable(name: &str, key: KeyPath, message: impl Into<String>) -> Error {
    Error::new(name, ErrorKind::Config, message).in_setting(key)
}

fn one_mib() -> ByteSize {
    ByteSize::new(1 << 20)
}

/// Sends events to an HTTP endpoint. See the [module](self).
#[derive(Debug)]
pub struct Webhook {
    name: String,
    url: Secret,
    method: reqwest::Method,
    headers: Vec<(HeaderName, Secret)>,
    batch: Batching,
    body: Body,
    limits: Limits,
    http: Http,
}

impl Webhook {
    /// A sink of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the URL, a header or a file of `tls` cannot be used; names the key.
    pub fn new(name: impl Into<String>, config: WebhookConfig) -> Result<Self> {
        let name = name.into();
        let named = |(header, secret): (String, Secret)| match header.parse() {
            Ok(header) => Ok((header, secret)),
            Err(_) => {
                let message = format!("`{}` is no name of a header", header.escape_debug());
                Err(unusable(&name, KeyPath::root().key("headers").key(header), message))
            }
        };
        let max_events = match (config.batch, config.max_events.map(NonZero::get)) {
            (Batching::Single, Some(2..)) => {
                let message = "a request of `batch: single` holds one event; use ndjson or array";
                return Err(unusable(&name, KeyPath::root().key("max_events"), message));
            }
            (Batching::Single, _) => 1,
            (Batching::Ndjson | Batching::Array, max_events) => max_events.unwrap_or(500),
        };
        let webhook = Self {
            url: config.url,
            method: match config.method {
                Method::Post => reqwest::Method::POST,
                Method::Put => reqwest::Method::PUT,
                Method::Patch => reqwest::Method::PATCH,
            },
            headers: config.headers.into_iter().map(named).collect::<Result<_>>()?,
            batch: config.batch,
            body: config.body,
            limits: Limits::new()
                .with_max_events(max_events)
                .with_max_bytes(usize::try_from(config.max_bytes.bytes()).unwrap_or(usize::MAX))
                .with_idempotent(config.idempotent),
            http: Http::new(&name, &config.tls, config.timeout.get())?,
            name,
        };
        // Read now what will be read again, so that what cannot be used stops the start.
        webhook.request(reqwest::Method::OPTIONS).map(drop)?;
        Ok(webhook)
    }

    /// A request with all headers, still without a body. Secrets are read each time: files may have changed.
    fn request(&self, method: reqwest::Method) -> Result<RequestBuilder> {
        let url = Url::parse(&self.url.reveal()?)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                unusable(&self.name, KeyPath::root().key("url"), "this is no http or https URL")
            })?;
        let mut headers = HeaderMap::new();
        for (header, secret) in &self.headers {
            let mut value = HeaderValue::from_str(&secret.reveal()?).map_err(|_| {
                let key = KeyPath::root().key("headers").key(header.as_str());
                unusable(&self.name, key, format!("{header} cannot have this value"))
            })?;
            value.set_sensitive(true);
            headers.insert(header, value);
        }
        let content_type = match self.batch {
            Batching::Single | Batching::Array => "application/json",
            Batching::Ndjson => "application/x-ndjson",
        };
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        Ok(self.http.client().request(method, url).headers(headers))
    }

    fn payload(&self, batch: &Batch) -> Vec<u8> {
        let (open, between, close): (&[u8], &[u8], &[u8]) = match self.batch {
            Batching::Single => (b"", b"", b""),
            Batching::Ndjson => (b"", b"\n", b"\n"),
            Batching::Array => (b"[", b",", b"]"),
        };
        let mut payload = open.to_vec();
        for (place, event) in batch.events().iter().enumerate() {
            if place > 0 {
                payload.extend_from_slice(between);
            }
            match self.body {
                Body::Envelope => event.write_json(&mut payload),
                Body::Document => event.write_document(&mut payload),
            }
        }
        payload.extend_from_slice(close);
        payload
    }
}

#[async_trait]
impl Sink for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        if self.batch == Batching::Single && batch.len() > 1 {
            let message = "batch: single takes one event at a time";
            return Err(Error::new(&self.name, ErrorKind::TooLarge, message));
        }
        let request = self.request(self.method.clone())?;
        let request = request.header(IDEMPOTENCY_KEY, key(batch)).body(self.payload(batch));
        let answer = self.http.send(request).await?;
        match answer.status.as_u16() {
            200..=299 => Ok(Receipt::all()),
            _ => Err(self.http.error(&answer)),
        }
    }

    /// Asks with OPTIONS, which changes nothing. Receivers differ in what they answer to that: only a credential that
    /// is refused, a redirect and a receiver out of order count against them.
    async fn probe(&self) -> Result<()> {
        let answer = self.http.send(self.request(reqwest::Method::OPTIONS)?).await?;
        match answer.status.as_u16() {
            300..=399 | 401 | 403 | 500.. => Err(self.http.error(&answer)),
            _ => Ok(()),
        }
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// What a receiver can tell a repeated request by.
fn key(batch: &Batch) -> String {
    let keys: Vec<_> = batch.events().iter().map(|event| event.occurrence_key()).collect();
    match keys.as_slice() {
        // A uid that no API server makes could not stand in a header.
        [key] if key.bytes().all(|byte| byte.is_ascii_graphic()) => key.clone(),
        keys => sha256(&keys.join("\n")),
    }
}
