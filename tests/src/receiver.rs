//! A webhook target on 127.0.0.1 that counts what it was given and answers as it is told.
//!
//! It takes POST and PUT with one JSON document, a JSON array of documents or documents one per
//! line (NDJSON), plain or gzipped. Of each document it keeps the identity of the Event in it: its
//! uid and resourceVersion, found in `metadata`, `object.metadata` or `event.metadata`; give
//! [`Receiver::with_extractor`] a function for any other envelope.
//!
//! A request counts as received when its answer says so ([`Reply::Ok`], [`Reply::Slow`]) and with
//! [`Reply::CloseAfterStore`], where the sender cannot know. All requests are recorded, whatever
//! becomes of them.

mod documents;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response};
use jiff::Timestamp;

pub use self::documents::identity;

use self::documents::{documents, sent_us};
use crate::fake_api_server::Identity;
use crate::loopback::{Answering, Body, Break, Handler, Loopback, Outcome};

/// What a request is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 200; the documents are received.
    Ok,
    /// The same after a while.
    Slow(Duration),
    /// Any other answer; nothing is received.
    Status {
        /// 400, 429, 500, ...
        code: u16,
        /// The value of the header Retry-After.
        retry_after: Option<String>,
        /// The body.
        body: String,
    },
    /// 307 to this location; nothing is received.
    Redirect(String),
    /// No answer, ever; nothing is received.
    Hang,
    /// RST after the request was read; nothing is received.
    Reset,
    /// The documents are received, and then the connection is closed without an answer.
    CloseAfterStore,
}

impl Reply {
    /// An answer with this status and an empty body.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status { code, retry_after: None, body: String::new() }
    }
}

/// One received document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The Event's uid; empty if the document has none.
    pub uid: String,
    /// The Event's resourceVersion; empty if the document has none.
    pub resource_version: String,
    /// When its request had been read.
    pub at: Instant,
    /// Microseconds since the fake API server sent it, if it is one of its generated Events.
    pub latency_us: Option<i64>,
}

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    /// `POST`, `PUT`, ...
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// Decompressed; empty if bodies are not kept.
    pub body: Bytes,
    /// How many documents were in it.
    pub documents: usize,
    /// When it had been read.
    pub at: Instant,
    /// What it was answered with.
    pub reply: Reply,
}

impl ReceivedRequest {
    /// A header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

type Extractor = Arc<dyn Fn(&str) -> Option<Identity> + Send + Sync>;

struct State {
    usual: Reply,
    next: VecDeque<Reply>,
    received: Vec<Arrival>,
    copies: HashMap<Identity, usize>,
    requests: Vec<ReceivedRequest>,
    keep_bodies: bool,
}

struct Shared {
    state: Mutex<State>,
    extractor: Extractor,
}

/// The server. Dropping it is pulling its plug.
pub struct Receiver {
    shared: Arc<Shared>,
    port: u16,
    running: Mutex<Option<Loopback>>,
}

impl Receiver {
    /// Starts on a free port, with [`identity`] as the extractor.
    #[must_use]
    pub fn start() -> Self {
        Self::start_on(0)
    }

    /// The same on a given port.
    ///
    /// # Panics
    ///
    /// When the port is taken.
    #[must_use]
    pub fn start_on(port: u16) -> Self {
        Self::with_extractor(port, identity)
    }

