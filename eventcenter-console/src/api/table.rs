//! `search | select …`: one table.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use eventcenter_core::query::Statement;
use eventcenter_store::ask::TableAsk;
use serde_json::Value;

use super::{Reply, body, json};
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
    let given: BTreeMap<String, Value> = body::json(&shared, &headers, body).await?;
    table(&shared, Some(&as_query(&given))).await
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
    let ask = TableAsk { query, range, select: select.text, bounds };
    let answer = shared.engine.table(&ask).await?;
    json(&answer, &answer.value)
}
