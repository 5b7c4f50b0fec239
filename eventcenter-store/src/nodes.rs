//! The nodes: what is said about each, and what happened to the Pods on it.
//!
//! Pure functions over an engine's answers. An event belongs to a node if it is about it, or was seen on it
//! ([`Event::host`](eventcenter_core::Event::host)); what is about the Node itself is told apart, as its life.
//!
//! [`nodes`] tells all of them in short, [`node`] one of them in full. Whether a node is ready, and its conditions, are
//! what its events say; there may be older ones than are looked for ([`STATE_BACK`] before the range), and a node of
//! which nobody ever said it is neither ready nor not.

mod condition;
mod lane;
mod one;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::{Query, Result};
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

pub use condition::Condition;
pub(crate) use condition::said;
pub use lane::{NodeLane, NodeLaneKind};
pub use one::{NodeAsk, NodeTold, node};

use crate::ask::{Answer, Bounds, Dimension, EventQuery, Group, Grouping, Range, Row};
use crate::asker::Asker;
use crate::overview::{Bucket, Levels, Sample, trend_step};
use condition::{BY_AGENT, Known, READY, Saying, Sayings, by_reason};

/// How long before the range a node's state is looked for.
pub const STATE_BACK: SignedDuration = SignedDuration::from_hours(7 * 24);

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

/// The nodes that have events in the range, or are known to be in trouble; those with the worst first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nodes {
    /// From when until when.
    pub range: Range,
    /// The length of a bucket of the timelines, in seconds.
    pub step_seconds: u64,
    /// One each, at most [`Nodes::MOST`].
    pub nodes: Vec<Node>,
    /// How many more there are.
    pub others: usize,
}

/// One node, in short.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Node {
    /// The cluster's id.
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// Whether it is ready, by the newest of its events that says so.
    pub ready: Option<bool>,
    /// Since when it is no longer in the cluster, if that is so.
    pub removed: Option<Timestamp>,
    /// What it is in trouble with, by the newest events that say so.
    pub conditions: Vec<Condition>,
    /// What is said about the Node itself, by level.
    pub own: Levels,
    /// Known faults of the Node itself, most first.
    pub faults: Vec<(String, u64)>,
    /// What was seen on it, by level: Pods and all.
    pub levels: Levels,
    /// Events about the Node itself, over time. Of thousands of nodes this is most of the answer: in JSON a bucket is
    /// `[second, normal, warning, error]`, with the second since 1970 in which it begins.
    #[serde(serialize_with = "in_short")]
    pub timeline: Vec<Bucket>,
    /// The newest event about the Node itself of level Warning and above, if it is among the newest
    /// [`Nodes::PROBLEMS`] of all nodes; the timeline has the others too.
    pub last_problem: Option<Sample>,
}

fn in_short<S: Serializer>(
    timeline: &[Bucket],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_seq(timeline.iter().map(|Bucket { at, levels }| {
        let Levels { normal, warning, error } = levels;
        (at.as_second(), normal, warning, error)
    }))
}

impl Nodes {
    /// How many nodes are told.
    pub const MOST: usize = 10_000;
    /// In how many events the last problem of each is looked for; to read one takes some 20 µs.
    pub const PROBLEMS: usize = 1_000;
}

const OWN: &str = "kind : Node";
const PROBLEMS: &str = "kind : Node and level >= Warning";

/// Asks `engine` for its nodes.
///
/// # Errors
///
/// Those of [`EventQuery`].
pub async fn nodes(engine: &dyn EventQuery, ask: &NodesAsk) -> Result<Answer<Nodes>> {
    let step = trend_step(ask.range);
    let asker = Asker { engine, query: &ask.query, range: ask.range, bounds: ask.bounds };
    let mut found = Found::default();
    let seen = found.count(asker, step, ask.offset_seconds).await?;
    found.problems(asker).await?;
    found.conditions(asker).await?;

    let mut nodes: Vec<Node> = found.nodes.into_values().collect();
    let badness = |node: &Node| {
        let Levels { error, warning, .. } = node.own;
        let is_down = node.ready == Some(false);
        std::cmp::Reverse((is_down, !node.conditions.is_empty(), error, warning, node.levels.error))
    };
    nodes.sort_by_key(badness);
    let others = nodes.len().saturating_sub(Nodes::MOST);
    nodes.truncate(Nodes::MOST);
    let (range, step_seconds) = (ask.range, step.as_secs());
    Ok(seen.map(|()| Nodes { range, step_seconds, nodes, others }))
}

