//! A filter as the user wrote it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};

use super::pattern::Patterns;
use crate::event::Level;
use crate::query::Query;

/// The block under `match:` or `exclude:`. The [table](super) says what each key looks at; all are optional, one
/// must be there.
///
/// ```
/// use eventcenter_core::filter::{EventFilter, FilterConfig};
///
/// let config: FilterConfig = serde_json::from_str(
///     r#"{"level": "Warning", "kinds": "Pod", "reasons": ["/^Failed/", "BackOff"], "labels": {"team": "*"}}"#,
/// )?;
/// let filter = EventFilter::compile(&config)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilterConfig {
    /// This level and those above it.
    #[serde(deserialize_with = "level")]
    pub level: Option<Level>,
    /// Of the object the event is about.
    pub namespaces: Patterns,
    /// Whether events about objects that live in no namespace pass `namespaces`. Default: they do not.
    pub cluster_scoped: bool,
    /// Of the object the event is about.
    pub kinds: Patterns,
    /// Of the object the event is about.
    pub names: Patterns,
    /// Why it was reported.
    pub reasons: Patterns,
    /// Who reported it.
    pub components: Patterns,
    /// Where it was seen.
    pub hosts: Patterns,
    /// What it says; plain text means contains.
    pub message: Patterns,
    /// Of the Event object: each of these keys must be there with such a value.
    pub labels: BTreeMap<String, Patterns>,
    /// Of the Event object: each of these keys must be there with such a value.
    pub annotations: BTreeMap<String, Patterns>,
    /// A search statement that finds it.
    #[serde(deserialize_with = "crate::config::present")]
    pub query: Option<Query>,
}

impl FilterConfig {
    /// Whether nothing is asked, so that every event would pass.
    pub fn is_empty(&self) -> bool {
        *self == Self { cluster_scoped: self.cluster_scoped, ..Self::default() }
    }
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Level>, D::Error> {
    let word = String::deserialize(deserializer)?;
    [Level::Normal, Level::Warning, Level::Error]
        .into_iter()
        .find(|level| level.as_str().eq_ignore_ascii_case(&word))
        .map(Some)
        .ok_or_else(|| {
            de::Error::custom(format!(
                "unknown level {word:?}; there are Normal, Warning and Error"
            ))
        })
}
