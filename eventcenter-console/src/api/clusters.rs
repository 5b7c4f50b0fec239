//! The clusters that are watched, and what people change of them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use eventcenter_core::config::ByteSize;
use serde::Serialize;
use tracing::error;

use super::saved::who;
use super::{Reply, alone};
use crate::Shared;
use crate::body;
use crate::clusters::{ClusterChange, ClusterWatch, Clusters, Kept, NewCluster};
use crate::config::Auth;
use crate::params::Params;
use crate::problem::Problem;

/// A kubeconfig with the certificates of a dozen clusters, each with a chain, is longer than what else is sent.
const MOST_KUBECONFIG: ByteSize = ByteSize::new(256 << 10);

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
    let changed = to_the_end(async move { clusters.change(&id, &change, &who).await }).await?;
    alone(&changed.ok_or_else(|| Problem::absent("there is no such cluster"))?)
}

/// Watches another one.
pub(crate) async fn add(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    is_known_who_asks(&shared)?;
    let limits = &shared.config.limits;
    let most = limits.body.max(MOST_KUBECONFIG);
    let new: NewCluster = body::json_at_most(&headers, body, limits, most).await?;
    let (clusters, by) = (clusters(&shared)?, who(&shared, &headers));
    let added = to_the_end(async move { clusters.add(&new, &by).await }).await?;
    alone(&added).map(|answer| (StatusCode::CREATED, answer).into_response())
}

/// Watches one no more; `events` says what becomes of what it has said: `keep` or `delete`.
pub(crate) async fn remove(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Reply {
    is_known_who_asks(&shared)?;
    let params = Params::read(query.as_deref(), &["events"])?;
    let events = match params.text("events") {
        None | Some("keep") => Kept::Keep,
        Some("delete") => Kept::Delete,
        Some(_) => return Err(Problem::bad("events is keep or delete")),
    };
    let (clusters, by) = (clusters(&shared)?, who(&shared, &headers));
    let removed = to_the_end(async move { clusters.remove(&id, events, &by).await }).await?;
    alone(&removed.ok_or_else(|| Problem::absent("there is no such cluster"))?)
}

/// Which clusters there are is not for everybody who can reach an open console over the network.
fn is_known_who_asks(shared: &Shared) -> Result<(), Problem> {
    let is_open = matches!(shared.config.auth, None | Some(Auth::None));
    if is_open && !shared.config.listen.ip().is_loopback() {
        let detail = "clusters are added and removed where console.auth says who may ask";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}

/// What was begun is ended, even if who asked is gone meanwhile.
async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = eventcenter_core::Result<T>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(work).await {
        Ok(done) => Ok(done?),
        Err(error) => {
            error!(%error, "a change of a cluster ended");
            let detail = "the change was not made; the log says more";
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
        }
    }
}

/// Who can change them. A console over an engine of others may have nobody.
fn clusters(shared: &Shared) -> Result<Arc<dyn Clusters>, Problem> {
    shared.clusters.clone().ok_or_else(|| Problem::absent("no clusters are watched here"))
}
