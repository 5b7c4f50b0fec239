//! Known faults: the triage that ACK's event center applies, as data.
//!
//! Matches what kube-eventer 1.2.14 counts as an *error* in its metrics. The first class that matches wins, so
//! the order of the table matters where one reason stands in several rows. Two reasons are misspelt in
//! kube-eventer (`SYncRouteFailed`, `DeteleNodeFailed`); here both spellings match.

/// A known fault. An event that is an instance of one has level Error, whatever its type.
#[derive(Debug, PartialEq, Eq)]
pub struct Class {
    /// The name as ACK's pages show it.
    pub name: &'static str,
    reasons: &'static [&'static str],
    /// Only events about this kind; empty: any.
    kind: &'static str,
    message: Message,
}

#[derive(Debug, PartialEq, Eq)]
enum Message {
    Any,
    HasOneOf(&'static [&'static str]),
    HasNoneOf(&'static [&'static str]),
}

const IMAGE_PULL: &[&str] = &["ImagePullBackOff", "ErrImagePull"];
const IMAGE_PULL_OR_WORDS: &[&str] = &["ImagePullBackOff", "ErrImagePull", "Failed to pull image"];
const CNI: &[&str] = &[
    "AllocIPFailed",
    "ParseFailed",
    "DisposeResourceFailed",
    "AllocResourceFailed",
    "ResourceInvalid",
];

/// Every class, in the order in which they are tried.
#[rustfmt::skip]
pub static CLASSES: &[Class] = &[
    class("PodEvict", &["Evicted"], "", Message::Any),
    class("PodOOM", &["OOMKilling", "PodOOMKilling"], "", Message::Any),
    class("VolumeFailMount", &["FailedMount", "FailedAttachVolume"], "", Message::Any),
    class("PodImagePullBackOff", &["Failed"], "", Message::HasOneOf(IMAGE_PULL)),
    class("PodImagePullBackOff", &["BackOff"], "", Message::HasOneOf(&["Back-off pulling image"])),
    class("PodFailStart", &["Failed"], "Pod", Message::HasNoneOf(IMAGE_PULL_OR_WORDS)),
    class("PodCrash", &["BackOff"], "", Message::HasOneOf(&["Back-off restarting failed container"])),
    class("FailCreatePodExceedQuota", &["FailedCreate"], "", Message::HasOneOf(&["exceeded quota"])),
    class("ResourceInsufficient", &["FailedScheduling"], "", Message::HasOneOf(&["Insufficient"])),
    class("PodFailScheduling", &["FailedScheduling"], "", Message::Any),
    class("DiskProvisionFailSize", &["ProvisioningFailed"], "", Message::HasOneOf(&["disk size is not supported"])),
    class("DiskProvisionFail", &["ProvisioningFailed"], "", Message::Any),
    class("FailedBindingNoStorageClass", &["FailedBinding"], "", Message::HasOneOf(&["no storage class is set"])),
    class("NodeOOM", &["SystemOOM"], "", Message::Any),
    class("NodeRebooted", &["Rebooted"], "", Message::Any),
    class("NodeDiskPressure", &["NodeHasDiskPressure"], "", Message::Any),
    class("NodeDockerHung", &["DockerHung"], "", Message::Any),
    class("NodePSHung", &["PSProcessIsHung"], "", Message::Any),
    class("NodeGPUXIPError", &["NodeHasNvidiaXidError"], "", Message::Any),
    class("NodeFDPressure", &["NodeHasFDPressure", "PIDPressure", "NodeHasPIDPressure"], "", Message::Any),
    class("NodeNPTDown", &["NTPIsDown"], "", Message::Any),
    class("ConnTrackFull", &["ConntrackFull"], "", Message::Any),
    class("NodePLEGUnhealthy", &["NodeNotReady"], "Node", Message::HasOneOf(&["PLEG is not healthy"])),
    class("NodeNotReady", &["NodeNotReady"], "Node", Message::Any),
    class("CCM", &[
        "SyncLoadBalancerFailed", "DeleteLoadBalancerFailed", "CreateRouteFailed",
        "SYncRouteFailed", "SyncRouteFailed", "AddNodeFailed", "DeteleNodeFailed", "DeleteNodeFailed",
        "UnAvailableLoadBalancer", "AnnotationChanged", "ServiceSpecChanged",
    ], "", Message::Any),
    class("CSI", &["SlowIO", "DeviceBusy", "IOHang"], "", Message::Any),
    class("ClusterIPNotEnough", CNI, "", Message::HasOneOf(&["IpNotEnough"])),
    class("CNI", CNI, "", Message::Any),
];

