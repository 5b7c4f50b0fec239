//! The one loop for sinks: read, deliver, settle.
//!
//! It waits for the next events of its sink, for the receiver's answer, or, when the receiver is in trouble, for the
//! time to try again. It ends when the spool is closed and drained, when a stop meets a receiver in trouble, and at
//! once when the grace period is over. What is not settled then is delivered after the next start: the cursor moves
//! when all of a window was confirmed or set aside, never before.
//!
//! The worker is the only place that acknowledges, so it handles the actions that change what is acknowledged:
//!
//! | action | what happens |
//! |---|---|
//! | `Retry`, `Refresh` | the same batch again, after a growing pause (the retry layer had its quick tries) |
//! | `RetryAfter(d)` | the same batch again, after `d` |
//! | `Split` | two halves; a single event that is too large becomes a dead letter |
//! | `DeadLetter` | a single event becomes a dead letter; of several each half is tried, to find the bad one |
//! | `Suspend` | the same batch again, after a long pause: a person has to act, and no quota is burnt meanwhile |

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tracing::{error, info, warn};

use crate::batch::{Batch, Rejected};
use crate::clock::Clock;
use crate::dead_letter::{Cause, DeadLetters};
use crate::error::{Action, Error, ErrorKind};
use crate::event::Event;
use crate::health::Part;
use crate::metrics::{self, Metrics};
use crate::sink::Sink;
use crate::spool::{Reader, Spool, Window};
use crate::stop::Stopped;

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything was settled.
    Drained,
    /// The receiver was in trouble at the stop; what is left stays in the spool.
    Unfinished,
    /// The grace period was over; what is left stays in the spool.
    Aborted,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) place: usize,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) reader: Reader,
    pub(crate) spool: Spool,
    pub(crate) dead: DeadLetters,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) health: Part,
    pub(crate) stopped: Stopped,
}

impl Worker {
    /// Runs until the end.
    pub(crate) async fn run(mut self) -> Ended {
        let mut stopped = self.stopped.clone();
        self.health.ready();
        loop {
            let window = tokio::select! {
                biased;
                () = stopped.aborted() => return Ended::Aborted,
                window = self.next() => window,
            };
            let Some(window) = window else { return Ended::Drained };
            tokio::select! {
                biased;
                () = stopped.aborted() => return Ended::Aborted,
                settled = self.settle(window) => if !settled { return Ended::Unfinished },
            }
        }
    }

    /// The next window; none at the end.
    async fn next(&mut self) -> Option<Window> {
        let limits = self.sink.limits();
        let mut pause = Pause::default();
        loop {
            match self.reader.next(&limits).await {
                Ok(window) => return window,
                Err(error) => {
                    self.report(&error, "cannot read the spool");
                    tokio::time::sleep(pause.after(error.action())).await;
                }
            }
        }
    }

    /// Delivers a window, or sets aside what cannot be delivered. False if a stop came before that was done.
    async fn settle(&mut self, window: Window) -> bool {
        if window.damaged > 0 {
            error!(sink = self.sink.name(), records = window.damaged, "the spool is damaged");
            let label = metrics::Sink { sink: self.sink.name().to_owned() };
            self.metrics.events_dropped.get_or_create(&label).inc_by(window.damaged);
            let reason = "a segment of the spool cannot be read".to_owned();
            let now = self.clock.now();
            self.spool.declare_loss(self.place, Some(window.damaged), reason, now).await;
        }
        let told = self.tell_lost(window.end).await;
        if window.absent && !told {
            let sink = self.sink.name();
            // Full, and the program ended before it could tell.
            let reason =
                format!("sink {sink} was not configured for a while, or the disk was full");
            self.spool.declare_loss(self.place, None, reason, self.clock.now()).await;
        }
        let mut todo: Vec<Batch> = Batch::new(window.events).into_iter().collect();
        let mut pause = Pause::default();
        let mut attempts = 0;
        while let Some(batch) = todo.pop() {
            attempts += 1;
            let dead = match self.sink.deliver(&batch).await {
                Ok(receipt) => {
                    self.health.ready();
                    self.rejected(&batch, &receipt.rejected)
                }
                Err(error) => match (error.action(), batch.halves()) {
                    (Action::Split | Action::DeadLetter, Some((left, right))) => {
                        todo.extend([right, left]);
                        attempts = 0;
                        continue;
                    }
                    (Action::Split | Action::DeadLetter, None) => {
                        self.report(&error, "the receiver refuses an event");
                        self.refused(&batch, &error, attempts)
                    }
                    _ => {
                        self.report(&error, "delivery postponed");
                        todo.push(batch);
                        if !self.wait(pause.after(error.action())).await {
                            return false;
                        }
                        if self.spool.has_dropped(self.place, window.end) {
                            // Declared lost meanwhile, since the spool was full; or the disk was, and it is now.
                            self.tell_lost(window.end).await;
                            return true;
                        }
                        continue;
                    }
                },
            };
            (pause, attempts) = (Pause::default(), 0);
            if !dead.is_empty() && !self.bury(dead).await {
                return false;
            }
        }
        // What went from the disk while it was in hand here has arrived all the same.
        self.spool.take_lost(self.place, window.end);
        while let Err(error) = self.spool.settle(self.place, window.end) {
            self.report(&error, "cannot write the cursor");
            if !self.wait(pause.after(error.action())).await {
                return false;
            }
        }
        true
    }

