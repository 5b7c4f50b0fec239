//! One sink that gets events again, no faster than was said, and no more than there is room for.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::Replay;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Cluster, Event};
use crate::metrics;
use crate::sink_set::SinkSet;
use crate::spool::SourceId;

/// Records before a sink that does not keep up.
const BACKLOG: u64 = 10_000;

/// Between two looks whether it does.
const PAUSE: Duration = Duration::from_millis(200);

/// One sink, and the pace at which it gets something.
pub(super) struct To<'a> {
    replay: &'a Replay,
    place: usize,
    sinks: SinkSet,
    source: &'static str,
    ids: Vec<(Arc<Cluster>, SourceId)>,
    sent: metrics::Sink,
    step: Duration,
    next: Instant,
}

impl<'a> To<'a> {
    /// What is shorter is not waited for: timers are no more exact than a millisecond.
    pub(super) const SLACK: Duration = Duration::from_millis(10);

    pub(super) fn new(
        replay: &'a Replay,
        place: usize,
        source: &'static str,
        rate: NonZeroU32,
    ) -> Self {
        let name = replay.sinks.get(place).cloned().unwrap_or_default();
        Self {
            replay,
            place,
            sinks: SinkSet::from_iter([place]),
            source,
            ids: Vec::new(),
            sent: metrics::Sink { sink: name },
            step: Duration::from_secs(1) / rate.get(),
            next: Instant::now(),
        }
    }

    /// Waits until the sink shall have one more.
    async fn turn(&mut self) -> Result<()> {
        let spool = &self.replay.spool;
        if self.replay.is_idle {
            if spool.is_half_full() {
                let what = "the spool is half full; the program, once it runs, can send the rest";
                return Err(Error::new("replay", ErrorKind::Storage, what));
            }
            return Ok(());
        }
        while spool.backlog(self.place) >= BACKLOG {
            sleep(PAUSE).await;
        }
        let now = Instant::now();
        if self.next > now + Self::SLACK {
            sleep_until(self.next).await;
        }
        self.next = self.next.max(now) + self.step;
        Ok(())
    }

    pub(super) async fn send(&mut self, event: &Arc<Event>) -> Result<()> {
        self.turn().await?;
        let spool = &self.replay.spool;
        let known = self.ids.iter().find(|(cluster, _)| cluster == event.cluster());
        let id = match known {
            Some((_, id)) => *id,
            None => {
                let id = spool.register(self.source, event.cluster())?;
                self.ids.push((Arc::clone(event.cluster()), id));
                id
            }
        };
        spool.append(id, self.sinks, event, None).await;
        self.replay.metrics.events_replayed.get_or_create(&self.sent).inc();
        Ok(())
    }
}
