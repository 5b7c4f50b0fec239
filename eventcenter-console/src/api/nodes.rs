//! Nodes, and the core components of a cluster.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use eventcenter_core::Query;
use eventcenter_store::components::{ComponentsAsk, components as components_told};
use eventcenter_store::nodes::{NodeAsk, NodesAsk, node as node_told, nodes as nodes_told};

use super::counts::kept;
use super::objects::named;
use super::{Reply, json};
use crate::Shared;
use crate::params::{Params, bounds};

pub(crate) async fn nodes(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let known = ["query", "cluster", "node", "since", "from", "until", "offset"];
    let params = Params::read(query.as_deref(), &known)?;
    let query = params.narrowed(Query::clone(&*params.query()?), "node")?;
    let range = kept(&shared, params.range(&*shared.clock)?).await?;
    let (offset_seconds, bounds) = (params.offset()?, bounds(&shared.config.limits));
    let ask = NodesAsk { query, range, offset_seconds, bounds };
    let answer = shared.in_time(nodes_told(&*shared.engine, &ask)).await?;
    json(&answer, &answer.value)
}

pub(crate) async fn node(
    State(shared): State<Arc<Shared>>,
    Path((cluster, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Reply {
    let params = Params::read(query.as_deref(), &["since", "from", "until", "offset"])?;
    let range = kept(&shared, params.range(&*shared.clock)?).await?;
    let cluster = named(&shared, cluster).await?;
    let (offset_seconds, bounds) = (params.offset()?, bounds(&shared.config.limits));
    let ask = NodeAsk { cluster, name, range, offset_seconds, bounds };
    let answer = shared.in_time(node_told(&*shared.engine, &ask)).await?;
    json(&answer, &answer.value)
}

pub(crate) async fn components(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Reply {
    let known = ["query", "cluster", "since", "from", "until", "offset"];
    let params = Params::read(query.as_deref(), &known)?;
    let query = params.query()?;
    let range = kept(&shared, params.range(&*shared.clock)?).await?;
    let (offset_seconds, bounds) = (params.offset()?, bounds(&shared.config.limits));
    let ask = ComponentsAsk { query, range, offset_seconds, bounds };
    let answer = shared.in_time(components_told(&*shared.engine, &ask)).await?;
    json(&answer, &answer.value)
}
