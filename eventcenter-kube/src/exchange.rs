//! One request and its answer, frame by frame.
//!
//! `kube::Client::request_stream` would be shorter, but turns an answer that is no success into an error without
//! its headers, and `Retry-After` is one; and it hides whether a body ended or was cut. So this is
//! [`kube::Client::send`] and the body. The request in flight lives in the [`Exchange`], not in the future that
//! waits for it: dropping the wait loses nothing.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use eventcenter_core::{Clock, ErrorKind};
use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue, USER_AGENT};
use http::{Request, Response, response};
use http_body::Body as _;
use jiff::Timestamp;
use kube::Client;
use kube::client::Body;
use tokio::time::{Instant, Sleep, sleep};

use crate::credential;
use crate::failure::Failure;

/// Bytes of a refusal that are read.
const REFUSAL: usize = 64 << 10;

/// What identifies us in the audit log of the API server.
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("eventcenter/", env!("CARGO_PKG_VERSION")));

/// What comes of an exchange.
#[derive(Debug)]
pub(crate) enum Frame {
    /// The server has begun to answer, with success. Once, first.
    Answered,
    /// Some bytes of the body, cut anywhere.
    Data(Bytes),
    /// The body came to its end, as the server meant it.
    End,
}

/// A request under way.
pub(crate) struct Exchange {
    component: Arc<str>,
    clock: Arc<dyn Clock>,
    phase: Phase,
    /// The longest silence, before the answer and within it.
    patience: Patience,
    /// When the request was made: what the answer says was true then or later.
    asked: Timestamp,
    /// When the last frame arrived.
    arrived: Timestamp,
    /// The same, for durations.
    beat: Instant,
    /// Since when there has been nothing to read, while we were reading.
    idle: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

/// How long to bear silence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Until the answer begins.
    pub(crate) answer: Duration,
    /// Between frames.
    pub(crate) frame: Duration,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, kube::Error>> + Send>>;

enum Phase {
    Asked(Answer),
    Answering(Body),
    Refusing(Box<(response::Parts, Body, Vec<u8>)>),
    Over,
}

impl Exchange {
    /// Asks for `uri`, a path with a query. `component` names us in errors.
    pub(crate) fn get(
        client: &Client,
        uri: &str,
        patience: Patience,
        component: &Arc<str>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let request = headed(Request::get(uri)).body(Body::empty());
        Self::of(client, request, patience, component, clock)
    }

    /// Makes this request.
    pub(crate) fn of(
        client: &Client,
        request: http::Result<Request<Body>>,
        patience: Patience,
        component: &Arc<str>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let client = client.clone();
        let answer = async move { client.send(request.map_err(kube::Error::HttpError)?).await };
        let now = clock.now();
        Self {
            component: Arc::clone(component),
            clock: Arc::clone(clock),
            phase: Phase::Asked(Box::pin(answer)),
            patience,
            asked: now,
            arrived: now,
            beat: Instant::now(),
            idle: None,
            timer: Box::pin(sleep(patience.answer)),
        }
    }

    /// When the request was made.
    pub(crate) fn asked(&self) -> Timestamp {
        self.asked
    }

    /// When the last frame arrived.
    pub(crate) fn arrived(&self) -> Timestamp {
        self.arrived
    }

    /// When the last frame arrived, for durations.
    pub(crate) fn beat(&self) -> Instant {
        self.beat
    }

