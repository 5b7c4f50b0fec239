//! Pods, and objects by the beginning of their names.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use eventcenter_core::Query;
use eventcenter_core::query::quoted;
use eventcenter_store::ask::{CountsAsk, Dimension, EventsAsk, Group, Grouping, Order};
use eventcenter_store::lifecycle::{LifecycleAsk, PodChoice, lifecycle};
use eventcenter_store::pods::{MOST, PodsAsk, pods as found};
use serde::Serialize;

use super::{Reply, json};
use crate::Shared;
use crate::params::{Params, bounds};
use crate::problem::Problem;

/// Pods by a part of one of their names, the one that something happened to last first.
pub(crate) async fn pods(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let known = ["text", "query", "cluster", "since", "from", "until", "limit"];
    let params = Params::read(query.as_deref(), &known)?;
    let ask = PodsAsk {
        query: params.query()?,
        text: params.text("text").unwrap_or_default().to_owned(),
        range: params.range(&*shared.clock)?,
        limit: params.number("limit", MOST, MOST)?,
        bounds: bounds(&shared.config.limits),
    };
    let answer = shared.in_time(found(&*shared.engine, &ask)).await?;
    json(&answer, &answer.value)
}

pub(crate) async fn pod(
    State(shared): State<Arc<Shared>>,
    Path((cluster, namespace, name)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Reply {
    life(&shared, cluster, PodChoice::Name { namespace, name }, query).await
}

pub(crate) async fn pod_by_uid(
    State(shared): State<Arc<Shared>>,
    Path((cluster, uid)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Reply {
    life(&shared, cluster, PodChoice::Uid(uid), query).await
}

/// Without lives if nothing happened to it: that is an answer, which may lack something as any other.
async fn life(shared: &Shared, cluster: String, pod: PodChoice, query: Option<String>) -> Reply {
    let params = Params::read(query.as_deref(), &["since", "from", "until"])?;
    let range = params.range(&*shared.clock)?;
    let cluster = named(shared, cluster).await?;
    let ask = LifecycleAsk { cluster, pod, range, bounds: bounds(&shared.config.limits) };
    let answer = shared.in_time(lifecycle(&*shared.engine, &ask)).await?;
    json(&answer, &answer.value)
}

/// `-` is the cluster, for who has one.
pub(super) async fn named(shared: &Shared, cluster: String) -> Result<String, Problem> {
    if cluster != "-" {
        return Ok(cluster);
    }
    let clusters = shared.state().await?.clusters;
    match clusters.as_slice() {
        [only] => Ok(only.cluster.id.clone()),
        [] => Err(Problem::absent("there is no cluster yet").code("no-cluster")),
        several => {
            let names: Vec<_> = several.iter().map(|known| known.cluster.name.as_str()).collect();
            let names = names.join(", ");
            let problem =
                Problem::bad(format!("which cluster? `-` will not do; there are {names}"));
            Err(problem.code("which-cluster").value("names", names))
        }
    }
}

/// Objects of one answer, at most: a statement has room to name so many.
const MOST_OBJECTS: usize = 50;
/// The newest events that they are looked for in.
const NEWEST: usize = 300;

/// For pickers: objects whose name begins so, of those that something happened to last; with most occurrences first.
/// Of all such names some may be anywhere in the range: to count them all would read every event.
pub(crate) async fn objects(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let known = ["prefix", "kind", "namespace", "cluster", "since", "from", "until", "limit"];
    let params = Params::read(query.as_deref(), &known)?;
    let mut conditions = Vec::new();
    if let Some(prefix) = params.text("prefix") {
        if prefix.contains(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | ':'))) {
            return Err(Problem::bad(
                "`prefix` is the beginning of a name: letters, digits, - . _ :",
            ));
        }
        conditions.push(format!("name : {prefix}*"));
    }
    for key in ["kind", "namespace", "cluster"] {
        conditions.extend(params.text(key).map(|value| format!("{key} : {}", quoted(value))));
    }
    if conditions.is_empty() {
        conditions.push("*".to_owned());
    }
    let query = Query::parse(&conditions.join(" and "))?;
    let range = params.range(&*shared.clock)?;
    let limit = params.number("limit", 20, MOST_OBJECTS)?;
    let bounds = bounds(&shared.config.limits);
    let newest = EventsAsk {
        query: Arc::new(query.clone()),
        range,
        order: Order::Newest,
        after: None,
        limit: NEWEST.min(bounds.rows),
        bounds,
    };
    let newest = shared.engine.events(&newest).await?;
    let mut names = Vec::new();
    for name in newest.value.rows.iter().map(|row| row.event.object().name) {
        if !names.contains(&name) && names.len() < limit && !name.is_empty() {
            names.push(name);
        }
    }
    let mut counts = Vec::new();
    if !names.is_empty() {
        let any: Vec<_> = names.iter().map(|name| format!("name : {}", quoted(name))).collect();
        let ask = CountsAsk {
            query: Arc::new(query.and(&any.join(" or "))?),
            range,
            groupings: vec![Grouping::top(Dimension::Object, limit)],
            bounds,
        };
        counts = shared.engine.counts(&ask).await?.value;
    }
    #[derive(Serialize)]
    struct Objects<'a> {
        objects: &'a [Group],
    }
    let objects = counts.first().map_or(&[][..], |counts| &counts.groups);
    json(&newest, Objects { objects })
}
