//! The clusters that are watched, and what people change of them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::Serialize;

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

/// Names and pauses; what the body does not have stays.
pub(crate) async fn change(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    let change: ClusterChange = body::json(&headers, body, &shared.config.limits).await?;
    let changed = clusters(&shared)?.change(&id, &change, &who(&shared, &headers)).await?;
    alone(&changed.ok_or_else(|| Problem::absent("there is no such cluster"))?)
}

/// Who can change them. A console over an engine of others may have nobody.
fn clusters(shared: &Shared) -> Result<&dyn Clusters, Problem> {
    shared.clusters.as_deref().ok_or_else(|| Problem::absent("no clusters are watched here"))
}
