//! What the made-up events say.

/// One kind of event. `{n}` becomes a number, `{pod}`, `{ns}`, `{uid}`, `{container}` and `{node}` those of the Pod.
#[derive(Debug, Clone, Copy)]
pub(super) struct Template {
    pub(super) weight: usize,
    pub(super) level: &'static str,
    pub(super) kind: &'static str,
    pub(super) reason: &'static str,
    pub(super) component: &'static str,
    pub(super) message: &'static str,
    /// Whether it is about a container of the Pod.
    pub(super) container: bool,
    /// Whether it is likely to be repeated.
    pub(super) recurs: bool,
}

const fn pod(
    weight: usize,
    level: &'static str,
    reason: &'static str,
    component: &'static str,
    message: &'static str,
) -> Template {
    Template {
        weight,
        level,
        kind: "Pod",
        reason,
        component,
        message,
        container: false,
        recurs: false,
    }
}

const fn node(
    weight: usize,
    level: &'static str,
    reason: &'static str,
    component: &'static str,
    message: &'static str,
) -> Template {
    Template { kind: "Node", ..pod(weight, level, reason, component, message) }
}

const fn container(template: Template) -> Template {
    Template { container: true, ..template }
}

const fn recurs(template: Template) -> Template {
    Template { recurs: true, ..template }
}

const PULLED: &str = "Successfully pulled image \"registry.example.com/shop/{container}:1.{n}.{n}\" in 2.{n}s (2.{n}s including waiting). Image size: {n}53187 bytes.";
const PULL_FAILED: &str = "Failed to pull image \"registry.example.com/shop/{container}:1.{n}\": rpc error: code = NotFound desc = failed to pull and unpack image: not found";
const BACK_OFF: &str = "Back-off restarting failed container {container} in pod {pod}_{ns}({uid})";
const SCHEDULING: &str = "0/200 nodes are available: {n} Insufficient cpu, {n} node(s) had untolerated taint {dedicated: gpu}. preemption: 0/200 nodes are available: 200 No preemption victims found for incoming pod.";
const MOUNT: &str =
    "MountVolume.SetUp failed for volume \"config\" : configmap \"settings-{n}\" not found";
const READINESS: &str = "Readiness probe failed: HTTP probe failed with statuscode: 503";
const LIVENESS: &str = "Liveness probe failed: Get \"http://10.244.{n}.{n}:8080/healthz\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
const OOM: &str = "pod was OOM killed. node:{node} pod:{pod} namespace:{ns} uuid:{uid}";
const XID: &str = "Node {node} has NVIDIA Xid error: NVRM: Xid (PCI:0000:3b:00): 79, pid={n}, GPU has fallen off the bus.";
const CERTIFICATE: &str = "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time is after 2026-11-{n}";

#[rustfmt::skip]
pub(super) static TEMPLATES: &[Template] = &[
    pod(1300, "Normal", "Scheduled", "default-scheduler", "Successfully assigned {ns}/{pod} to {node}"),
    container(pod(1100, "Normal", "Pulling", "kubelet", "Pulling image \"registry.example.com/shop/{container}:1.{n}.{n}\"")),
    container(pod(1200, "Normal", "Pulled", "kubelet", PULLED)),
    container(recurs(pod(1200, "Normal", "Created", "kubelet", "Created container: {container}"))),
    container(recurs(pod(1200, "Normal", "Started", "kubelet", "Started container {container}"))),
    container(pod(900, "Normal", "Killing", "kubelet", "Stopping container {container}")),
    container(recurs(pod(900, "Warning", "BackOff", "kubelet", BACK_OFF))),
    container(recurs(pod(900, "Warning", "Unhealthy", "kubelet", READINESS))),
    container(recurs(pod(400, "Warning", "Unhealthy", "kubelet", LIVENESS))),
    recurs(pod(300, "Warning", "FailedScheduling", "default-scheduler", SCHEDULING)),
    container(recurs(pod(200, "Warning", "Failed", "kubelet", PULL_FAILED))),
    container(recurs(pod(200, "Warning", "Failed", "kubelet", "Error: ImagePullBackOff"))),
    recurs(pod(150, "Warning", "FailedMount", "kubelet", MOUNT)),
    pod(300, "Normal", "SuccessfulAttachVolume", "attachdetach-controller", "AttachVolume.Attach succeeded for volume \"pvc-{uid}\""),
    pod(40, "Warning", "Evicted", "kubelet", "The node was low on resource: memory. Threshold quantity: 100Mi, available: {n}Ki. Container {container} was using {n}Mi, request is 0, has larger consumption of memory."),
    node(20, "Warning", "PodOOMKilling", "kernel-monitor", OOM),
    node(60, "Normal", "NodeHasSufficientMemory", "kubelet", "Node {node} status is now: NodeHasSufficientMemory"),
    node(20, "Normal", "NodeNotReady", "node-controller", "Node {node} status is now: NodeNotReady"),
    node(20, "Warning", "NodeHasDiskPressure", "kubelet", "Node {node} status is now: NodeHasDiskPressure"),
    node(5, "Warning", "NodeHasNvidiaXidError", "nvidia-gpu-monitor", XID),
    pod(1, "Warning", "FailedWebhook", "admission-checker", CERTIFICATE),
];

/// What `fieldsV1` of `managedFields` holds for an Event, which makes two fifths of its document.
pub(super) const FIELDS: &str = r#"{"f:count":{},"f:firstTimestamp":{},"f:involvedObject":{},"f:lastTimestamp":{},"f:message":{},"f:reason":{},"f:reportingComponent":{},"f:reportingInstance":{},"f:action":{},"f:eventTime":{},"f:related":{".":{},"f:kind":{},"f:name":{},"f:namespace":{},"f:uid":{}},"f:series":{".":{},"f:count":{},"f:lastObservedTime":{}},"f:source":{"f:component":{},"f:host":{}},"f:type":{},"f:metadata":{"f:annotations":{".":{},"f:kubernetes.io/config.hash":{},"f:kubernetes.io/config.seen":{},"f:kubernetes.io/config.source":{}},"f:labels":{".":{},"f:app.kubernetes.io/name":{},"f:app.kubernetes.io/part-of":{},"f:pod-template-hash":{}}}}"#;
