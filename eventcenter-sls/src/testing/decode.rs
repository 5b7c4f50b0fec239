//! A `LogGroup` of protobuf, read strictly: what proto2 requires must be there, and text is UTF-8.
//!
//! The client's own decoder is lenient where the service may be; this one shares no line with it. Unknown fields are
//! passed over, as protobuf demands; the deprecated groups are refused.

use std::borrow::Cow;

use super::reply::Refusal;
use crate::wire::{Log, LogGroup};

/// Longest key, in bytes.
const LONGEST_KEY: usize = 128;
/// Longest value, in bytes.
const LONGEST_VALUE: usize = 1024 * 1024;

fn invalid(message: &str) -> Refusal {
    Refusal::new(400, "PostBodyInvalid", format!("Protobuffer content cannot be parsed: {message}"))
}

/// One field: its number, and what it holds.
enum Field<'a> {
    Varint(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
    /// Of eight bytes, which no message here has.
    Other,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, Refusal> {
        let mut value = 0_u64;
        for (place, &byte) in self.0.iter().enumerate().take(10) {
            let bits = u64::from(byte & 0x7f);
            let shift = 7 * u32::try_from(place).unwrap_or(u32::MAX);
            if place == 9 && bits > 1 {
                return Err(invalid("a number is too large"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                self.0 = self.0.get(place + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(invalid("a number does not end"))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) =
            self.0.split_at_checked(length).ok_or_else(|| invalid("a field is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn field(&mut self) -> Result<Option<(u64, Field<'a>)>, Refusal> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Field::Other
            }
            2 => {
                let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                Field::Bytes(self.take(length)?)
            }
            5 => {
                let bytes = self.take(4)?.try_into().unwrap_or_default();
                Field::Fixed32(u32::from_le_bytes(bytes))
            }
            _ => return Err(invalid("no such kind of a field")),
        };
        if tag >> 3 == 0 {
            return Err(invalid("no such field"));
        }
        Ok(Some((tag >> 3, field)))
    }
}

fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    let not_utf8 = |_| Refusal::new(400, "InvalidEncoding", "logs must be encoded in UTF-8");
    std::str::from_utf8(bytes).map_err(not_utf8)
}

/// A key and a value, both of which there must be.
fn pair(bytes: &[u8]) -> Result<(Cow<'_, str>, Cow<'_, str>), Refusal> {
    let mut reader = Reader(bytes);
    let (mut key, mut value) = (None, None);
    while let Some(field) = reader.field()? {
        match field {
            (1, Field::Bytes(bytes)) => key = Some(text(bytes)?),
            (2, Field::Bytes(bytes)) => value = Some(text(bytes)?),
            (1 | 2, _) => return Err(invalid("key or value is no text")),
            _ => {}
        }
    }
    let (Some(key), Some(value)) = (key, value) else {
        return Err(invalid("missing required fields: Key, Value"));
    };
    if key.is_empty() || key.len() > LONGEST_KEY {
        let message = format!("a key of {} bytes, 1 to {LONGEST_KEY} are allowed", key.len());
        return Err(Refusal::new(400, "InvalidKey", message));
    }
    if value.len() > LONGEST_VALUE {
        let message = format!("the value of {key} has {} bytes, too large", value.len());
        return Err(Refusal::new(400, "PostBodyTooLarge", message));
    }
    Ok((key.into(), value.into()))
}

fn log(bytes: &[u8]) -> Result<Log<'_>, Refusal> {
    let mut reader = Reader(bytes);
    let mut log = Log::default();
    let mut time = None;
    while let Some(field) = reader.field()? {
        match field {
            (1, Field::Varint(seconds)) => time = u32::try_from(seconds).ok(),
            (2, Field::Bytes(bytes)) => log.contents.push(pair(bytes)?),
            (4, Field::Fixed32(nanoseconds)) if nanoseconds < 1_000_000_000 => {
                log.time_ns = Some(nanoseconds);
            }
            (1 | 2 | 4, _) => return Err(invalid("a log's field is of another kind")),
            _ => {}
        }
    }
    let Some(time) = time else { return Err(invalid("missing required fields: Time")) };
    Ok(Log { time, ..log })
}

/// A whole group, of no more logs than this: a decoded log is larger than an encoded one.
pub(super) fn group(bytes: &[u8], most: usize) -> Result<LogGroup<'_>, Refusal> {
    let mut reader = Reader(bytes);
    let mut group = LogGroup::default();
    while let Some(field) = reader.field()? {
        match field {
            (1, Field::Bytes(_)) if group.logs.len() == most => {
                let message = format!("Logs count must little than or equal to {most}");
                return Err(Refusal::new(400, "PostBodyTooLarge", message));
            }
            (1, Field::Bytes(bytes)) => group.logs.push(log(bytes)?),
            (3, Field::Bytes(bytes)) => group.topic = Some(text(bytes)?.into()),
            (4, Field::Bytes(bytes)) => group.source = Some(text(bytes)?.into()),
            (5, Field::Bytes(bytes)) => group.machine_uuid = Some(text(bytes)?.into()),
            (6, Field::Bytes(bytes)) => group.tags.push(pair(bytes)?),
            (1..=6, Field::Varint(_) | Field::Fixed32(_) | Field::Other) => {
                return Err(invalid("a group's field is of another kind"));
            }
            _ => {}
        }
    }
    Ok(group)
}

/// A `LogGroupList` of groups that are encoded already.
pub(super) fn list<'a>(groups: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for group in groups {
        out.push(0x0a);
        let mut length = group.len();
        while length >= 0x80 {
            out.push(u8::try_from(length & 0x7f).unwrap_or(0) | 0x80);
            length >>= 7;
        }
        out.push(u8::try_from(length).unwrap_or(0));
        out.extend_from_slice(group);
    }
    out
}

#[cfg(test)]
mod tests;
