//! What is known, and what a resourceVersion says about it. Pure.
//!
//! One invariant carries the whole watch. **Every revision of an Event up to the known version has been handed
//! out, or was declared lost by a [`Gap`](eventcenter_core::Gap), or was not wanted (`start`).** The known version
//! is moved by four things, each of which keeps that true:
//!
//! 1. *An event or a bookmark of a watch.* A watch from version P sends every change after P in the order of
//!    versions, so whatever is at or below the version of a line has been sent before it, on this connection.
//! 2. *The end of a list*, to the version of its first page, which is the oldest that it has shown: see
//!    [`list`](super::list).
//! 3. *The deletion of an Event*, seen in a watch, by reason 1. Only where versions are numbers: old servers send
//!    the last version of the object instead of the deletion's, which would be a step back.
//! 4. *A watch that ends by its own time-out after a silence*, to the version that the server had before the
//!    watch was opened: see [`stream`](super::stream).
//!
//! The values of a [`Position`]:
//!
//! | value | meaning |
//! |---|---|
//! | empty | nothing is known, since `at`: the first start, and `start` has its say |
//! | `0` | nothing of this history is known, and all of it is wanted: the server's versions went back |
//! | anything else | a resourceVersion |
//!
//! Kubernetes says that versions of one resource may be compared as numbers where they are numbers (KEP-5504,
//! stable since 1.35); etcd's revisions are. They are compared as decimals of any length. Versions that are
//! none cannot be ordered: then a list hands out everything, and a watch is believed.

use std::cmp::Ordering;
use std::time::Duration;

use eventcenter_core::{Grade, Position};
use jiff::Timestamp;

/// What a position says that nothing can be left out from.
const ORIGIN: &str = "0";

/// The time between the server's writing a change and our noting it, at the very most, for the grade of a gap.
const DELAY: Duration = Duration::from_secs(300);

/// The known version, and when it was the newest.
#[derive(Debug)]
pub(super) struct Known(Position);

impl Known {
    pub(super) fn resume(position: Option<Position>, now: Timestamp) -> Self {
        Self(position.unwrap_or_else(|| Position::new("", now)))
    }

    /// The position that goes with what is handed out now.
    pub(super) fn position(&self) -> Position {
        self.0.clone()
    }

    /// Since when it stands there.
    pub(super) fn at(&self) -> Timestamp {
        self.0.at
    }

    /// Whether this is a first start, or the resumption of one that did not get through its list.
    pub(super) fn is_first_start(&self) -> bool {
        self.0.value.is_empty()
    }

    /// Whether the server's versions went back, and the list after that was not complete.
    pub(super) fn is_origin(&self) -> bool {
        self.0.value == ORIGIN
    }

    /// The version that a watch may start from, if there is one.
    pub(super) fn version(&self) -> Option<&str> {
        (!self.is_first_start() && !self.is_origin()).then_some(self.0.value.as_str())
    }

    /// Whether the known version is a number, as every server's that is backed by etcd.
    pub(super) fn is_number(&self) -> bool {
        decimal(&self.0.value).is_some()
    }

    /// Whether what has this version was handed out before. Never true on a guess.
    pub(super) fn covers(&self, version: &str) -> bool {
        matches!(compare(version, &self.0.value), Some(Ordering::Less | Ordering::Equal))
    }

    /// Whether a server that stands at `version` has never been where we are: it was restored from a backup, or
    /// it is another server.
    pub(super) fn is_foreign_to(&self, version: &str) -> bool {
        let Some(known) = self.version() else { return false };
        match compare(version, known) {
            Some(order) => order == Ordering::Less,
            None => decimal(version).is_some() != decimal(known).is_some(),
        }
    }

    /// Moves on to the version of an event or a bookmark. Says whether that was a step.
    pub(super) fn advance(&mut self, version: &str, at: Timestamp) -> bool {
        let forward = match compare(version, &self.0.value) {
            Some(order) => order == Ordering::Greater,
            None => !version.is_empty() && version != self.0.value,
        };
        if forward {
            self.set(version, at);
        }
        forward
    }

    /// Moves on to the version of a deletion, only if it is certain to be a step forward.
    pub(super) fn advance_surely(&mut self, version: &str, at: Timestamp) -> bool {
        let forward = compare(version, &self.0.value) == Some(Ordering::Greater);
        if forward {
            self.set(version, at);
        }
        forward
    }

    /// Takes what a finished list, or a first start, says.
    pub(super) fn settle(&mut self, position: Position) {
        self.0 = position;
    }

