//! What a leader leaves to its successor, and what the successor makes of it: where each sink stands in each source.
//!
//! One statement carries it. **A sink's position in a source says: every event of that source up to there was settled
//! for that sink, or was not for it, or was declared lost.** Settled is delivered or a dead letter. It is true whoever
//! says it: what stands in a note of another spool, and what follows from the own cursors, are both true, so the later
//! one counts. From it follows, when a spool is opened upon a note:
//!
//! | for each sink | |
//! |---|---|
//! | *settled* | the later of the note's position and the own one |
//! | own backlog | delivered from `settled` on, and where it is owed; the rest has been delivered elsewhere |
//! | *floor* | what is taken from the source for it begins here: at `settled`, or at the end of the own backlog if that is later |
//!
//! A source is resumed from the lowest floor, and a sink whose floor is higher is not given what lies between.
//!
//! **Owed.** If the source no longer has what came after the lowest floor, it declares a gap. What was lost with it may
//! still be in the spool of the one before: what lies between a sink's position and the one that the source goes on
//! from, which that spool cannot have passed. It is owed by that spool, which the notes say from now on; when it leads
//! again it delivers what it has of that, and strikes it out when it has. Some of it may have come by a list meanwhile.
//!
//! **Order.** Positions are the source's own words; how to compare them is told by who knows ([`Order`]). An empty one
//! says that nothing was settled yet, and comes before all others. Where they
//! cannot be compared nothing is left out: an event may come twice, and none is lost. If a source goes back (an API
//! server was restored from a backup), floors and settled positions of before mean nothing any more; and until every
//! sink is past the place where it went back, all of them stand at the position that it went back to.
//!
//! *Limit.* That a source went back is known to the process that saw it. If a sink lags behind that place, the process
//! is begun anew, versions grow past what they were before, and then another replica takes over, that sink's backlog of
//! the time between is delivered by its own replica only.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::error::{Error, ErrorKind, Result};
use crate::sink_set::SinkSet;
use crate::source::{Gap, Grade, Position};

/// Compares the values of two positions of one source; none if nobody can tell.
pub type Order = fn(&str, &str) -> Option<Ordering>;

/// So much may be owed; what was owed first is given up. Each takes some 150 bytes of a note.
const MOST_OWED: usize = 256;

/// A note from a leader to its successor. See the [module](self).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Handover {
    /// The spool of who wrote it.
    pub(crate) spool: String,
    /// By source, by sink: where it stands.
    pub(crate) settled: BTreeMap<String, BTreeMap<String, At>>,
    /// What spools of others still have to deliver.
    pub(crate) owed: Vec<Owed>,
}

/// A position as it is written: value, and microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct At(pub(crate) String, pub(crate) i64);

/// What a gap cost a sink, and a spool may still have: after one position, up to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owed {
    pub(crate) spool: String,
    pub(crate) source: String,
    pub(crate) sink: String,
    pub(crate) after: String,
    /// None until the source has gone on.
    pub(crate) until: Option<String>,
}

impl At {
    /// Where a sink stands that has settled nothing of a source: the source begins for it as it did at first.
    const NOTHING: Self = Self(String::new(), 0);
}

impl Handover {
    /// Reads a note.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when it is none.
    pub fn read(note: &str) -> Result<Self> {
        serde_json::from_str(note).map_err(|error| {
            Error::new("handover", ErrorKind::Protocol, "the note of the last leader is none")
                .with_source(error)
        })
    }

    /// The note.
    pub fn write(&self) -> String {
        // Strings and numbers can be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    fn settled(&self, source: &str, sink: &str) -> Option<&At> {
        self.settled.get(source)?.get(sink)
    }
}

/// Where the sinks of a spool stand: by sink, in their order, what follows from its cursor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stand {
    pub(crate) sinks: Vec<BTreeMap<String, At>>,
    /// The number of the first record that is not settled, by sink.
    pub(crate) cursors: Vec<u64>,
    /// The newest positions in the spool.
    pub(crate) newest: BTreeMap<String, At>,
}

/// What a spool that was opened upon a note goes by.
#[derive(Debug)]
pub(crate) struct Succession {
    order: Order,
    /// The spool that was opened.
    own: String,
    sinks: Vec<String>,
    left: Handover,
    /// The first number that was free when it was opened: what stands below is the backlog.
    backlog_end: u64,
    sources: Mutex<BTreeMap<String, Resumed>>,
    owed: Mutex<Vec<Owed>>,
}