    /// The same with another way to find the identity in a document (JSON text).
    ///
    /// # Panics
    ///
    /// When the port is taken.
    #[must_use]
    pub fn with_extractor<F>(port: u16, extractor: F) -> Self
    where
        F: Fn(&str) -> Option<Identity> + Send + Sync + 'static,
    {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                usual: Reply::Ok,
                next: VecDeque::new(),
                received: Vec::new(),
                copies: HashMap::new(),
                requests: Vec::new(),
                keep_bodies: true,
            }),
            extractor: Arc::new(extractor),
        });
        let running = Loopback::start(port, handler(&shared));
        Self { shared, port: running.address().port(), running: Mutex::new(Some(running)) }
    }

    /// `http://127.0.0.1:PORT/`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// Sets what requests are answered with from now on.
    pub fn reply(&self, usual: Reply) {
        self.shared.state().usual = usual;
    }

    /// Sets what the next `times` requests are answered with, after those that are set already.
    pub fn reply_next(&self, times: usize, reply: &Reply) {
        self.shared.state().next.extend(std::iter::repeat_n(reply.clone(), times));
    }

    /// Whether bodies are kept in [`Receiver::requests`]; they are unless told otherwise.
    pub fn keep_bodies(&self, yes: bool) {
        self.shared.state().keep_bodies = yes;
    }

    /// Everything received, in order, copies included.
    #[must_use]
    pub fn received(&self) -> Vec<Arrival> {
        self.shared.state().received.clone()
    }

    /// The occurrences received, each once.
    #[must_use]
    pub fn distinct(&self) -> BTreeSet<Identity> {
        self.shared.state().copies.keys().cloned().collect()
    }

    /// How many documents were received, copies included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shared.state().received.len()
    }

    /// How many of them were copies of an earlier one.
    #[must_use]
    pub fn duplicates(&self) -> usize {
        let state = self.shared.state();
        state.received.len() - state.copies.len()
    }

    /// How often one occurrence was received.
    #[must_use]
    pub fn copies(&self, occurrence: &Identity) -> usize {
        self.shared.state().copies.get(occurrence).copied().unwrap_or(0)
    }

    /// All requests, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.state().requests.clone()
    }

    /// Stops politely; answers under way are finished.
    pub fn stop(&self) {
        if let Some(running) = self.take() {
            running.stop();
        }
    }

    /// Starts again where it was, with all it has received; stops first if it runs.
    ///
    /// # Panics
    ///
    /// When somebody else has taken the port.
    pub fn restart_on_same_port(&self) {
        self.stop();
        let running = Loopback::start(self.port, handler(&self.shared));
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }

    fn take(&self) -> Option<Loopback> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({}, {} received)", self.url(), self.count())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a request and says how to answer it.
    fn record(&self, request: &http::request::Parts, body: Bytes) -> (Reply, Vec<Arrival>) {
        let at = Instant::now();
        let now = Timestamp::now().as_microsecond();
        let documents = documents(&body);
        let arrivals: Option<Vec<Arrival>> = documents.as_ref().map(|documents| {
            let arrival = |document: &&str| {
                let (uid, resource_version) = (self.extractor)(document).unwrap_or_default();
                let latency_us = sent_us(document).map(|sent| now - sent);
                Arrival { uid, resource_version, at, latency_us }
            };
            documents.iter().map(arrival).collect()
        });

        let mut state = self.state();
        let reply = match (&request.method, &arrivals) {
            (&http::Method::POST | &http::Method::PUT, Some(_)) => {
                state.next.pop_front().unwrap_or_else(|| state.usual.clone())
            }
            (&http::Method::POST | &http::Method::PUT, None) => Reply::Status {
                code: 400,
                retry_after: None,
                body: "the body is not JSON".to_owned(),
            },
            _ => Reply::status(405),
        };
        let arrivals = arrivals.unwrap_or_default();
        let headers = request.headers.iter();
        let record = ReceivedRequest {
            method: request.method.to_string(),
            path: request.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            headers: headers
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect(),
            body: if state.keep_bodies { body } else { Bytes::new() },
            documents: arrivals.len(),
            at,
            reply: reply.clone(),
        };
        state.requests.push(record);
        (reply, arrivals)
    }

    fn store(&self, arrivals: Vec<Arrival>) {
        let mut state = self.state();
        for arrival in arrivals {
            let identity = (arrival.uid.clone(), arrival.resource_version.clone());
            *state.copies.entry(identity).or_default() += 1;
            state.received.push(arrival);
        }
    }
}

fn handler(shared: &Arc<Shared>) -> Handler {
    let shared = Arc::clone(shared);
    Arc::new(move |request: Request<Incoming>, _stopping| -> Answering {
        let shared = Arc::clone(&shared);
        Box::pin(async move { answer(&shared, request).await })
    })
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Outcome {
    let (request, body) = request.into_parts();
    // A sender that broke off has sent nothing.
    let body = body.collect().await.map_err(|_| Break::Close)?.to_bytes();
    let body = documents::decoded(&request.headers, body);
    let (reply, arrivals) = shared.record(&request, body);
    match reply {
        Reply::Ok => shared.store(arrivals),
        Reply::Slow(pause) => {
            tokio::time::sleep(pause).await;
            shared.store(arrivals);
        }
        Reply::Status { code, retry_after, body } => {
            let mut response = Response::new(Body::Whole(body.into()));
            *response.status_mut() = StatusCode::from_u16(code).expect("a status code");
            if let Some(retry_after) = retry_after {
                let value = HeaderValue::try_from(retry_after).expect("a header value");
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
            return Ok(response);
        }
        Reply::Redirect(location) => {
            let mut response = Response::new(Body::Whole(Bytes::new()));
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            let value = HeaderValue::try_from(location).expect("a header value");
            response.headers_mut().insert(header::LOCATION, value);
            return Ok(response);
        }
        Reply::Hang => return std::future::pending().await,
        Reply::Reset => return Err(Break::Reset),
        Reply::CloseAfterStore => {
            shared.store(arrivals);
            return Err(Break::Close);
        }
    }
    Ok(Response::new(Body::Whole(Bytes::from_static(b"{}"))))
}
