//! From bytes to logs.
//!
//! Fields may come in any order and unknown ones are skipped, as protobuf has it. What is not UTF-8 becomes U+FFFD. A
//! required field that is missing, and a length that goes beyond the end, are errors.
//!
//! Memory is bounded by the input. Within a group the smallest log has 4 bytes and takes 40, the smallest pair has 6 and
//! takes 48; lists that grow have up to twice the room they need. An empty group has 2 bytes and takes 120, so that a
//! list is read only up to the number of groups that were asked for. Text is borrowed, unless it has to be mended: then
//! each byte may take three.

use std::borrow::Cow;

use super::{Log, LogGroup, field};
use crate::error::{Error, ErrorKind, Result};

impl<'a> LogGroup<'a> {
    /// Reads a group; its text is borrowed from `bytes`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when `bytes` is no `LogGroup`.
    pub fn decode(bytes: &'a [u8]) -> Result<Self> {
        let mut group = Self::new();
        let mut reader = Reader(bytes);
        while let Some((field, value)) = reader.field()? {
            match (field, value) {
                (field::LOGS, Value::Bytes(bytes)) => group.logs.push(log(bytes)?),
                (field::TOPIC, Value::Bytes(bytes)) => group.topic = Some(text(bytes)),
                (field::SOURCE, Value::Bytes(bytes)) => group.source = Some(text(bytes)),
                (field::MACHINE_UUID, Value::Bytes(bytes)) => {
                    group.machine_uuid = Some(text(bytes));
                }
                (field::TAGS, Value::Bytes(bytes)) => group.tags.push(pair(bytes)?),
                _ => {}
            }
        }
        Ok(group)
    }

    /// Reads a `LogGroupList`, which PullLogs answers, of `most` groups at most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when `bytes` is no `LogGroupList`, or has more groups.
    pub fn decode_list(bytes: &'a [u8], most: usize) -> Result<Vec<Self>> {
        let mut groups = Vec::new();
        let mut reader = Reader(bytes);
        while let Some((field, value)) = reader.field()? {
            if let (field::LOGS, Value::Bytes(bytes)) = (field, value) {
                if groups.len() == most {
                    return Err(malformed("there are more groups than were asked for"));
                }
                groups.push(Self::decode(bytes)?);
            }
        }
        Ok(groups)
    }

    /// The same, with text of its own.
    pub fn into_owned(self) -> LogGroup<'static> {
        LogGroup {
            logs: self.logs.into_iter().map(Log::into_owned).collect(),
            topic: self.topic.map(owned),
            source: self.source.map(owned),
            machine_uuid: self.machine_uuid.map(owned),
            tags: owned_pairs(self.tags),
        }
    }
}

impl Log<'_> {
    /// The same, with text of its own.
    pub fn into_owned(self) -> Log<'static> {
        let contents = owned_pairs(self.contents);
        Log { time: self.time, time_ns: self.time_ns, contents }
    }
}

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

fn owned_pairs(pairs: Vec<Pair<'_>>) -> Vec<Pair<'static>> {
    pairs.into_iter().map(|(key, value)| (owned(key), owned(value))).collect()
}

fn log(bytes: &[u8]) -> Result<Log<'_>> {
    let mut log = Log::default();
    let mut time = None;
    let mut reader = Reader(bytes);
    while let Some((field, value)) = reader.field()? {
        match (field, value) {
            (field::TIME, Value::Number(number)) => time = Some(number),
            (field::CONTENTS, Value::Bytes(bytes)) => log.contents.push(pair(bytes)?),
            (field::TIME_NS, Value::Fixed(number)) => log.time_ns = Some(number),
            _ => {}
        }
    }
    let time = time.ok_or_else(|| malformed("a log has no time"))?;
    log.time = u32::try_from(time).map_err(|_| malformed("a log's time is too large"))?;
    Ok(log)
}

fn pair(bytes: &[u8]) -> Result<Pair<'_>> {
    let (mut key, mut content) = (None, None);
    let mut reader = Reader(bytes);
    while let Some((field, value)) = reader.field()? {
        match (field, value) {
            (field::KEY, Value::Bytes(bytes)) => key = Some(text(bytes)),
            (field::VALUE, Value::Bytes(bytes)) => content = Some(text(bytes)),
            _ => {}
        }
    }
    key.zip(content).ok_or_else(|| malformed("a key or a value is missing"))
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn malformed(what: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, what)
}

enum Value<'a> {
    Number(u64),
    Fixed(u32),
    Bytes(&'a [u8]),
    Other,
}

/// What is still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next field: its tag (number and type in one), and its value. Numbers above 15 are not used here: 0.
    fn field(&mut self) -> Result<Option<(u8, Value<'a>)>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        if tag >> 3 == 0 || tag > u64::from(u32::MAX) {
            return Err(malformed("there is no such field number"));
        }
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => {
                self.take(8)?;
                Value::Other
            }
            2 => {
                let len = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                Value::Bytes(self.take(len)?)
            }
            5 => {
                let mut bytes = [0; 4];
                bytes.copy_from_slice(self.take(4)?);
                Value::Fixed(u32::from_le_bytes(bytes))
            }
            _ => return Err(malformed("there is no such type of a field")),
        };
        Ok(Some((u8::try_from(tag).unwrap_or(0), value)))
    }

    fn varint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let Some((byte, rest)) = self.0.split_first() else {
                return Err(malformed("a number is cut off"));
            };
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(malformed("a number is too long"))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.0.split_at_checked(len) else {
            return Err(malformed("a field goes beyond the end"));
        };
        self.0 = rest;
        Ok(taken)
    }
}