/// A source that is resumed.
#[derive(Debug, Default)]
struct Resumed {
    from: Option<At>,
    /// By sink.
    settled: Vec<Option<At>>,
    /// By sink; empty when they are all passed, or mean nothing.
    floors: Vec<Option<At>>,
    /// The value that came last.
    last: Option<String>,
    /// Where it went back, and to what.
    back: Option<(u64, At)>,
}

impl Succession {
    /// What follows from a note for the spool `own`, whose sinks stand at `stand` (nowhere if they are new), and which
    /// has `backlog_end` as its next number.
    pub(crate) fn new(
        left: Handover,
        order: Order,
        own: String,
        sinks: Vec<String>,
        stand: &Stand,
        backlog_end: u64,
    ) -> Self {
        let names: BTreeSet<&String> = left.settled.keys().chain(stand.newest.keys()).collect();
        let mut sources = BTreeMap::new();
        for name in names {
            let mut resumed = Resumed::default();
            for (place, sink) in sinks.iter().enumerate() {
                let own = stand.sinks.get(place).and_then(|sources| sources.get(name));
                let settled = later(order, left.settled(name, sink), own);
                let floor = settled.as_ref();
                let floor = floor.and_then(|at| later(order, Some(at), stand.newest.get(name)));
                resumed.floors.push(floor);
                resumed.settled.push(settled);
            }
            let lowest = resumed.floors.iter().flatten().reduce(|a, b| earlier(order, a, b));
            resumed.from = lowest.cloned();
            // A sink that nobody has heard of begins where the others go on.
            for settled in resumed.settled.iter_mut().filter(|settled| settled.is_none()) {
                settled.clone_from(&resumed.from);
            }
            sources.insert(name.clone(), resumed);
        }
        let owed = Mutex::new(left.owed.clone());
        Self { order, own, sinks, left, backlog_end, sources: Mutex::new(sources), owed }
    }

    /// Where to resume a source; none if nothing is known of it.
    pub(crate) fn position(&self, source: &str) -> Option<Position> {
        let sources = self.sources();
        let At(value, at) = sources.get(source)?.from.as_ref()?;
        Some(Position::new(value.clone(), Timestamp::from_microsecond(*at).ok()?))
    }

    /// Whether the record `seq` was in this spool when it was opened.
    pub(crate) fn is_backlog(&self, seq: u64) -> bool {
        seq < self.backlog_end
    }

    /// Whether an event of the backlog, of this version, is for the sink to deliver.
    pub(crate) fn is_left_to(&self, sink: &str, source: &str, version: &str) -> bool {
        let Some(At(settled, _)) = self.left.settled(source, sink) else { return true };
        !self.is_at_most(version, settled)
            || self.left.owed.iter().any(|owed| {
                (&owed.spool, &*owed.source, &*owed.sink) == (&self.own, source, sink)
                    && !self.is_at_most(version, &owed.after)
                    && owed.until.as_ref().is_none_or(|until| self.is_at_most(version, until))
            })
    }

    /// Those of `sinks` that an event of `source` with this version is for: not those that have it already.
    pub(crate) fn still_want(&self, source: &str, sinks: SinkSet, version: &str) -> SinkSet {
        let sources = self.sources();
        let Some(resumed) = sources.get(source).filter(|resumed| !resumed.floors.is_empty()) else {
            return sinks;
        };
        let has = |place: usize| {
            let floor = resumed.floors.get(place).and_then(Option::as_ref);
            floor.is_some_and(|At(floor, _)| self.is_at_most(version, floor))
        };
        sinks.places().filter(|&place| !has(place)).collect()
    }

    /// A source says where it stands, before the record `seq` is written.
    pub(crate) fn stands_at(&self, source: &str, position: &Position, seq: u64) {
        let mut sources = self.sources();
        let resumed = sources.entry(source.to_owned()).or_default();
        let from = resumed.from.as_ref().map(|At(value, _)| value);
        if let Some(before) = resumed.last.as_ref().or(from)
            && !self.is_at_most(before, &position.value)
        {
            warn!(source, from = before, to = position.value, "the source went back");
            resumed.floors.clear();
            resumed.settled.clear();
            resumed.back = Some((seq, At::from(position)));
        }
        if from.is_some_and(|from| !self.is_at_most(&position.value, from)) {
            let mut owed = self.owed();
            for owed in owed.iter_mut().filter(|owed| owed.source == source) {
                owed.until.get_or_insert_with(|| position.value.clone());
            }
        }
        let passed = |floor: &Option<At>| {
            floor.as_ref().is_none_or(|At(floor, _)| self.is_at_most(floor, &position.value))
        };
        if resumed.floors.iter().all(passed) {
            resumed.floors.clear();
        }
        let last = resumed.last.get_or_insert_default();
        last.clear();
        last.push_str(&position.value);
    }

