//! How often an Event has occurred since it was last seen: what a new count is worth.
//!
//! Kubernetes counts; nobody is told of each time. An Event goes from count 1 to count 40, and 39 occurrences are
//! news. But what a count says when an Event is seen for the first time depends on what was seen before it:
//!
//! | first seen with count n > 1 | is worth | because |
//! |---|---|---|
//! | the same Event was seen, in an older partition, with count m | n - m | it lived across the boundary |
//! | an Event of the same object, first time, reason and message was seen with count m < n | n - m | a recorder makes an expired Event anew, with its old count plus one |
//! | its first time lies in the time that its cluster has been watched | n | all of them happened before our eyes |
//! | else | 1, an estimate | what happened before is not ours to count |
//!
//! A count that does not rise (a changed label, a replay) is worth nothing. Nor is one that comes late, when all of a
//! higher count was counted already: see [`Later`](crate::store::neighbours::Later).

use eventcenter_core::Event;
use jiff::{SignedDuration, Timestamp};

/// A clock that is wrong must not make a partition of next year: what claims to lie further ahead of its arrival than
/// this is kept under its arrival.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// The time that an event is kept under: its own, or that of its arrival if it has none, or an impossible one.
pub(crate) fn kept_time(event: &Event) -> Timestamp {
    let (time, received) = (event.time(), event.received());
    let is_possible = time > Timestamp::UNIX_EPOCH && time.duration_since(received) <= AHEAD;
    if is_possible { time } else { received }
}

/// What a revision of an Event is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Worth {
    /// Occurrences; may be none.
    pub(crate) rise: u32,
    /// Whether more may have happened than that.
    pub(crate) estimated: bool,
}

impl Worth {
    /// It is no news.
    pub(crate) const NONE: Self = Self { rise: 0, estimated: false };
}

/// What is known when an Event is seen for the first time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Before {
    /// The count of the same Event, or of the one that it continues.
    pub(crate) count: Option<u32>,
    /// Since when its cluster has been watched without a gap.
    pub(crate) watched_since: Option<Timestamp>,
}

/// A new count of an Event that is known with another.
pub(crate) fn repeated(count: u32, known: u32) -> Worth {
    Worth { rise: count.saturating_sub(known), estimated: false }
}

/// The count of an Event that is seen for the first time.
pub(crate) fn first_seen(count: u32, first: Option<Timestamp>, before: Before) -> Worth {
    let is_watched =
        || before.watched_since.zip(first).is_some_and(|(since, first)| since <= first);
    match before.count {
        // One that is made anew after its count was lost begins at 1 again.
        Some(known) if count > known => repeated(count, known),
        Some(known) if count == known => Worth::NONE,
        _ if count <= 1 || is_watched() => Worth { rise: count.max(1), estimated: false },
        _ => Worth { rise: 1, estimated: true },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(second).ok()
    }

    #[test]
    fn a_count_is_worth_what_is_new_in_it() {
        let sure = |rise| Worth { rise, estimated: false };
        assert_eq!(repeated(40, 1), sure(39));
        assert_eq!(repeated(40, 40), sure(0));
        assert_eq!(repeated(3, 40), sure(0));
        let unknown = Before::default();
        assert_eq!(first_seen(1, None, unknown), sure(1));
        assert_eq!(first_seen(40, at(5), unknown), Worth { rise: 1, estimated: true });
        let watched = Before { watched_since: at(5), ..unknown };
        assert_eq!(first_seen(40, at(5), watched), sure(40));
        assert_eq!(first_seen(40, at(4), watched), Worth { rise: 1, estimated: true });
        assert_eq!(first_seen(40, None, watched), Worth { rise: 1, estimated: true });
        let continued = Before { count: Some(39), ..watched };
        assert_eq!(first_seen(40, at(5), continued), sure(1));
        assert_eq!(first_seen(39, at(5), continued), sure(0));
        assert_eq!(first_seen(1, at(5), continued), sure(1));
    }
}
