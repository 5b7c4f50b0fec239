//! `search | select …`: one table.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use eventcenter_core::query::Statement;
use eventcenter_store::Answer;
use eventcenter_store::ask::{Table, TableAsk};
use serde_json::Value;

use super::{Reply, json};
use crate::Shared;
use crate::body;
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
    let given: BTreeMap<String, Value> = body::json(&headers, body, &shared.config.limits).await?;
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
    let answer = answer(shared, query, 1000).await?;
    json(&answer, &answer.value)
}

/// `usual` rows, unless the request says how many.
pub(super) async fn answer(
    shared: &Shared,
    query: Option<&str>,
    usual: usize,
) -> Result<Answer<Table>, Problem> {
    let params = Params::read(query, &["query", "cluster", "since", "from", "until", "limit"])?;
    let statement = Statement::parse(params.statement())?;
    let Some(select) = statement.select else {
        return Err(Problem::bad(
            "`query` is `search | select …` here; /api/v1/events takes a search alone",
        ));
    };
    let query = params.narrowed(statement.query, "cluster")?;
    let mut bounds = bounds(&shared.config.limits);
    bounds.rows = params.number("limit", usual.min(bounds.rows), bounds.rows)?;
    let range = params.range(&*shared.clock)?;
    let ask = TableAsk { query, range, select, bounds };
    Ok(shared.engine.table(&ask).await?)
}
