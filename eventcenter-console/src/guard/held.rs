//! An answer that holds its place among `limits.requests` until it was taken, not only until it has begun.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

/// In the extensions of an answer: it lasts, and has a limit of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lasting;

/// `response`, which keeps `permit` as long as its body is not sent.
pub(super) fn held(response: Response, permit: OwnedSemaphorePermit) -> Response {
    if response.extensions().get::<Lasting>().is_some() {
        return response;
    }
    response.map(|body| Body::new(Held { body, _permit: permit }))
}

struct Held {
    body: Body,
    _permit: OwnedSemaphorePermit,
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
