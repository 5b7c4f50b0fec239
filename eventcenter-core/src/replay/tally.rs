//! What a replay has sent so far, in numbers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Event;

/// Reasons that are told apart. They are text of others.
const REASONS: usize = 1_000;

/// What was sent, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Events that were sent, or would be.
    pub events: u64,
    /// Events that match and that the sink is yet to get anyway.
    pub waiting: u64,
    /// Events that match and that no route sends to this sink.
    pub unrouted: u64,
    /// Letters that hold no event, and stay.
    pub no_events: u64,
    /// The earliest time of those that are counted in `events`.
    pub first: Option<Timestamp>,
    /// The latest.
    pub last: Option<Timestamp>,
    /// `events` by level.
    pub levels: BTreeMap<String, u64>,
    /// `events` by reason; after a thousand of them under an empty one.
    pub reasons: BTreeMap<String, u64>,
    /// What could not be read, in words.
    pub unread: Vec<String>,
}

impl Tally {
    pub(super) fn count(&mut self, event: &Event) {
        self.events += 1;
        let time = Some(event.time());
        self.first = self.first.into_iter().chain(time).min();
        self.last = self.last.max(time);
        *self.levels.entry(event.level().as_str().to_owned()).or_default() += 1;
        let is_known = self.reasons.len() < REASONS || self.reasons.contains_key(event.reason());
        let reason = if is_known { event.reason() } else { "" };
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
    }
}
