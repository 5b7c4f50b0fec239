//! The one loop for sinks: read, deliver, settle.
//!
//! It waits for the next events of its sink, for the receiver's answer, or, when the receiver is in trouble, for the
//! time to try again. It ends when the spool is closed and drained, when a stop meets a receiver in trouble, and at
//! once when the grace period is over. What is not settled then is delivered after the next start: the cursor moves
//! when all of a window was confirmed or set aside, never before.
//!
//! A window is as much as the sink takes at a time: one batch, or one for each of its [lanes](lane), which deliver side
//! by side. What an event is about decides on its lane, and the next window begins when all lanes are done: so events
//! of one object arrive in order. Only here anything is acknowledged.

mod lane;
mod pause;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tracing::{error, warn};

use crate::clock::Clock;
use crate::dead_letter::DeadLetters;
use crate::error::{Action, Error};
use crate::event::Event;
use crate::health::Part;
use crate::metrics::{self, Metrics};
use crate::sink::Sink;
use crate::spool::{Reader, Spool, Window};
use crate::stop::Stopped;
use lane::{Lane, LaneEnd};
use pause::Pause;

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
        let mut limits = self.sink.limits();
        limits.max_events = limits.max_events.saturating_mul(limits.in_flight);
        limits.max_bytes = limits.max_bytes.saturating_mul(limits.in_flight);
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
    async fn settle(&self, window: Window) -> bool {
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
        self.spool.has_in_hand(self.place, window.events.first().map(|event| event.received()));
        let lanes = lanes(window.events, self.sink.limits().in_flight);
        let lanes = lanes.into_iter().map(|events| Lane::new(self, window.end).run(events));
        let ends = join_all(lanes).await;
        if ends.contains(&LaneEnd::Stopped) {
            return false;
        }
        self.spool.has_in_hand(self.place, None);
        if ends.contains(&LaneEnd::Dropped) {
            // Declared lost meanwhile, since the spool was full; or the disk was, and it is now.
            self.tell_lost(window.end).await;
            return true;
        }
        // What went from the disk while it was in hand here has arrived all the same.
        self.spool.take_lost(self.place, window.end);
        let mut pause = Pause::default();
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
    async fn wait(&self, pause: Duration) -> bool {
        let mut stopped = self.stopped.clone();
        tokio::select! {
            biased;
            () = stopped.stopping() => false,
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
}

/// The events by lane, each lane in order. All of one object are in one lane.
fn lanes(events: Vec<Arc<Event>>, count: usize) -> Vec<Vec<Arc<Event>>> {
    if count <= 1 {
        return vec![events];
    }
    let mut lanes = vec![Vec::new(); count];
    for event in events {
        let object = event.object();
        let mut hash = DefaultHasher::new();
        (&event.cluster().id, object.kind, object.namespace, object.name).hash(&mut hash);
        let lane = usize::try_from(hash.finish() % count as u64).unwrap_or_default();
        if let Some(lane) = lanes.get_mut(lane) {
            lane.push(event);
        }
    }
    lanes
}
