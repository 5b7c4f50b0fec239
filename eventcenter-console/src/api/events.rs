//! Lists of events, and one event with its occurrences.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use eventcenter_core::Query;
use eventcenter_core::query::quoted;
use eventcenter_store::ask::{EventsAsk, Occurrence, OccurrencesAsk, Order, Row};
use serde::Serialize;

use super::objects::named;
use super::{Reply, json};
use crate::Shared;
use crate::cursor;
use crate::params::{Params, bounds};
use crate::problem::Problem;
use crate::row::{EventJson, Told};

/// Events on a page, at most, and without `limit`.
const MOST: usize = 1000;
const USUAL: usize = 100;

pub(crate) async fn list(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let known = [
        "query", "cluster", "since", "from", "until", "order", "after", "limit", "document", "cut",
    ];
    let params = Params::read(query.as_deref(), &known)?;
    let order = params.order()?;
    let ask = EventsAsk {
        query: params.query()?,
        range: params.range(&*shared.clock)?,
        order,
        after: params.after(order)?,
        limit: params.number("limit", USUAL, MOST)?,
        bounds: bounds(&shared.config.limits),
    };
    let told = Told { document: params.flag("document")?, message: params.cut()? };
    let answer = shared.engine.events(&ask).await?;
    #[derive(Serialize)]
    struct Page<'a> {
        events: Vec<EventJson<'a>>,
        next: Option<String>,
    }
    let rows = answer.value.rows.iter();
    let events = rows.map(|row| EventJson::new(row, told)).collect();
    json(&answer, Page { events, next: answer.value.next.map(cursor::encode) })
}

pub(crate) async fn one(
    State(shared): State<Arc<Shared>>,
    Path((cluster, uid)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Reply {
    let params = Params::read(query.as_deref(), &["since", "from", "until"])?;
    let cluster = named(&shared, cluster).await?;
    let statement = format!("cluster : {} and uid : {}", quoted(&cluster), quoted(&uid));
    let ask = EventsAsk {
        query: Arc::new(Query::parse(&statement)?),
        range: params.range(&*shared.clock)?,
        order: Order::Newest,
        after: None,
        limit: MOST,
        bounds: bounds(&shared.config.limits),
    };
    let answer = shared.engine.events(&ask).await?;
    // The uid may be that of an object as well, which many events are about.
    let row = answer.value.rows.iter().find(|row| row.event.uid().eq_ignore_ascii_case(&uid));
    let Some(row) = row else {
        let detail = "no such event happened in this range; `since=all` looks everywhere";
        return Err(Problem::absent(detail).code("no-event"));
    };
    let occurrences = occurrences(&shared, row, &ask).await?;
    #[derive(Serialize)]
    struct One<'a> {
        event: EventJson<'a>,
        occurrences: Vec<Occurrence>,
    }
    json(&answer, One { event: EventJson::new(row, Told::ALL), occurrences })
}

async fn occurrences(
    shared: &Shared,
    row: &Row,
    ask: &EventsAsk,
) -> Result<Vec<Occurrence>, Problem> {
    let ask = OccurrencesAsk { ids: vec![row.id], range: ask.range, bounds: ask.bounds };
    Ok(shared.engine.occurrences(&ask).await?.value)
}
