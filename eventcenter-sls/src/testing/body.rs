//! A body as it was before it was compressed, in bounded memory.
//!
//! `x-log-bodyrawsize` is what the client says the body becomes: the buffer is of that size and never grows, so a small
//! body that would become a large one (a bomb) is an error and no load. 10 MiB at most may be claimed.

use std::borrow::Cow;
use std::io::Read;

use super::http::{LARGEST_BODY, Request, too_large};
use super::reply::Refusal;

/// The kinds of compression, by their name in `x-log-compresstype` and `Accept-Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Lz4,
    Zstd,
    Deflate,
}

impl Compression {
    fn named(name: &str) -> Option<Self> {
        match name {
            "lz4" => Some(Self::Lz4),
            "zstd" => Some(Self::Zstd),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
    }

    /// What a client takes as an answer, the first that is known here. None: no compression.
    pub(super) fn accepted(accept_encoding: &str) -> Option<(Self, &'static str)> {
        let mut names = accept_encoding.split(',').map(|name| name.split(';').next().unwrap_or(""));
        names.find_map(|name| match name.trim() {
            "lz4" => Some((Self::Lz4, "lz4")),
            "zstd" => Some((Self::Zstd, "zstd")),
            _ => None,
        })
    }

    pub(super) fn compress(self, raw: &[u8]) -> Vec<u8> {
        match self {
            Self::Lz4 => lz4_flex::block::compress(raw),
            // To memory, which does not fail.
            Self::Zstd => zstd::bulk::compress(raw, 1).unwrap_or_default(),
            Self::Deflate => {
                let mut out = Vec::new();
                let level = flate2::Compression::fast();
                flate2::read::ZlibEncoder::new(raw, level).read_to_end(&mut out).ok();
                out
            }
        }
    }

    /// Exactly `size` bytes, or none.
    fn decompress(self, body: &[u8], size: usize) -> Option<Vec<u8>> {
        match self {
            Self::Lz4 => {
                let mut raw = vec![0; size];
                let written = lz4_flex::block::decompress_into(body, &mut raw).ok()?;
                (written == size).then_some(raw)
            }
            Self::Zstd => exactly(zstd::stream::read::Decoder::new(body).ok()?, size),
            Self::Deflate => exactly(flate2::read::ZlibDecoder::new(body), size),
        }
    }
}

/// Reads one byte more than is expected, and no further.
fn exactly(reader: impl Read, size: usize) -> Option<Vec<u8>> {
    let mut raw = Vec::new();
    let limit = u64::try_from(size).ok()?.checked_add(1)?;
    reader.take(limit).read_to_end(&mut raw).ok()?;
    (raw.len() == size).then_some(raw)
}

/// What is said of a request's body besides its signature: it must have a type, and become its raw size.
pub(super) fn raw(request: &Request) -> Result<Cow<'_, [u8]>, Refusal> {
    let refuse = |code: &str, message: &str| Err(Refusal::new(400, code, message));
    if request.body.is_empty() {
        return Ok(Cow::Borrowed(&[]));
    }
    if request.header("content-type").is_none_or(str::is_empty) {
        return refuse("MissingContentType", "Content-Type does not exist in http header");
    }
    let size = match request.header("x-log-bodyrawsize").map(str::parse::<usize>) {
        Some(Ok(size)) => Some(size),
        Some(Err(_)) => return refuse("InvalidBodyRawSize", "x-log-bodyrawsize is invalid"),
        None => None,
    };
    let Some(name) = request.header("x-log-compresstype") else {
        // A body that is not compressed may say anything or nothing: the Python client says 0 when it makes a
        // logstore, and nothing in a heartbeat. PutLogs looks again.
        return Ok(Cow::Borrowed(&request.body));
    };
    let Some(size) = size else {
        return refuse("MissingBodyRawSize", "x-log-bodyrawsize does not exist in http header");
    };
    if size > LARGEST_BODY {
        return Err(too_large(size));
    }
    let Some(compression) = Compression::named(name) else {
        return refuse("InvalidCompressType", &format!("compress type {name} is not supported"));
    };
    match compression.decompress(&request.body, size) {
        Some(raw) => Ok(Cow::Owned(raw)),
        None => refuse("PostBodyUncompressError", "uncompress post body failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(compression: &str, size: usize, body: Vec<u8>) -> Request {
        let header = |name: &str, value: String| (name.to_owned(), value);
        let headers = vec![
            header("content-type", "application/x-protobuf".to_owned()),
            header("x-log-bodyrawsize", size.to_string()),
            header("x-log-compresstype", compression.to_owned()),
        ];
        Request { headers, body, ..Request::default() }
    }

    #[test]
    fn a_body_becomes_what_it_was() {
        let text = b"kube-eventer ".repeat(8);
        for name in ["lz4", "zstd", "deflate"] {
            let compression = Compression::named(name).unwrap();
            let body = compression.compress(&text);
            assert!(body.len() < text.len(), "{name}");
            assert_eq!(raw(&request(name, text.len(), body)).unwrap(), text, "{name}");
        }
    }

    #[test]
    fn a_lie_about_the_size_is_an_error() {
        let text = vec![b'a'; 1 << 20];
        for name in ["lz4", "zstd", "deflate"] {
            let body = Compression::named(name).unwrap().compress(&text);
            for size in [0, 1, text.len() - 1, text.len() + 1, LARGEST_BODY] {
                let refusal = raw(&request(name, size, body.clone())).unwrap_err();
                assert_eq!(refusal.code, "PostBodyUncompressError", "{name} {size}");
            }
            let refusal = raw(&request(name, LARGEST_BODY + 1, body)).unwrap_err();
            assert_eq!((refusal.status, refusal.code.as_str()), (413, "PostBodyTooLarge"));
        }
    }

    #[test]
    fn blocks_of_liblz4_are_read() {
        // Made with liblz4, one with matches and one that is one literal.
        let mut block = vec![0xdf];
        block.extend(b"kube-eventer ");
        block.extend([0x0d, 0x00, 0x43, 0x50]);
        block.extend(b"nter ");
        assert_eq!(Compression::Lz4.decompress(&block, 104).unwrap(), b"kube-eventer ".repeat(8));
    }

    #[test]
    fn garbage_is_an_error() {
        for name in ["lz4", "zstd", "deflate"] {
            let refusal = raw(&request(name, 100, b"\xff\xff\xff\xff\xff".to_vec())).unwrap_err();
            assert_eq!(refusal.code, "PostBodyUncompressError", "{name}");
        }
        let refusal = raw(&request("snappy", 1, vec![1])).unwrap_err();
        assert_eq!(refusal.code, "InvalidCompressType");
    }
}
