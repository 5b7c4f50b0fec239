//! What a sink is handed, and what it answers.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;

/// Events to deliver together: at least one, immutable, in the order in which they arrived.
#[derive(Debug, Clone)]
pub struct Batch(Arc<[Arc<Event>]>);

impl Batch {
    /// A batch of these events; none if there are none, so that no sink has to think of that.
    pub fn new(events: impl Into<Arc<[Arc<Event>]>>) -> Option<Self> {
        let events = events.into();
        (!events.is_empty()).then_some(Self(events))
    }

    /// The events; never empty.
    pub fn events(&self) -> &[Arc<Event>] {
        &self.0
    }

    /// How many; at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Two halves, for a batch that is too large; none if it is a single event.
    pub fn halves(&self) -> Option<(Self, Self)> {
        let (left, right) = self.0.split_at(self.0.len() / 2);
        Some((Self::new(left)?, Self::new(right)?))
    }
}

impl From<Arc<Event>> for Batch {
    fn from(event: Arc<Event>) -> Self {
        Self(Arc::new([event]))
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
