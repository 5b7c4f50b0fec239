//! What surrounds a sink: each layer is one concern, wrapped around the next.
//!
//! The order is fixed, outermost first:
//!
//! ```text
//! observe  >  breaker  >  retry  >  rate limit  >  fence  >  timeout  >  sink
//! ```
//!
//! so that every attempt has a deadline of its own, the attempts at one batch are one delivery to whoever
//! observes, and a breaker sees only what was tried in vain. [`observe`] is put around every sink by
//! [`Plan`](crate::Plan) itself; the others are [`stack`]'s.
//!
//! A layer does what needs no acknowledgement. What changes the unit of acknowledgement (halve a batch, set events
//! aside, suspend a target) is the worker's, which moves the cursor: layers pass those actions on.

pub mod breaker;
pub mod fence;
pub mod observe;
pub mod rate_limit;
pub mod retry;
pub mod timeout;

use std::sync::Arc;

use serde::Deserialize;

pub use breaker::{BreakerConfig, BreakerLayer};
pub use fence::FenceLayer;
pub use observe::ObserveLayer;
pub use rate_limit::{Buckets, RateLimitConfig, RateLimitLayer};
pub use retry::{RetryConfig, RetryLayer};
pub use timeout::TimeoutLayer;

use crate::config::HumanDuration;
use crate::metrics::Metrics;
use crate::sink::{Layer, Sink};
use crate::term::Term;

/// The layers of one sink, as the user writes them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LayerConfig {
    /// How long one attempt may take. Default 1 min: a backstop, beyond the deadlines that sinks have themselves.
    pub timeout: HumanDuration,
    /// When to try again, and how often.
    pub retry: RetryConfig,
    /// When to leave a dead target alone.
    pub breaker: BreakerConfig,
    /// How often its target may be sent something. Default: what the sink knows of its target, else as often as there
    /// is something.
    pub rate_limit: Option<RateLimitConfig>,
}

impl Default for LayerConfig {
    fn default() -> Self {
        Self {
            timeout: HumanDuration::from_secs(60),
            retry: RetryConfig::default(),
            breaker: BreakerConfig::default(),
            rate_limit: None,
        }
    }
}

/// What the layers of a program's sinks share; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    /// Sinks of one target count its deliveries together.
    pub buckets: Buckets,
    /// Where retries are counted.
    pub metrics: Metrics,
    /// Where several replicas share the work: until when this one may deliver. None: there is one only.
    pub term: Option<Term>,
}

/// `sink` with all its layers, in the order of the [module](self), but for the outermost, which [`Plan`](crate::Plan)
/// adds.
///
/// ```
/// use eventcenter_core::layer::{self, LayerConfig};
/// use eventcenter_core::Sink;
/// # use std::sync::Arc;
/// # fn example(hook: Arc<dyn Sink>) {
/// let hook: Arc<dyn Sink> = layer::stack(hook, &LayerConfig::default(), &layer::Shared::default());
/// # }
/// ```
pub fn stack(sink: Arc<dyn Sink>, config: &LayerConfig, shared: &Shared) -> Arc<dyn Sink> {
    let bucket = shared.buckets.of(&*sink, config.rate_limit.as_ref());
    let mut sink = TimeoutLayer::new(config.timeout.get()).layer(sink);
    if let Some(term) = &shared.term {
        sink = FenceLayer::new(term.clone()).layer(sink);
    }
    if let Some(bucket) = bucket {
        sink = RateLimitLayer::new(bucket).layer(sink);
    }
    let retry = RetryLayer::new(config.retry.clone()).with_metrics(shared.metrics.clone());
    BreakerLayer::new(config.breaker.clone()).layer(retry.layer(sink))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<LayerConfig, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn durations_are_written_as_people_do() {
        let config = read(r#"{"timeout":"1m 30s","retry":{"budget":"1d"}}"#).unwrap();
        assert_eq!(config.timeout, HumanDuration::from_secs(90));
        assert_eq!(config.retry.budget, HumanDuration::from_secs(86_400));
        assert_eq!(config.retry.cap, RetryConfig::default().cap);
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        for (json, says) in [
            (r#"{"timeout":"soon"}"#, "invalid duration"),
            (r#"{"timeouts":"1s"}"#, "unknown field `timeouts`"),
            (r#"{"retry":{"attempts":0}}"#, "nonzero"),
            (r#"{"retry":{"attempt":1}}"#, "unknown field `attempt`"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(says), "{json}: {error}");
        }
    }
}
