//! Sizes as people write them.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A number of bytes: `512`, `64MiB`, `100MB`.
///
/// | unit | bytes |
/// |---|---|
/// | none, `B` | 1 |
/// | `kB`, `MB`, `GB`, `TB` | powers of 1000 |
/// | `KiB`, `MiB`, `GiB`, `TiB`, or `Ki`, `Mi`, `Gi`, `Ti` as Kubernetes writes them | powers of 1024 |
///
/// The number is whole; a space may stand before the unit.
///
/// ```
/// use eventcenter_core::config::ByteSize;
///
/// assert_eq!("64MiB".parse::<ByteSize>()?.bytes(), 64 * 1024 * 1024);
/// assert_eq!(ByteSize::new(4 << 30).to_string(), "4GiB");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

/// What is wrong with a size, as one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid size {0:?}; write a whole number and a unit, such as 512KiB, 64MiB or 4GiB")]
pub struct InvalidSize(String);

/// The first of each factor is how it is printed.
const UNITS: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
    ("Ti", 1 << 40),
    ("Gi", 1 << 30),
    ("Mi", 1 << 20),
    ("Ki", 1 << 10),
    ("KB", 1_000),
    ("", 1),
];

impl ByteSize {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// How many bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let invalid = || InvalidSize(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).ok_or_else(invalid)?;
        let (_, factor) =
            UNITS.iter().find(|(name, _)| *name == unit.trim_start()).ok_or_else(invalid)?;
        let number: u64 = number.parse().map_err(|_| invalid())?;
        number.checked_mul(*factor).map(Self).ok_or_else(invalid)
    }
}

/// As it is written in a configuration.
impl fmt::Debug for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor));
        let (unit, factor) = whole.copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SizeVisitor;

        impl Visitor<'_> for SizeVisitor {
            type Value = ByteSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as 64MiB")
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
                Ok(ByteSize(bytes))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(SizeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("0", 0),
            ("512", 512),
            ("1kB", 1000),
            ("100 MB", 100_000_000),
            ("64MiB", 1 << 26),
            ("64Mi", 1 << 26),
            ("16TiB", 1 << 44),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in
            ["", "MiB", "1.5GiB", "-1", "4 gigs", "1mib", "99999999TiB", "1 MiB extra", "１B"]
        {
            assert_eq!(text.parse::<ByteSize>(), Err(InvalidSize(text.to_owned())), "{text}");
        }
        assert!(serde_json::from_str::<ByteSize>("-1").is_err());
        assert_eq!(serde_json::from_str::<ByteSize>("7").unwrap(), ByteSize(7));
    }

    #[test]
    fn a_size_is_shown_in_its_largest_whole_unit() {
        for text in ["4GiB", "100MB", "1KiB", "1023B", "0B"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
    }
}
