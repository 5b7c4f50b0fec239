//! A million Events that are never in memory: they are numbers, rendered when they are sent.
//!
//! Event `i` (from 1) has resourceVersion `BASE + i` and a uid made of `i`. The first `list` Events
//! are there before the server starts, the `stream` ones after them come into being when the first
//! watch is opened, all at once or at a rate. Names are in key order, and within the listed Events
//! the resourceVersions are scattered over them: a client that takes one order for the other is
//! found out. Versions below the end of the listed Events count as compacted.
//!
//! How an Event is rendered is in `template`.

mod template;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub(crate) use self::template::{Chunks, Stamp, Template};

/// The resourceVersion before the first Event: all versions have ten digits.
pub(crate) const BASE: u64 = 1_000_000_000;

/// The annotation that carries the time an Event was written to its socket: microseconds since
/// 1970, sixteen digits.
pub const SENT_US: &str = "bench/sent-us";

const NAMESPACE_SIZE: u64 = 10_000;
const PODS: u64 = 20_000;

/// How many generated Events a server has, and how they come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bulk {
    /// Events that are there from the start: what a LIST finds.
    pub list: u64,
    /// Events that come into being when the first watch is opened.
    pub stream: u64,
    /// Events per second; `None` is as fast as the socket takes them.
    pub rate: Option<f64>,
    /// Bytes of an ADDED line, newline included; not less than the template needs, about 1,250.
    pub size_bytes: usize,
}

impl Bulk {
    /// A watch that sends `count` Events of 1,600 bytes as fast as it can.
    #[must_use]
    pub fn stream(count: u64) -> Self {
        Self { list: 0, stream: count, rate: None, size_bytes: 1600 }
    }

    /// A list of `count` Events of about 1,600 bytes.
    #[must_use]
    pub fn list(count: u64) -> Self {
        Self { list: count, ..Self::stream(0) }
    }

    /// Sets the Events per second of the watch.
    #[must_use]
    pub fn with_rate(mut self, per_second: f64) -> Self {
        self.rate = Some(per_second);
        self
    }

    /// Sets the bytes of a line.
    #[must_use]
    pub fn with_size(mut self, bytes: usize) -> Self {
        self.size_bytes = bytes;
        self
    }
}

#[derive(Debug)]
pub(crate) struct BulkRun {
    plan: Bulk,
    made: Stamp,
    began: OnceLock<Instant>,
    /// Scatters the versions over the listed names.
    step: u64,
}

impl BulkRun {
    pub(crate) fn new(plan: Bulk) -> Self {
        assert!(plan.rate.is_none_or(|rate| rate > 0.0), "a rate is positive");
        assert!(plan.list + plan.stream < 1_000_000_000, "names have ten digits");
        let near_golden = plan.list * 618 / 1000;
        let step = (near_golden.max(1)..).find(|step| coprime(*step, plan.list)).unwrap_or(1);
        Self { plan, made: Stamp::now(), began: OnceLock::new(), step }
    }

    /// All Events there will ever be.
    pub(crate) fn total(&self) -> u64 {
        self.plan.list + self.plan.stream
    }

    pub(crate) fn listed(&self) -> u64 {
        self.plan.list
    }

    pub(crate) fn is_paced(&self) -> bool {
        self.plan.rate.is_some()
    }

    /// The first watch sets the stream going.
    pub(crate) fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    /// How many Events there are now.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "below 2^53, and `as` saturates"
    )]
    pub(crate) fn present(&self) -> u64 {
        let streamed = match (self.began.get(), self.plan.rate) {
            (None, _) => 0,
            (Some(_), None) => self.plan.stream,
            (Some(began), Some(rate)) => {
                ((began.elapsed().as_secs_f64() * rate) as u64 + 1).min(self.plan.stream)
            }
        };
        self.plan.list + streamed
    }

    /// How long until Event `i` is there.
    pub(crate) fn due_in(&self, i: u64) -> Duration {
        let (Some(began), Some(rate)) = (self.began.get(), self.plan.rate) else {
            return Duration::ZERO;
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let at = Duration::from_secs_f64((i - self.plan.list - 1) as f64 / rate);
        at.saturating_sub(began.elapsed())
    }

    /// The number of the Event that is `place`-th in key order, both from 1.
    fn number(&self, place: u64) -> u64 {
        if place > self.plan.list {
            return place;
        }
        (place - 1) * self.step % self.plan.list + 1
    }

    /// The key of the Event at a place.
    pub(crate) fn key(place: u64) -> String {
        format!("bench-{:04}/bulk-{place:010}", place / NAMESPACE_SIZE)
    }

    /// The place of a key that [`BulkRun::key`] made.
    pub(crate) fn place(key: &str) -> Option<u64> {
        key.rsplit_once('-')?.1.parse().ok()
    }
}

fn coprime(a: u64, b: u64) -> bool {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a <= 1
}
