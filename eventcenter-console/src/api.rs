//! `/api/v1`: what can be asked. Each answer says what it lacks: `gaps` and `unread`. Text of events is as it was sent;
//! what is an order to a terminal is escaped ([`plain_json`]).

mod clusters;
mod counts;
mod events;
mod export;
mod live;
mod nodes;
mod objects;
mod saved;
mod table;
mod table_export;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch};
use eventcenter_core::plain_json;
use eventcenter_core::query::Key;
use eventcenter_store::Answer;
use eventcenter_store::ask::GapRecord;
use serde::Serialize;

use crate::Shared;
use crate::params::Params;
use crate::problem::Problem;

/// The description of all of this, as it is served.
const OPENAPI: &str = include_str!("../openapi.json");

/// What handlers answer.
type Reply = Result<Response, Problem>;

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/openapi.json", get(openapi))
        .route("/api/v1/events", get(events::list))
        .route("/api/v1/events/{cluster}/{uid}", get(events::one))
        .route("/api/v1/histogram", get(counts::histogram))
        .route("/api/v1/facets", get(counts::facets))
        .route("/api/v1/overview", get(counts::overview))
        .route("/api/v1/pods", get(objects::pods))
        .route("/api/v1/pods/{cluster}/{uid}", get(objects::pod_by_uid))
        .route("/api/v1/pods/{cluster}/{namespace}/{name}", get(objects::pod))
        .route("/api/v1/nodes", get(nodes::nodes))
        .route("/api/v1/nodes/{cluster}/{name}", get(nodes::node))
        .route("/api/v1/components", get(nodes::components))
        .route("/api/v1/objects", get(objects::objects))
        .route("/api/v1/query", get(table::by_get).post(table::by_post))
        .route("/api/v1/query.csv", get(table_export::csv))
        .route("/api/v1/query.ndjson", get(table_export::ndjson))
        .route("/api/v1/keys", get(keys))
        .route("/api/v1/clusters", get(clusters::list).post(clusters::add))
        .route("/api/v1/clusters/{id}", patch(clusters::change).delete(clusters::remove))
        .route("/api/v1/saved", get(saved::list).post(saved::create))
        .route("/api/v1/saved.yaml", get(saved::export).post(saved::import))
        .route("/api/v1/saved/{id}", get(saved::one).put(saved::replace).delete(saved::delete))
        .route("/api/v1/gaps", get(gaps))
        .route("/api/v1/status", get(status))
        .route("/api/v1/live", get(live::live))
        .route("/api/v1/export.ndjson", get(export::ndjson))
        .route("/api/v1/export.csv", get(export::csv))
}

async fn openapi(RawQuery(query): RawQuery) -> Reply {
    Params::none(query.as_deref())?;
    Ok(([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response())
}

/// An answer, with what it lacks beside its own keys.
#[derive(Serialize)]
struct Whole<'a, T> {
    #[serde(flatten)]
    value: T,
    gaps: &'a [GapRecord],
    unread: &'a [String],
}

/// `value` as JSON, with what `answer` lacks.
fn json<A, T: Serialize>(answer: &Answer<A>, value: T) -> Reply {
    let whole = Whole { value, gaps: &answer.gaps, unread: &answer.unread };
    alone(&whole)
}

/// `value` as JSON, and nothing beside it.
fn alone(value: &impl Serialize) -> Reply {
    let body = text(value)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

fn text(value: &impl Serialize) -> Result<String, Problem> {
    let text = serde_json::to_string(value).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the answer is no JSON: {error}"))
    })?;
    Ok(match plain_json(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    })
}

/// What a statement can ask for by name, ours and SLS's: for completion.
async fn keys(RawQuery(query): RawQuery) -> Reply {
    #[derive(Serialize)]
    struct Keys {
        keys: Vec<&'static str>,
    }
    Params::none(query.as_deref())?;
    alone(&Keys { keys: Key::names().collect() })
}

/// Declared losses, oldest first.
async fn gaps(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    Params::none(query.as_deref())?;
    #[derive(Serialize)]
    struct Gaps {
        gaps: Vec<GapRecord>,
    }
    alone(&Gaps { gaps: shared.state().await?.gaps })
}

/// What is kept, and how the program is.
async fn status(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    Params::none(query.as_deref())?;
    #[derive(Serialize)]
    struct Status {
        version: &'static str,
        health: eventcenter_core::health::Report,
        store: eventcenter_store::ask::State,
    }
    let (health, store) = (shared.health.report(), shared.state().await?);
    alone(&Status { version: env!("CARGO_PKG_VERSION"), health, store })
}
