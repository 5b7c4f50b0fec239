//! HTTP/1.1 as far as clients of SLS speak it, over plain TCP: what is read, within which bounds, and what is written.
//!
//! | bound | value | beyond it |
//! |---|---|---|
//! | request line and headers | 32 KiB | 400 `BadRequest`, and the connection ends |
//! | body | 10 MiB (`Content-Length`) | 413 `PostBodyTooLarge`, unread |
//! | all bodies that are being read | 64 MiB | they wait for each other |
//! | time for one request | 30 s from its first byte, [`Builder::patience`](super::Builder::patience) | 500 `RequestTimeout` |
//! | idle connection | 60 s, as the service | it ends |
//! | connections | 1024 | they wait to be accepted |
//!
//! A `POST` or `PUT` says its length, or it is 411 `MissingContentLength`: SLS takes no chunks.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite,
    AsyncWriteExt as _,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::reply::Refusal;

/// The largest body, compressed or not, in bytes.
pub const LARGEST_BODY: usize = 10 * 1024 * 1024;

const LARGEST_HEAD: usize = 32 * 1024;

/// All bodies together, in the units of [`UNIT`].
pub(super) const BODIES: usize = 64 * 1024;
const UNIT: usize = 1024;

/// How much of a refused body is read away, so that its sender comes to read the answer.
const DRAINED: u64 = 64 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// A request as it arrived.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Percent-encoded, as on the request line.
    pub(super) path: String,
    /// Percent-encoded, without the `?`.
    pub(super) query: String,
    /// Names in lower case, values trimmed, in their order.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The body's share of what all bodies may take.
    pub(super) room: Option<OwnedSemaphorePermit>,
}

impl Request {
    /// The first header of this lower-case name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The pairs of the query, decoded, in their order.
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key, true), decoded(value, true))
        };
        pairs.map(pair).collect()
    }

    /// One parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.pairs().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The parts of the path, decoded.
    pub(super) fn segments(&self) -> Vec<String> {
        let parts = self.path.split('/').filter(|part| !part.is_empty());
        parts.map(|part| decoded(part, false)).collect()
    }

    fn method_has_body(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "PUT")
    }
}

/// `%41` is `A`; `+` is a space in queries. What is not UTF-8 is replaced.
pub(super) fn decoded(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                out.push(code);
                at += 2;
            }
            (b'+', _) if plus => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What reading a request came to.
#[derive(Debug)]
pub(super) enum Read {
    Whole(Request),
    /// It cannot be taken, and the connection cannot go on. What is known of it comes along.
    Refused(Request, Refusal),
    /// The client has closed the connection.
    Closed,
}

/// Reads one request.
pub(super) async fn read(
    stream: &mut (impl AsyncBufRead + AsyncWrite + Unpin),
    bodies: &Arc<Semaphore>,
    patience: Duration,
    idle: Duration,
) -> io::Result<Read> {
    match tokio::time::timeout(idle, stream.fill_buf()).await {
        Ok(Ok(first)) if !first.is_empty() => {}
        Ok(Err(error)) => return Err(error),
        Ok(Ok(_)) | Err(_) => return Ok(Read::Closed),
    }
    let mut request = Request::default();
    let read = tokio::time::timeout(patience, whole(stream, bodies, &mut request)).await;
    match read {
        Ok(Ok(None)) => Ok(Read::Whole(request)),
        Ok(Ok(Some(refusal))) => Ok(Read::Refused(request, refusal)),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            request.body = Vec::new();
            let refusal =
                Refusal::new(500, "RequestTimeout", "request is timeout, read body slowly");
            Ok(Read::Refused(request, refusal))
        }
    }
}

async fn whole(
    stream: &mut (impl AsyncBufRead + AsyncWrite + Unpin),
    bodies: &Arc<Semaphore>,
    request: &mut Request,
) -> io::Result<Option<Refusal>> {
    if !head(stream, request).await? {
        return Ok(Some(Refusal::new(400, "BadRequest", "request cannot be parsed")));
    }
    let length = match request.header("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) => length,
        Some(Err(_)) => {
            return Ok(Some(Refusal::new(400, "BadRequest", "Content-Length is no number")));
        }
        None if request.method_has_body() || request.header("transfer-encoding").is_some() => {
            let message = "Content-Length does not exist in http header when it is necessary.";
            return Ok(Some(Refusal::new(411, "MissingContentLength", message)));
        }
        None => 0,
    };
    if length > LARGEST_BODY {
        return Ok(Some(too_large(length)));
    }
    if request.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let units = u32::try_from(length.div_ceil(UNIT)).unwrap_or(u32::MAX);
    let room = Arc::clone(bodies).acquire_many_owned(units).await.map_err(io::Error::other)?;
    request.room = Some(room);
    // It grows with what arrives: a length that is only claimed takes no memory.
    let wanted = u64::try_from(length).unwrap_or(u64::MAX);
    (&mut *stream).take(wanted).read_to_end(&mut request.body).await?;
    if request.body.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(None)
}

/// What is said of a body or a group of logs that is too large.
pub(super) fn too_large(length: usize) -> Refusal {
    let message = format!("Body size {length} must little than {LARGEST_BODY}");
    Refusal::new(413, "PostBodyTooLarge", message)
}

/// The request line and the headers; false if they are none, or too many.
async fn head(stream: &mut (impl AsyncBufRead + Unpin), request: &mut Request) -> io::Result<bool> {
    let largest = u64::try_from(LARGEST_HEAD).unwrap_or(u64::MAX);
    let mut stream = stream.take(largest);
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await?;
    let text = String::from_utf8_lossy(&line);
    let mut words = text.split_whitespace();
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Ok(false);
    };
    if !version.starts_with("HTTP/1.") {
        return Ok(false);
    }
    method.clone_into(&mut request.method);
    // To a proxy one says the whole address; the Go client takes a server at an IP address for one.
    let target = match target.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"),
        None => target,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    path.clone_into(&mut request.path);
    query.clone_into(&mut request.query);
    loop {
        line.clear();
        stream.read_until(b'\n', &mut line).await?;
        let text = String::from_utf8_lossy(&line);
        if !text.ends_with('\n') {
            return Ok(false);
        }
        let text = text.trim_end();
        if text.is_empty() {
            return Ok(true);
        }
        let Some((name, value)) = text.split_once(':') else { return Ok(false) };
        request.headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

/// Writes an answer: a head that ends with an empty line, and its body.
pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    head: &str,
    body: &Bytes,
) -> io::Result<()> {
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.flush().await
}

/// Reads away what a refused client still sends, within bounds: to close at once would reset the connection, and
/// with it the answer.
pub(super) async fn drain(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = stream.take(DRAINED);
    let mut sink = tokio::io::sink();
    let copy = tokio::io::copy(&mut rest, &mut sink);
    tokio::time::timeout(DRAIN_TIME, copy).await.map_or(Ok(()), |done| done.map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_is_a_space_in_queries_only() {
        assert_eq!(decoded("a+b%2B%e9%87%8d%", true), "a b+重%");
        assert_eq!(decoded("a+b%20c", false), "a+b c");
    }
}
