//! The lines of a watch, and what each says.
//!
//! A line is `{"type":"ADDED","object":{…}}`. The API server writes exactly that, so the object is cut out by
//! its place, and parsed once, as an Event. A line that is written otherwise is parsed as JSON.

use bytes::{Buf, Bytes};
use memchr::memchr;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::MAX_DOCUMENT;
use super::page::EXCERPT;

/// Cuts frames into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The frame that is being cut.
    frame: Bytes,
    /// The beginning of a line whose end has not arrived.
    partial: Vec<u8>,
    /// Whether that line is over the limit, and being skipped.
    too_long: bool,
}

/// A line, or what was kept of one that was over the limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Whole(Bytes),
    TooLong(Bytes),
}

impl Lines {
    /// Adds a frame. The one before must have been used up.
    pub(super) fn push(&mut self, frame: Bytes) {
        self.frame = frame;
    }

    /// The next line that is complete; none if more is needed.
    pub(super) fn next(&mut self) -> Option<Line> {
        loop {
            if self.frame.is_empty() {
                return None;
            }
            let Some(end) = memchr(b'\n', &self.frame) else {
                let rest = std::mem::take(&mut self.frame);
                self.keep(&rest);
                return None;
            };
            let mut line = self.frame.split_to(end);
            self.frame.advance(1);
            if !self.partial.is_empty() {
                self.keep(&line);
                line = std::mem::take(&mut self.partial).into();
            }
            if std::mem::take(&mut self.too_long) || line.len() > MAX_DOCUMENT {
                let excerpt = line.get(..EXCERPT).unwrap_or(&line);
                return Some(Line::TooLong(Bytes::copy_from_slice(excerpt)));
            }
            if !line.trim_ascii().is_empty() {
                return Some(Line::Whole(line));
            }
        }
    }

    /// Whether a line has begun whose end is missing.
    pub(super) fn has_partial(&self) -> bool {
        !self.partial.is_empty()
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.partial.len() + bytes.len() <= MAX_DOCUMENT {
            self.partial.extend_from_slice(bytes);
        } else {
            self.too_long = true;
            self.partial.truncate(EXCERPT);
            if self.partial.is_empty() {
                self.partial.extend_from_slice(bytes.get(..EXCERPT).unwrap_or(bytes));
            }
        }
    }
}

