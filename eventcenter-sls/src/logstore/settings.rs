//! What is set of a logstore.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::{Object, Other};

/// What is set of a logstore, and what the service says of it.
///
/// ```no_run
/// use eventcenter_sls::logstore::LogstoreSettings;
/// # async fn example(project: eventcenter_sls::Project) -> eventcenter_sls::Result<()> {
/// project.logstores().ensure(&LogstoreSettings::new("k8s-event", 90)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LogstoreSettings {
    /// Its name: 2 to 63 lower-case letters, digits, hyphens and underscores.
    #[serde(rename = "logstoreName")]
    pub name: String,
    /// Days that logs are kept: 1 to 3649, or 3650 for ever.
    pub ttl: u32,
    /// How many shards it begins with. Set once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard_count: Option<u32>,
    /// Whether a shard that is too busy is split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_split: Option<bool>,
    /// Into how many shards at most: 1 to 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_split_shard: Option<u32>,
    /// Whether logs may be put without a signature.
    #[serde(rename = "enable_tracking", skip_serializing_if = "Option::is_none")]
    pub enable_tracking: Option<bool>,
    /// Whether the client's address and the time of arrival are added as tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub append_meta: Option<bool>,
    /// Days that logs are in fast storage: 7 to `ttl`.
    #[serde(rename = "hot_ttl", skip_serializing_if = "Option::is_none")]
    pub hot_ttl: Option<u32>,
    /// `standard`, or `query` for one without SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `None`, `Metrics` or `Event`. Set once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telemetry_type: Option<String>,
    /// How it is encrypted.
    #[serde(rename = "encrypt_conf", skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Value>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

impl LogstoreSettings {
    /// A logstore of two shards that split when they must.
    pub fn new(name: impl Into<String>, days: u32) -> Self {
        Self {
            name: name.into(),
            ttl: days,
            shard_count: Some(2),
            auto_split: Some(true),
            max_split_shard: Some(64),
            ..Self::default()
        }
    }
}

impl Object for LogstoreSettings {
    const PATH: &'static str = "/logstores";
    const LISTED: &'static str = "logstores";
    const READ_ONLY: &'static [&'static str] = &["createTime", "lastModifyTime", "productType"];
    const SET_ONCE: &'static [&'static str] = &["shardCount", "telemetryType"];
    type Listed = String;

    fn name(&self) -> &str {
        &self.name
    }
}