const fn class(
    name: &'static str,
    reasons: &'static [&'static str],
    kind: &'static str,
    message: Message,
) -> Class {
    Class { name, reasons, kind, message }
}

/// The class of an event with this reason and message about an object of this kind, if it is a known fault.
///
/// ```
/// let class = eventcenter_core::class::classify("BackOff", "Pod", "Back-off pulling image \"nginx:nope\"");
/// assert_eq!(class.map(|class| class.name), Some("PodImagePullBackOff"));
/// ```
pub fn classify(reason: &str, kind: &str, message: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|class| {
        class.reasons.contains(&reason)
            && (class.kind.is_empty() || class.kind == kind)
            && match class.message {
                Message::Any => true,
                Message::HasOneOf(parts) => parts.iter().any(|part| message.contains(part)),
                Message::HasNoneOf(parts) => !parts.iter().any(|part| message.contains(part)),
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_found_by_its_own_row() {
        let cases = [
            ("Evicted", "Pod", "", "PodEvict"),
            ("PodOOMKilling", "Pod", "", "PodOOM"),
            ("FailedAttachVolume", "Pod", "", "VolumeFailMount"),
            ("Failed", "Pod", "Error: ImagePullBackOff", "PodImagePullBackOff"),
            ("Failed", "Pod", "Error: context deadline exceeded", "PodFailStart"),
            ("BackOff", "Pod", "Back-off restarting failed container web", "PodCrash"),
            ("FailedCreate", "ReplicaSet", "exceeded quota: q", "FailCreatePodExceedQuota"),
            ("FailedScheduling", "Pod", "3 Insufficient cpu", "ResourceInsufficient"),
            ("FailedScheduling", "Pod", "untolerated taint", "PodFailScheduling"),
            (
                "ProvisioningFailed",
                "PersistentVolumeClaim",
                "disk size is not supported",
                "DiskProvisionFailSize",
            ),
            ("ProvisioningFailed", "PersistentVolumeClaim", "", "DiskProvisionFail"),
            (
                "FailedBinding",
                "PersistentVolumeClaim",
                "no storage class is set",
                "FailedBindingNoStorageClass",
            ),
            ("NodeNotReady", "Node", "PLEG is not healthy", "NodePLEGUnhealthy"),
            ("NodeNotReady", "Node", "", "NodeNotReady"),
            ("SYncRouteFailed", "Service", "", "CCM"),
            ("SyncRouteFailed", "Service", "", "CCM"),
            ("DeteleNodeFailed", "Node", "", "CCM"),
            ("DeleteNodeFailed", "Node", "", "CCM"),
            ("AllocIPFailed", "Pod", "IpNotEnough", "ClusterIPNotEnough"),
            ("AllocIPFailed", "Pod", "", "CNI"),
        ];
        for (reason, kind, message, name) in cases {
            assert_eq!(
                classify(reason, kind, message).map(|class| class.name),
                Some(name),
                "{reason}: {message}"
            );
        }
    }

    #[test]
    fn near_misses_are_no_known_faults() {
        // kubelet reports a failed pull as `Failed to pull image`, and then again as BackOff: one fault, not two.
        assert_eq!(classify("Failed", "Pod", "Failed to pull image \"x\""), None);
        assert_eq!(classify("Failed", "Job", "boom"), None);
        assert_eq!(classify("NodeNotReady", "Pod", ""), None);
        assert_eq!(classify("FailedCreate", "ReplicaSet", "forbidden"), None);
        assert_eq!(classify("evicted", "Pod", ""), None);
        assert_eq!(classify("", "", ""), None);
    }
}
