//! The tables of an overview.

use std::collections::BTreeMap;

use eventcenter_core::{Level, Result};
use jiff::Timestamp;
use serde::Serialize;

use super::{DETAILS, TOP, without_unnamed};
use crate::ask::{Counts, Dimension, Grouping, Row, RowId};
use crate::asker::Asker;
use crate::message;

const POD_OOM: &str = "class : PodOOM";
const XID: &str = "class : NodeGPUXIPError";
pub(super) const IMAGE_PULLS: &str = "class : PodImagePullBackOff";
pub(super) const SCHEDULING: &str = "class : PodFailScheduling or class : ResourceInsufficient";
pub(super) const PROBES: &str =
    "reason : Unhealthy or reason : ProbeWarning or reason : ProbeError";

/// A process that was killed for want of memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PodOom {
    /// The event.
    pub id: RowId,
    /// When.
    pub at: Timestamp,
    /// The cluster's id.
    pub cluster: String,
    /// The Pod's namespace; empty where it is not known.
    pub namespace: String,
    /// The Pod; empty where it is not known.
    pub pod: String,
    /// The container; empty where it is not known.
    pub container: String,
    /// The node.
    pub node: String,
    /// The process; empty where it is not known.
    pub process: String,
    /// Its number on the node.
    pub pid: Option<u32>,
    /// How often.
    pub count: u64,
}

/// GPU faults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Xids {
    /// All of them.
    pub total: u64,
    /// By node, most first.
    pub nodes: Counts,
    /// By the number of the Xid, most first, of the newest events.
    pub numbers: Vec<(u32, u64)>,
    /// The newest.
    pub newest: Vec<Xid>,
}

/// A GPU fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Xid {
    /// The number, where the message has one.
    pub number: Option<u32>,
    /// The rest.
    #[serde(flatten)]
    pub event: Sample,
}

/// An event of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// The event.
    pub id: RowId,
    /// Its time.
    pub at: Timestamp,
    /// The cluster's id.
    pub cluster: String,
    /// How bad it is.
    pub level: Level,
    /// Why.
    pub reason: String,
    /// Of the object.
    pub kind: String,
    /// Of the object.
    pub namespace: String,
    /// Of the object.
    pub name: String,
    /// The node it was seen on, or is about.
    pub node: String,
    /// The text for people. Untrusted.
    pub message: String,
    /// How often, in the range.
    pub count: u64,
}

/// One kind of trouble.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Which events these are, as a search statement.
    pub statement: String,
    /// How often, and for whom most.
    pub counts: Counts,
    /// The newest events.
    pub newest: Vec<Sample>,
}

impl From<&Row> for Sample {
    fn from(row: &Row) -> Self {
        let object = row.event.object();
        Self {
            id: row.id,
            at: row.event.time(),
            cluster: row.event.cluster().id.clone(),
            level: row.event.level(),
            reason: row.event.reason().to_owned(),
            kind: object.kind.to_owned(),
            namespace: object.namespace.to_owned(),
            name: object.name.to_owned(),
            node: row.event.host().to_owned(),
            message: row.event.message().to_owned(),
            count: row.occurrences,
        }
    }
}

impl From<&Row> for PodOom {
    fn from(row: &Row) -> Self {
        let process = message::killed_process(row.event.message());
        let pod = row.pod.as_ref();
        Self {
            id: row.id,
            at: row.event.time(),
            cluster: row.event.cluster().id.clone(),
            namespace: pod.map(|pod| pod.namespace.clone()).unwrap_or_default(),
            pod: pod.map(|pod| pod.name.clone()).unwrap_or_default(),
            container: message::container(row.event.object().field_path).unwrap_or("").to_owned(),
            node: row.event.host().to_owned(),
            process: process.map_or("", |(_, name)| name).to_owned(),
            pid: process.map(|(pid, _)| pid),
            count: row.occurrences,
        }
    }
}

pub(crate) async fn pod_ooms(asker: &Asker<'_>) -> Result<Vec<PodOom>> {
    let query = asker.narrowed(POD_OOM)?;
    Ok(asker.newest(&query, DETAILS).await?.rows.iter().map(PodOom::from).collect())
}

pub(crate) async fn xids(asker: &Asker<'_>) -> Result<Xids> {
    let query = asker.narrowed(XID)?;
    let groupings = vec![Grouping::top(Dimension::Node, TOP)];
    let mut counts = asker.counts(&query, groupings).await?.value;
    let Some(nodes) = counts.pop().filter(|nodes| nodes.total > 0) else {
        return Ok(Xids::default());
    };
    let rows = asker.newest(&query, DETAILS).await?.rows;
    let mut numbers: BTreeMap<u32, u64> = BTreeMap::new();
    let mut newest = Vec::with_capacity(rows.len());
    for row in &rows {
        let number = message::xid(row.event.message());
        if let Some(number) = number {
            *numbers.entry(number).or_default() += row.occurrences;
        }
        newest.push(Xid { number, event: Sample::from(row) });
    }
    let mut numbers: Vec<_> = numbers.into_iter().collect();
    numbers.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(Xids { total: nodes.total, nodes: without_unnamed(nodes), numbers, newest })
}

pub(super) async fn trouble(asker: &Asker<'_>, which: &str, by: Dimension) -> Result<Trouble> {
    let statement = which.to_owned();
    let query = asker.narrowed(which)?;
    let groupings = vec![Grouping::top(by, TOP)];
    let counts = asker.counts(&query, groupings).await?.value.pop();
    let Some(counts) = counts.filter(|counts| counts.total > 0) else {
        return Ok(Trouble { statement, ..Trouble::default() });
    };
    let newest = asker.newest(&query, TOP).await?.rows.iter().map(Sample::from).collect();
    Ok(Trouble { statement, counts: without_unnamed(counts), newest })
}