/// Where the state of a node is looked for.
fn state_range(range: Range) -> Range {
    Range { from: range.from.checked_sub(STATE_BACK).unwrap_or(Timestamp::MIN), ..range }
}

#[derive(Default)]
struct Found {
    nodes: BTreeMap<(String, String), Node>,
}

impl Found {
    /// How often, of what, and when.
    async fn count(
        &mut self,
        asker: Asker<'_>,
        step: Duration,
        offset_seconds: i32,
    ) -> Result<Answer<()>> {
        let by = vec![Dimension::Cluster, Dimension::Node, Dimension::Level];
        let all = Grouping { by: by.clone(), ..Grouping::total() };
        let seen = asker.counts(asker.query, vec![all.clone()]).await?;
        for group in seen.value.iter().flat_map(|counts| &counts.groups) {
            if let Some((node, level)) = self.node(&group.values) {
                node.levels.add(level, group.count);
            }
        }

        let class = vec![Dimension::Cluster, Dimension::Node, Dimension::Class];
        let faults = Grouping { by: class, ..Grouping::total() };
        let timeline = Grouping { by, step: Some(step), offset_seconds, top: usize::MAX };
        let groupings = vec![all, faults, timeline];
        let own = asker.counts(&asker.narrowed(OWN)?, groupings).await?.value;
        let groups = |place: usize| own.get(place).map_or(&[][..], |counts| &counts.groups).iter();
        for group in groups(0) {
            if let Some((node, level)) = self.node(&group.values) {
                node.own.add(level, group.count);
            }
        }
        for group in groups(1) {
            if let Some((node, class)) =
                self.node(&group.values).filter(|(_, class)| !class.is_empty())
            {
                node.faults.push((class.to_owned(), group.count));
            }
        }
        for group in groups(2) {
            if let (Some((node, level)), Some(at)) = (self.node(&group.values), group.at) {
                add(&mut node.timeline, at, level, group.count);
            }
        }
        Ok(seen.map(|_| ()))
    }

    /// The last problem of each.
    async fn problems(&mut self, asker: Asker<'_>) -> Result<()> {
        let newest = asker.newest(&asker.narrowed(PROBLEMS)?, Nodes::PROBLEMS).await?;
        for row in &newest.rows {
            let values =
                [row.event.cluster().id.clone(), row.event.host().to_owned(), String::new()];
            if let Some((node, _)) = self.node(&values)
                && node.last_problem.is_none()
            {
                node.last_problem = Some(Sample::from(row));
            }
        }
        Ok(())
    }

    /// What each is in trouble with now. Reasons are counted by the second, in which Kubernetes writes times: of very
    /// many nodes no event has to be read.
    async fn conditions(&mut self, asker: Asker<'_>) -> Result<()> {
        let asker = asker.over(state_range(asker.range));
        let by = vec![Dimension::Cluster, Dimension::Node, Dimension::Reason];
        let second = Some(Duration::from_secs(1));
        let moments = Grouping { by, step: second, ..Grouping::total() };
        let reasons = asker.counts(&asker.narrowed(&by_reason())?, vec![moments]).await?.value;
        let agent = asker.newest(&asker.narrowed(BY_AGENT)?, Nodes::PROBLEMS).await?;

        let mut sayings: BTreeMap<(&str, &str), Sayings<'_>> = BTreeMap::new();
        for Group { values, at, .. } in reasons.iter().flat_map(|counts| &counts.groups) {
            if let ([cluster, name, reason], Some(at)) = (values.as_slice(), at) {
                let saying = Saying::new(*at, reason, "");
                sayings.entry((cluster, name)).or_default().add(saying);
            }
        }
        for Row { event, .. } in &agent.rows {
            let saying = Saying::new(event.time(), event.reason(), event.message());
            sayings.entry((&event.cluster().id, event.host())).or_default().add(saying);
        }
        for ((cluster, name), sayings) in sayings {
            let Known { conditions: mut told, removed } = sayings.told();
            let ready = told.iter().find(|condition| condition.kind == READY).map(|it| !it.is_bad);
            told.retain(|condition| condition.is_bad);
            let key = (cluster.to_owned(), name.to_owned());
            // A node of which nothing was heard in the range is told if it is in trouble.
            if !told.is_empty() || self.nodes.contains_key(&key) {
                let values = [key.0, key.1, String::new()];
                if let Some((node, _)) = self.node(&values) {
                    node.ready = ready;
                    node.removed = removed;
                    node.conditions = told;
                }
            }
        }
        Ok(())
    }

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
mod tests;
