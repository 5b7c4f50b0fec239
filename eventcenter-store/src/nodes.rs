//! The nodes: what is said about each, and what happened to the Pods on it.
//!
//! A pure function over an engine's answers. An event belongs to a node if it is about it, or was seen on it
//! ([`Event::host`](eventcenter_core::Event::host)); what is about the Node itself is told apart, as its life.
//! Whether it is ready, and its newest events, are taken from the newest 1,000 events about nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use eventcenter_core::{Query, Result};
use jiff::Timestamp;
use serde::Serialize;

use crate::ask::{
    Answer, Bounds, CountsAsk, Dimension, EventQuery, EventsAsk, Grouping, Order, Range,
};
use crate::overview::{Bucket, Levels, Sample, trend_step};
use crate::statement::narrowed;

/// Asks for nodes.
#[derive(Debug, Clone)]
pub struct NodesAsk {
    /// Of which events: `*`, a cluster's, or a node's.
    pub query: Arc<Query>,
    /// From when until when.
    pub range: Range,
    /// Offset of the reader's time zone from UTC, in seconds: where the buckets of the timelines begin.
    pub offset_seconds: i32,
    /// What each question to the engine may cost.
    pub bounds: Bounds,
}

/// The nodes that have events in the range, those with the worst first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Nodes {
    /// The length of a bucket of the timelines, in seconds.
    pub step_seconds: u64,
    /// One each.
    pub nodes: Vec<Node>,
}

/// One node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Node {
    /// The cluster's id.
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// Whether it was ready, by the newest of its events that says so.
    pub ready: Option<bool>,
    /// What is said about the Node itself, by level.
    pub own: Levels,
    /// Known faults of the Node itself, most first.
    pub faults: Vec<(String, u64)>,
    /// What was seen on it, by level: Pods and all.
    pub levels: Levels,
    /// Events about the Node itself, over time.
    pub timeline: Vec<Bucket>,
    /// The newest about the Node itself, newest first, at most [`Node::NEWEST`].
    pub newest: Vec<Sample>,
}

impl Node {
    /// How many events of its own a node shows.
    pub const NEWEST: usize = 20;
}

/// Events about nodes that are looked at, newest first; to read one takes some 20 µs.
const LOOKED_AT: usize = 1000;
const OWN: &str = "kind : Node";
const READY: &[&str] = &["NodeReady"];
const NOT_READY: &[&str] = &["NodeNotReady", "Shutdown", "NodeShutdown", "Rebooted"];

/// Asks `engine` for its nodes.
///
/// # Errors
///
/// Those of [`EventQuery`].
pub async fn nodes(engine: &dyn EventQuery, ask: &NodesAsk) -> Result<Answer<Nodes>> {
    let step = trend_step(ask.range);
    let own = narrowed(&ask.query, OWN)?;
    let mut found = Found::default();

    let by = vec![Dimension::Cluster, Dimension::Node, Dimension::Level];
    let all = Grouping { by: by.clone(), ..Grouping::total() };
    let counts = CountsAsk {
        query: ask.query.clone(),
        range: ask.range,
        groupings: vec![all.clone()],
        bounds: ask.bounds,
    };
    let seen = engine.counts(&counts).await?;
    for group in seen.value.iter().flat_map(|counts| &counts.groups) {
        if let Some((node, level)) = found.node(&group.values) {
            node.levels.add(level, group.count);
        }
    }

    let class = vec![Dimension::Cluster, Dimension::Node, Dimension::Class];
    let faults = Grouping { by: class, ..Grouping::total() };
    let mut timeline = Grouping { by, step: Some(step), ..Grouping::total() };
    timeline.offset_seconds = ask.offset_seconds;
    let groupings = vec![all, faults, timeline];
    let counts = CountsAsk { query: own.clone(), groupings, ..counts };
    let counts = engine.counts(&counts).await?.value;
    let groups =
        |place: usize| counts.get(place).iter().flat_map(|c| &c.groups).collect::<Vec<_>>();
    for group in groups(0) {
        if let Some((node, level)) = found.node(&group.values) {
            node.own.add(level, group.count);
        }
    }
    for group in groups(1) {
        if let Some((node, class)) =
            found.node(&group.values).filter(|(_, class)| !class.is_empty())
        {
            node.faults.push((class.to_owned(), group.count));
        }
    }
    for group in groups(2) {
        if let (Some((node, level)), Some(at)) = (found.node(&group.values), group.at) {
            add(&mut node.timeline, at, level, group.count);
        }
    }

    let limit = ask.bounds.rows.min(LOOKED_AT);
    let newest = EventsAsk {
        query: own,
        range: ask.range,
        order: Order::Newest,
        after: None,
        limit,
        bounds: ask.bounds,
    };
    for row in &engine.events(&newest).await?.value.rows {
        let values = [row.event.cluster().id.clone(), row.event.host().to_owned(), String::new()];
        let Some((node, _)) = found.node(&values) else { continue };
        if node.ready.is_none() {
            node.ready = readiness(row.event.reason());
        }
        if node.newest.len() < Node::NEWEST {
            node.newest.push(Sample::from(row));
        }
    }

    let mut nodes: Vec<Node> = found.nodes.into_values().collect();
    let badness = |node: &Node| {
        let Levels { error, warning, .. } = node.own;
        std::cmp::Reverse((node.ready == Some(false), error, warning, node.levels.error))
    };
    nodes.sort_by_key(badness);
    Ok(seen.map(|_| Nodes { step_seconds: step.as_secs(), nodes }))
}

