//! Tries again what may succeed on another attempt, within a budget of attempts and time.
//!
//! | the error asks for | here |
//! |---|---|
//! | `Retry` | waits a random time up to `base * 2^n`, at most `cap`, then tries again |
//! | `RetryAfter(d)` | waits `d` if that fits into the budget; else it is the worker's, which can wait longer |
//! | anything else | passed on: more attempts would not help |
//!
//! The wait is drawn from zero upwards ("full jitter"): clients that failed together do not come back together.
//!
//! An ambiguous error means that the receiver may have taken the batch. Where the receiver does not recognise repeats
//! ([`Limits::idempotent`] is false), a batch is sent at most twice more after such errors, however often it is handed
//! in: a chat room would rather have a message twice than never, but not five times. The third is the last word: an
//! error of kind `OutcomeUnknown`, with which the worker sets the batch aside. It is never taken for delivered.
//!
//! Nothing sleeps beyond the budget; the last error is returned with the number of `attempts`.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::Instant;

use crate::batch::{Batch, Receipt};
use crate::config::HumanDuration;
use crate::error::{Action, Error, ErrorKind, Result};
use crate::metrics::{Metrics, SinkKind};
use crate::sink::{Layer, Limits, Sink};

/// So often a batch is sent without anybody learning whether it was taken, if repeats are not recognised.
const MOST_UNKNOWN: u32 = 3;

/// When to try again, and how often, as the user writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RetryConfig {
    /// At most so many attempts, the first included. Default 5.
    pub attempts: NonZeroU32,
    /// The longest wait after the first attempt; it doubles with each one. Default 200 ms.
    pub base: HumanDuration,
    /// The longest wait at all. Default 10 s.
    pub cap: HumanDuration,
    /// No attempt begins later than this after the first one. Default 30 s.
    pub budget: HumanDuration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            attempts: const { NonZeroU32::new(5).expect("5 is not 0") },
            base: Duration::from_millis(200).into(),
            cap: HumanDuration::from_secs(10),
            budget: HumanDuration::from_secs(30),
        }
    }
}

/// Gives a sink's deliveries more than one attempt. Probing and closing have one.
#[derive(Debug, Clone, Default)]
pub struct RetryLayer {
    config: RetryConfig,
    metrics: Metrics,
}

impl RetryLayer {
    /// Retries by these rules.
    pub fn new(config: RetryConfig) -> Self {
        Self { config, metrics: Metrics::new() }
    }

    /// Counts attempts beyond the first here, by what they follow.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }
}

impl Layer for RetryLayer {
    fn layer(&self, inner: Arc<dyn Sink>) -> Arc<dyn Sink> {
        Arc::new(Retry { config: self.config.clone(), metrics: self.metrics.clone(), inner })
    }
}

#[derive(Debug)]
struct Retry {
    config: RetryConfig,
    metrics: Metrics,
    inner: Arc<dyn Sink>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sink for Retry {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let mut budget = Budget::new(&self.config);
        loop {
            let error = match self.inner.deliver(batch).await {
                Ok(receipt) => return Ok(receipt),
                Err(error) => error,
            };
            if error.is_ambiguous()
                && !self.limits().idempotent
                && batch.outcome_is_unknown() >= MOST_UNKNOWN
            {
                return Err(self.unknown(batch, error));
            }
            match budget.wait_after(&error) {
                Some(wait) => {
                    let sink = self.name().to_owned();
                    let label = SinkKind { sink, kind: error.kind().as_str() };
                    self.metrics.delivery_retries.get_or_create(&label).inc();
                    tokio::time::sleep(wait).await;
                }
                None => return Err(error.with("attempts", budget.attempts)),
            }
        }
    }

    async fn probe(&self) -> Result<()> {
        self.inner.probe().await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

impl Retry {
    /// The last word on a batch that may not be sent again.
    fn unknown(&self, batch: &Batch, last: Error) -> Error {
        let message = "nobody knows whether the receiver took it, and it is not sent again";
        Error::new(self.name(), ErrorKind::OutcomeUnknown, message)
            .with("attempts", batch.unknown_outcomes())
            .with("last", &last)
            .with_source(last)
    }
}

/// What one delivery has used up.
struct Budget<'a> {
    config: &'a RetryConfig,
    begun: Instant,
    attempts: u32,
}

impl<'a> Budget<'a> {
    fn new(config: &'a RetryConfig) -> Self {
        Self { config, begun: Instant::now(), attempts: 0 }
    }

    /// How long to wait before the next attempt; none if there shall be none.
    fn wait_after(&mut self, error: &Error) -> Option<Duration> {
        self.attempts += 1;
        let wait = match error.action() {
            Action::Retry => rand::random_range(Duration::ZERO..=self.longest_wait()),
            Action::RetryAfter(wait) => wait,
            _ => return None,
        };
        let fits = self.attempts < self.config.attempts.get()
            && self.begun.elapsed().saturating_add(wait) <= self.config.budget.get();
        fits.then_some(wait)
    }

