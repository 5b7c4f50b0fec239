//! Spans: a field of an event is a place in its document, not a copy.
//!
//! A string without escapes is a range of the document. One with escapes (`\n`, `\"`, `\u4e2d`) has no range
//! that could be borrowed: it is unescaped once, into a string beside the document, and the span says so in its
//! top bit.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, Visitor};

/// Documents are not larger than this (bytes): etcd refuses objects above 1.5 MiB. A place in one fits in 31 bits, and
/// one fits in a record of the spool.
pub(super) const MAX_DOCUMENT: usize = 32 << 20;

const UNESCAPED: u32 = 1 << 31;

/// A place in a document. The default is the empty string.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// The text at this place. Empty if the span belongs to another document, which no code path makes.
    pub(super) fn of<'a>(self, text: &'a str, unescaped: &'a str) -> &'a str {
        let (start, from) = if self.start & UNESCAPED == 0 {
            (self.start as usize, text)
        } else {
            ((self.start & !UNESCAPED) as usize, unescaped)
        };
        from.get(start..start + self.len as usize).unwrap_or_default()
    }

    /// The range in the document itself, for a span that was never unescaped.
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }

    /// Whether it is the empty string.
    pub(super) fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// Turns what serde borrowed from a document into spans.
pub(super) struct Spans<'a> {
    text: &'a str,
    pub(super) unescaped: String,
}

impl<'a> Spans<'a> {
    /// For a document of at most [`MAX_DOCUMENT`] bytes.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, unescaped: String::new() }
    }

    pub(super) fn of(&mut self, word: &Word<'a>) -> Span {
        match &word.0 {
            Cow::Borrowed("") => Span::default(),
            Cow::Borrowed(part) => self.of_part(part),
            Cow::Owned(string) => {
                let start = place(self.unescaped.len()) | UNESCAPED;
                self.unescaped.push_str(string);
                Span { start, len: place(string.len()) }
            }
        }
    }

    /// The place of `part`, which was borrowed from the document.
    pub(super) fn of_part(&self, part: &'a str) -> Span {
        let start = part.as_ptr().addr() - self.text.as_ptr().addr();
        Span { start: place(start), len: place(part.len()) }
    }
}

/// An offset as a span keeps it. [`MAX_DOCUMENT`] makes it fit.
fn place(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(0)
}

/// An RFC 3339 time as Kubernetes writes it; none if it is absent or is none.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    if text.is_empty() { None } else { text.parse().ok() }
}

/// A string that is borrowed where it can be. JSON's `null` is the empty string, as in Go.
///
/// serde's own `Option<Cow<str>>` always copies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word<'a>(pub(super) Cow<'a, str>);

impl Word<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// This word, or `other` where this one is empty.
    pub(super) fn or<'b>(&'b self, other: &'b Self) -> &'b Self {
        if self.is_empty() { other } else { self }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Word<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordVisitor;

        impl<'de> Visitor<'de> for WordVisitor {
            type Value = Word<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or null")
            }

            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Self::Value, E> {
                Ok(Word(Cow::Borrowed(v)))
            }

            fn visit_str<E>(self, v: &str) -> Result<Self::Value, E> {
                Ok(Word(Cow::Owned(v.to_owned())))
            }

            fn visit_string<E>(self, v: String) -> Result<Self::Value, E> {
                Ok(Word(Cow::Owned(v)))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Word::default())
            }
        }

        deserializer.deserialize_any(WordVisitor)
    }
}
