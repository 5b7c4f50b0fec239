//! Where events go.
//!
//! A sink knows its receiver's protocol and nothing else: config, payload, signature, limits, and what each
//! answer means. It has no loops, retries, filters or metrics: [layers](crate::layer), router and worker do those.
//! What makes something a sink is written down as tests: [`sink_conformance!`](crate::sink_conformance).
//!
//! # For authors of sinks
//!
//! A pipeline calls [`Sink::deliver`] for one batch at a time, in order, or for [`Limits::in_flight`] of them.
//!
//! - **It must not block**: programs run all loops on one thread, so every other sink and the intake would stand
//!   still. What blocks (a file, a library without `async`, compression of megabytes) goes to
//!   `tokio::task::spawn_blocking` or to a thread of the sink's own, which has to live with the future being dropped.
//! - **It must not panic.** A release build aborts; elsewhere the pipeline ends with an error. Events are untrusted
//!   input: texts are of any length and content, times may be missing, names may be empty.
//! - **It may be dropped** at any await: at the deadline of the [timeout layer](crate::layer), and at the end of the
//!   grace period.
//! - **Nothing is tried again in it.** It returns the first [`Error`](crate::Error), whose kind and action say what
//!   is to be done; [layers](crate::layer) and worker do it.
//! - **`limits` is asked before each batch**: it is a value at hand.

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::batch::{Batch, Receipt};
use crate::error::Result;

/// A receiver of events. Object-safe, without default methods: a wrapper forwards everything.
#[async_trait]
pub trait Sink: Debug + Send + Sync + 'static {
    /// The name the user gave it: what routes, logs and metrics call it, and what its files are called (cursor, dead
    /// letters). It never changes, and is 1 to 63 of `A-Z`, `a-z`, `0-9`, `-` and `_`: [`Plan::new`](crate::Plan::new)
    /// refuses others.
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
    /// For programs that check a configuration before they run it. A pipeline does not call it: a receiver that is
    /// away at the start is no reason not to start, and the first delivery tells as much.
    ///
    /// # Errors
    ///
    /// What `deliver` would say.
    async fn probe(&self) -> Result<()>;

    /// Flushes what is buffered. Safe to call twice. A pipeline calls it once, after the last delivery.
    ///
    /// # Errors
    ///
    /// When something that was confirmed could not be flushed.
    async fn close(&self) -> Result<()>;
}

/// What a sink's receiver takes, as data: the spool's reader cuts batches by it, the conformance suite selects by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Events in one batch. Default 1. A sink of few messages, such as a chat room, sets it high, and makes one
    /// digest of a batch of many: what waits for its next turn is handed to it together.
    pub max_events: usize,
    /// Bytes of documents in one batch, unless a single event is larger. Default 1 MiB.
    pub max_bytes: usize,
    /// Whether a delivery of which the outcome is unknown may be repeated freely: the receiver recognises what it has
    /// already, or a repeat costs it nothing. Default false: it is sent at most twice more, and then set aside.
    pub idempotent: bool,
    /// So many batches are delivered at a time. Events of one object are never in two of them, and follow each other
    /// in order. Default 1.
    pub in_flight: usize,
    /// How often its target may be sent something, if it is known to count. Default none.
    pub rate: Option<Rate>,
}

/// How often a target may be sent something, by all sinks together that send there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So many deliveries, which are requests and not events.
    pub deliveries: NonZeroU32,
    /// In this time.
    pub per: Duration,
    /// Which target: equal for sinks of the same one. A hash, for it is often made of a credential.
    pub target: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_events: 1, max_bytes: 1 << 20, idempotent: false, in_flight: 1, rate: None }
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

    /// Sets how many batches are delivered at a time; 0 means 1.
    #[must_use]
    pub fn with_in_flight(mut self, in_flight: usize) -> Self {
        self.in_flight = in_flight.max(1);
        self
    }

    /// Says how often its target may be sent something.
    #[must_use]
    pub fn with_rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
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
