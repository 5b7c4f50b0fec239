//! Logs as SLS keeps and sends them: a `LogGroup` of protobuf (proto2), the body of PutLogs.
//!
//! | message | field | number | on the wire |
//! |---|---|---|---|
//! | `Log` | `Time`, seconds since 1970 | 1 | varint |
//! | | `Contents`: key 1, value 2 | 2 | length-delimited, repeated |
//! | | `Time_ns`, 0 to 999 999 999 | 4 | fixed 32 bits |
//! | `LogGroup` | `Logs` | 1 | length-delimited, repeated |
//! | | `Topic` 3, `Source` 4, `MachineUUID` 5 | | length-delimited |
//! | | `LogTags`: key 1, value 2 | 6 | length-delimited, repeated |
//!
//! A value here borrows its text where it can, so that to encode what one has, or to read what came, copies nothing.
//!
//! Limits of the service: a group has at most 10 MiB and (documented) 4096 logs, a key 128 bytes, a value 1 MB; a log is
//! at most 7 days old and 15 minutes ahead. Nothing of this is checked here: the service's answer is an
//! [`Error`](crate::Error) whose class says what to do.

mod decode;
mod encode;

use std::borrow::Cow;

pub use encode::Encoder;

/// The fields, each as its tag: its number and its type in one byte.
mod field {
    pub(super) const KEY: u8 = 0x0a;
    pub(super) const VALUE: u8 = 0x12;

    pub(super) const TIME: u8 = 0x08;
    pub(super) const CONTENTS: u8 = 0x12;
    pub(super) const TIME_NS: u8 = 0x25;

    pub(super) const LOGS: u8 = 0x0a;
    pub(super) const TOPIC: u8 = 0x1a;
    pub(super) const SOURCE: u8 = 0x22;
    pub(super) const MACHINE_UUID: u8 = 0x2a;
    pub(super) const TAGS: u8 = 0x32;
}

/// One log: a time, and pairs of key and value.
///
/// A key that is there twice is legal here, and one of the two is lost in the index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log<'a> {
    /// Seconds since 1970.
    pub time: u32,
    /// Nanoseconds within that second.
    pub time_ns: Option<u32>,
    /// Keys and values, in their order.
    pub contents: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Log<'a> {
    /// A log without contents; `time` is in seconds since 1970.
    pub fn new(time: u32) -> Self {
        Self { time, ..Self::default() }
    }

    /// Adds the nanoseconds within the second.
    #[must_use]
    pub fn nanoseconds(mut self, time_ns: u32) -> Self {
        self.time_ns = Some(time_ns);
        self
    }

    /// Adds a key and its value.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.contents.push((key.into(), value.into()));
        self
    }

    /// The value of a key, the first if there are several.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.contents.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_ref())
    }
}

/// Logs that have topic, source and tags in common.
///
/// ```
/// use eventcenter_sls::{Log, LogGroup};
///
/// let group = LogGroup::new()
///     .topic("k8s-event")
///     .tag("cluster", "c1")
///     .log(Log::new(1_700_000_000).with("level", "Warning").with("pod_name", "web-0"));
/// assert_eq!(group.logs[0].get("level"), Some("Warning"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogGroup<'a> {
    /// The logs.
    pub logs: Vec<Log<'a>>,
    /// Found as `__topic__`.
    pub topic: Option<Cow<'a, str>>,
    /// Found as `__source__`: an address, as a rule.
    pub source: Option<Cow<'a, str>>,
    /// The machine, for Logtail.
    pub machine_uuid: Option<Cow<'a, str>>,
    /// Found as `__tag__:KEY`.
    pub tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> LogGroup<'a> {
    /// A group of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the topic.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<Cow<'a, str>>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// Sets the source.
    #[must_use]
    pub fn source(mut self, source: impl Into<Cow<'a, str>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Adds a log.
    #[must_use]
    pub fn log(mut self, log: Log<'a>) -> Self {
        self.logs.push(log);
        self
    }
}

#[cfg(test)]
pub(crate) mod tests;
