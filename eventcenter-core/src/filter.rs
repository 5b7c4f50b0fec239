//! Which events are wanted.

use std::fmt::Debug;

use crate::event::Event;

/// A question about an event. Total and synchronous: everything that can be wrong with it was found when it was
/// compiled.
pub trait Filter: Debug + Send + Sync + 'static {
    /// Whether the event is wanted.
    fn test(&self, event: &Event) -> Verdict;
}

/// The answer of a [`Filter`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is wanted.
    Match,
    /// It is not.
    Miss,
    /// Cannot be decided, and why. A route says whether that counts as a match.
    Undecided(String),
}
