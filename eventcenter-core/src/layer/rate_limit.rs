//! At most so many deliveries in a time, counted for the target and not for the sink.
//!
//! Chat robots and quotas count by target: two sinks that post through one robot share its twenty messages a minute.
//! So they share a [`Bucket`]: by the name in the configuration (`bucket: ops-robot`), else by what the sink says its
//! target is ([`Limits::rate`]), else it is the sink's own.
//!
//! A bucket holds `deliveries` tokens, and each comes back `per` after it was taken: in no stretch of that length are
//! there more deliveries, which is how receivers count. (A bucket that fills evenly would let twice as many through
//! in the first minute.) When the receiver asks for patience
//! (`RetryAfter(d)`), the whole bucket is held for that long: every sink that posts there would only prolong the
//! penalty. A short wait happens here; a longer one than [`PATIENCE`] is an error of kind `Throttled` with
//! `RetryAfter`, so that the worker waits, which a stop can interrupt. Nothing was sent then.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::Instant;

use crate::batch::{Batch, Receipt};
use crate::config::HumanDuration;
use crate::error::{Action, Error, ErrorKind, Result};
use crate::sink::{Layer, Limits, Rate, Sink};

/// A longer wait is the worker's.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How often may be delivered, as the user writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RateLimitConfig {
    /// So many deliveries, which are requests and not events.
    pub deliveries: NonZeroU32,
    /// In this time. Default 1 min.
    #[serde(default = "one_minute")]
    pub per: HumanDuration,
    /// Sinks that name the same bucket share it, and its limit is that of the first of them.
    #[serde(default)]
    pub bucket: Option<String>,
}

fn one_minute() -> HumanDuration {
    HumanDuration::from_secs(60)
}

/// The buckets of a program; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Buckets {
    now: Arc<Mutex<HashMap<Target, Arc<Bucket>>>>,
    /// Those of the configuration before.
    before: HashMap<Target, Arc<Bucket>>,
}

/// Whose deliveries are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Target {
    Named(String),
    Said(u64),
    Own(String),
}

impl Buckets {
    /// No buckets yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The buckets for another configuration. What was sent to a target until now, and for how long it asked for
    /// patience, is known to them.
    #[must_use]
    pub fn renewed(&self) -> Self {
        let before = self.now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self { now: Arc::default(), before }
    }

    /// The bucket for a sink; none if nothing limits it.
    pub fn of(&self, sink: &dyn Sink, config: Option<&RateLimitConfig>) -> Option<Arc<Bucket>> {
        let said = sink.limits().rate;
        let (deliveries, per) = match (config, said) {
            (Some(config), _) => (config.deliveries, config.per.get()),
            (None, Some(rate)) => (rate.deliveries, rate.per),
            (None, None) => return None,
        };
        let target = match (config.and_then(|config| config.bucket.clone()), said) {
            (Some(name), _) => Target::Named(name),
            (None, Some(Rate { target, .. })) => Target::Said(target),
            (None, None) => Target::Own(sink.name().to_owned()),
        };
        let mut buckets = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.before.get(&target);
        let bucket = buckets.entry(target).or_insert_with(|| {
            let mut bucket = Bucket::new(deliveries, per);
            if let Some(before) = before {
                let state = before.state.lock().unwrap_or_else(PoisonError::into_inner);
                bucket.state = Mutex::new(state.clone());
            }
            Arc::new(bucket)
        });
        Some(Arc::clone(bucket))
    }
}

/// Tokens for deliveries to one target.
#[derive(Debug)]
pub struct Bucket {
    deliveries: usize,
    per: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Default)]
struct State {
    /// When tokens were taken that have not come back, oldest first.
    taken: VecDeque<Instant>,
    /// The receiver asked for patience until then.
    held: Option<Instant>,
}

impl Bucket {
    /// A full one.
    pub fn new(deliveries: NonZeroU32, per: Duration) -> Self {
        let deliveries = usize::try_from(deliveries.get()).unwrap_or(usize::MAX);
        Self { deliveries, per, state: Mutex::default() }
    }

