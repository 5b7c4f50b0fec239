//! Lanes: which part of a Pod's life an event belongs to.

use eventcenter_core::{Event, Level};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::ask::{Row, RowId};
use crate::message;

/// What a lane is about, in the order in which they are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneKind {
    /// What its controller said of it: created, deleted.
    Controller,
    /// Finding a node for it.
    Scheduling,
    /// Attaching and mounting its volumes.
    Volumes,
    /// Its sandbox and its address.
    Network,
    /// Pulling its images.
    Images,
    /// One container: created, started, crashed.
    Container,
    /// Probes that failed.
    Probes,
    /// Processes killed for want of memory.
    Oom,
    /// Being stopped, evicted, preempted.
    Ending,
    /// What happened to its node meanwhile.
    Node,
    /// Everything else that is said about it.
    Other,
}

/// One lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// What it is about.
    pub kind: LaneKind,
    /// Which container, for a lane of one; else empty.
    pub container: String,
    /// Oldest first.
    pub points: Vec<Point>,
}

/// One Event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Point {
    /// What the engine knows it by. A text in JSON: numbers of JavaScript are not long enough.
    #[serde(serialize_with = "text")]
    pub id: RowId,
    /// The Event's own uid; empty where it has none.
    pub uid: String,
    /// When it first occurred in the range.
    pub from: Timestamp,
    /// When it last occurred in the range.
    pub until: Timestamp,
    /// How bad it is.
    pub level: Level,
    /// The known fault, if it is one.
    pub class: Option<&'static str>,
    /// Why.
    pub reason: String,
    /// The text for people. Untrusted.
    pub message: String,
    /// Who said it.
    pub component: String,
    /// The node it was seen on, or is about.
    pub node: String,
    /// The container it is about; empty where it is about none.
    pub container: String,
    /// When it first occurred, as the Event itself says; also before the range.
    pub first: Option<Timestamp>,
    /// How often it occurred in the range.
    pub count: u64,
    /// Each rise of its count, oldest first.
    pub moments: Vec<Moment>,
}

fn text<S: Serializer>(id: &RowId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&id.0)
}

/// Likewise, of several.
pub(super) fn texts<S: Serializer>(ids: &[RowId], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ids.iter().map(|id| id.0.to_string()))
}

/// One rise of an Event's count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// By how much; at least 1.
    pub rise: u32,
    /// Whether more may have happened before it was first seen here.
    pub estimated: bool,
}

impl Point {
    /// `moments` are not empty, oldest first.
    pub(crate) fn new(row: &Row, moments: Vec<Moment>) -> Self {
        let event = &row.event;
        Self {
            id: row.id,
            uid: event.uid().to_owned(),
            from: moments.first().map_or(event.time(), |moment| moment.at),
            until: moments.last().map_or(event.time(), |moment| moment.at),
            level: event.level(),
            class: event.class().map(|class| class.name),
            reason: event.reason().to_owned(),
            message: event.message().to_owned(),
            component: event.component().to_owned(),
            node: event.host().to_owned(),
            container: message::container(event.object().field_path).unwrap_or_default().to_owned(),
            first: event.first(),
            count: moments.iter().map(|moment| u64::from(moment.rise)).sum(),
            moments,
        }
    }

    /// Whether an occurrence of it is an estimate.
    pub(super) fn estimated(&self) -> bool {
        self.moments.iter().any(|moment| moment.estimated)
    }
}

#[rustfmt::skip]
const REASONS: &[(LaneKind, &[&str])] = &[
    (LaneKind::Scheduling, &[
        "Scheduled", "FailedScheduling", "WaitingForGates", "TriggeredScaleUp", "NotTriggerScaleUp", "Nominated",
    ]),
    (LaneKind::Volumes, &[
        "SuccessfulAttachVolume", "FailedAttachVolume", "SuccessfulDetachVolume", "FailedDetachVolume",
        "SuccessfulMountVolume", "FailedMount", "FailedUnMount", "FailedMapVolume", "FailedUnmapDevice",
        "VolumeResizeSuccessful", "VolumeResizeFailed", "FileSystemResizeSuccessful", "FileSystemResizeFailed",
        "VolumeMountSuccessful", "VolumeConditionAbnormal", "WaitForFirstConsumer", "WaitForPodScheduled",
    ]),
    (LaneKind::Network, &[
        "FailedCreatePodSandBox", "FailedPodSandBoxStatus", "SandboxChanged", "SandboxReceived", "NetworkNotReady",
        "AllocIPSucceed", "AllocIPFailed", "AllocResourceFailed", "DisposeResourceFailed", "ResourceInvalid",
        "ParseFailed", "AddedInterface", "DNSConfigForming", "HostPortConflict", "HostNetworkNotSupported",
        "IpNotEnough",
    ]),
    (LaneKind::Images, &["Pulling", "Pulled", "ErrImageNeverPull", "InspectFailed", "FailedToRetrieveImagePullSecret"]),
    (LaneKind::Probes, &["Unhealthy", "ProbeWarning", "ProbeError"]),
    (LaneKind::Ending, &[
        "Killing", "Evicted", "EvictedByVPA", "Preempting", "Preempted", "TaintManagerEviction", "DeletingPod",
        "FailedPreStopHook", "FailedKillPod", "ExceededGracePeriod", "NodeNotReady", "NodeShutdown",
        "TerminationGracePeriodExceeded", "DeadlineExceeded", "Cancelling deletion",
    ]),
];

/// The lane of an event about the Pod, and the container whose lane it is.
pub(super) fn lane_of(event: &Event) -> (LaneKind, &str) {
    let class = event.class().map_or("", |class| class.name);
    if class == "PodOOM" {
        return (LaneKind::Oom, "");
    }
    // `Failed` and `BackOff` are said of images and of containers alike.
    let about_image = class == "PodImagePullBackOff"
        || event.message().starts_with("Failed to pull image")
        || event.message().starts_with("Error: ErrImage")
        || event.message().starts_with("Error: Invalid image");
    if about_image {
        return (LaneKind::Images, "");
    }
    let listed = REASONS.iter().find(|(_, reasons)| reasons.contains(&event.reason()));
    match (listed, message::container(event.object().field_path)) {
        (Some((kind, _)), _) => (*kind, ""),
        (None, Some(container)) => (LaneKind::Container, container),
        (None, None) => (LaneKind::Other, ""),
    }
}
