//! Some events of a window, delivered one batch after another until each was confirmed or set aside.
//!
//! What changes the unit of acknowledgement is done here:
//!
//! | action | what happens |
//! |---|---|
//! | `Retry` | the same batch again, after a growing pause (the retry layer had its quick tries) |
//! | `RetryAfter(d)` | the same batch again, after `d` |
//! | `Refresh` | the same batch again at once, and if that is refused as well, as `Suspend` |
//! | `Suspend` | the same batch again, after a long pause: a person has to act, and no quota is burnt meanwhile |
//! | `Split` | two halves; a single event is [shortened](Event::shortened) once, then it becomes a dead letter |
//! | `DeadLetter` | a single event becomes a dead letter; of several each half is tried, to find the bad one |
//! | `SetAside` | all of the batch become dead letters: it may have been taken, so no part of it is sent again |
//!
//! A sink whose receiver has a limit for a single event that it can keep to by its own rule (cut a text, leave out a
//! field) keeps to it by itself, and never says `Split` of a single event.

use std::sync::Arc;

use tracing::info;

use super::{Pause, Worker};
use crate::batch::{Batch, Rejected};
use crate::dead_letter::{Cause, DeadLetters};
use crate::error::{Action, Error, ErrorKind};
use crate::event::Event;
use crate::metrics;
use crate::sink::Limits;
use crate::spool::Budget;

/// How a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LaneEnd {
    /// Everything was confirmed or set aside.
    Settled,
    /// A stop came before that.
    Stopped,
    /// The spool dropped the window meanwhile, and declared that.
    Dropped,
}

/// See the [module](self).
pub(super) struct Lane<'a> {
    worker: &'a Worker,
    /// The number of the first record after the window.
    end: u64,
}

/// What is to be delivered.
struct Part {
    batch: Batch,
    /// The event as it was, if the batch is one that was shortened.
    whole: Option<Arc<Event>>,
}

impl From<Batch> for Part {
    fn from(batch: Batch) -> Self {
        Self { batch, whole: None }
    }
}

impl<'a> Lane<'a> {
    pub(super) fn new(worker: &'a Worker, end: u64) -> Self {
        Self { worker, end }
    }

    /// Delivers these events, in order.
    pub(super) async fn run(self, events: Vec<Arc<Event>>) -> LaneEnd {
        let worker = self.worker;
        // The last is the next.
        let mut todo: Vec<Part> = batches(events, &worker.sink.limits());
        let mut pause = Pause::default();
        let mut attempts = 0;
        while let Some(part) = todo.pop() {
            attempts += 1;
            let letters = match worker.sink.deliver(&part.batch).await {
                Ok(receipt) => {
                    worker.health.ready();
                    self.confirmed(&part, &receipt.rejected, attempts)
                }
                Err(error) => match (error.action(), part.batch.halves()) {
                    (Action::Split | Action::DeadLetter, Some((left, right))) => {
                        todo.extend([right.into(), left.into()]);
                        attempts = 0;
                        continue;
                    }
                    (Action::Split, None) if let Some(short) = part.shortened() => {
                        worker.report(
                            &error,
                            "the receiver finds an event too large, will shorten it",
                        );
                        todo.push(short);
                        continue;
                    }
                    (Action::Split | Action::DeadLetter | Action::SetAside, _) => {
                        worker.report(&error, "an event cannot be delivered");
                        self.refused(&part, &error, attempts)
                    }
                    _ => {
                        worker.report(&error, "delivery postponed");
                        todo.push(part);
                        if !worker.wait(pause.after(error.action())).await {
                            return LaneEnd::Stopped;
                        }
                        if worker.spool.has_dropped(worker.place, self.end) {
                            return LaneEnd::Dropped;
                        }
                        continue;
                    }
                },
            };
            (pause, attempts) = (Pause::default(), 0);
            if !letters.is_empty() && !self.bury(letters).await {
                return LaneEnd::Stopped;
            }
        }
        LaneEnd::Settled
    }

    /// Counts what was taken shortened; the dead letters of those events of a batch that the receiver named.
    fn confirmed(&self, part: &Part, rejected: &[Rejected], attempts: u32) -> Vec<u8> {
        let sink = self.worker.sink.name();
        if let Some(whole) = part.whole.as_ref().filter(|_| rejected.is_empty()) {
            info!(sink, event = whole.occurrence_key(), "an event was taken shortened");
            let label = metrics::Sink { sink: sink.to_owned() };
            self.worker.metrics.events_shortened.get_or_create(&label).inc();
        }
        let letters = rejected.iter().filter_map(|rejected| {
            let reason = rejected.reason.as_str();
            let cause = Cause { kind: ErrorKind::Refused, reason, attempts };
            Some(self.letter(part.event(rejected.index)?, cause))
        });
        letters.flatten().collect()
    }

    /// The dead letters of a batch that is not tried again.
    fn refused(&self, part: &Part, error: &Error, attempts: u32) -> Vec<u8> {
        let reason = error.to_string();
        let attempts = attempts.max(part.batch.unknown_outcomes());
        let cause = Cause { kind: error.kind(), reason: &reason, attempts };
        let events = (0..part.batch.len()).filter_map(|index| part.event(index));
        events.flat_map(|event| self.letter(event, cause)).collect()
    }

    fn letter(&self, event: &Event, cause: Cause<'_>) -> Vec<u8> {
        let sink = self.worker.sink.name();
        info!(sink, reason = cause.reason, event = event.occurrence_key(), "set an event aside");
        let label = metrics::SinkKind { sink: sink.to_owned(), kind: cause.kind.as_str() };
        self.worker.metrics.events_dead.get_or_create(&label).inc();
        DeadLetters::event_line(sink, event, cause, self.worker.clock.now())
    }

    /// Writes dead letters. False if a stop came before that was done.
    async fn bury(&self, lines: Vec<u8>) -> bool {
        let worker = self.worker;
        let mut pause = Pause::default();
        while let Err(error) = worker.dead.bury(worker.sink.name(), lines.clone()).await {
            worker.report(&error, "cannot write a dead letter");
            if !worker.wait(pause.after(error.action())).await {
                return false;
            }
        }
        true
    }
}

impl Part {
    /// The event at this place, as it arrived.
    fn event(&self, index: usize) -> Option<&Arc<Event>> {
        self.whole.as_ref().or_else(|| self.batch.events().get(index))
    }

    /// The same, shortened; none if it was shortened already, or cannot be.
    fn shortened(&self) -> Option<Self> {
        let [event] = self.batch.events() else { return None };
        if self.whole.is_some() {
            return None;
        }
        let short = Arc::new(event.shortened()?);
        Some(Self { batch: self.batch.instead(short), whole: Some(Arc::clone(event)) })
    }
}

/// The events in batches that the limits allow, the last first.
fn batches(mut events: Vec<Arc<Event>>, limits: &Limits) -> Vec<Part> {
    let mut ends = Vec::new();
    let mut budget = Budget::new(limits);
    for (place, event) in events.iter().enumerate() {
        if !budget.takes(event.raw().len()) {
            ends.push(place);
            budget = Budget::new(limits);
            budget.takes(event.raw().len());
        }
    }
    let mut parts: Vec<Part> = Vec::with_capacity(ends.len() + 1);
    for end in ends.into_iter().rev() {
        parts.extend(Batch::new(events.split_off(end)).map(Part::from));
    }
    parts.extend(Batch::new(events).map(Part::from));
    parts
}
