//! The clusters that a program watches, as far as people may change that while it runs.
//!
//! The console shows and asks; what a change does is the program's. Each is noted with who made it.

use std::fmt::Debug;

use async_trait::async_trait;
use eventcenter_core::{Cluster, Result, Secret};
use eventcenter_store::saved::Stamp;
use serde::{Deserialize, Deserializer, Serialize};

/// What can be changed of clusters. Object-safe, without default methods.
///
/// # Errors
///
/// All alike: kind `Refused`, in words, for what cannot be; `Storage` when it cannot be kept.
#[async_trait]
pub trait Clusters: Debug + Send + Sync + 'static {
    /// All that are watched, or have events; by name.
    async fn list(&self) -> Result<Vec<ClusterWatch>>;

    /// Changes one; none if there is no such cluster. It is kept over restarts.
    async fn change(
        &self,
        id: &str,
        change: &ClusterChange,
        by: &str,
    ) -> Result<Option<ClusterWatch>>;

    /// Watches another one, once it has said which it is. It is kept over restarts.
    async fn add(&self, new: &NewCluster, by: &str) -> Result<ClusterWatch>;

    /// Ends the watch of one, and drops its credentials; none if there is no such cluster.
    async fn remove(&self, id: &str, events: Kept, by: &str) -> Result<Option<ClusterRemoved>>;
}

/// A cluster, as it is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterWatch {
    /// Which, as people call it.
    pub cluster: Cluster,
    /// Whether this program watches it; else its events were imported, or it was watched once.
    pub watched: bool,
    /// Whether somebody added it here; else it stands in the configuration.
    pub added: bool,
    /// Whether the watch is paused.
    pub paused: bool,
    /// Who changed it last; none if nobody did.
    pub changed: Option<Stamp>,
}

/// What becomes different; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterChange {
    /// What people call it.
    pub name: Option<String>,
    /// Whether nothing is asked of it for now.
    pub paused: Option<bool>,
}

/// A cluster that somebody wants to be watched.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCluster {
    /// What people shall call it. Absent: its context's name.
    pub name: Option<String>,
    /// How to reach it, and as whom: the text of a kubeconfig that needs no file beside it.
    #[serde(deserialize_with = "pasted")]
    pub kubeconfig: Secret,
    /// A context of the kubeconfig. Absent: its current one.
    pub context: Option<String>,
}

/// The text itself: a [`Secret`] of the configuration may name a file of this machine, which is no business of who asks.
fn pasted<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::from)
}

/// What becomes of the events of a cluster that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// They stay, and age as all others.
    Keep,
    /// They go with it.
    Delete,
}

/// What became of a cluster that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ClusterRemoved {
    /// Whether it is watched again after the next start, because it stands in the configuration.
    pub returns: bool,
}
