//! Where events go.
//!
//! A sink knows its receiver's protocol and nothing else: config, payload, signature, limits, and what each
//! answer means. It has no loops, retries, filters or metrics: [layers](crate::layer), router and worker do those.
//! What makes something a sink is written down as tests: [`sink_conformance!`](crate::sink_conformance).

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;

use crate::batch::{Batch, Receipt};
use crate::error::Result;

/// A receiver of events. Object-safe, without default methods: a wrapper forwards everything.
#[async_trait]
pub trait Sink: Debug + Send + Sync + 'static {
    /// The name the user gave it: metrics label, dead-letter folder, route target.
    fn name(&self) -> &str;

    /// What fits in one delivery.
    fn limits(&self) -> Limits;

    /// Hands the batch to the receiver. `Ok` means that the receiver confirmed it, in body *and* status.
    ///
    /// May be called again with the same batch after an error, and may be dropped at any await: the batch is
    /// then delivered again.
    ///
    /// # Errors
    ///
    /// The [kind and action](crate::error) speak of the whole batch.
    async fn deliver(&self, batch: &Batch) -> Result<Receipt>;

    /// Looks whether credentials and target exist. Writes nothing.
    ///
    /// # Errors
    ///
    /// What `deliver` would say.
    async fn probe(&self) -> Result<()>;

    /// Flushes what is buffered. Safe to call twice.
    ///
    /// # Errors
    ///
    /// When something that was confirmed could not be flushed.
    async fn close(&self) -> Result<()>;
}

/// What a sink's receiver takes, as data: the batcher obeys it, the conformance suite selects by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Events in one batch. Default 1.
    pub max_events: usize,
    /// Bytes of documents in one batch, unless a single event is larger. Default 1 MiB.
    pub max_bytes: usize,
    /// Whether the receiver recognises what it has already, so that a delivery of which the outcome is unknown
    /// may be repeated freely. Default false.
    pub idempotent: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_events: 1, max_bytes: 1 << 20, idempotent: false }
    }
}

impl Limits {
    /// One event at a time, of at most 1 MiB, to a receiver that recognises nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the number of events; 0 means 1.
    #[must_use]
    pub fn with_max_events(mut self, max_events: usize) -> Self {
        self.max_events = max_events.max(1);
        self
    }

    /// Sets the bytes of documents.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Says whether the receiver recognises what it has.
    #[must_use]
    pub fn with_idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }
}

/// From a sink to a sink: one concern, such as a deadline, around another.
pub trait Layer: Debug + Send + Sync + 'static {
    /// `inner`, with the concern around it.
    fn layer(&self, inner: Arc<dyn Sink>) -> Arc<dyn Sink>;
}