    fn longest_wait(&self) -> Duration {
        let doublings = 1_u32.checked_shl(self.attempts - 1).unwrap_or(u32::MAX);
        self.config.base.get().saturating_mul(doublings).min(self.config.cap.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::testing::{FlakySink, events};

    fn down() -> Error {
        Error::new("flaky", ErrorKind::Unavailable, "connection refused")
    }

    fn lost() -> Error {
        Error::new("flaky", ErrorKind::Timeout, "no answer in time").ambiguous()
    }

    fn busy(wait: Duration) -> Error {
        Error::new("flaky", ErrorKind::Throttled, "busy").with_action(Action::RetryAfter(wait))
    }

    /// Delivers through the layer: the outcome, the attempts that the sink saw, and how long it took.
    async fn deliver(config: RetryConfig, flaky: FlakySink) -> (Result<Receipt>, usize, Duration) {
        let begun = Instant::now();
        let flaky = Arc::new(flaky);
        let sink = RetryLayer::new(config).layer(Arc::clone(&flaky) as Arc<dyn Sink>);
        let outcome = sink.deliver(&events::ordinary().into()).await;
        (outcome, flaky.deliveries().len(), begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_shorter_than_the_budget_is_not_noticed() {
        let flaky = FlakySink::new([Err(down()), Err(down()), Err(down()), Ok(Receipt::all())]);
        let (outcome, attempts, took) = deliver(RetryConfig::default(), flaky).await;
        outcome.unwrap();
        assert_eq!(attempts, 4);
        assert!(took <= Duration::from_millis(200 + 400 + 800 + 3), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_error_comes_back_with_the_number_of_attempts() {
        let (outcome, attempts, _) =
            deliver(RetryConfig::default(), FlakySink::new((0..9).map(|_| Err(down())))).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.to_string(), "flaky: connection refused (attempts=5)");
        assert_eq!((error.kind(), attempts), (ErrorKind::Unavailable, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_heal_is_tried_again() {
        for kind in [ErrorKind::Refused, ErrorKind::TooLarge, ErrorKind::Config, ErrorKind::Auth] {
            let flaky = FlakySink::new([Err(Error::new("flaky", kind, "no"))]);
            let (outcome, attempts, took) = deliver(RetryConfig::default(), flaky).await;
            assert_eq!(outcome.unwrap_err().kind(), kind);
            assert_eq!((attempts, took), (1, Duration::ZERO));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_receivers_own_delay_is_kept_to() {
        let delay = Duration::from_secs(12);
        let flaky = FlakySink::new([Err(busy(delay)), Ok(Receipt::all())]);
        let (outcome, attempts, took) = deliver(RetryConfig::default(), flaky).await;
        outcome.unwrap();
        assert_eq!(attempts, 2);
        assert!(took >= delay && took < delay + Duration::from_millis(5), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_beyond_the_budget_is_left_to_the_worker() {
        for delay in [Duration::from_secs(31), Duration::MAX] {
            let flaky = FlakySink::new([Err(busy(delay))]);
            let (outcome, attempts, took) = deliver(RetryConfig::default(), flaky).await;
            assert_eq!(outcome.unwrap_err().action(), Action::RetryAfter(delay));
            assert_eq!((attempts, took), (1, Duration::ZERO));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_is_never_slept_past() {
        let config = RetryConfig { attempts: NonZeroU32::MAX, ..RetryConfig::default() };
        let flaky = FlakySink::new((0..100_000).map(|_| Err(down())));
        let (outcome, _, took) = deliver(config, flaky).await;
        outcome.unwrap_err();
        assert!(took <= Duration::from_secs(30), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_been_taken_is_sent_twice_more_where_repeats_are_not_recognised() {
        let failures = || (0..9).map(|_| Err(lost()));
        let (outcome, attempts, _) =
            deliver(RetryConfig::default(), FlakySink::new(failures())).await;
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.action()), (ErrorKind::OutcomeUnknown, Action::SetAside));
        assert_eq!(
            error.to_string(),
            "flaky: nobody knows whether the receiver took it, and it is not sent again \
             (attempts=3, last=flaky: no answer in time)"
        );
        assert_eq!(attempts, 3);
        let limits = Limits::new().with_idempotent(true);
        let idempotent = FlakySink::new(failures()).with_limits(limits);
        let (outcome, attempts, _) = deliver(RetryConfig::default(), idempotent).await;
        assert_eq!((outcome.unwrap_err().kind(), attempts), (ErrorKind::Timeout, 5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_is_handed_in_again_is_not_sent_more_often_for_that() {
        let once = RetryConfig { attempts: NonZeroU32::MIN, ..RetryConfig::default() };
        let flaky = Arc::new(FlakySink::new((0..9).map(|_| Err(lost()))));
        let sink = RetryLayer::new(once).layer(Arc::clone(&flaky) as Arc<dyn Sink>);
        let batch: Batch = events::ordinary().into();
        let mut kinds = Vec::new();
        for _ in 0..3 {
            kinds.push(sink.deliver(&batch.clone()).await.unwrap_err().kind());
        }
        assert_eq!(kinds, [ErrorKind::Timeout, ErrorKind::Timeout, ErrorKind::OutcomeUnknown]);
        assert_eq!(flaky.deliveries().len(), 3);
    }

    #[test]
    fn waits_grow_from_base_to_cap_and_start_at_zero() {
        let config = RetryConfig::default();
        let mut budget = Budget::new(&config);
        let longest: Vec<u128> = [1, 2, 3, 6, 7, 40, 4_000_000_000]
            .into_iter()
            .map(|attempts| {
                budget.attempts = attempts;
                budget.longest_wait().as_millis()
            })
            .collect();
        assert_eq!(longest, [200, 400, 800, 6_400, 10_000, 10_000, 10_000]);
        let waits: Vec<Duration> =
            (0..200).filter_map(|_| Budget::new(&config).wait_after(&down())).collect();
        assert_eq!(waits.len(), 200);
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(20)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(180)));
        assert!(waits.iter().all(|wait| *wait <= config.base.get()));
    }
}
