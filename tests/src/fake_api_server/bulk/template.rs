//! Rendering generated Events: fields of fixed width are patched into a copy of a template.

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use serde_json::json;

use super::{BASE, BulkRun, NAMESPACE_SIZE, PODS, SENT_US};
use crate::fake_api_server::object::{Api, ManagedFields, Metadata, Object, Reference, Source};
use crate::fake_api_server::outlet::Framing;
use crate::fake_api_server::spec::{Writer, managed_fields, micros, seconds};

/// Large enough to keep system calls rare, small enough to stay in the cache.
const CHUNK: usize = 128 * 1024;

/// Chunks that are reused; hyper holds on to a few while it writes.
const POOL: usize = 8;

/// A time in the three forms an Event carries it in.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    seconds: [u8; 20],
    micros: [u8; 27],
    since_epoch: [u8; 16],
}

impl Stamp {
    pub(crate) fn now() -> Self {
        let now = Timestamp::now();
        let fixed = "a time of this century has a fixed width";
        Self {
            seconds: seconds(now).as_bytes().try_into().expect(fixed),
            micros: micros(now).as_bytes().try_into().expect(fixed),
            since_epoch: format!("{:016}", now.as_microsecond())
                .as_bytes()
                .try_into()
                .expect(fixed),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Field {
    Namespace,
    Name,
    Uid,
    Version,
    Pod,
    Seconds,
    Micros,
    SentUs,
}

/// What stands in the template where a field will be, as wide as the field.
const MARKS: [(Field, &str); 8] = [
    (Field::Namespace, "NMSP"),
    (Field::Name, "NAMENUMBER"),
    (Field::Uid, "UIDNUMBERUID"),
    (Field::Version, "RSVERSION0"),
    (Field::Pod, "PODNO"),
    (Field::Seconds, "SECONDSTIMESTAMP0000"),
    (Field::Micros, "MICROSECONDSTIMESTAMP000000"),
    (Field::SentUs, "SENTMICROSECONDS"),
];

/// One rendered Event, and where its fields are.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    fields: Vec<(usize, Field)>,
}

impl Template {
    pub(crate) fn new(run: &BulkRun, api: Api, framing: Framing) -> Self {
        const TEXT: &str =
            "Back-off restarting failed container app in pod; last state: exit code 137 ";
        let mut object = marked_object();
        TEXT.clone_into(&mut object.message);
        let padding = run.plan.size_bytes.saturating_sub(object.line("ADDED", api).len());
        object.message.extend(TEXT.chars().cycle().take(padding));
        let bytes = match framing {
            Framing::Lines => object.line("ADDED", api),
            Framing::Items => object.item(api),
        };
        let mut fields = Vec::new();
        for (field, mark) in MARKS {
            let places = bytes.windows(mark.len()).enumerate();
            fields.extend(
                places.filter(|(_, w)| *w == mark.as_bytes()).map(|(place, _)| (place, field)),
            );
        }
        Self { bytes, fields }
    }

    /// A buffer to render into.
    pub(crate) fn blank(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// Renders the Event at `place` of the key order into a copy of the template. `now` is the time
    /// of an Event of the stream; a listed one is as old as the server.
    pub(crate) fn render(&self, into: &mut [u8], run: &BulkRun, place: u64, now: &Stamp) {
        let number = run.number(place);
        let stamp = if place <= run.plan.list { &run.made } else { now };
        for (at, field) in &self.fields {
            let (_, into) = into.split_at_mut(*at);
            match field {
                Field::Namespace => digits::<4>(into, place / NAMESPACE_SIZE),
                Field::Name => digits::<10>(into, place),
                Field::Uid => digits::<12>(into, number),
                Field::Version => digits::<10>(into, BASE + number),
                Field::Pod => digits::<5>(into, number % PODS),
                Field::Seconds => copy(into, &stamp.seconds),
                Field::Micros => copy(into, &stamp.micros),
                Field::SentUs => copy(into, &stamp.since_epoch),
            }
        }
    }
}

#[inline]
fn copy<const WIDTH: usize>(into: &mut [u8], text: &[u8; WIDTH]) {
    if let Some(field) = into.first_chunk_mut::<WIDTH>() {
        *field = *text;
    }
}

#[inline]
fn digits<const WIDTH: usize>(into: &mut [u8], mut value: u64) {
    if let Some(field) = into.first_chunk_mut::<WIDTH>() {
        for digit in field.iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }
}

/// An Event with annotations, written by the scheduler, as events go: the times have microseconds.
fn marked_object() -> Object {
    let mark = |field: usize| MARKS.get(field).map(|(_, mark)| *mark).unwrap_or_default();
    let time = mark(5).to_owned();
    let mut managed = managed_fields(Writer::Events, "kube-scheduler", Timestamp::UNIX_EPOCH);
    managed.time.clone_from(&time);
    Object {
        metadata: Metadata {
            name: format!("bulk-{}.18eaa76f18455562", mark(1)),
            namespace: format!("bench-{}", mark(0)),
            uid: format!("5f0e1c9a-3b7d-4e21-9c46-{}", mark(2)),
            resource_version: mark(3).to_owned(),
            creation_timestamp: time.clone(),
            labels: std::iter::once(("app".to_owned(), "bench".to_owned())).collect(),
            annotations: std::iter::once((SENT_US.to_owned(), mark(7).to_owned())).collect(),
            managed_fields: vec![
                managed,
                ManagedFields {
                    manager: "bench".to_owned(),
                    operation: "Update".to_owned(),
                    api_version: "v1".to_owned(),
                    time,
                    fields_type: "FieldsV1".to_owned(),
                    fields_v1: json!({ "f:metadata": {
                        "f:annotations": { ".": {}, format!("f:{SENT_US}"): {} },
                        "f:labels": { ".": {}, "f:app": {} },
                    }}),
                },
            ],
        },
        involved_object: Reference {
            kind: "Pod".to_owned(),
            namespace: format!("bench-{}", mark(0)),
            name: format!("web-6c9d7b8f5d-{}", mark(4)),
            uid: format!("a2a83211-d768-45a5-a0bd-3e47a95{}", mark(4)),
            api_version: "v1".to_owned(),
            ..Reference::default()
        },
        reason: "BackOff".to_owned(),
        message: String::new(),
        source: Source::default(),
        first_timestamp: None,
        last_timestamp: None,
        count: 0,
        r#type: "Warning".to_owned(),
        event_time: Some(mark(6).to_owned()),
        series: None,
        action: "Restarting".to_owned(),
        related: None,
        reporting_component: "kubelet".to_owned(),
        reporting_instance: "node-1".to_owned(),
    }
}

/// The stream as chunks of many lines, each written over an earlier chunk that has been sent.
pub(crate) struct Chunks {
    template: Template,
    next: u64,
    per_chunk: usize,
    pool: Vec<Bytes>,
    turn: usize,
}

impl Chunks {
    /// The Events after place `after`.
    pub(crate) fn new(template: Template, after: u64) -> Self {
        let per_chunk = (CHUNK / template.bytes.len()).max(1);
        Self { template, next: after + 1, per_chunk, pool: vec![Bytes::new(); POOL], turn: 0 }
    }

    /// The next chunk, or `None` at the end.
    pub(crate) fn next(&mut self, run: &BulkRun) -> Option<Bytes> {
        let left = usize::try_from((run.total() + 1).checked_sub(self.next)?).unwrap_or(usize::MAX);
        let count = left.min(self.per_chunk);
        if count == 0 {
            return None;
        }
        let slot = self.pool.get_mut(self.turn)?;
        self.turn = (self.turn + 1) % POOL;
        let width = self.template.bytes.len();
        let mut chunk = match std::mem::take(slot).try_into_mut() {
            Ok(sent) if !sent.is_empty() => sent,
            _ => BytesMut::from(self.template.bytes.repeat(self.per_chunk).as_slice()),
        };
        let now = Stamp::now();
        for line in chunk.chunks_exact_mut(width).take(count) {
            self.template.render(line, run, self.next, &now);
            self.next += 1;
        }
        let chunk = chunk.freeze();
        let sent = chunk.slice(..count * width);
        *slot = chunk;
        Some(sent)
    }
}
