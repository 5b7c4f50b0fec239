//! Bodies that arrive in pieces.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::mpsc;
use tokio::time::sleep;

pub(crate) type Pieces = BoxStream<'static, io::Result<Frame<Bytes>>>;
pub(crate) type Body = StreamBody<Pieces>;

/// The bytes in pieces of some size; cut off after `limit` bytes if there is one.
pub(crate) fn whole(text: &str, limit: Option<usize>) -> Body {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    let kept = bytes.slice(..limit.unwrap_or(bytes.len()).min(bytes.len()));
    let mut pieces: Vec<_> =
        kept.chunks(997).map(|piece| Ok(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    if limit.is_some() {
        pieces.push(Err(cut()));
    }
    StreamBody::new(stream::iter(pieces).boxed())
}

/// What another task sends.
pub(crate) fn sent(receiver: mpsc::Receiver<io::Result<Bytes>>) -> Body {
    let pieces = stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((piece.map(Frame::data), receiver))
    });
    StreamBody::new(pieces.boxed())
}

/// The bytes at once, and the end later.
pub(crate) fn held(text: &'static str, after: Duration) -> Body {
    let bytes = stream::iter([Ok(Frame::data(Bytes::from_static(text.as_bytes())))]);
    let end = stream::once(sleep(after)).filter_map(|()| async { None });
    StreamBody::new(bytes.chain(end).boxed())
}

/// Nothing, for ever.
pub(crate) fn silent() -> Body {
    StreamBody::new(stream::pending().boxed())
}

pub(crate) fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer")
}