    /// Takes a token.
    ///
    /// # Errors
    ///
    /// How long to wait before there can be one.
    pub fn take(&self) -> Result<(), Duration> {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = state.held.filter(|held| now < *held) {
            return Err(held - now);
        }
        while state.taken.front().is_some_and(|taken| now.duration_since(*taken) >= self.per) {
            state.taken.pop_front();
        }
        match state.taken.front() {
            Some(oldest) if state.taken.len() >= self.deliveries => {
                Err(self.per.saturating_sub(now.duration_since(*oldest)))
            }
            _ => {
                state.taken.push_back(now);
                Ok(())
            }
        }
    }

    /// Gives nothing for this long: the receiver asked for patience.
    pub fn hold(&self, time: Duration) {
        let until = Instant::now() + time.min(LONGEST_HOLD);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.held = Some(state.held.map_or(until, |held| held.max(until)));
    }
}

/// No receiver is left alone for longer because of one answer: the next day's quota is waited for, a year is not.
const LONGEST_HOLD: Duration = Duration::from_secs(24 * 3600);

/// Delivers only with a token of the bucket. Probing and closing are not counted.
#[derive(Debug, Clone)]
pub struct RateLimitLayer {
    bucket: Arc<Bucket>,
}

impl RateLimitLayer {
    /// With tokens of this bucket.
    pub fn new(bucket: Arc<Bucket>) -> Self {
        Self { bucket }
    }
}

impl Layer for RateLimitLayer {
    fn layer(&self, inner: Arc<dyn Sink>) -> Arc<dyn Sink> {
        Arc::new(RateLimit { bucket: Arc::clone(&self.bucket), inner })
    }
}

