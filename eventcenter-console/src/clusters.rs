//! The clusters that a program watches, as far as people may change that while it runs.
//!
//! The console shows and asks; what a change does is the program's. Each is noted with who made it.

use std::fmt::Debug;

use async_trait::async_trait;
use eventcenter_core::{Cluster, Result};
use eventcenter_store::saved::Stamp;
use serde::{Deserialize, Serialize};

/// What can be changed of clusters. Object-safe, without default methods.
///
/// # Errors
///
/// Both alike: kind `Refused`, in words, for what cannot be; `Storage` when it cannot be kept.
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
}

/// A cluster, as it is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterWatch {
    /// Which, as people call it.
    pub cluster: Cluster,
    /// Whether this program watches it; else its events were imported, or it was watched once.
    pub watched: bool,
    /// Whether that is paused.
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
