//! Bodies made smaller, as SLS wants them.
//!
//! `lz4` is one raw block: no frame, no size in front. `deflate` is the zlib container (RFC 1950). `zstd` is a usual
//! frame. The size before compression travels in the header `x-log-bodyrawsize`, and bounds what is decompressed here:
//! a body that holds more, or less, is an error.

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};

/// What a body is compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Nothing.
    None,
    /// LZ4: what every client of SLS speaks.
    #[cfg(feature = "lz4")]
    Lz4,
    /// Zstandard, level 1.
    #[cfg(feature = "zstd")]
    Zstd,
    /// zlib.
    #[cfg(feature = "deflate")]
    Deflate,
}

impl Default for Compression {
    /// LZ4 if it is built in.
    fn default() -> Self {
        #[cfg(feature = "lz4")]
        return Self::Lz4;
        #[cfg(not(feature = "lz4"))]
        return Self::None;
    }
}

impl Compression {
    /// Those that are built in, the preferred first.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "lz4")]
        Self::Lz4,
        #[cfg(feature = "zstd")]
        Self::Zstd,
        #[cfg(feature = "deflate")]
        Self::Deflate,
        Self::None,
    ];

    /// The value of `x-log-compresstype`, which a body that is not compressed does not have.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            #[cfg(feature = "lz4")]
            Self::Lz4 => Some("lz4"),
            #[cfg(feature = "zstd")]
            Self::Zstd => Some("zstd"),
            #[cfg(feature = "deflate")]
            Self::Deflate => Some("deflate"),
        }
    }

    /// The compression of this name, if it is built in.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|compression| {
            compression.name().is_some_and(|known| known.eq_ignore_ascii_case(name))
        })
    }

    /// The body, compressed: the one copy that is made of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when the library behind it fails, which lacks memory then.
    pub fn compress(self, raw: &[u8]) -> Result<Bytes> {
        match self {
            Self::None => Ok(Bytes::copy_from_slice(raw)),
            #[cfg(feature = "lz4")]
            Self::Lz4 => Ok(lz4_flex::block::compress(raw).into()),
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd::bulk::compress(raw, 1).map(Bytes::from).map_err(failed),
            #[cfg(feature = "deflate")]
            Self::Deflate => {
                let level = flate2::Compression::default();
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                std::io::Write::write_all(&mut encoder, raw).map_err(failed)?;
                encoder.finish().map(Bytes::from).map_err(failed)
            }
        }
    }

    /// What `body` was before, which has exactly `raw_len` bytes. The caller has seen that this is not too many.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when it cannot be decompressed, or has another size.
    pub fn decompress(self, body: Bytes, raw_len: usize) -> Result<Bytes> {
        let raw: Bytes = match self {
            Self::None => body,
            #[cfg(feature = "lz4")]
            Self::Lz4 => lz4_flex::block::decompress(&body, raw_len).map_err(broken)?.into(),
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd::bulk::decompress(&body, raw_len).map_err(broken)?.into(),
            #[cfg(feature = "deflate")]
            Self::Deflate => {
                // One byte more than there may be shows that there are more.
                let limit = u64::try_from(raw_len).unwrap_or(u64::MAX).saturating_add(1);
                let decoder = flate2::read::ZlibDecoder::new(body.as_ref());
                let mut raw = Vec::new();
                let mut decoder = std::io::Read::take(decoder, limit);
                std::io::Read::read_to_end(&mut decoder, &mut raw).map_err(broken)?;
                raw.into()
            }
        };
        if raw.len() == raw_len {
            Ok(raw)
        } else {
            Err(Error::new(ErrorKind::Protocol, "the body has another size than was said"))
        }
    }
}

#[cfg(any(feature = "zstd", feature = "deflate"))]
fn failed(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Usage, "the body cannot be compressed").with_source(error)
}

#[cfg(any(feature = "lz4", feature = "zstd", feature = "deflate"))]
fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Protocol, "the body cannot be decompressed").with_source(error)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[cfg(any(feature = "lz4", feature = "zstd", feature = "deflate"))]
    use crate::wire::tests::{E0, unhex};

    #[cfg(feature = "lz4")]
    #[test]
    fn blocks_of_liblz4_are_read() {
        let mut l0 = vec![0xf0, 0xc3];
        l0.extend(unhex(E0));
        assert_eq!(Compression::Lz4.decompress(l0.into(), 210).unwrap(), unhex(E0));
        let l1 = unhex("df6b7562652d6576656e746572200d0043506e74657220");
        let raw = Compression::Lz4.decompress(l1.into(), 104).unwrap();
        assert_eq!(raw, "kube-eventer ".repeat(8));
    }

    #[cfg(feature = "lz4")]
    #[test]
    fn a_block_has_no_size_in_front() {
        let body = Compression::Lz4.compress(b"a").unwrap();
        assert_eq!(body, [0x10, b'a'].as_slice());
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn deflate_is_the_zlib_container() {
        let z1 = unhex(
            "789ce392e478c12e24c2c59e9b9f9ced9d5a29c409628425e694a64a7196a4169784e41764262b711a1a99eb1900a1210054af0da9",
        );
        let raw = Compression::Deflate.decompress(z1.into(), 49).unwrap();
        assert_eq!(crate::LogGroup::decode(&raw).unwrap().topic.as_deref(), Some("testTopic"));
        let ours = Compression::Deflate.compress(&raw).unwrap();
        assert_eq!(ours.get(..2), Some([0x78, 0x9c].as_slice()));
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn a_frame_of_one_raw_block_is_read() {
        let mut z3 = unhex("28b52ffd20d2910600");
        z3.extend(unhex(E0));
        assert_eq!(Compression::Zstd.decompress(z3.into(), 210).unwrap(), unhex(E0));
    }

    #[test]
    fn a_size_that_is_lied_about_is_refused_and_bounds_the_memory() {
        let raw = vec![b'x'; 1_000_000];
        for compression in Compression::ALL {
            let body = compression.compress(&raw).unwrap();
            for lie in [0, 1, 999_999, 1_000_001] {
                let error = compression.decompress(body.clone(), lie).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Protocol, "{compression:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_body_comes_back(raw in prop::collection::vec(0..4_u8, 0..600)) {
            for compression in Compression::ALL {
                let body = compression.compress(&raw).unwrap();
                prop_assert_eq!(&compression.decompress(body, raw.len()).unwrap(), &raw);
            }
        }

        #[test]
        fn nothing_that_is_sent_brings_it_down(body: Vec<u8>, size in 0..5000_usize) {
            for compression in Compression::ALL {
                if let Ok(raw) = compression.decompress(body.clone().into(), size) {
                    prop_assert_eq!(raw.len(), size);
                }
            }
        }
    }
}