    /// Forgets all of it: versions have begun anew.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.0 = Position::new(ORIGIN, now);
    }

    /// What a relist cannot bring back, now.
    ///
    /// An Event lives for `ttl` after its last change. While less than that has passed since the known version
    /// was the newest, each Event that changed since is still there, in its newest state; only revisions between
    /// are gone. (An Event that somebody deleted is gone as well, with its namespace for example: nobody can
    /// tell.) A clock that went back proves nothing.
    pub(super) fn grade(&self, now: Timestamp, ttl: Duration) -> Grade {
        match Duration::try_from(now.duration_since(self.0.at)) {
            Ok(away) if away + DELAY < ttl => Grade::Revisions,
            _ => Grade::Events,
        }
    }

    /// In place: it happens with every event.
    fn set(&mut self, version: &str, at: Timestamp) {
        self.0.value.clear();
        self.0.value.push_str(version);
        self.0.at = at;
    }
}

/// Compares versions as unbounded decimals; none if one of them is no number.
pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (decimal(left)?, decimal(right)?);
    Some(left.len().cmp(&right.len()).then_with(|| left.cmp(right)))
}

/// Compares the positions of an event watch, and the versions of its events with them; none if nobody can tell. What
/// says that nothing is known comes first.
pub fn compare_positions(left: &str, right: &str) -> Option<Ordering> {
    match (left.is_empty(), right.is_empty()) {
        (false, false) => compare(left, right),
        (left, right) => Some(right.cmp(&left)),
    }
}

/// The digits without leading zeros.
fn decimal(text: &str) -> Option<&str> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn known(version: &str) -> Known {
        Known::resume(Some(Position::new(version, NOW)), NOW)
    }

    #[test]
    fn versions_compare_as_numbers_of_any_length() {
        assert_eq!(compare("9", "10"), Some(Ordering::Less));
        assert_eq!(compare("0010", "10"), Some(Ordering::Equal));
        let huge = "184467440737095516160";
        assert_eq!(compare(huge, "18446744073709551615"), Some(Ordering::Greater));
        assert_eq!(compare("10", "x10"), None);
        assert_eq!(compare("", "1"), None);
        assert_eq!(compare("-1", "1"), None);
    }

    #[test]
    fn positions_compare_from_nothing_to_the_newest() {
        let ascending = ["", "0", "9", "10"];
        for pair in ascending.windows(2) {
            assert_eq!(compare_positions(pair[0], pair[1]), Some(Ordering::Less), "{pair:?}");
            assert_eq!(compare_positions(pair[1], pair[0]), Some(Ordering::Greater), "{pair:?}");
        }
        assert_eq!(compare_positions("", ""), Some(Ordering::Equal));
        assert_eq!(compare_positions("x", "1"), None);
    }

    #[test]
    fn nothing_is_covered_on_a_guess() {
        assert!(known("10").covers("10"));
        assert!(known("10").covers("9"));
        assert!(!known("10").covers("11"));
        assert!(!known("").covers("9"));
        assert!(!known("0").covers("9"));
        assert!(!known("abc").covers("abc"));
        assert!(!known("10").covers(""));
    }

    #[test]
    fn a_position_never_steps_back_where_that_can_be_told() {
        let mut known = known("10");
        assert!(!known.advance("9", NOW));
        assert!(!known.advance("", NOW));
        assert!(known.advance("11", NOW));
        assert!(known.advance("z", NOW));
        assert!(!known.advance_surely("y", NOW));
        assert!(known.advance("a", NOW));
        assert_eq!(known.position().value, "a");
    }

    #[test]
    fn a_server_that_is_behind_or_speaks_otherwise_is_foreign() {
        assert!(known("10").is_foreign_to("9"));
        assert!(known("10").is_foreign_to("abc"));
        assert!(known("abc").is_foreign_to("9"));
        assert!(!known("10").is_foreign_to("10"));
        assert!(!known("abc").is_foreign_to("def"));
        assert!(!known("").is_foreign_to("9"));
        assert!(!known("0").is_foreign_to("9"));
    }

    #[test]
    fn only_a_short_absence_is_sure_to_have_lost_no_event() {
        let ttl = Duration::from_secs(3600);
        let after = |minutes| NOW + SignedDuration::from_mins(minutes);
        assert_eq!(known("1").grade(after(54), ttl), Grade::Revisions);
        assert_eq!(known("1").grade(after(55), ttl), Grade::Events);
        assert_eq!(known("1").grade(after(-1), ttl), Grade::Events);
    }
}
