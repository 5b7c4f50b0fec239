//! What is wrong with a Pod, by its events: what, since when, how often, and whether it was overcome.
//!
//! Kubernetes has no Event for the exit of a container, and its recorders leave Events out: of one Pod, each takes 25,
//! and then one in five minutes. So a number of restarts is the least that happened, and what is not said of is not
//! over. A finding is **overcome** only where a later Event says so: what could not be scheduled was, what could not
//! be pulled was pulled. A container that restarts, a probe, a kill for want of memory is never said to be over; who
//! shows it compares [`Finding::last`] with now.

use std::collections::BTreeMap;
use std::time::Duration;

use eventcenter_core::Level;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::lane::{Lane, LaneKind, Moment, Point};
use super::life::Life;
use crate::ask::RowId;
use crate::nodes::said;

/// What is wrong, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// It was evicted or preempted, or its node was shut down.
    Removed,
    /// A container starts again and again; the count is one of restarts.
    Restarting,
    /// A container is not started again for a while, since it has ended too often.
    BackOff,
    /// A process was killed for want of memory.
    OutOfMemory,
    /// A container cannot be created or started.
    StartFailed,
    /// An image cannot be pulled.
    Image,
    /// No node will have it.
    Unschedulable,
    /// A volume cannot be attached or mounted.
    Volumes,
    /// Its sandbox or its address cannot be had.
    Network,
    /// A probe fails.
    Probe,
    /// It cannot be stopped as it should.
    Stopping,
    /// Something else that is not Normal.
    Other,
    /// Its node is in trouble.
    Node,
}

/// Why a container restarts, where events say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A process of the Pod was killed for want of memory.
    OutOfMemory,
    /// A probe failed, and the kubelet restarts it for that.
    Probe,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// With which container; empty where it is about the whole Pod, or not known.
    pub container: String,
    /// The worst of its events; at least Warning.
    pub level: Level,
    /// Since when: also before the range, where an Event says so itself.
    pub since: Timestamp,
    /// When it last happened in the range.
    pub last: Timestamp,
    /// How often in the range.
    pub count: u64,
    /// Whether it has happened more often, before it was first seen here.
    pub estimated: bool,
    /// The usual time between two of the last times; none with fewer than three.
    #[serde(rename = "every_seconds", serialize_with = "super::life::seconds")]
    pub every: Option<Duration>,
    /// When a later event says that it is over.
    pub overcome: Option<Timestamp>,
    /// Why, for a container that restarts.
    pub cause: Option<Cause>,
    /// The newest of its events.
    pub reason: String,
    /// The text of that one. Untrusted.
    pub message: String,
    /// All of its events; texts in JSON.
    #[serde(serialize_with = "super::lane::texts")]
    pub events: Vec<RowId>,
}

/// How far the last word of a finding may lie back for it to stand among the first.
const RECENT: SignedDuration = SignedDuration::from_hours(1);
/// The last times whose distance is the usual one.
const PACE: usize = 20;

/// What is wrong; first what is not overcome and was heard of lately, of these the worst.
pub(super) fn findings(life: &Life) -> Vec<Finding> {
    let mut said: BTreeMap<(FindingKind, &str, &str), Vec<&Point>> = BTreeMap::new();
    for lane in &life.lanes {
        for point in &lane.points {
            let Some((kind, container)) = wrong(life, lane, point) else { continue };
            // What has no kind of its own is told apart by its reason.
            let is_open = matches!(kind, FindingKind::Node | FindingKind::Other);
            let reason = if is_open { point.reason.as_str() } else { "" };
            said.entry((kind, container, reason)).or_default().push(point);
        }
    }
    let mut findings: Vec<Finding> = said
        .into_iter()
        .filter_map(|((kind, container, _), points)| Finding::new(life, kind, container, &points))
        .collect();
    findings.sort_by_key(|finding| {
        let is_old = life.until.duration_since(finding.last) > RECENT;
        (finding.overcome.is_some(), is_old, finding.kind)
    });
    findings
}

/// What is wrong by this event, and with which container.
fn wrong<'a>(life: &Life, lane: &'a Lane, point: &'a Point) -> Option<(FindingKind, &'a str)> {
    let is_bad = point.level >= Level::Warning;
    let kind = match lane.kind {
        LaneKind::Container => {
            let name = lane.container.as_str();
            let restarts = life.containers.iter().any(|one| one.name == name && one.restarts > 0);
            return match point.reason.as_str() {
                "Started" | "BackOff" if restarts => Some((FindingKind::Restarting, name)),
                "BackOff" => Some((FindingKind::BackOff, name)),
                _ if is_bad => Some((FindingKind::StartFailed, name)),
                _ => None,
            };
        }
        LaneKind::Ending if REMOVALS.contains(&point.reason.as_str()) => {
            return Some((FindingKind::Removed, ""));
        }
        LaneKind::Oom => FindingKind::OutOfMemory,
        // Kubernetes calls a pull that is put off Normal.
        LaneKind::Images if is_bad || point.reason == "BackOff" => FindingKind::Image,
        _ if !is_bad => return None,
        LaneKind::Scheduling => FindingKind::Unschedulable,
        LaneKind::Volumes => FindingKind::Volumes,
        LaneKind::Network => FindingKind::Network,
        LaneKind::Probes => FindingKind::Probe,
        LaneKind::Ending => FindingKind::Stopping,
        LaneKind::Node => return Some((FindingKind::Node, "")),
        LaneKind::Images | LaneKind::Controller | LaneKind::Other => FindingKind::Other,
    };
    Some((kind, &point.container))
}

