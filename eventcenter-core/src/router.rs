//! Which sinks want an event.

use crate::event::Event;
use crate::sink_set::SinkSet;

/// The compiled routes.
#[derive(Debug)]
pub struct Router {
    everybody: SinkSet,
}

impl Router {
    /// Every event to the first `sinks` sinks.
    pub fn all(sinks: usize) -> Self {
        Self { everybody: SinkSet::first(sinks) }
    }

    /// The sinks that want this event.
    pub fn route(&self, _event: &Event) -> SinkSet {
        self.everybody
    }
}
