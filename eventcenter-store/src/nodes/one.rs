//! One node in full.

use std::collections::BTreeMap;

use eventcenter_core::Result;
use eventcenter_core::query::quoted;
use jiff::Timestamp;
use serde::Serialize;

use super::condition::{BY_AGENT, Condition, Known, Saying, Sayings, by_reason};
use super::lane::{NodeLane, NodeLaneKind, lane_of};
use super::{OWN, state_range};
use crate::ask::{Answer, Bounds, Counts, Dimension, EventQuery, Grouping, Page, Range, Row};
use crate::asker::Asker;
use crate::lifecycle::Point;
use crate::overview::{
    Levels, PodOom, Sample, Trend, Xids, buckets, levels_of, pod_ooms, trend_step, without_unnamed,
    xids,
};
use crate::statement::parsed;

/// Asks for a node.
#[derive(Debug, Clone)]
pub struct NodeAsk {
    /// The cluster's id or name.
    pub cluster: String,
    /// The node's name.
    pub name: String,
    /// From when until when.
    pub range: Range,
    /// Offset of the reader's time zone from UTC, in seconds: where the buckets of the trend begin.
    pub offset_seconds: i32,
    /// What each question to the engine may cost.
    pub bounds: Bounds,
}

/// One node in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeTold {
    /// The cluster, as it was asked for.
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// From when until when.
    pub range: Range,
    /// The newest of each condition that an event spoke of, those in trouble first.
    pub conditions: Vec<Condition>,
    /// Since when it is no longer in the cluster, if that is so.
    pub removed: Option<Timestamp>,
    /// What is said about the Node itself, by level.
    pub own: Levels,
    /// What was seen on it, by level: Pods and all.
    pub levels: Levels,
    /// What was seen on it, over time.
    pub trend: Trend,
    /// Events about the Node itself, in the order of [`NodeLaneKind`].
    pub lanes: Vec<NodeLane>,
    /// Whether there are older events about it than are in the lanes.
    pub truncated: bool,
    /// Pods on it, level Warning and above: by reason.
    pub pod_reasons: Counts,
    /// The same by workload.
    pub pod_workloads: Counts,
    /// The same by Pod, as `Pod/namespace/name`.
    pub pods: Counts,
    /// The newest of these.
    pub pod_events: Vec<Sample>,
    /// Processes that were killed for want of memory, newest first.
    pub pod_ooms: Vec<PodOom>,
    /// GPU faults.
    pub xids: Xids,
}

/// Entries of a ranking, and rows of a table.
const TOP: usize = 10;
/// Events in the lanes.
const EVENTS: usize = 1000;
/// Events that its conditions are read from.
const STATES: usize = 500;
const FAILURES: &str = "kind : Pod and level >= Warning";

/// Asks `engine` for one node. A node of which nothing is known has nothing to tell.
///
/// # Errors
///
/// Those of [`EventQuery`].
pub async fn node(engine: &dyn EventQuery, ask: &NodeAsk) -> Result<Answer<NodeTold>> {
    let which = format!("cluster : {} and node : {}", quoted(&ask.cluster), quoted(&ask.name));
    let query = parsed(&which)?;
    let asker = Asker { engine, query: &query, range: ask.range, bounds: ask.bounds };
    let step = trend_step(ask.range);
    let mut over_time = Grouping::over_time(Dimension::Level, step);
    over_time.offset_seconds = ask.offset_seconds;
    let by_level = Grouping::top(Dimension::Level, usize::MAX);
    let seen = asker.counts(&query, vec![by_level.clone(), over_time]).await?;
    let (levels, trend) = (seen.value.first(), seen.value.get(1));

    let own = asker.narrowed(OWN)?;
    let own_levels = asker.counts(&own, vec![by_level]).await?.value;
    let Page { rows, next } = asker.newest(&own, EVENTS).await?;

    let failures = asker.narrowed(FAILURES)?;
    let by = [Dimension::Reason, Dimension::Workload, Dimension::Object];
    let counts = asker.counts(&failures, by.map(|by| Grouping::top(by, TOP)).to_vec()).await?;
    let mut counts = counts.value.into_iter();
    let [pod_reasons, pod_workloads, pods] =
        [(); 3].map(|()| without_unnamed(counts.next().unwrap_or_default()));
    let pod_events = if pods.total > 0 { asker.newest(&failures, TOP).await?.rows } else { vec![] };

    let Known { conditions, removed } = known(asker).await?;
    let told = NodeTold {
        cluster: ask.cluster.clone(),
        name: ask.name.clone(),
        range: ask.range,
        conditions,
        removed,
        own: levels_of(own_levels.first()),
        levels: levels_of(levels),
        trend: Trend {
            step_seconds: step.as_secs(),
            buckets: trend.map(buckets).unwrap_or_default(),
        },
        lanes: lanes(asker, &rows).await?,
        truncated: next.is_some(),
        pod_reasons,
        pod_workloads,
        pods,
        pod_events: pod_events.iter().map(Sample::from).collect(),
        pod_ooms: pod_ooms(&asker).await?,
        xids: xids(&asker).await?,
    };
    Ok(seen.map(|_| told))
}

/// The conditions at the end of the range, with each change of them: an Event that recurs says it each time.
async fn known(asker: Asker<'_>) -> Result<Known> {
    let asker = asker.over(state_range(asker.range));
    let which = format!("({}) or ({BY_AGENT})", by_reason());
    let rows = asker.newest(&asker.narrowed(&which)?, STATES).await?.rows;
    let moments = asker.moments(&rows).await?;
    let mut sayings = Sayings::default();
    for Row { id, event, .. } in &rows {
        for moment in moments.get(id).into_iter().flatten() {
            sayings.add(Saying::new(moment.at, event.reason(), event.message()));
        }
    }
    Ok(sayings.told())
}

/// These events about the Node, each with its moments in the range.
async fn lanes(asker: Asker<'_>, rows: &[Row]) -> Result<Vec<NodeLane>> {
    let mut moments = asker.moments(rows).await?;
    let mut lanes: BTreeMap<NodeLaneKind, Vec<Point>> = BTreeMap::new();
    for row in rows {
        let moments = moments.remove(&row.id).unwrap_or_default();
        if !moments.is_empty() {
            lanes.entry(lane_of(&row.event)).or_default().push(Point::new(row, moments));
        }
    }
    let told = lanes.into_iter().map(|(kind, mut points)| {
        points.sort_by_key(|point| (point.from, point.id));
        NodeLane { kind, points }
    });
    Ok(told.collect())
}
