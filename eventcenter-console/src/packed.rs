//! Answers as gzip, for who takes it: pages, and JSON.
//!
//! Only what is whole already is packed. A live tail and an export are streams: to pack them would hold back what is to
//! be seen at once. An answer repeats its keys in every row, so the fastest level makes a tenth of it; what is too short
//! to be worth a thread is sent as it is.
//!
//! No secret is in any answer, beside which somebody else's text could be packed to measure it (BREACH): tokens and
//! sessions are in headers alone.

use std::io::Write as _;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes of an answer, fewer than which fit into a packet or two anyway.
const LEAST: u64 = 1400;

/// The answer of what is inside, packed where that is of use.
pub(crate) async fn packed(request: Request, next: Next) -> Response {
    let is_taken = is_taken(request.headers());
    let mut response = next.run(request).await;
    let whole = response.body().size_hint().exact();
    if !is_text(response.headers()) || whole.is_none_or(|bytes| bytes < LEAST) {
        return response;
    }
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if !is_taken {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let plain = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(plain) => plain,
        // A body that breaks off breaks off for the client, too.
        Err(error) => return Response::from_parts(head, Body::from_stream(broken(error))),
    };
    let pack = plain.clone();
    let gzip = tokio::task::spawn_blocking(move || gzip(&pack, Compression::fast())).await;
    let body = match gzip.ok().flatten() {
        Some(gzip) => {
            head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            head.headers.remove(header::CONTENT_LENGTH);
            gzip
        }
        None => plain,
    };
    Response::from_parts(head, Body::from(body))
}

fn broken(error: axum::Error) -> impl futures::Stream<Item = Result<Bytes, axum::Error>> {
    futures::stream::once(std::future::ready(Err(error)))
}

/// Whether these are the headers of a page or of JSON, not packed yet.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    matches!(kind, "application/json" | "text/html")
        && !headers.contains_key(header::CONTENT_ENCODING)
}

/// Whether whoever sends these headers takes gzip.
pub(crate) fn is_taken(headers: &HeaderMap) -> bool {
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|accepts| accepts.to_str().ok());
    accepts.is_some_and(takes_gzip)
}

fn takes_gzip(accepts: &str) -> bool {
    let mut codings = accepts.split(',').map(|coding| coding.trim());
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        matches!(name.trim(), "gzip" | "*")
            && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// None if it cannot be had.
pub(crate) fn gzip(plain: &[u8], level: Compression) -> Option<Bytes> {
    let mut gzip = GzEncoder::new(Vec::new(), level);
    let written = gzip.write_all(plain).and_then(|()| gzip.finish());
    written.map(Bytes::from).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_takes_no_gzip_gets_none() {
        for (accepts, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, gzip;q=0.5", true),
            ("*", true),
            ("identity", false),
            ("gzip;q=0, identity", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(accepts), takes, "{accepts}");
        }
    }
}