#[derive(Debug)]
struct RateLimit {
    bucket: Arc<Bucket>,
    inner: Arc<dyn Sink>,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sink for RateLimit {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        while let Err(wait) = self.bucket.take() {
            if wait > PATIENCE {
                let message = "held back: its target takes no more for now";
                let error = Error::new(self.name(), ErrorKind::Throttled, message);
                return Err(error.with_action(Action::RetryAfter(wait)));
            }
            tokio::time::sleep(wait).await;
        }
        let outcome = self.inner.deliver(batch).await;
        if let Err(error) = &outcome
            && let Action::RetryAfter(time) = error.action()
        {
            self.bucket.hold(time);
        }
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
    use crate::testing::{FlakySink, MemorySink, Reply, events};

    fn limit(deliveries: u32, seconds: u64) -> RateLimitConfig {
        RateLimitConfig {
            deliveries: NonZeroU32::new(deliveries).unwrap(),
            per: HumanDuration::from_secs(seconds),
            bucket: None,
        }
    }

    fn limited(sink: Arc<dyn Sink>, buckets: &Buckets, config: &RateLimitConfig) -> Arc<dyn Sink> {
        let bucket = buckets.of(&*sink, Some(config)).unwrap();
        RateLimitLayer::new(bucket).layer(sink)
    }

    #[tokio::test(start_paused = true)]
    async fn another_configuration_knows_what_a_target_was_sent_and_asked_for() {
        let before = Buckets::new();
        let memory = || Arc::new(MemorySink::new("a")) as Arc<dyn Sink>;
        let bucket = before.of(&*memory(), Some(&limit(2, 60))).unwrap();
        bucket.take().unwrap();
        let wider = before.renewed().of(&*memory(), Some(&limit(3, 60))).unwrap();
        assert!(wider.take().is_ok() && wider.take().is_ok());
        assert_eq!(wider.take(), Err(Duration::from_secs(60)));
        bucket.hold(Duration::from_secs(600));
        let held = before.renewed().of(&*memory(), Some(&limit(3, 60))).unwrap();
        assert_eq!(held.take(), Err(Duration::from_secs(600)));
    }

    #[tokio::test(start_paused = true)]
    async fn in_no_minute_there_are_more_than_the_target_takes() {
        let sink = limited(Arc::new(MemorySink::new("a")), &Buckets::new(), &limit(20, 60));
        let begun = Instant::now();
        let mut sent = Vec::new();
        while sent.len() < 70 {
            match sink.deliver(&events::ordinary().into()).await {
                Ok(_) => sent.push(begun.elapsed()),
                Err(error) => match error.action() {
                    Action::RetryAfter(wait) => tokio::time::sleep(wait).await,
                    action => panic!("{action:?}"),
                },
            }
            tokio::time::advance(Duration::from_millis(700)).await;
        }
        for (place, at) in sent.iter().enumerate().skip(20) {
            assert!(*at - sent[place - 20] >= Duration::from_secs(60), "{sent:?}");
        }
        assert!(sent[69] < Duration::from_secs(200), "{sent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_names_a_bucket_shares_it_and_who_does_not_has_its_own() {
        let buckets = Buckets::new();
        let shared = RateLimitConfig { bucket: Some("robot".to_owned()), ..limit(2, 3600) };
        let sink = |name: &str| Arc::new(MemorySink::new(name)) as Arc<dyn Sink>;
        let (a, b) = (limited(sink("a"), &buckets, &shared), limited(sink("b"), &buckets, &shared));
        let own = limited(sink("c"), &buckets, &limit(2, 3600));
        a.deliver(&events::ordinary().into()).await.unwrap();
        b.deliver(&events::ordinary().into()).await.unwrap();
        for full in [&a, &b] {
            let error = full.deliver(&events::ordinary().into()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Throttled);
            let Action::RetryAfter(wait) = error.action() else { panic!("{error:?}") };
            assert_eq!(wait, Duration::from_secs(3600));
        }
        own.deliver(&events::ordinary().into()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn sinks_of_one_target_share_what_the_target_takes() {
        let rate =
            |target| Rate { deliveries: NonZeroU32::MIN, per: Duration::from_secs(600), target };
        let sink = |name: &str, target| {
            let limits = Limits::new().with_rate(rate(target));
            Arc::new(MemorySink::new(name).with_limits(limits))
        };
        let buckets = Buckets::new();
        let bucket = |sink: &MemorySink| buckets.of(sink, None).unwrap();
        let (a, b, other) = (bucket(&sink("a", 7)), bucket(&sink("b", 7)), bucket(&sink("c", 8)));
        assert!(Arc::ptr_eq(&a, &b) && !Arc::ptr_eq(&a, &other));
        assert!(buckets.of(&MemorySink::new("free"), None).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_penalty_holds_everybody_who_posts_there() {
        let buckets = Buckets::new();
        let shared = RateLimitConfig { bucket: Some("robot".to_owned()), ..limit(20, 60) };
        let punished = Arc::new(MemorySink::new("a"));
        punished.answer(Reply::Throttle(Duration::from_secs(600)));
        let a = limited(punished, &buckets, &shared);
        let b = limited(Arc::new(MemorySink::new("b")), &buckets, &shared);
        a.deliver(&events::ordinary().into()).await.unwrap_err();
        let error = b.deliver(&events::ordinary().into()).await.unwrap_err();
        assert_eq!(error.action(), Action::RetryAfter(Duration::from_secs(600)));
        tokio::time::sleep(Duration::from_secs(600)).await;
        b.deliver(&events::ordinary().into()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_penalty_is_waited_out_here() {
        let busy = Error::new("flaky", ErrorKind::Throttled, "busy");
        let busy = busy.with_action(Action::RetryAfter(Duration::from_secs(2)));
        let flaky = Arc::new(FlakySink::new([Err(busy), Ok(Receipt::all())]));
        let sink = limited(flaky, &Buckets::new(), &limit(20, 60));
        sink.deliver(&events::ordinary().into()).await.unwrap_err();
        let begun = Instant::now();
        sink.deliver(&events::ordinary().into()).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(2));
    }
}
