//! The beginning of a life, in steps: what it waited for, and how long.
//!
//! The time from its creation until the last of its containers had first started is cut at every event that says
//! something of it. Each slice belongs to what the event at its end says was being done: what lies before `Scheduled`
//! or `FailedScheduling` is scheduling, what lies before `Pulled` is the image. So the steps add up to the whole, also
//! for a Pod whose init containers run between two pulls.
//!
//! Without its controller's word it begins with its first event. A life of which only a later part lies in the range
//! has no steps.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::lane::{LaneKind, Point};
use super::life::Life;

/// What a Pod waits for at its beginning, in the order in which it usually does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A node.
    Scheduling,
    /// Its volumes.
    Volumes,
    /// Its sandbox and its address.
    Network,
    /// What no event tells apart: mounts, the sandbox, all that lies before the first pull.
    Preparing,
    /// Its images.
    Images,
    /// Its init containers, while one runs and before the next is prepared.
    Init,
    /// Its containers, to be created and started.
    Starting,
}

/// One step. Several waits for the same thing are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What it waited for.
    pub kind: StepKind,
    /// When that began.
    pub from: Timestamp,
    /// When it was last over; with [`open`](Self::open), when it was last heard of.
    pub until: Timestamp,
    /// The waits of this kind, added up.
    #[serde(rename = "took_seconds", serialize_with = "super::life::whole")]
    pub took: Duration,
    /// Whether it took longest, and a second at least: shorter times are not told apart.
    pub slowest: bool,
    /// Whether it was still waited for when it was last heard of: no container has started.
    pub open: bool,
}

/// The steps of a beginning, in the order of [`StepKind`].
pub(super) fn steps(life: &Life) -> Vec<Step> {
    let begins = |point: &Point| point.reason == "SuccessfulCreate";
    let created = instants(life, LaneKind::Controller, begins).min();
    let started = life.containers.iter().filter_map(|container| container.started).max();
    let mut heard: Vec<(Timestamp, i64, StepKind)> = Vec::new();
    for lane in &life.lanes {
        for point in &lane.points {
            let Some(kind) = waited_for(lane.kind, point) else { continue };
            let moments = point.moments.iter().map(|moment| moment.at);
            heard.extend(moments.map(|at| (at, point.id.0, kind)));
        }
    }
    heard.retain(|(at, ..)| started.is_none_or(|started| *at <= started));
    // The kubelet writes whole seconds, the scheduler finer times: within one second, things have their usual order.
    heard.sort_unstable_by_key(|(at, id, kind)| (at.as_second(), *kind, *at, *id));
    let is_whole =
        created.is_some() || heard.iter().any(|(.., kind)| *kind == StepKind::Scheduling);
    let Some((first, ..)) = heard.first().filter(|_| is_whole) else { return Vec::new() };

    let mut before = created.unwrap_or(*first).min(*first);
    let mut steps: Vec<Step> = Vec::new();
    let mut runs_init = false;
    let mut last = None;
    for (at, _, kind) in heard {
        // Between the start of one container and the next image, the first has run: it is an init container.
        let kind = if runs_init && kind == StepKind::Preparing { StepKind::Init } else { kind };
        runs_init = kind == StepKind::Starting;
        let took = Duration::try_from(at.duration_since(before)).unwrap_or_default();
        match steps.iter_mut().find(|step| step.kind == kind) {
            Some(step) => {
                step.took += took;
                step.until = at;
            }
            None => steps.push(Step {
                kind,
                from: before,
                until: at,
                took,
                slowest: false,
                open: false,
            }),
        }
        before = before.max(at);
        last = Some(kind);
    }
    if let Some(slowest) = steps.iter_mut().max_by_key(|step| step.took) {
        slowest.slowest = slowest.took >= Duration::from_secs(1);
    }
    if started.is_none() && life.end.is_none() {
        for step in &mut steps {
            step.open = Some(step.kind) == last;
        }
    }
    steps.sort_by_key(|step| step.kind);
    steps
}

/// What was being done before this event.
fn waited_for(lane: LaneKind, point: &Point) -> Option<StepKind> {
    match lane {
        LaneKind::Scheduling => Some(StepKind::Scheduling),
        LaneKind::Volumes => Some(StepKind::Volumes),
        LaneKind::Network => Some(StepKind::Network),
        LaneKind::Images if point.reason == "Pulling" => Some(StepKind::Preparing),
        // Nothing was waited for: the image was there.
        LaneKind::Images if point.message.contains("already present") => Some(StepKind::Preparing),
        LaneKind::Images => Some(StepKind::Images),
        LaneKind::Container => Some(StepKind::Starting),
        _ => None,
    }
}

/// When such points of a lane occurred.
fn instants(
    life: &Life,
    lane: LaneKind,
    which: impl Fn(&Point) -> bool,
) -> impl Iterator<Item = Timestamp> {
    let lanes = life.lanes.iter().filter(move |one| one.kind == lane);
    let points = lanes.flat_map(|lane| &lane.points).filter(move |point| which(point));
    points.flat_map(|point| &point.moments).map(|moment| moment.at)
}
