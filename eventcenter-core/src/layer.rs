//! What surrounds a sink: each layer is one concern, wrapped around the next.
//!
//! The order is fixed, outermost first:
//!
//! ```text
//! observe  >  breaker  >  retry  >  rate limit  >  timeout  >  sink
//! ```
//!
//! so that every attempt has a deadline of its own, the attempts at one batch are one delivery to whoever
//! observes, and a breaker sees only what was tried in vain. [`retry`] and [`timeout`] exist today.
//!
//! A layer does what needs no acknowledgement. What changes the unit of acknowledgement (halve a batch, set events
//! aside, suspend a target) is the worker's, which moves the cursor: layers pass those actions on.

pub mod retry;
pub mod timeout;

use std::sync::Arc;

use serde::Deserialize;

pub use retry::{RetryConfig, RetryLayer};
pub use timeout::TimeoutLayer;

use crate::config::HumanDuration;
use crate::sink::{Layer, Sink};

/// The layers of one sink, as the user writes them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LayerConfig {
    /// How long one attempt may take. Default 1 min: a backstop, beyond the deadlines that sinks have themselves.
    pub timeout: HumanDuration,
    /// When to try again, and how often.
    pub retry: RetryConfig,
}

impl Default for LayerConfig {
    fn default() -> Self {
        Self { timeout: HumanDuration::from_secs(60), retry: RetryConfig::default() }
    }
}

/// `sink` with all its layers, in the order of the [module](self).
///
/// ```
/// use eventcenter_core::layer::{self, LayerConfig};
/// use eventcenter_core::Sink;
/// # use std::sync::Arc;
/// # fn example(hook: Arc<dyn Sink>) {
/// let hook: Arc<dyn Sink> = layer::stack(hook, &LayerConfig::default());
/// # }
/// ```
pub fn stack(sink: Arc<dyn Sink>, config: &LayerConfig) -> Arc<dyn Sink> {
    let sink = TimeoutLayer::new(config.timeout.get()).layer(sink);
    RetryLayer::new(config.retry.clone()).layer(sink)
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
