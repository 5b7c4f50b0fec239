//! Lanes: what an event about a Node is about.

use eventcenter_core::Event;
use serde::Serialize;

use super::condition::{READY, said};
use crate::lifecycle::Point;

/// What a lane is about, in the order in which they are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeLaneKind {
    /// Ready or not, cordoned, joined, removed.
    Ready,
    /// Rebooted, shut down, the kubelet started.
    Reboot,
    /// Memory, disk, processes, file descriptors run short.
    Pressure,
    /// Processes killed for want of memory.
    Oom,
    /// GPU faults.
    Gpu,
    /// Disks and file systems.
    Disk,
    /// The clock.
    Ntp,
    /// The container runtime and the kubelet.
    Runtime,
    /// The kernel.
    Kernel,
    /// Everything else that is said about it.
    Other,
}

/// One lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeLane {
    /// What it is about.
    pub kind: NodeLaneKind,
    /// Oldest first.
    pub points: Vec<Point>,
}

#[rustfmt::skip]
const REASONS: &[(NodeLaneKind, &[&str])] = &[
    (NodeLaneKind::Ready, &["RegisteredNode", "RemovingNode", "DeletingNode", "CIDRNotAvailable", "CIDRAssignmentFailed"]),
    (NodeLaneKind::Reboot, &["Rebooted", "Shutdown", "NodeShutdown", "Starting", "KubeletStart"]),
    (NodeLaneKind::Pressure, &[
        "EvictionThresholdMet", "FreeDiskSpaceFailed", "ImageGCFailed", "ContainerGCFailed", "ConntrackFull",
        "InvalidDiskCapacity",
    ]),
    (NodeLaneKind::Oom, &["SystemOOM", "OOMKilling", "PodOOMKilling"]),
    (NodeLaneKind::Disk, &[
        "FilesystemIsReadOnly", "Ext4Error", "Ext4Warning", "IOError", "XfsHasShutdown", "DiskBadBlock",
        "SlowIO", "DeviceBusy", "IOHang",
    ]),
    (NodeLaneKind::Runtime, &[
        "DockerHung", "PSProcessIsHung", "DockerStart", "ContainerdStart", "DockerUnhealthy", "ContainerdUnhealthy",
        "KubeletUnhealthy", "DockerDaemonOffline", "RuntimeDaemonOffline", "CorruptDockerImage", "CorruptDockerOverlay2",
        "FrequentKubeletRestart", "FrequentDockerRestart", "FrequentContainerdRestart",
    ]),
    (NodeLaneKind::Kernel, &[
        "KernelOops", "Kerneloops", "TaskHung", "UnregisterNetDevice", "AUFSUmountHung", "MemoryReadError",
    ]),
];

/// Words in the name of a condition, and the lane of what is said of it.
const CONDITIONS: &[(&str, NodeLaneKind)] = &[
    ("Pressure", NodeLaneKind::Pressure),
    ("Nvidia", NodeLaneKind::Gpu),
    ("Filesystem", NodeLaneKind::Disk),
    ("Disk", NodeLaneKind::Disk),
    ("Xfs", NodeLaneKind::Disk),
    ("NTP", NodeLaneKind::Ntp),
    ("Runtime", NodeLaneKind::Runtime),
    ("Docker", NodeLaneKind::Runtime),
    ("Restart", NodeLaneKind::Runtime),
    ("Kubelet", NodeLaneKind::Runtime),
    ("Kernel", NodeLaneKind::Kernel),
];

/// The lane of an event about a Node.
pub(super) fn lane_of(event: &Event) -> NodeLaneKind {
    let reason = event.reason();
    // ACK's node agent has a reason for each fault: `NvidiaXID79Error`, `NvidiaDeviceLost`.
    if reason.starts_with("Nvidia") || reason == "NodeHasNvidiaXidError" {
        return NodeLaneKind::Gpu;
    }
    if let Some((kind, _)) = REASONS.iter().find(|(_, reasons)| reasons.contains(&reason)) {
        return *kind;
    }
    match said(reason, event.message()) {
        Some((READY | "Unschedulable", _)) => NodeLaneKind::Ready,
        Some((condition, _)) => CONDITIONS
            .iter()
            .find(|(word, _)| condition.contains(word))
            .map_or(NodeLaneKind::Other, |(_, kind)| *kind),
        None => NodeLaneKind::Other,
    }
}
