//! The clusters that are watched, and what people change of them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use tracing::error;

use super::saved::who;
use super::{Reply, alone};
use crate::Shared;
use crate::body;
use crate::clusters::{ClusterChange, ClusterWatch, Clusters};
use crate::problem::Problem;

pub(crate) async fn list(State(shared): State<Arc<Shared>>) -> Reply {
    #[derive(Serialize)]
    struct List {
        clusters: Vec<ClusterWatch>,
    }
    alone(&List { clusters: clusters(&shared)?.list().await? })
}

/// Names and pauses; what the body does not have stays. A change that has begun is finished, also when its client is gone:
/// one that is kept, and without effect until the next start, would be a lie in between.
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let change: ClusterChange = body::json(&headers, body, &shared.config.limits).await?;
    let (clusters, who) = (clusters(&shared)?, who(&shared, &headers));
    let changed = tokio::spawn(async move { clusters.change(&id, &change, &who).await }).await;
    let changed = changed.map_err(|error| {
        error!(%error, "a change of a cluster ended");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the change was not made; the log says more",
        )
    })?;
    alone(&changed?.ok_or_else(|| Problem::absent("there is no such cluster"))?)
}

/// Who can change them. A console over an engine of others may have nobody.
fn clusters(shared: &Shared) -> Result<Arc<dyn Clusters>, Problem> {
    shared.clusters.clone().ok_or_else(|| Problem::absent("no clusters are watched here"))
}