    /// What may have been lost of a source of which a sink has settled nothing yet: it begins as it did at first, and
    /// cannot tell that it had begun before, elsewhere.
    pub(crate) fn gap_before(&self, source: &str, now: Timestamp) -> Option<Gap> {
        let from = self.position(source)?;
        let begun_elsewhere = self.left.settled.contains_key(source) && self.left.spool != self.own;
        (from.value.is_empty() && begun_elsewhere).then(|| Gap {
            grade: Grade::Events,
            since: None,
            until: now,
            count: None,
            reason: "the leader changed before every sink had taken something".to_owned(),
        })
    }

    /// A source has lost what came after its position. If that is the one that it was resumed from, the last leader's
    /// spool may have it, and owes it from now on.
    pub(crate) fn lost(&self, source: &str) {
        let sources = self.sources();
        let Some(resumed) = sources.get(source) else { return };
        let from = resumed.from.as_ref().map(|At(value, _)| value);
        let is_resuming = resumed.last.is_none() || resumed.last.as_ref() == from;
        // The own spool has delivered its backlog without being told to.
        if !is_resuming || self.left.spool == self.own {
            return;
        }
        let mut owed = self.owed();
        for sink in &self.sinks {
            let Some(At(settled, _)) = self.left.settled(source, sink) else { continue };
            let is_same = |owed: &Owed| {
                (&owed.spool, &*owed.source, &owed.sink, &owed.after)
                    == (&self.left.spool, source, sink, settled)
            };
            if !owed.iter().any(is_same) {
                owed.push(Owed {
                    spool: self.left.spool.clone(),
                    source: source.to_owned(),
                    sink: sink.clone(),
                    after: settled.clone(),
                    until: None,
                });
            }
        }
        let surplus = owed.len().saturating_sub(MOST_OWED);
        owed.drain(..surplus);
    }

    /// The note for the next one, now that the sinks stand here.
    pub(crate) fn note(&self, stand: &Stand) -> Handover {
        let sources = self.sources();
        let mut settled = BTreeMap::<String, BTreeMap<String, At>>::new();
        let names: BTreeSet<&String> = sources.keys().chain(stand.newest.keys()).collect();
        for name in names {
            let resumed = sources.get(name);
            let back = resumed.and_then(|resumed| resumed.back.as_ref());
            let back = back.filter(|(seq, _)| stand.cursors.iter().any(|cursor| cursor <= seq));
            for (place, sink) in self.sinks.iter().enumerate() {
                let before = resumed.and_then(|resumed| resumed.settled.get(place)?.as_ref());
                let own = stand.sinks.get(place).and_then(|sources| sources.get(name));
                let stands = match back {
                    Some((_, to)) => to.clone(),
                    None => later(self.order, before, own).unwrap_or(At::NOTHING),
                };
                settled.entry(name.clone()).or_default().insert(sink.clone(), stands);
            }
        }
        self.strike_out(stand);
        Handover { spool: self.own.clone(), settled, owed: self.owed().clone() }
    }

    /// What this spool owed to a sink that is past the backlog has been delivered.
    fn strike_out(&self, stand: &Stand) {
        let is_done = |sink: &str| {
            let place = self.sinks.iter().position(|name| name == sink);
            let cursor = place.and_then(|place| stand.cursors.get(place));
            cursor.is_some_and(|&cursor| cursor >= self.backlog_end)
        };
        self.owed().retain(|owed| owed.spool != self.own || !is_done(&owed.sink));
    }

    fn is_at_most(&self, left: &str, right: &str) -> bool {
        matches!((self.order)(left, right), Some(Ordering::Less | Ordering::Equal))
    }

    fn sources(&self) -> MutexGuard<'_, BTreeMap<String, Resumed>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn owed(&self) -> MutexGuard<'_, Vec<Owed>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&Position> for At {
    fn from(position: &Position) -> Self {
        Self(position.value.clone(), position.at.as_microsecond())
    }
}

/// The later of two statements; where nobody can tell, the second, which is newer.
fn later(order: Order, one: Option<&At>, other: Option<&At>) -> Option<At> {
    match (one, other) {
        (Some(one), Some(other)) if order(&one.0, &other.0) == Some(Ordering::Greater) => {
            Some(one.clone())
        }
        (one, other) => other.or(one).cloned(),
    }
}

/// The earlier of two; where nobody can tell, the one that was reached first.
fn earlier<'a>(order: Order, one: &'a At, other: &'a At) -> &'a At {
    match order(&one.0, &other.0).unwrap_or(one.1.cmp(&other.1)) {
        Ordering::Greater => other,
        _ => one,
    }
}

#[cfg(test)]
mod tests;
