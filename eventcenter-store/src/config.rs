//! The store in the configuration.
//!
//! ```yaml
//! store:
//!   path: /var/lib/eventcenter/store    # default: `store` under `state_dir`
//!   retention: { age: 90d, bytes: 20GiB }
//!   filter: { level: Warning }           # default: every event
//! ```
//!
//! As with any sink, the filter is the match of the route that leads to it; the store itself takes what it is given.

use std::path::PathBuf;
use std::time::Duration;

use eventcenter_core::config::{ByteSize, ConfigError, HumanDuration, KeyPath, present};
use eventcenter_core::{EventFilter, FilterConfig};
use serde::Deserialize;

/// The block `store`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// The folder. Default `store` under the state folder of the program.
    pub path: Option<PathBuf>,
    /// How long events are kept.
    pub retention: RetentionConfig,
    /// Which events are kept. Default all.
    #[serde(deserialize_with = "present")]
    pub filter: Option<FilterConfig>,
}

/// How long events are kept: what is beyond one of the two goes, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// At least this long, and up to an eighth longer. Default 90 days, as SLS's event center. The clock is trusted for a
    /// day beyond the newest event: if it jumps ahead nothing is lost, and where nothing happens nothing expires.
    pub age: HumanDuration,
    /// On disk, at most; the newest file stays whatever its size. What waits in the write-ahead logs is moved into the
    /// files before they are measured. Default no limit.
    pub bytes: Option<ByteSize>,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { age: HumanDuration::from_secs(90 * 24 * 3600), bytes: None }
    }
}

impl StoreConfig {
    const LEAST_AGE: HumanDuration = HumanDuration::from_secs(3600);
    const LEAST_BYTES: ByteSize = ByteSize::new(16 << 20);

    /// Checks what can be checked without the disk. The error's key is relative to `store`.
    ///
    /// # Errors
    ///
    /// When less is to be kept than an hour, or 16 MiB, or when the filter cannot be compiled.
    pub fn check(&self) -> Result<(), ConfigError> {
        let RetentionConfig { age, bytes } = &self.retention;
        let bytes = bytes.as_ref().unwrap_or(&Self::LEAST_BYTES);
        ConfigError::refuse_below("age", age, &Self::LEAST_AGE)
            .and_then(|()| ConfigError::refuse_below("bytes", bytes, &Self::LEAST_BYTES))
            .map_err(|error| error.under(KeyPath::root().key("retention")))?;
        let filter = self.filter.as_ref().map(EventFilter::compile).transpose();
        filter.map(|_| ()).map_err(|error| error.under(KeyPath::root().key("filter")))
    }

    /// Days of a partition: an eighth of what is kept, so that there are nine at most, and one `SELECT` can span all
    /// of them (SQLite attaches ten files).
    pub(crate) fn partition_days(&self) -> i64 {
        let days = self.retention.age.get().as_secs().div_ceil(24 * 3600);
        i64::try_from(days.div_ceil(8)).unwrap_or(i64::MAX / 2).clamp(1, 3650)
    }

    pub(crate) fn age(&self) -> Duration {
        self.retention.age.get()
    }

    pub(crate) fn bytes(&self) -> Option<u64> {
        self.retention.bytes.map(ByteSize::bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_partitions_hold_all_that_is_kept() {
        for (days, each) in [(1, 1), (7, 1), (8, 1), (9, 2), (90, 12), (365, 46)] {
            let age = HumanDuration::from_secs(days * 24 * 3600);
            let config = StoreConfig {
                retention: RetentionConfig { age, bytes: None },
                ..StoreConfig::default()
            };
            assert_eq!(config.partition_days(), each, "{days}");
            assert!(8 * each >= i64::try_from(days).unwrap());
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (json, key) in [
            (r#"{"retention":{"age":"10m"}}"#, "retention.age"),
            (r#"{"retention":{"bytes":"1MiB"}}"#, "retention.bytes"),
            (r#"{"filter":{}}"#, "filter"),
        ] {
            let config: StoreConfig = serde_json::from_str(json).unwrap();
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(key), "{error}");
        }
        StoreConfig::default().check().unwrap();
    }
}
