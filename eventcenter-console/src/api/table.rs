//! `search | select …`: one table.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use eventcenter_core::Error;
use eventcenter_core::query::Statement;
use eventcenter_store::Answer;
use eventcenter_store::ask::{Table, TableAsk};
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
    let ask = TableAsk { query, range, select: select.text, bounds };
    shared.engine.table(&ask).await.map_err(|error| located(error, select.column))
}

/// An error that names a column of the `SELECT` names one of the whole statement.
fn located(error: Error, begin: usize) -> Problem {
    let column = error.context().iter().find(|(key, _)| *key == "column");
    let column = column.and_then(|(_, column)| column.parse::<usize>().ok());
    let mut problem = Problem::from(error);
    problem.column = column.map(|column| begin + column.max(1) - 1);
    problem
}

#[cfg(test)]
mod tests {
    use eventcenter_core::ErrorKind;

    use super::*;

    #[test]
    fn a_mistake_in_the_select_is_placed_in_the_whole_statement() {
        let mistake = || Error::new("sql", ErrorKind::Refused, "no such column: reson");
        let problem = located(mistake().with("column", 8), 15);
        assert_eq!((problem.status, problem.column), (422, Some(22)));
        assert_eq!(located(mistake(), 15).column, None);
    }
}
