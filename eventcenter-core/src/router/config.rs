//! A route as the user wrote it.

use serde::Deserialize;

use crate::config::present;
use crate::filter::FilterConfig;

/// One route of the tree; the [module](super) says what it means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouteConfig {
    /// Which events take it. Default: all.
    #[serde(rename = "match", deserialize_with = "present")]
    pub filter: Option<FilterConfig>,
    /// Which of those do not. Default: none.
    #[serde(deserialize_with = "present")]
    pub exclude: Option<FilterConfig>,
    /// Names of sinks. An empty list drops what the route takes.
    #[serde(deserialize_with = "present")]
    pub sinks: Option<Vec<String>>,
    /// Routes that are offered what this one takes, in order.
    pub routes: Vec<Self>,
    /// Whether the siblings after it are offered what it took. Default: no.
    #[serde(rename = "continue")]
    pub keep_going: bool,
}
