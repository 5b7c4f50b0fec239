//! One page of a list, item by item, while it arrives.
//!
//! An item is in memory, and the envelope around them (kind, metadata), and never the page: a server or a proxy
//! that ignores `limit` may send a hundred MiB in one. The scanner knows just enough of JSON for that: strings,
//! escapes, nesting. Whether an item is an Event is for others to say.

use bytes::{Buf, Bytes};
use eventcenter_core::ErrorKind;
use memchr::memchr2;
use serde::Deserialize;

use super::MAX_DOCUMENT;
use crate::exchange::{Exchange, Frame};
use crate::failure::Failure;

/// Bytes of a document that is over the limit which are kept, to show what it was.
pub(super) const EXCERPT: usize = 64 << 10;

/// The envelope of a page is smaller than this: a `continue` token has a few hundred bytes.
const MAX_ENVELOPE: usize = 1 << 20;

/// Part of a page.
#[derive(Debug)]
pub(super) enum Part {
    /// What the page says of itself, where it says so before the items, as Kubernetes does.
    Head(ListMeta),
    /// An item.
    Item(Bytes),
    /// The beginning of an item that is over the limit.
    TooLong(Bytes),
    /// The page is complete.
    End(ListMeta),
}

/// `metav1.ListMeta`, as far as it matters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ListMeta {
    /// The version of the snapshot that the page shows.
    pub(super) resource_version: String,
    /// How to ask for the next page; empty after the last.
    #[serde(rename = "continue")]
    pub(super) token: String,
}

/// A page that is arriving.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) exchange: Exchange,
    component: String,
    scanner: Scanner,
}

impl Page {
    pub(super) fn new(exchange: Exchange, component: &str) -> Self {
        Self { exchange, component: component.to_owned(), scanner: Scanner::default() }
    }

    /// The next part. Cancel-safe.
    pub(super) async fn part(&mut self) -> Result<Part, Failure> {
        loop {
            match self.scanner.next() {
                Ok(Some(part)) => return Ok(part),
                Ok(None) => {}
                Err(why) => return Err(self.nonsense(why)),
            }
            match self.exchange.frame().await? {
                Frame::Answered => {}
                Frame::Data(data) => self.scanner.frame = data,
                Frame::End => {
                    return self.scanner.end().map(Part::End).map_err(|why| self.nonsense(why));
                }
            }
        }
    }

    fn nonsense(&self, why: &str) -> Failure {
        Failure::passing(&self.component, ErrorKind::Protocol, why)
    }
}

/// Cuts a page into envelope and items.
#[derive(Debug, Default)]
struct Scanner {
    /// What is yet to be scanned.
    frame: Bytes,
    depth: usize,
    in_string: bool,
    escaped: bool,
    in_items: bool,
    /// Everything but the items.
    envelope: Vec<u8>,
    /// The item that is arriving.
    item: Vec<u8>,
    too_long: bool,
    complete: bool,
}

impl Scanner {
    /// The next part of what has arrived; none if more is needed.
    fn next(&mut self) -> Result<Option<Part>, &'static str> {
        while let Some(&byte) = self.frame.first() {
            if self.in_string {
                self.string();
                continue;
            }
            self.frame.advance(1);
            if let Some(part) = self.byte(byte)? {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    /// What the whole page says of itself.
    fn end(&mut self) -> Result<ListMeta, &'static str> {
        if !self.complete {
            return Err("the list was cut off");
        }
        let meta = meta(&self.envelope).ok_or("the list is no JSON")?;
        if meta.resource_version.is_empty() {
            return Err("the list has no resourceVersion");
        }
        Ok(meta)
    }

    /// Takes what has arrived of a string, up to its end or the next escape.
    fn string(&mut self) {
        let taken = if self.escaped {
            self.escaped = false;
            self.frame.split_to(1)
        } else if let Some(place) = memchr2(b'"', b'\\', &self.frame) {
            let is_end = self.frame[place] == b'"';
            self.in_string = !is_end;
            self.escaped = !is_end;
            self.frame.split_to(place + 1)
        } else {
            std::mem::take(&mut self.frame)
        };
        self.keep(&taken);
    }

    /// Takes a byte outside of strings.
    fn byte(&mut self, byte: u8) -> Result<Option<Part>, &'static str> {
        let between_items = self.in_items && self.depth == 2;
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' if between_items => return Ok(None),
            b',' if between_items => return Ok(self.take_item()),
            b']' if between_items => {
                let last = self.take_item();
                self.in_items = false;
                self.depth = 1;
                self.keep(b"]");
                return Ok(last);
            }
            b'{' | b'[' => {
                self.depth += 1;
                self.keep(&[byte]);
                if byte == b'[' && self.depth == 2 && after_items_key(&self.envelope) {
                    self.in_items = true;
                    let head = [self.envelope.as_slice(), b"]}"].concat();
                    let head = meta(&head).filter(|head| !head.resource_version.is_empty());
                    return Ok(head.map(Part::Head));
                }
            }
            b'}' | b']' => {
                self.keep(&[byte]);
                self.depth = self.depth.saturating_sub(1);
                self.complete = self.depth == 0;
                if self.in_items && self.depth == 2 {
                    return Ok(self.take_item());
                }
            }
            b'"' => {
                self.in_string = true;
                self.keep(b"\"");
            }
            _ => self.keep(&[byte]),
        }
        let outside = self.depth == 0 && !self.complete && !byte.is_ascii_whitespace();
        if outside || self.envelope.len() > MAX_ENVELOPE {
            return Err("the answer is no list");
        }
        Ok(None)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if !self.in_items {
            self.envelope.extend_from_slice(bytes);
        } else if self.item.len() + bytes.len() <= MAX_DOCUMENT {
            self.item.extend_from_slice(bytes);
        } else {
            self.too_long = true;
        }
    }

    fn take_item(&mut self) -> Option<Part> {
        let item = std::mem::take(&mut self.item);
        if std::mem::take(&mut self.too_long) {
            let excerpt = item.get(..EXCERPT).unwrap_or(&item);
            Some(Part::TooLong(Bytes::copy_from_slice(excerpt)))
        } else {
            (!item.is_empty()).then(|| Part::Item(item.into()))
        }
    }
}

/// Whether the envelope ends with the key of the items and an opening bracket.
fn after_items_key(envelope: &[u8]) -> bool {
    let key = envelope.strip_suffix(b"[").map(<[u8]>::trim_ascii_end);
    let key = key.and_then(|key| key.strip_suffix(b":")).map(<[u8]>::trim_ascii_end);
    let before = key.and_then(|key| key.strip_suffix(b"\"items\"")).map(<[u8]>::trim_ascii_end);
    before.is_some_and(|before| before.ends_with(b",") || before.ends_with(b"{"))
}

fn meta(envelope: &[u8]) -> Option<ListMeta> {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(default)]
        metadata: ListMeta,
    }
    serde_json::from_slice(envelope).ok().map(|envelope: Envelope| envelope.metadata)
}

#[cfg(test)]
mod tests;
