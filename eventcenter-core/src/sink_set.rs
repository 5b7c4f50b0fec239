//! A set of sinks, as small as a word: one is written beside each event in the spool.

use std::fmt;

/// Which sinks want an event. A sink is its place in the list of sinks of the running program.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct SinkSet(u64);

impl SinkSet {
    /// A program has at most this many sinks.
    pub const MAX_SINKS: usize = 64;

    /// No sink.
    pub const EMPTY: Self = Self(0);

    /// The first `count` sinks.
    pub fn first(count: usize) -> Self {
        (0..count).collect()
    }

    /// Whether the sink at `place` is in it.
    pub fn contains(self, place: usize) -> bool {
        place < Self::MAX_SINKS && self.0 & (1 << place) != 0
    }

    /// Adds the sink at `place`; a place of [`MAX_SINKS`](Self::MAX_SINKS) or more is no sink.
    pub fn insert(&mut self, place: usize) {
        if place < Self::MAX_SINKS {
            self.0 |= 1 << place;
        }
    }

    /// Whether nobody wants it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The places, in order.
    pub fn places(self) -> impl Iterator<Item = usize> {
        (0..Self::MAX_SINKS).filter(move |&place| self.contains(place))
    }

    /// The word, for a file.
    pub fn to_bits(self) -> u64 {
        self.0
    }

    /// The set that [`to_bits`](Self::to_bits) was taken from.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

impl FromIterator<usize> for SinkSet {
    fn from_iter<I: IntoIterator<Item = usize>>(places: I) -> Self {
        let mut set = Self::EMPTY;
        places.into_iter().for_each(|place| set.insert(place));
        set
    }
}

impl fmt::Debug for SinkSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.places()).finish()
    }
}
