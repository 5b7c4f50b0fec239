//! A table as a file: `search | select …`, all of its rows that an answer may have.
//!
//! CSV has the columns in its first line. NDJSON has an object a line; of columns that are called the same the second is
//! `name_2`. A table that was cut off is refused with 413, so that a part is not taken for the whole: `limit` asks for
//! one. The headers `eventcenter-gaps` and `eventcenter-unread` say how many losses touch the range, and how many parts
//! could not be read.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::IntoResponse;
use eventcenter_core::{plain_csv, plain_json};
use eventcenter_store::Answer;
use eventcenter_store::ask::Table;
use serde_json::{Map, Value};

use super::{Reply, export, table};
use crate::Shared;
use crate::problem::Problem;

pub(crate) async fn csv(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let answer = whole(&shared, query.as_deref()).await?;
    let kind = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
    Ok((kind, export::lacks(&answer), written(&answer.value)).into_response())
}

pub(crate) async fn ndjson(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let answer = whole(&shared, query.as_deref()).await?;
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, export::lacks(&answer), objects(answer.value)).into_response())
}

async fn whole(shared: &Shared, query: Option<&str>) -> Result<Answer<Table>, Problem> {
    let answer = table::answer(shared, query, usize::MAX).await?;
    let table = &answer.value;
    let is_part_wanted = form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .any(|(name, _)| name == "limit");
    if table.truncated && !is_part_wanted {
        let rows = table.rows.len();
        let detail = format!(
            "there are more than {rows} rows; narrow the statement, or ask for some with `limit`"
        );
        return Err(Problem::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    Ok(answer)
}

fn written(table: &Table) -> Vec<u8> {
    let mut out = Vec::new();
    let head = table.columns.iter().map(|name| name.as_str().into()).collect::<Vec<Value>>();
    for row in std::iter::once(&head).chain(&table.rows) {
        for (place, value) in row.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            match value {
                Value::Null => {}
                Value::String(text) => out.extend_from_slice(plain_csv(text).as_bytes()),
                // A number below zero is no formula.
                value => out.extend_from_slice(value.to_string().as_bytes()),
            }
        }
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn objects(table: Table) -> String {
    let mut names = BTreeSet::new();
    let columns: Vec<String> =
        table.columns.into_iter().map(|name| unlike(name, &mut names)).collect();
    let mut out = String::new();
    for row in table.rows {
        let object: Map<String, Value> = columns.iter().cloned().zip(row).collect();
        out.push_str(&plain_json(&Value::Object(object).to_string()));
        out.push('\n');
    }
    out
}

/// The name, or the first of `name_2`, `name_3`, … that no other column has.
fn unlike(name: String, names: &mut BTreeSet<String>) -> String {
    let others = (2_usize..).map(|n| format!("{name}_{n}"));
    let free = std::iter::once(name.clone()).chain(others).find(|name| !names.contains(name));
    let free = free.unwrap_or(name);
    names.insert(free.clone());
    free
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table() -> Table {
        let columns = ["n", "n", "message", "n_2"].map(str::to_owned).to_vec();
        let rows = vec![
            vec![json!(-1), json!(null), json!("=1+1"), json!(0.5)],
            vec![json!(2), json!(3), json!("a,\"b\"\n"), json!("")],
        ];
        Table { columns, rows, truncated: false }
    }

    #[test]
    fn a_table_is_csv_without_formulas() {
        let text = String::from_utf8(written(&table())).unwrap();
        let lines = "n,n,message,n_2\r\n-1,,\"'=1+1\",0.5\r\n2,3,\"a,\"\"b\"\"␊\",\r\n";
        assert_eq!(text, lines);
    }

    #[test]
    fn columns_that_are_called_the_same_are_told_apart() {
        let first: Value = serde_json::from_str(objects(table()).lines().next().unwrap()).unwrap();
        assert_eq!(first, json!({ "n": -1, "n_2": null, "message": "=1+1", "n_2_2": 0.5 }));
        assert_eq!(objects(table()).lines().count(), 2);
    }
}
