//! From logs to bytes: the exact size first, then one pass into one buffer.

use std::borrow::Cow;

use super::{Log, LogGroup, field};

type Pairs<'a> = [(Cow<'a, str>, Cow<'a, str>)];

/// A group that grows log by log, in one buffer that is used again for the next one.
///
/// Its size is known exactly at every moment, so a batch can be closed before it becomes too large.
///
/// ```
/// use eventcenter_sls::LogGroup;
/// use eventcenter_sls::wire::Encoder;
///
/// let mut encoder = Encoder::default();
/// encoder.push(1_700_000_000, None, [("level", "Warning"), ("pod_name", "web-0")]);
/// encoder.append(&LogGroup::new().topic("k8s-event"));
/// let group = LogGroup::decode(encoder.bytes())?;
/// assert_eq!(group.topic.as_deref(), Some("k8s-event"));
/// encoder.clear();
/// # Ok::<(), eventcenter_sls::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Encoder {
    buffer: Vec<u8>,
    logs: usize,
}

impl Encoder {
    /// Adds one log, from wherever its text is.
    pub fn push<'a, C>(&mut self, time: u32, time_ns: Option<u32>, contents: C)
    where
        C: IntoIterator<Item = (&'a str, &'a str)>,
        C::IntoIter: Clone,
    {
        let contents = contents.into_iter();
        let len = log_len(time, time_ns, contents.clone());
        self.buffer.reserve(field_len(len));
        put_log(&mut self.buffer, len, time, time_ns, contents);
        self.logs += 1;
    }

    /// Adds everything of a group: its logs, and what they have in common.
    pub fn append(&mut self, group: &LogGroup<'_>) {
        group.encode_into(&mut self.buffer);
        self.logs += group.logs.len();
    }

    /// What [`push`](Self::push) would add, in bytes.
    pub fn cost<'a>(
        time: u32,
        time_ns: Option<u32>,
        contents: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> usize {
        field_len(log_len(time, time_ns, contents.into_iter()))
    }

    /// The group so far, as protobuf.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// How many logs it has.
    pub fn logs(&self) -> usize {
        self.logs
    }

    /// Begins the next group, in the same memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.logs = 0;
    }
}

impl LogGroup<'_> {
    /// The group as protobuf: the body of PutLogs before compression.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(&mut out);
        out
    }

    /// How long [`encode`](Self::encode) will be, in bytes.
    pub fn encoded_len(&self) -> usize {
        let logs = self.logs.iter().map(|log| field_len(log.len()));
        let texts = self.texts().into_iter().map(|(_, text)| field_len(text.len()));
        let tags = pairs(&self.tags).map(|(key, value)| field_len(pair_len(key, value)));
        logs.chain(texts).chain(tags).sum()
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        for log in &self.logs {
            put_log(out, log.len(), log.time, log.time_ns, pairs(&log.contents));
        }
        for (field, text) in self.texts() {
            put_bytes(out, field, text.as_bytes());
        }
        for (key, value) in pairs(&self.tags) {
            put_pair(out, field::TAGS, key, value);
        }
    }

    fn texts(&self) -> impl IntoIterator<Item = (u8, &str)> {
        let texts = [
            (field::TOPIC, &self.topic),
            (field::SOURCE, &self.source),
            (field::MACHINE_UUID, &self.machine_uuid),
        ];
        texts.into_iter().filter_map(|(field, text)| Some((field, text.as_deref()?)))
    }
}

impl Log<'_> {
    fn len(&self) -> usize {
        log_len(self.time, self.time_ns, pairs(&self.contents))
    }
}

fn pairs<'a>(pairs: &'a Pairs<'a>) -> impl Iterator<Item = (&'a str, &'a str)> + Clone {
    pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
}

fn put_log<'a>(
    out: &mut Vec<u8>,
    len: usize,
    time: u32,
    time_ns: Option<u32>,
    contents: impl Iterator<Item = (&'a str, &'a str)>,
) {
    out.push(field::LOGS);
    put_varint(out, len);
    out.push(field::TIME);
    // A u32 fits into every usize that has a network.
    put_varint(out, usize::try_from(time).unwrap_or(usize::MAX));
    for (key, value) in contents {
        put_pair(out, field::CONTENTS, key, value);
    }
    if let Some(time_ns) = time_ns {
        out.push(field::TIME_NS);
        out.extend_from_slice(&time_ns.to_le_bytes());
    }
}

fn put_pair(out: &mut Vec<u8>, field: u8, key: &str, value: &str) {
    out.push(field);
    put_varint(out, pair_len(key, value));
    put_bytes(out, field::KEY, key.as_bytes());
    put_bytes(out, field::VALUE, value.as_bytes());
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field);
    put_varint(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: usize) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

fn log_len<'a>(
    time: u32,
    time_ns: Option<u32>,
    contents: impl Iterator<Item = (&'a str, &'a str)>,
) -> usize {
    let time = 1 + varint_len(usize::try_from(time).unwrap_or(usize::MAX));
    let contents = contents.map(|(key, value)| field_len(pair_len(key, value))).sum::<usize>();
    time + contents + if time_ns.is_some() { 5 } else { 0 }
}

fn pair_len(key: &str, value: &str) -> usize {
    field_len(key.len()) + field_len(value.len())
}

/// A length-delimited field: its tag, its length, and itself.
fn field_len(len: usize) -> usize {
    1 + varint_len(len) + len
}

fn varint_len(value: usize) -> usize {
    // Seven bits a byte; nought takes one too.
    let bits = usize::BITS - (value | 1).leading_zeros();
    usize::try_from(bits.div_ceil(7)).unwrap_or(10)
}
