//! Standard events, so that every sink shows the same ones in its snapshots.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::event::{Cluster, Event};

/// One of each, in this order: ordinary, series, unicode, hostile, incomplete.
pub fn standard() -> Vec<Arc<Event>> {
    vec![ordinary(), series(), unicode(), hostile(), incomplete()]
}

/// A Pod that cannot pull its image, as a kubelet reports it, with `managedFields`.
pub fn ordinary() -> Arc<Event> {
    event(&core_v1(1, "Failed", "Error: ImagePullBackOff"))
}

/// An events.k8s.io/v1 Event about a Node that recurs: a series, microseconds, no `count`.
pub fn series() -> Arc<Event> {
    event(&json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event",
        "metadata": {
            "name": "worker-1.17f3a1b2c3d4e5f7", "namespace": "default",
            "uid": "00000000-0000-4000-8000-000000000002", "resourceVersion": "1002",
            "creationTimestamp": "2026-11-25T01:00:00Z",
        },
        "type": "Warning", "reason": "NodeNotReady", "note": "PLEG is not healthy", "action": "Check",
        "regarding": {"apiVersion": "v1", "kind": "Node", "name": "worker-1", "uid": "worker-1"},
        "reportingController": "kubelet", "reportingInstance": "worker-1",
        "eventTime": "2026-11-25T01:00:00.000001Z",
        "series": {"count": 9, "lastObservedTime": "2026-11-25T01:02:03.000004Z"},
    }))
}

/// Chinese, an emoji outside the first plane, combining marks, text from right to left.
pub fn unicode() -> Arc<Event> {
    event(&core_v1(3, "镜像拉取失败", "拉取镜像失败：连接超时 🚢 e\u{301} مرحبا"))
}

/// A message that attacks whoever shows it: terminals, JSON, HTML, Markdown, spreadsheets, chat rooms.
pub fn hostile() -> Arc<Event> {
    event(&core_v1(
        4,
        "Failed",
        "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\0 a\rb\nc\td \"quoted\" back\\slash {\"reason\":\"x\"} 100% \
         <script>alert(1)</script> [link](http://x) **bold** =HYPERLINK(1) @all <!channel> \u{202e}txt",
    ))
}

/// An object without a single field that is read.
pub fn incomplete() -> Arc<Event> {
    event(&json!({}))
}

/// A message of 1 MB, about as much as etcd takes.
pub fn huge() -> Arc<Event> {
    event(&core_v1(5, "Failed", &"0123456789".repeat(100_000)))
}

/// `count` ordinary events, each of its own.
pub fn many(count: usize) -> Vec<Arc<Event>> {
    (0..count)
        .map(|number| event(&core_v1(100 + number, "Failed", "Error: ImagePullBackOff")))
        .collect()
}

/// An event of the cluster `prod` from a document of yours, received at a fixed time.
pub fn event(document: &Value) -> Arc<Event> {
    let cluster = Arc::new(Cluster { id: "c1".to_owned(), name: "prod".to_owned() });
    let received: Timestamp = "2026-11-25T01:02:04Z".parse().expect("a time");
    let raw = document.to_string().into();
    Arc::new(Event::from_kubernetes(&cluster, raw, received).expect("an Event"))
}

fn core_v1(number: usize, reason: &str, message: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {
            "name": format!("web-0.{number:016x}"), "namespace": "shop",
            "uid": format!("00000000-0000-4000-8000-{number:012}"),
            "resourceVersion": (1000 + number).to_string(),
            "creationTimestamp": "2026-11-25T01:00:00Z",
            "managedFields": [{"manager": "kubelet", "operation": "Update"}],
        },
        "type": "Warning", "reason": reason, "message": message,
        "involvedObject": {
            "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-0",
            "uid": "7b0e2c1a-1111-4222-8333-444455556666", "fieldPath": "spec.containers{web}",
        },
        "source": {"component": "kubelet", "host": "worker-1"},
        "firstTimestamp": "2026-11-25T01:00:00Z", "lastTimestamp": "2026-11-25T01:02:03Z", "count": 3,
    })
}
