//! How many dead letters are kept, as the configuration says it.

use eventcenter_core::config::{ByteSize, ConfigError, HumanDuration};
use serde::Deserialize;

/// How many dead letters are kept, for each sink.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadLetterConfig {
    /// On disk. Beyond it the oldest go, and are counted. Default 256MiB.
    pub max_bytes: ByteSize,
    /// What is older goes, and is counted. Default 30d.
    pub max_age: HumanDuration,
}

impl Default for DeadLetterConfig {
    fn default() -> Self {
        Self {
            max_bytes: ByteSize::new(256 << 20),
            max_age: HumanDuration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

impl DeadLetterConfig {
    /// Some events of the largest kind that an API server takes.
    const LEAST_BYTES: ByteSize = ByteSize::new(4 << 20);
    /// A person has to look at them.
    const LEAST_AGE: HumanDuration = HumanDuration::from_secs(60 * 60);

    /// The error's key is relative to `dead_letters`.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        ConfigError::refuse_below("max_bytes", &self.max_bytes, &Self::LEAST_BYTES)?;
        ConfigError::refuse_below("max_age", &self.max_age, &Self::LEAST_AGE)
    }
}

impl From<DeadLetterConfig> for eventcenter_core::DeadLetterConfig {
    fn from(config: DeadLetterConfig) -> Self {
        Self { max_bytes: config.max_bytes.bytes(), max_age: config.max_age.get() }
    }
}
