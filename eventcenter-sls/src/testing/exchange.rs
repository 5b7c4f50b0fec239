//! What the double has seen, for tests to look at.

use super::decode;
use crate::wire::{Log, LogGroup};

/// A request, and how it was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// `POST`, ...
    pub method: String,
    /// The project that the host names.
    pub project: Option<String>,
    /// Percent-encoded, as it was sent.
    pub path: String,
    /// Percent-encoded, without the `?`.
    pub query: String,
    /// Names in lower case, without `authorization` and tokens.
    pub headers: Vec<(String, String)>,
    /// How many bytes the body has, as it was sent.
    pub body: usize,
    /// The access key that signed, once the signature was found to hold.
    pub access_key_id: Option<String>,
    /// The HTTP status of the answer; 0: none was given.
    pub status: u16,
    /// The code, of a refusal.
    pub code: Option<String>,
    /// `x-log-requestid` of the answer.
    pub request_id: String,
}

impl Exchange {
    /// The first header of this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether logs are put.
    pub fn is_put(&self) -> bool {
        let mut parts = self.path.split('/').skip(1);
        let names = (parts.next(), parts.next().is_some(), parts.next(), parts.next());
        self.method == "POST"
            && matches!(
                names,
                (Some("logstores"), true, None | Some("shards"), None | Some("lb" | "route"))
            )
    }
}

/// A log together with what its group says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// Time and contents.
    pub log: Log<'static>,
    /// The topic; empty: none.
    pub topic: String,
    /// The source; empty: none.
    pub source: String,
    /// The tags, in their order.
    pub tags: Vec<(String, String)>,
}

impl Record {
    /// The value of a key, the first if there are several.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.log.get(key)
    }

    /// The value of a tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// What was counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Requests that arrived whole.
    pub requests: u64,
    /// Requests that were answered with a status of 400 or more, on purpose or not.
    pub refused: u64,
    /// Groups of logs that are kept no longer, for want of room.
    pub dropped: u64,
    /// Bytes of logs that are kept.
    pub kept: u64,
}

/// The logs of a group that was found good when it was put.
pub(super) fn records(bytes: &[u8]) -> Vec<Record> {
    let Ok(group) = decode::group(bytes, usize::MAX) else { return Vec::new() };
    let LogGroup { logs, topic, source, tags, .. } = group;
    let topic = topic.map(String::from).unwrap_or_default();
    let source = source.map(String::from).unwrap_or_default();
    let tags: Vec<_> =
        tags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let owned = |log: Log<'_>| {
        let pair = |(key, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            (key.into_owned().into(), value.into_owned().into())
        };
        let contents = log.contents.into_iter().map(pair).collect();
        let log = Log { time: log.time, time_ns: log.time_ns, contents };
        Record { log, topic: topic.clone(), source: source.clone(), tags: tags.clone() }
    };
    logs.into_iter().map(owned).collect()
}
