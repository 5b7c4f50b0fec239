//! Documents, compressed: an Event of 1.2 kB takes some 160 bytes with a dictionary of its kind.
//!
//! A partition's first documents are compressed without a dictionary, and kept as samples; when there are enough, a
//! dictionary is trained from them and stored in the partition, for all that follow. The next partition begins with a
//! copy of it. A row says which dictionary it needs; 0 is none.

use std::collections::HashMap;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

/// Samples that a dictionary is trained from: some 3 MiB.
const SAMPLES: usize = 3000;
/// Bytes of a sample at most: larger documents have little in common, and hundreds of them would fill the memory.
const LARGEST_SAMPLE: usize = 8 << 10;
/// Bytes of a dictionary. 32 KiB hold the fields, the reasons and the most common messages of a cluster.
const DICTIONARY: usize = 32 << 10;
/// A level above costs twice the time, and saves 5 %.
const LEVEL: i32 = 3;
/// A document is never larger: the watch refuses what is above 16 MiB.
const LARGEST: usize = 64 << 20;

/// Compresses what is written to one partition.
pub(crate) struct Packer {
    dictionary: i64,
    compressor: Compressor<'static>,
    /// None once a dictionary is there.
    samples: Option<Vec<Vec<u8>>>,
}

impl Packer {
    /// With the newest dictionary of the partition, if it has one.
    pub(crate) fn new(dictionary: Option<(i64, &[u8])>) -> io::Result<Self> {
        Ok(match dictionary {
            Some((id, bytes)) => Self {
                dictionary: id,
                compressor: Compressor::with_dictionary(LEVEL, bytes)?,
                samples: None,
            },
            None => Self {
                dictionary: 0,
                compressor: Compressor::new(LEVEL)?,
                samples: Some(Vec::new()),
            },
        })
    }

    /// The document, compressed, and the number of the dictionary that it needs.
    pub(crate) fn pack(&mut self, document: &[u8]) -> io::Result<(i64, Vec<u8>)> {
        if let Some(samples) = &mut self.samples
            && samples.len() < SAMPLES
            && document.len() <= LARGEST_SAMPLE
        {
            samples.push(document.to_vec());
        }
        Ok((self.dictionary, self.compressor.compress(document)?))
    }

    /// A dictionary, once there are samples enough. It is to be stored before it is [used](Self::new).
    pub(crate) fn train(&mut self) -> Option<Vec<u8>> {
        let samples = self.samples.take_if(|samples| samples.len() >= SAMPLES)?;
        // Documents that have nothing in common yield none; they stay as they are.
        zstd::dict::from_samples(&samples, DICTIONARY).ok()
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").field("dictionary", &self.dictionary).finish_non_exhaustive()
    }
}

/// Decompresses what one partition holds.
pub(crate) struct Unpacker {
    plain: Decompressor<'static>,
    by_dictionary: HashMap<i64, Decompressor<'static>>,
}

impl Unpacker {
    pub(crate) fn new(dictionaries: impl IntoIterator<Item = (i64, Vec<u8>)>) -> io::Result<Self> {
        let dictionaries = dictionaries.into_iter();
        let by_dictionary = dictionaries
            .map(|(id, bytes)| Ok((id, Decompressor::with_dictionary(&bytes)?)))
            .collect::<io::Result<_>>()?;
        Ok(Self { plain: Decompressor::new()?, by_dictionary })
    }

    /// Whether it knows this dictionary: one may have been trained since it was made.
    pub(crate) fn knows(&self, dictionary: i64) -> bool {
        dictionary == 0 || self.by_dictionary.contains_key(&dictionary)
    }

    pub(crate) fn unpack(&mut self, dictionary: i64, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let decompressor = match dictionary {
            0 => &mut self.plain,
            id => self.by_dictionary.get_mut(&id).ok_or(io::ErrorKind::NotFound)?,
        };
        let size = Decompressor::upper_bound(bytes).unwrap_or(LARGEST);
        if size > LARGEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        decompressor.decompress(bytes, size)
    }
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").field("known", &self.by_dictionary.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(n: usize) -> Vec<u8> {
        format!(
            r#"{{"kind":"Event","metadata":{{"name":"web-{n}.17f3","uid":"{n:08x}"}},"reason":"BackOff","message":
            "Back-off restarting failed container web in pod web-{n}_shop({n})"}}"#
        )
        .into_bytes()
    }

    #[test]
    fn a_trained_dictionary_saves_most_and_everything_is_read_back() {
        let mut packer = Packer::new(None).unwrap();
        let plain: Vec<_> = (0..SAMPLES).map(|n| packer.pack(&document(n)).unwrap()).collect();
        let trained = packer.train().expect("there are samples enough");
        assert!(packer.train().is_none(), "one is trained once");
        let mut packer = Packer::new(Some((1, &trained))).unwrap();
        let packed = packer.pack(&document(7)).unwrap();
        assert_eq!((plain[7].0, packed.0), (0, 1));
        assert!(
            packed.1.len() * 2 < plain[7].1.len(),
            "{} of {}",
            packed.1.len(),
            plain[7].1.len()
        );
        let mut unpacker = Unpacker::new([(1, trained)]).unwrap();
        for (dictionary, bytes) in [&plain[7], &packed] {
            assert!(unpacker.knows(*dictionary));
            assert_eq!(unpacker.unpack(*dictionary, bytes).unwrap(), document(7));
        }
        assert!(!unpacker.knows(2));
    }

    #[test]
    fn huge_documents_are_packed_and_not_kept_in_memory() {
        let mut packer = Packer::new(None).unwrap();
        let huge = vec![b'x'; LARGEST_SAMPLE + 1];
        for document in [&huge[..], &huge[1..]] {
            packer.pack(document).unwrap();
        }
        assert_eq!(packer.samples.map(|samples| samples.len()), Some(1));
    }

    #[test]
    fn what_is_no_document_is_an_error_and_not_a_flood_of_memory() {
        let mut unpacker = Unpacker::new([]).unwrap();
        assert!(unpacker.unpack(0, b"garbage").is_err());
        // A frame that promises 1 TiB.
        let promise = [0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0];
        assert!(unpacker.unpack(0, &promise).is_err());
    }
}
