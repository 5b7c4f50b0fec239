//! Where events come from. Stands in for the type of the same name of `eventcenter-kube`, and goes when that is
//! there.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use eventcenter_core::config::{ConfigError, HumanDuration, KeyPath};
use serde::{Deserialize, Deserializer, de};

/// A cluster to watch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterConfig {
    /// For people. Default `default`.
    pub name: String,
    /// What its events are keyed by. Default: the uid of its `kube-system` namespace.
    pub id: Option<String>,
    /// Default: `$KUBECONFIG`, then `~/.kube/config`, then the in-cluster account.
    pub kubeconfig: Option<PathBuf>,
    /// Default: the kubeconfig's current one.
    pub context: Option<String>,
    /// Default: all.
    pub namespaces: Vec<String>,
    /// From when, the first time. Default `all`.
    pub start: Start,
    /// Default `auto`.
    pub api: Api,
    /// Asked of the API server. Default: none.
    pub label_selector: Option<String>,
    /// Asked of the API server. Default: none.
    pub field_selector: Option<String>,
    /// Events per page of a list. Default 500.
    pub page_size: NonZeroU32,
}

/// From when events are taken, the first time a cluster is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Everything that the API server still has.
    All,
    /// Only what happens from now on.
    Now,
    /// What happened within so much time before now, and from then on.
    Since(HumanDuration),
}

/// Which API events are read through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Api {
    /// The newest that the API server has.
    #[serde(rename = "auto")]
    Auto,
    /// `core/v1`.
    #[serde(rename = "core/v1")]
    CoreV1,
    /// `events.k8s.io/v1`.
    #[serde(rename = "events.k8s.io/v1")]
    EventsV1,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            id: None,
            kubeconfig: None,
            context: None,
            namespaces: Vec::new(),
            start: Start::All,
            api: Api::Auto,
            label_selector: None,
            field_selector: None,
            page_size: NonZeroU32::MIN.saturating_add(499),
        }
    }
}

impl ClusterConfig {
    /// The error's key is relative to the cluster.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::new(KeyPath::root().key("name"), "the name is empty"));
        }
        let selectors =
            [("label_selector", &self.label_selector), ("field_selector", &self.field_selector)];
        for (key, selector) in selectors {
            if let Some(selector) = selector {
                let wrong = |message| ConfigError::new(KeyPath::root().key(key), message);
                check_selector(selector).map_err(wrong)?;
            }
        }
        Ok(())
    }
}

/// Terms of a selector are divided by commas, and each begins with a key. The rest is the API server's to judge.
fn check_selector(selector: &str) -> Result<(), String> {
    let is_key = |c: char| c.is_ascii_alphanumeric() || "!-_./".contains(c);
    let mut depth = 0;
    let terms = selector.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    for term in terms {
        if !term.trim_start().starts_with(is_key) {
            return Err(format!(
                "invalid selector {selector:?}: {term:?} does not begin with a key"
            ));
        }
    }
    Ok(())
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "now" => Ok(Self::Now),
            _ => text.parse().map(Self::Since).map_err(|_| {
                format!("invalid start {text:?}; it is all, now, or a duration such as 2h")
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
