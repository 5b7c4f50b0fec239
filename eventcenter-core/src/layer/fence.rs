//! Nothing is written outside of a [`Term`].
//!
//! Before a delivery begins, and each time that it could go on, the clock is asked whether the term still holds. If
//! not, the delivery is dropped where it stands, and **its call never returns**: nobody may draw a conclusion from
//! it, neither that it failed (it would be tried again, counted, set aside) nor that it came through (the cursor
//! would move, which the successor knows nothing of). Whoever gave the term ends the pipeline when the term is over.
//!
//! So what a process can still write after its term is what one poll of a sink writes, in which it may have been
//! stopped by a signal, and what was handed to the kernel or to a connection before: a request that was being
//! written. The time between the end of a term and the beginning of the next is for that.
//!
//! It stands around the timeout, inside of what waits: rate limit, retry and breaker may sleep past the end of a
//! term, and each attempt is asked anew.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;

use crate::batch::{Batch, Receipt};
use crate::error::Result;
use crate::sink::{Layer, Limits, Sink};
use crate::term::Term;

/// Lets a sink write while a term holds, and not after it.
#[derive(Debug, Clone)]
pub struct FenceLayer {
    term: Term,
}

impl FenceLayer {
    /// While this term holds.
    pub fn new(term: Term) -> Self {
        Self { term }
    }
}

impl Layer for FenceLayer {
    fn layer(&self, inner: Arc<dyn Sink>) -> Arc<dyn Sink> {
        Arc::new(Fence { term: self.term.clone(), inner })
    }
}

#[derive(Debug)]
struct Fence {
    term: Term,
    inner: Arc<dyn Sink>,
}

impl Fence {
    async fn within<T>(&self, call: impl Future<Output = T>) -> T {
        let done = {
            let (mut call, mut over) = (pin!(call), pin!(self.term.over()));
            poll_fn(|cx| {
                // The clock first, and at each poll: a process that goes on after a stop finds its timers late.
                if !self.term.holds() || over.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(None);
                }
                call.as_mut().poll(cx).map(Some)
            })
            .await
        };
        match done {
            Some(done) => done,
            None => pending().await,
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sink for Fence {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        self.within(self.inner.deliver(batch)).await
    }

    async fn probe(&self) -> Result<()> {
        self.inner.probe().await
    }

    /// What was confirmed was confirmed within the term.
    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::poll;

    use super::*;
    use crate::term::FixedUptime;
    use crate::testing::{FlakySink, MemorySink, events};

    fn fenced(inner: Arc<dyn Sink>) -> (Arc<dyn Sink>, FixedUptime, Term) {
        let uptime = FixedUptime::default();
        let term = Term::new(Arc::new(uptime.clone()), Duration::from_secs(10));
        (FenceLayer::new(term.clone()).layer(inner), uptime, term)
    }

    #[tokio::test]
    async fn what_comes_after_the_term_is_not_begun_and_has_no_outcome() {
        let memory = Arc::new(MemorySink::new("memory"));
        let (sink, uptime, _) = fenced(Arc::clone(&memory) as Arc<dyn Sink>);
        let batch = events::ordinary().into();
        sink.deliver(&batch).await.unwrap();
        let taken = memory.accepted().len();
        uptime.advance(Duration::from_secs(10));
        assert!(poll!(sink.deliver(&batch)).is_pending());
        assert_eq!(memory.accepted().len(), taken);
    }

    /// Counts its polls, and is there for ever.
    #[derive(Debug, Default)]
    struct Slow(std::sync::atomic::AtomicUsize);

    #[async_trait]
    impl Sink for Slow {
        fn name(&self) -> &str {
            "slow"
        }

        fn limits(&self) -> Limits {
            Limits::default()
        }

        async fn deliver(&self, _: &Batch) -> Result<Receipt> {
            poll_fn(|_| {
                self.0.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
                Poll::Pending
            })
            .await
        }

        async fn probe(&self) -> Result<()> {
            Ok(())
        }

        async fn close(&self) -> Result<()> {
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivery_under_way_is_not_polled_again_after_the_term() {
        let slow = Arc::new(Slow::default());
        let polls = || slow.0.load(std::sync::atomic::Ordering::Acquire);
        let (sink, uptime, _) = fenced(Arc::clone(&slow) as Arc<dyn Sink>);
        let batch = events::ordinary().into();
        let mut call = sink.deliver(&batch);
        assert!(poll!(&mut call).is_pending() && poll!(&mut call).is_pending());
        assert_eq!(polls(), 2);
        // As after a SIGSTOP: no timer has rung.
        uptime.advance(Duration::from_secs(10));
        assert!(poll!(&mut call).is_pending() && poll!(&mut call).is_pending());
        assert_eq!(polls(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_term_that_is_given_up_drops_what_hangs() {
        let (sink, _, term) = fenced(Arc::new(FlakySink::hanging()));
        let batch = events::ordinary().into();
        let mut call = sink.deliver(&batch);
        assert!(poll!(&mut call).is_pending());
        term.end();
        let waited = tokio::time::timeout(Duration::from_secs(60), &mut call).await;
        assert!(waited.is_err(), "no outcome, whatever happens");
    }
}