#[derive(Default)]
struct Found {
    nodes: BTreeMap<(String, String), Node>,
}

impl Found {
    /// The node of a group by cluster, node and something else; none for what was seen on no node.
    fn node<'v>(&mut self, values: &'v [String]) -> Option<(&mut Node, &'v str)> {
        let [cluster, name, other] = values else { return None };
        if name.is_empty() {
            return None;
        }
        let node = self.nodes.entry((cluster.clone(), name.clone())).or_insert_with(|| Node {
            cluster: cluster.clone(),
            name: name.clone(),
            ..Node::default()
        });
        Some((node, other))
    }
}

/// What an event of this reason says about a node's readiness.
fn readiness(reason: &str) -> Option<bool> {
    if READY.contains(&reason) {
        Some(true)
    } else if NOT_READY.contains(&reason) {
        Some(false)
    } else {
        None
    }
}

/// Buckets come oldest first, one group a level.
fn add(timeline: &mut Vec<Bucket>, at: Timestamp, level: &str, count: u64) {
    match timeline.last_mut() {
        Some(bucket) if bucket.at == at => bucket.levels.add(level, count),
        _ => {
            let mut levels = Levels::default();
            levels.add(level, count);
            timeline.push(Bucket { at, levels });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::scene::{Said, Scene, node, time};

    #[tokio::test]
    async fn what_is_about_a_node_is_told_from_what_is_on_it() {
        let mut scene = Scene::new();
        let say = |at, reason| Said::new(at, reason, "m").warning().about(node("worker-1"));
        scene.say(&say("01:00:00", "NodeHasDiskPressure"));
        scene.say(&say("01:30:00", "NodeNotReady"));
        scene.say(&say("02:00:00", "Rebooted"));
        scene.say(&Said::new("02:01:00", "NodeReady", "m").about(node("worker-1")));
        scene.say(&Said::new("03:00:00", "Unhealthy", "m").warning());
        scene.say(&Said { host: "worker-2", ..Said::new("03:00:00", "Started", "m") });
        scene.say(&Said { host: "", ..Said::new("03:00:00", "Scheduled", "m") });
        let ask = NodesAsk {
            query: Arc::new(Query::all()),
            range: Range { from: time("00:00:00"), until: time("12:00:00") },
            offset_seconds: 0,
            bounds: Bounds::default(),
        };
        let nodes = nodes(&scene.store, &ask).await.expect("nodes").value.nodes;
        assert_eq!(
            nodes.iter().map(|node| &*node.name).collect::<Vec<_>>(),
            ["worker-1", "worker-2"]
        );
        assert_eq!(nodes[0].ready, Some(true), "the newest event that says so counts");
        assert_eq!(nodes[0].own, Levels { normal: 1, warning: 0, error: 3 });
        assert_eq!(nodes[0].levels, Levels { normal: 1, warning: 1, error: 3 });
        assert_eq!(nodes[0].faults.len(), 3);
        assert_eq!(nodes[0].newest[0].reason, "NodeReady");
        let errors: Vec<_> = nodes[0].timeline.iter().map(|bucket| bucket.levels.error).collect();
        assert_eq!(errors, [1, 1, 1]);
        assert_eq!((nodes[1].ready, nodes[1].own), (None, Levels::default()));
    }
}
