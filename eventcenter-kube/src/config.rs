//! What the user writes about a cluster, in the `clusters:` list of the configuration.
//!
//! Everything is checked while it is read, so that an error names line and column: a namespace is a namespace, a
//! duration is a duration. Unknown keys are errors. Every key has a default; `{}` is the cluster that `kubectl`
//! would talk to.

mod words;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

pub use words::{Namespace, Start, is_id};

/// One cluster whose events are wanted.
///
/// ```
/// use eventcenter_kube::{ClusterConfig, Start};
///
/// let config: ClusterConfig = serde_json::from_str(r#"{
///     "name": "prod", "kubeconfig": "~/.kube/config", "context": "prod",
///     "namespaces": ["shop", "kube-system"], "start": "2h"
/// }"#)?;
/// assert_eq!(config.start, Start::Since(std::time::Duration::from_secs(7200)));
/// assert!(serde_json::from_str::<ClusterConfig>(r#"{"namespaces": ["a/b"]}"#).is_err());
/// assert!(serde_json::from_str::<ClusterConfig>(r#"{"kubeconfg": "x"}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterConfig {
    /// What people call it. Absent: the context's name, else the id.
    pub name: Option<String>,
    /// What it is known by, for ever: positions and keys are made from it. Absent: the uid of its `kube-system`
    /// namespace, which the program must then be allowed to read.
    #[serde(deserialize_with = "words::id")]
    pub id: Option<String>,
    /// Absent: `$KUBECONFIG`, else `~/.kube/config`, else the in-cluster account. A leading `~/` is the home.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig. Absent: its current one.
    pub context: Option<String>,
    /// The namespaces to watch, each by a watch of its own. Empty: all of them, by one watch.
    pub namespaces: Vec<Namespace>,
    /// Where to start when there is no position yet.
    pub start: Start,
    /// Which of the two APIs to read Events from.
    pub api: Api,
    /// As of `kubectl --selector`; applied by the API server.
    pub label_selector: Option<String>,
    /// As of `kubectl --field-selector`, such as `type=Warning`; applied by the API server.
    pub field_selector: Option<String>,
    /// Items in one page of a list; a page is what a list repeats after a fault. 500.
    pub page_size: NonZeroU32,
    /// How long the API server keeps an Event (its `--event-ttl`): tells what a gap may have lost. 1 h.
    #[serde(deserialize_with = "words::duration")]
    pub event_ttl: Duration,
    /// The longest time that one watch request stays open; each takes 80 to 100 % of it. 120 s, at least 40 s.
    ///
    /// On a quiet watch a stored position is at most twice as old. It has to stay below the 5 minutes after
    /// which an API server may forget (its `--etcd-compaction-interval`), or a restart would look like a gap.
    #[serde(deserialize_with = "words::watch_timeout")]
    pub watch_timeout: Duration,
    /// The longest silence of a server that owes an answer, or the rest of one. 30 s.
    #[serde(deserialize_with = "words::duration")]
    pub request_timeout: Duration,
    /// The longest time that a TCP connection takes. 10 s.
    #[serde(deserialize_with = "words::duration")]
    pub connect_timeout: Duration,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            name: None,
            id: None,
            kubeconfig: None,
            context: None,
            namespaces: Vec::new(),
            start: Start::All,
            api: Api::Auto,
            label_selector: None,
            field_selector: None,
            page_size: NonZeroU32::MIN.saturating_add(499),
            event_ttl: Duration::from_secs(3600),
            watch_timeout: Duration::from_secs(120),
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
        }
    }
}

impl ClusterConfig {
    /// One scope for each watch that is to run: the namespaces, each once, or none for all of them.
    pub fn scopes(&self) -> Vec<Option<&str>> {
        if self.namespaces.is_empty() {
            return vec![None];
        }
        let mut names: Vec<_> = self.namespaces.iter().map(Namespace::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(Some).collect()
    }

    /// The kubeconfig with `~/` replaced by the home.
    pub(crate) fn kubeconfig(&self) -> Option<PathBuf> {
        let path = self.kubeconfig.as_deref()?;
        let home = std::env::home_dir();
        Some(match (path.strip_prefix("~"), home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => path.to_owned(),
        })
    }
}

/// The API that Events are read from. Never both: they show the same objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Api {
    /// `core/v1`, whose documents kube-eventer passes on; a server that has none is asked for
    /// `events.k8s.io/v1`.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// `/api/v1`.
    #[serde(rename = "core/v1")]
    Core,
    /// `/apis/events.k8s.io/v1`.
    #[serde(rename = "events.k8s.io/v1")]
    Events,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ClusterConfig, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_written_means_everything_of_the_cluster_that_kubectl_talks_to() {
        let config = read("{}").unwrap();
        assert_eq!(config.scopes(), [None]);
        assert_eq!(config.start, Start::All);
        assert_eq!(config.page_size.get(), 500);
        assert_eq!(config.kubeconfig(), None);
    }

    #[test]
    fn a_namespace_is_watched_once() {
        let config = read(r#"{"namespaces": ["b", "a", "b"]}"#).unwrap();
        assert_eq!(config.scopes(), [Some("a"), Some("b")]);
    }

    #[test]
    fn the_home_is_expanded() {
        let config = read(r#"{"kubeconfig": "~/.kube/config"}"#).unwrap();
        let home = std::env::home_dir().unwrap();
        assert_eq!(config.kubeconfig(), Some(home.join(".kube/config")));
        let config = read(r#"{"kubeconfig": "/etc/kubeconfig"}"#).unwrap();
        assert_eq!(config.kubeconfig(), Some("/etc/kubeconfig".into()));
    }

    #[test]
    fn what_cannot_be_honoured_is_refused() {
        for (text, why) in [
            (r#"{"start": "yesterday"}"#, "all, now or a duration"),
            (r#"{"id": "a/b"}"#, "letters, digits"),
            (r#"{"id": ""}"#, "letters, digits"),
            (r#"{"page_size": 0}"#, "nonzero"),
            (r#"{"watch_timeout": "10s"}"#, "at least 40s"),
            (r#"{"request_timeout": "0s"}"#, "longer than nothing"),
            (r#"{"api": "v1"}"#, "core/v1"),
            (r#"{"namespaces": ["Shop"]}"#, "is no namespace"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