    /// How long we have been waiting for more, without a break, up to now or up to the end of the body.
    pub(crate) fn silence(&self) -> Duration {
        self.idle.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// The next frame. Cancel-safe.
    pub(crate) async fn frame(&mut self) -> Result<Frame, Failure> {
        poll_fn(|cx| self.poll_frame(cx)).await
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, Failure>> {
        loop {
            match &mut self.phase {
                Phase::Asked(answer) => match answer.as_mut().poll(cx) {
                    Poll::Ready(Ok(response)) if response.status().is_success() => {
                        self.phase = Phase::Answering(response.into_body());
                        self.note();
                        return Poll::Ready(Ok(Frame::Answered));
                    }
                    Poll::Ready(Ok(response)) => {
                        let (parts, body) = response.into_parts();
                        self.phase = Phase::Refusing(Box::new((parts, body, Vec::new())));
                        self.note();
                    }
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Err(self.broken("cannot reach the API server", error)));
                    }
                    Poll::Pending => return self.poll_silence(cx, self.patience.answer),
                },
                Phase::Answering(body) => match Pin::new(body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        self.note();
                        // Anything else is trailers.
                        if let Ok(data) = frame.into_data() {
                            return Poll::Ready(Ok(Frame::Data(data)));
                        }
                    }
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Err(self.broken("the answer was cut off", error)));
                    }
                    Poll::Ready(None) => {
                        self.phase = Phase::Over;
                        return Poll::Ready(Ok(Frame::End));
                    }
                    Poll::Pending => {
                        self.idle.get_or_insert_with(Instant::now);
                        return self.poll_silence(cx, self.patience.frame);
                    }
                },
                Phase::Refusing(answer) => {
                    let (parts, body, said) = &mut **answer;
                    match Pin::new(body).poll_frame(cx) {
                        Poll::Ready(Some(Ok(frame))) => {
                            let data = frame.into_data().unwrap_or_default();
                            said.extend(data.iter().take(REFUSAL - said.len().min(REFUSAL)));
                            self.note();
                        }
                        // What was said so far is better than a complaint about the rest.
                        Poll::Ready(Some(Err(_)) | None) => {
                            let failure = Failure::from_response(
                                &self.component,
                                parts.status.as_u16(),
                                &parts.headers,
                                said,
                                self.clock.now(),
                            );
                            self.phase = Phase::Over;
                            return Poll::Ready(Err(failure));
                        }
                        Poll::Pending => return self.poll_silence(cx, self.patience.answer),
                    }
                }
                Phase::Over => return Poll::Ready(Ok(Frame::End)),
            }
        }
    }

    /// Fails once nothing has come for `patience`. The timer is wound up again only when it rings: a watch may
    /// have thousands of frames a second.
    fn poll_silence<T>(
        &mut self,
        cx: &mut Context<'_>,
        patience: Duration,
    ) -> Poll<Result<T, Failure>> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let deadline = self.beat + patience;
            if deadline <= Instant::now() {
                self.phase = Phase::Over;
                let message = "the API server does not answer";
                let failure = Failure::passing(&self.component, ErrorKind::Timeout, message);
                return Poll::Ready(Err(failure));
            }
            self.timer.as_mut().reset(deadline);
        }
    }

    fn note(&mut self) {
        self.arrived = self.clock.now();
        self.beat = Instant::now();
        self.idle = None;
    }

    fn broken(&mut self, message: &str, error: kube::Error) -> Failure {
        self.phase = Phase::Over;
        if let Some(trouble) = credential::trouble(&error) {
            let mut failure = Failure::passing(&self.component, ErrorKind::Auth, "no credential");
            failure.error = failure.error.with("cause", trouble);
            return failure;
        }
        let mut failure = Failure::passing(&self.component, ErrorKind::Unavailable, message);
        failure.error = failure.error.with("cause", root(&error)).with_source(error);
        failure
    }
}

/// With what we say in every request.
pub(crate) fn headed(request: http::request::Builder) -> http::request::Builder {
    // Event streams are gzipped by Kubernetes 1.37 if a client lets it, one member an event, and are not worth it
    // on a cluster's own network.
    request
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
        .header(USER_AGENT, AGENT)
}

/// The innermost cause on one line, such as `connection refused`: the outer ones say "client error (Connect)".
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string().replace(|c: char| c.is_control(), " ")
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match &self.phase {
            Phase::Asked(_) => "asked",
            Phase::Answering(_) => "answering",
            Phase::Refusing(_) => "refusing",
            Phase::Over => "over",
        };
        f.debug_struct("Exchange").field("phase", &phase).finish_non_exhaustive()
    }
}