/// What a line says, with the object as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change<'a> {
    /// `ADDED` or `MODIFIED`.
    Event(&'a [u8]),
    /// `DELETED`: an Event's time is over, or somebody deleted it.
    Deleted(&'a [u8]),
    /// `BOOKMARK`: a version, and nothing else.
    Bookmark(&'a [u8]),
    /// `ERROR`, or a bare Status.
    Error(&'a [u8]),
}

impl<'a> Change<'a> {
    /// By the place of the words in the line: true for what an API server writes.
    pub(super) fn by_place(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(br#"{"type":""#)?;
        let (kind, rest) = rest.split_at_checked(memchr(b'"', rest)?)?;
        let rest = rest.strip_prefix(br#"","object":"#)?;
        Self::new(kind, rest.trim_ascii_end().strip_suffix(b"}")?)
    }

    /// By its meaning as JSON.
    pub(super) fn by_meaning(line: &'a [u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(rename = "type")]
            kind: String,
            #[serde(borrow)]
            object: &'a RawValue,
        }
        match serde_json::from_slice::<Wire<'a>>(line) {
            Ok(wire) => Self::new(wire.kind.as_bytes(), wire.object.get().as_bytes()),
            Err(_) => Meta::of(line)
                .is_some_and(|meta| meta.kind == "Status")
                .then_some(Self::Error(line)),
        }
    }

    fn new(kind: &[u8], object: &'a [u8]) -> Option<Self> {
        match kind {
            b"ADDED" | b"MODIFIED" => Some(Self::Event(object)),
            b"DELETED" => Some(Self::Deleted(object)),
            b"BOOKMARK" => Some(Self::Bookmark(object)),
            b"ERROR" => Some(Self::Error(object)),
            _ => None,
        }
    }
}

/// What can be told of an object that need not be an Event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Meta {
    kind: String,
    pub(super) metadata: ObjectMeta,
}

/// `metav1.ObjectMeta`, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ObjectMeta {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) resource_version: String,
}

impl Meta {
    /// Reads an object that is JSON throughout: a version that is guessed from half an object could be that of
    /// the object that the Event is about.
    pub(super) fn of(object: &[u8]) -> Option<Self> {
        serde_json::from_slice(object).ok()
    }

    /// The version of an object; empty if it has none.
    pub(super) fn version(object: &[u8]) -> String {
        Self::of(object).map(|meta| meta.metadata.resource_version).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use eventcenter_core::testing::fuzz::fuzz;

    use super::*;

    impl<'a> Change<'a> {
        fn object(self) -> &'a [u8] {
            let (Self::Event(it) | Self::Deleted(it) | Self::Bookmark(it) | Self::Error(it)) = self;
            it
        }
    }

    fn cut(frames: &[&str]) -> (Vec<String>, bool) {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for frame in frames {
            lines.push(Bytes::copy_from_slice(frame.as_bytes()));
            while let Some(line) = lines.next() {
                out.push(match line {
                    Line::Whole(line) => String::from_utf8(line.to_vec()).unwrap(),
                    Line::TooLong(excerpt) => format!("too long {}", excerpt.len()),
                });
            }
        }
        (out, lines.has_partial())
    }

    #[test]
    fn lines_are_cut_over_frames() {
        let (lines, partial) = cut(&["a\nbc", "d", "\n\n\r\ne\n", "f"]);
        assert_eq!(lines, ["a", "bcd", "e"]);
        assert!(partial);
        assert_eq!(cut(&["a\n"]), (vec!["a".to_owned()], false));
    }

    #[test]
    fn an_endless_line_is_skipped_and_the_next_is_read() {
        let piece = "x".repeat(MAX_DOCUMENT / 2);
        let (lines, _) = cut(&["x", &piece, &piece, &piece, "x\nb\n"]);
        assert_eq!(lines, [format!("too long {EXCERPT}"), "b".to_owned()]);
        let whole = format!("{piece}{piece}x\nb\n");
        assert_eq!(cut(&[&whole]).0, [format!("too long {EXCERPT}"), "b".to_owned()]);
    }

    /// What a watch is made of.
    const PIECES: &[&[u8]] = &[
        b"\n",
        b"\r\n",
        b"{",
        b"}",
        b"\"",
        b"\\",
        b",",
        b"{\"type\":\"",
        b"ADDED",
        b"DELETED",
        b"BOOKMARK",
        b"ERROR",
        b"\",\"object\":",
        b"{\"kind\":\"Status\",\"code\":410}",
        b"null",
        b"\xff",
        b"\0",
        b" ",
    ];

    #[test]
    fn no_stream_breaks_the_reader_or_is_cut_by_its_frames() {
        let corpus: &[&[u8]] = &[
            b"{\"type\":\"ADDED\",\"object\":{\"kind\":\"Event\",\"metadata\":{\"resourceVersion\":\"7\"}}}\n",
            b"{\"type\":\"MODIFIED\",\"object\":{\"message\":\"a\\nb }\"}}\n{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"9\"}}}\n",
            b"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n",
            b"{\"kind\":\"Status\",\"code\":403}\n\n{ \"object\": {}, \"type\": \"DELETED\" }\n",
        ];
        let lines = |frames: &mut dyn Iterator<Item = &[u8]>| {
            let (mut lines, mut out) = (Lines::default(), Vec::new());
            for frame in frames {
                lines.push(Bytes::copy_from_slice(frame));
                out.extend(std::iter::from_fn(|| lines.next()));
            }
            (out, lines.has_partial())
        };
        fuzz(corpus, PIECES, 20_000, |bytes| {
            let whole = lines(&mut std::iter::once(bytes));
            for size in [1, 2, 7] {
                assert_eq!(lines(&mut bytes.chunks(size)), whole, "frames of {size}");
            }
            let mut read = false;
            for line in whole.0 {
                let Line::Whole(line) = line else { continue };
                let (place, meaning) = (Change::by_place(&line), Change::by_meaning(&line));
                // Where both make sense of it they agree. (What is no JSON by its place is read by its meaning.)
                let is_json = |it: &[u8]| serde_json::from_slice::<&RawValue>(it).is_ok();
                if let (Some(place), Some(meaning)) = (place, meaning)
                    && is_json(place.object())
                {
                    assert_eq!(place.object().trim_ascii(), meaning.object().trim_ascii());
                }
                for change in [place, meaning].into_iter().flatten() {
                    Meta::version(change.object());
                    read = true;
                }
            }
            read
        });
    }

    #[test]
    fn a_line_says_what_the_api_server_means() {
        let place = |line: &'static str| Change::by_place(line.as_bytes());
        let meaning = |line: &'static str| Change::by_meaning(line.as_bytes());
        let added = r#"{"type":"ADDED","object":{"a":1}}"#;
        assert_eq!(place(added), Some(Change::Event(br#"{"a":1}"#)));
        assert_eq!(meaning(added), place(added));
        let odd = r#"{ "object": {"a":1}, "type": "MODIFIED" }"#;
        assert_eq!(place(odd), None);
        assert_eq!(meaning(odd), Some(Change::Event(br#"{"a":1}"#)));
        let status = r#"{"kind":"Status","code":410}"#;
        assert_eq!(meaning(status), Some(Change::Error(status.as_bytes())));
        assert_eq!(meaning("garbage"), None);
        assert_eq!(meaning(r#"{"type":"NEW","object":{}}"#), None);
    }
}
