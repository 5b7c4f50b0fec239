//! `search | select …`: one table.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use eventcenter_core::query::Statement;
use eventcenter_store::ask::TableAsk;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::timeout;

use super::{Reply, json};
use crate::Shared;
use crate::params::{Params, bounds};
use crate::problem::Problem;

pub(crate) async fn by_get(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    table(&shared, query.as_deref()).await
}

/// The same parameters as JSON, for statements that are too long for a URL.
pub(crate) async fn by_post(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Body,
) -> Reply {
    // A form of another site can send no such type.
    let is_json = headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
        kind.to_str().is_ok_and(|kind| {
            kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json")
        })
    });
    if !is_json {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body is application/json",
        ));
    }
    let most = usize::try_from(shared.config.limits.body.bytes()).unwrap_or(usize::MAX);
    // Whoever sends a byte a minute would otherwise hold one of `limits.requests` for ever.
    let reading = to_bytes(body, most);
    let body = timeout(shared.config.limits.deadline.get(), reading)
        .await
        .map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to come"))?
        .map_err(|_| {
            let most = format!("the body has at most {most} bytes");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, most)
        })?;
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Given(BTreeMap<String, Value>);
    let given: Given = serde_json::from_slice(&body)
        .map_err(|error| Problem::bad(format!("the body is no JSON object: {error}")))?;
    table(&shared, Some(&as_query(&given.0))).await
}

fn as_query(given: &BTreeMap<String, Value>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in given {
        match value {
            Value::String(text) => query.append_pair(name, text),
            value => query.append_pair(name, &value.to_string()),
        };
    }
    query.finish()
}

async fn table(shared: &Shared, query: Option<&str>) -> Reply {
    let params = Params::read(query, &["query", "cluster", "since", "from", "until", "limit"])?;
    let statement = Statement::parse(params.statement())?;
    let Some(select) = statement.select else {
        return Err(Problem::bad(
            "`query` is `search | select …` here; /api/v1/events takes a search alone",
        ));
    };
    let query = params.narrowed(statement.query, "cluster")?;
    let mut bounds = bounds(&shared.config.limits);
    bounds.rows = params.number("limit", 1000, bounds.rows)?;
    let range = params.range(&*shared.clock)?;
    let ask = TableAsk { query, range, select, bounds };
    let answer = shared.engine.table(&ask).await?;
    json(&answer, &answer.value)
}
