//! Leaves a dead target alone.
//!
//! ```text
//!            failures in a row            pause over              failed again: a longer pause
//!  Closed ────────────────────▶ Open ───────────────▶ HalfOpen ───────────────────────────────▶ Open
//!    ▲                                                    │
//!    └──────────────────── delivered ─────────────────────┘
//! ```
//!
//! It sees only what the retry layer tried in vain. While it is open nothing is sent: the error is of kind
//! `Unavailable` with `RetryAfter`, the last reason in its words, and health shows it. After the pause one delivery is
//! let through to see.
//!
//! What shows that the target lives (it refuses an event, finds it too large) closes it. `Throttled` says neither: it may
//! be the rate limit's own word, with which nothing was sent.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::Instant;

use crate::batch::{Batch, Receipt};
use crate::config::HumanDuration;
use crate::error::{Action, Error, ErrorKind, Result};
use crate::sink::{Layer, Limits, Sink};

/// When to leave a target alone, and for how long, as the user writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct BreakerConfig {
    /// After so many deliveries in a row that failed, each with all its retries. Default 3.
    pub failures: NonZeroU32,
    /// The first pause; it doubles each time. Default 5 s.
    pub pause: HumanDuration,
    /// The longest pause. Default 1 min: so late is an outage known to be over.
    pub cap: HumanDuration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures: const { NonZeroU32::new(3).expect("3 is not 0") },
            pause: HumanDuration::from_secs(5),
            cap: HumanDuration::from_secs(60),
        }
    }
}

/// Leaves a sink's target alone while it is dead. Probing and closing go through.
#[derive(Debug, Clone, Default)]
pub struct BreakerLayer {
    config: BreakerConfig,
}

impl BreakerLayer {
    /// By these rules.
    pub fn new(config: BreakerConfig) -> Self {
        Self { config }
    }
}

impl Layer for BreakerLayer {
    fn layer(&self, inner: Arc<dyn Sink>) -> Arc<dyn Sink> {
        let state = Mutex::new(State::Closed { failures: 0 });
        Arc::new(Breaker { config: self.config.clone(), state, inner })
    }
}

#[derive(Debug)]
struct Breaker {
    config: BreakerConfig,
    state: Mutex<State>,
    inner: Arc<dyn Sink>,
}

#[derive(Debug, Clone)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration, why: Arc<str> },
    HalfOpen { pause: Duration },
}

impl Breaker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a delivery through, or says why not.
    fn admit(&self) -> Result<()> {
        let mut state = self.state();
        let State::Open { until, pause, why } = &*state else { return Ok(()) };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            *state = State::HalfOpen { pause: *pause };
            return Ok(());
        }
        let message = "left alone for a while: the last deliveries failed";
        let error =
            Error::new(self.inner.name(), ErrorKind::Unavailable, message).with("last", why);
        Err(error.with_action(Action::RetryAfter(left)))
    }

    fn learn(&self, error: Option<&Error>) {
        if error.is_some_and(|error| error.kind() == ErrorKind::Throttled) {
            return;
        }
        let mut state = self.state();
        let Some(error) = error.filter(|error| is_dead(error)) else {
            *state = State::Closed { failures: 0 };
            return;
        };
        let pause = match *state {
            State::Closed { failures } if failures + 1 < self.config.failures.get() => {
                *state = State::Closed { failures: failures + 1 };
                return;
            }
            State::Closed { .. } => self.config.pause.get(),
            State::HalfOpen { pause } | State::Open { pause, .. } => pause.saturating_mul(2),
        };
        let pause = pause.min(self.config.cap.get());
        *state =
            State::Open { until: Instant::now() + pause, pause, why: error.to_string().into() };
    }
}

/// Whether an error says that the target does not live, or that nothing can come of asking it.
fn is_dead(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unavailable
        | ErrorKind::Timeout
        | ErrorKind::Protocol
        | ErrorKind::OutcomeUnknown => true,
        // A person has to act; the worker pauses longer for that.
        ErrorKind::Config | ErrorKind::Auth => error.action() != Action::Suspend,
        _ => false,
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sink for Breaker {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        self.admit()?;
        let outcome = self.inner.deliver(batch).await;
        self.learn(outcome.as_ref().err());
        outcome
    }

    async fn probe(&self) -> Result<()> {
        self.inner.probe().await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FlakySink, events};

    fn failing(kind: ErrorKind) -> Result<Receipt> {
        Err(Error::new("flaky", kind, "no"))
    }

    struct Tried {
        flaky: Arc<FlakySink>,
        sink: Arc<dyn Sink>,
    }

    impl Tried {
        fn with(outcomes: impl IntoIterator<Item = Result<Receipt>>) -> Self {
            let flaky = Arc::new(FlakySink::new(outcomes));
            let sink = BreakerLayer::default().layer(Arc::clone(&flaky) as Arc<dyn Sink>);
            Self { flaky, sink }
        }

        async fn deliver(&self) -> Result<Receipt> {
            self.sink.deliver(&events::ordinary().into()).await
        }

        fn seen(&self) -> usize {
            self.flaky.deliveries().len()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_target_is_left_alone_and_looked_at_after_longer_and_longer_pauses() {
        let tried = Tried::with((0..99).map(|_| failing(ErrorKind::Unavailable)));
        for _ in 0..3 {
            tried.deliver().await.unwrap_err();
        }
        for seconds in [5, 10, 20, 40, 60, 60] {
            let before = tried.seen();
            let error = tried.deliver().await.unwrap_err();
            assert_eq!(error.action(), Action::RetryAfter(Duration::from_secs(seconds)), "{error}");
            assert!(error.to_string().contains("last=flaky: no"), "{error}");
            assert_eq!(tried.seen(), before, "nothing was sent");
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            tried.deliver().await.unwrap_err();
            assert_eq!(tried.seen(), before + 1, "one was let through");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_gets_through_closes_it() {
        let down = || failing(ErrorKind::Timeout);
        let tried =
            Tried::with([down(), down(), down(), Ok(Receipt::all()), down(), Ok(Receipt::all())]);
        for _ in 0..3 {
            tried.deliver().await.unwrap_err();
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        tried.deliver().await.unwrap();
        tried.deliver().await.unwrap_err();
        tried.deliver().await.unwrap();
        assert_eq!(tried.seen(), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_sent_says_nothing_of_the_target() {
        let (down, held) = (|| failing(ErrorKind::Timeout), || failing(ErrorKind::Throttled));
        let tried = Tried::with([down(), held(), down(), held(), down(), held(), down()]);
        for _ in 0..5 {
            tried.deliver().await.unwrap_err();
        }
        for seconds in [5, 10] {
            let error = tried.deliver().await.unwrap_err();
            assert_eq!(error.action(), Action::RetryAfter(Duration::from_secs(seconds)), "{error}");
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            // Held back at first, and then let through to see.
            while tried.seen() < 7
                && tried.deliver().await.unwrap_err().kind() == ErrorKind::Throttled
            {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_says_no_is_not_dead() {
        for kind in
            [ErrorKind::Refused, ErrorKind::TooLarge, ErrorKind::Throttled, ErrorKind::Storage]
        {
            let tried = Tried::with((0..9).map(|_| failing(kind)));
            for _ in 0..9 {
                tried.deliver().await.unwrap_err();
            }
            assert_eq!(tried.seen(), 9, "{kind:?}");
        }
    }
}