    /// Declares what this sink lost below `end` when room was made on a full disk. False if no room was made there.
    async fn tell_lost(&self, end: u64) -> bool {
        let Some(count) = self.spool.take_lost(self.place, end) else { return false };
        // Of what went, nothing need have been for this sink.
        if count > 0 {
            let reason = format!("the disk was full while sink {} lagged", self.sink.name());
            self.spool.declare_loss(self.place, Some(count), reason, self.clock.now()).await;
        }
        true
    }

    /// False if a stop comes first.
    async fn wait(&mut self, pause: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stopped.stopping() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    fn report(&self, error: &Error, what: &'static str) {
        let sink = self.sink.name();
        let cause = error.root_cause().unwrap_or_default();
        warn!(sink, %error, cause, "{what}");
        let state = if error.action() == Action::Suspend { "suspended: " } else { "" };
        self.health.troubled(format!("{state}{error}"));
    }

    /// The dead letter of a single event that the receiver will never take.
    fn refused(&self, batch: &Batch, error: &Error, attempts: u32) -> Vec<u8> {
        let reason = error.to_string();
        let cause = Cause { kind: error.kind(), reason: &reason, attempts };
        batch.events().iter().flat_map(|event| self.dead_letter(event, cause)).collect()
    }

    /// The dead letters of those events of a batch that the receiver named.
    fn rejected(&self, batch: &Batch, rejected: &[Rejected]) -> Vec<u8> {
        let letters = rejected.iter().filter_map(|rejected| {
            let reason = rejected.reason.as_str();
            let cause = Cause { kind: ErrorKind::Refused, reason, attempts: 1 };
            Some(self.dead_letter(batch.events().get(rejected.index)?, cause))
        });
        letters.flatten().collect()
    }

    fn dead_letter(&self, event: &Event, cause: Cause<'_>) -> Vec<u8> {
        let sink = self.sink.name();
        info!(sink, reason = cause.reason, event = event.occurrence_key(), "set an event aside");
        let label = metrics::SinkKind { sink: sink.to_owned(), kind: cause.kind.as_str() };
        self.metrics.events_dead.get_or_create(&label).inc();
        DeadLetters::event_line(sink, event, cause, self.clock.now())
    }

    /// Writes dead letters. False if a stop came before that was done.
    async fn bury(&mut self, lines: Vec<u8>) -> bool {
        let mut pause = Pause::default();
        while let Err(error) = self.dead.bury(self.sink.name(), lines.clone()).await {
            self.report(&error, "cannot write a dead letter");
            if !self.wait(pause.after(error.action())).await {
                return false;
            }
        }
        true
    }
}

/// How long to leave a receiver in trouble alone: longer each time, up to a bound, with full jitter so that many
/// programs do not come back together.
#[derive(Debug, Clone, Copy, Default)]
struct Pause(u32);

impl Pause {
    /// A receiver that says "at once" again and again is not asked more often than that.
    const FLOOR: Duration = Duration::from_millis(100);
    /// 1 s, 2 s, 4 s ... 30 s: the retry layer has tried quickly before.
    const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
    /// 30 s, 60 s ... 10 min: only a person can help.
    const SUSPEND: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));

    fn after(&mut self, action: Action) -> Duration {
        let (base, cap) = match action {
            Action::RetryAfter(delay) => return delay.max(Self::FLOOR),
            Action::Suspend => Self::SUSPEND,
            _ => Self::RETRY,
        };
        let longest = base.saturating_mul(1 << self.0.min(16)).min(cap);
        self.0 += 1;
        rand::rng().random_range(longest / 2..=longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_the_receiver_has_the_last_word() {
        let mut pause = Pause::default();
        for attempt in 0..40 {
            let waited = pause.after(Action::Retry);
            let longest = Duration::from_secs(1 << attempt.min(5)).min(Duration::from_secs(30));
            assert!(waited <= longest && waited >= longest / 2, "{attempt}: {waited:?}");
        }
        let delay = Duration::from_secs(3600);
        assert_eq!(pause.after(Action::RetryAfter(delay)), delay);
        assert_eq!(pause.after(Action::RetryAfter(Duration::ZERO)), Pause::FLOOR);
        assert!(Pause::default().after(Action::Suspend) >= Duration::from_secs(15));
    }
}
