//! What a sink is handed, and what it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;

/// Events to deliver together: at least one, immutable, in the order in which they arrived. Clones are the same batch.
#[derive(Debug, Clone)]
pub struct Batch {
    events: Arc<[Arc<Event>]>,
    unknown: Arc<AtomicU32>,
}

impl Batch {
    /// A batch of these events; none if there are none, so that no sink has to think of that.
    pub fn new(events: impl Into<Arc<[Arc<Event>]>>) -> Option<Self> {
        let events = events.into();
        (!events.is_empty()).then(|| Self { events, unknown: Arc::default() })
    }

    /// The events; never empty.
    pub fn events(&self) -> &[Arc<Event>] {
        &self.events
    }

    /// How many; at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Two halves, for a batch that is too large; none if it is a single event. What was sent with the whole was sent
    /// with each of them.
    pub fn halves(&self) -> Option<(Self, Self)> {
        let (left, right) = self.events.split_at(self.events.len() / 2);
        let half = |events| {
            let unknown = Arc::new(AtomicU32::new(self.unknown_outcomes()));
            Some(Self { unknown, ..Self::new(events)? })
        };
        Some((half(left)?, half(right)?))
    }

    /// A batch of this event in the place of this one, which was sent as often.
    pub(crate) fn instead(&self, event: Arc<Event>) -> Self {
        Self {
            events: Arc::new([event]),
            unknown: Arc::new(AtomicU32::new(self.unknown_outcomes())),
        }
    }

    /// How often it was sent without anybody learning whether it was taken.
    pub fn unknown_outcomes(&self) -> u32 {
        self.unknown.load(Ordering::Relaxed)
    }

    /// It was sent once more, and nobody knows whether it was taken. Gives how often that was so by now.
    pub(crate) fn outcome_is_unknown(&self) -> u32 {
        self.unknown.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl From<Arc<Event>> for Batch {
    fn from(event: Arc<Event>) -> Self {
        Self { events: Arc::new([event]), unknown: Arc::default() }
    }
}

/// The receiver's confirmation: every event of the batch was taken, but for those that are named here.
///
/// Success with exceptions is the normal answer of bulk interfaces (Elasticsearch, EventBridge, ...); an `Err`
/// speaks of the whole batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// How many the receiver had already.
    pub duplicates: usize,
    /// Those that it will never take.
    pub rejected: Vec<Rejected>,
}

impl Receipt {
    /// Everything was taken.
    pub fn all() -> Self {
        Self::default()
    }

    /// Everything was taken but for these.
    #[must_use]
    pub fn with_rejected(mut self, rejected: Vec<Rejected>) -> Self {
        self.rejected = rejected;
        self
    }

    /// This receipt, if the events that it names are in the batch.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] if one is not: then nobody knows what was taken.
    pub(crate) fn checked(self, batch: &Batch) -> Result<Self> {
        match self.rejected.iter().find(|rejected| rejected.index >= batch.len()) {
            None => Ok(self),
            Some(rejected) => {
                let message = "the receipt names an event that is not in the batch";
                Err(Error::new("receipt", ErrorKind::Protocol, message)
                    .with("index", rejected.index)
                    .with("events", batch.len()))
            }
        }
    }

    /// So many of them were there already.
    #[must_use]
    pub fn with_duplicates(mut self, duplicates: usize) -> Self {
        self.duplicates = duplicates;
        self
    }
}

/// One event that the receiver will never take, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the batch.
    pub index: usize,
    /// Status and the receiver's words, without secrets: what the dead letter says.
    pub reason: String,
}