/// What takes a Pod away against its will.
pub(super) const REMOVALS: &[&str] = &[
    "Evicted",
    "EvictedByVPA",
    "Preempted",
    "TaintManagerEviction",
    "NodeShutdown",
    "DeadlineExceeded",
];

impl Finding {
    fn new(life: &Life, kind: FindingKind, container: &str, points: &[&Point]) -> Option<Self> {
        let newest = points.iter().max_by_key(|point| (point.reason == "BackOff", point.until))?;
        let mut moments: Vec<Moment> = Vec::new();
        for point in points {
            if kind != FindingKind::Restarting || point.reason == "Started" {
                moments.extend(&point.moments);
            }
        }
        moments.sort_by_key(|moment| moment.at);
        let estimated = points.iter().any(|point| point.estimated());
        let last = points.iter().map(|point| point.until).max()?;
        let mut count = moments.iter().map(|moment| u64::from(moment.rise)).sum();
        let mut since = moments.first()?.at;
        if kind == FindingKind::Restarting {
            // The first start is none.
            let of = life.containers.iter().find(|one| one.name == container)?;
            count = of.restarts;
            since = restarted(&moments).unwrap_or(since);
        }
        let known = points.iter().filter(|point| point.estimated()).filter_map(|point| point.first);
        Some(Self {
            kind,
            container: container.to_owned(),
            level: points.iter().map(|point| point.level).max()?.max(Level::Warning),
            since: known.min().map_or(since, |first| first.min(since)),
            last,
            count,
            estimated,
            every: pace(&moments),
            overcome: overcome(life, kind, container, newest, last),
            cause: (kind == FindingKind::Restarting).then(|| cause(life)).flatten(),
            reason: newest.reason.clone(),
            message: newest.message.clone(),
            events: points.iter().map(|point| point.id).collect(),
        })
    }
}

/// When a container that started at these moments did so for the second time.
fn restarted(moments: &[Moment]) -> Option<Timestamp> {
    match moments {
        [first, ..] if first.rise > 1 => Some(first.at),
        [_, second, ..] => Some(second.at),
        _ => None,
    }
}

/// The mean of the times between the last of these.
fn pace(moments: &[Moment]) -> Option<Duration> {
    let (first, rest) = moments.get(moments.len().saturating_sub(PACE)..)?.split_first()?;
    let last = rest.last().filter(|_| rest.len() > 1)?;
    let times = rest.iter().map(|moment| moment.rise).fold(0, u32::saturating_add);
    Duration::try_from(last.at.duration_since(first.at)).ok()?.checked_div(times)
}

/// The first event after `last` that says it is over.
fn overcome(
    life: &Life,
    kind: FindingKind,
    container: &str,
    newest: &Point,
    last: Timestamp,
) -> Option<Timestamp> {
    let condition = said(&newest.reason, &newest.message).filter(|(_, is_bad)| *is_bad);
    let starts = |lane: &Lane, point: &Point| {
        let is_it = container.is_empty() || lane.container == container;
        lane.kind == LaneKind::Container && point.reason == "Started" && is_it
    };
    let says = |lane: &Lane, point: &Point| match kind {
        FindingKind::Unschedulable => point.reason == "Scheduled",
        FindingKind::Image => {
            let is_it = container.is_empty() || point.container == container;
            starts(lane, point) || (point.reason == "Pulled" && is_it)
        }
        // With the first image, volumes and sandbox are there.
        FindingKind::Volumes | FindingKind::Network => {
            starts(lane, point) || (lane.kind == LaneKind::Images && point.reason != "BackOff")
        }
        FindingKind::StartFailed => starts(lane, point),
        FindingKind::Node => {
            let ends = condition.map(|(kind, _)| (kind, false));
            lane.kind == LaneKind::Node
                && ends.is_some()
                && said(&point.reason, &point.message) == ends
        }
        _ => false,
    };
    (life.lanes.iter())
        .flat_map(|lane| lane.points.iter().filter(|point| says(lane, point)))
        .flat_map(|point| &point.moments)
        .map(|moment| moment.at)
        .filter(|at| *at >= last)
        .min()
}

/// Why its containers restart.
fn cause(life: &Life) -> Option<Cause> {
    let of = |kind| life.lanes.iter().filter(move |lane| lane.kind == kind);
    if of(LaneKind::Oom).next().is_some() {
        return Some(Cause::OutOfMemory);
    }
    let by_probe = |point: &Point| {
        point.reason == "Killing" && point.message.contains(" probe, will be restarted")
    };
    let mut endings = of(LaneKind::Ending).flat_map(|lane| &lane.points);
    endings.any(by_probe).then_some(Cause::Probe)
}
