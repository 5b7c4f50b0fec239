//! What the server says about itself: its version and its resources.

use bytes::Bytes;
use serde_json::{Value, json};

use super::object::Api;

/// `/version`
pub(crate) fn version() -> Bytes {
    body(&json!({
        "major": "1", "minor": "37",
        "emulationMajor": "1", "emulationMinor": "37",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "36",
        "gitVersion": "v1.37.2", "gitCommit": "0", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.26.8",
        "compiler": "gc", "platform": "linux/amd64",
    }))
}

/// `/api`
pub(crate) fn core_versions(address: &str) -> Bytes {
    body(&json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{ "clientCIDR": "0.0.0.0/0", "serverAddress": address }],
    }))
}

/// `/apis`
pub(crate) fn groups() -> Bytes {
    let version = json!({ "groupVersion": "events.k8s.io/v1", "version": "v1" });
    body(&json!({
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [{
            "name": "events.k8s.io",
            "versions": [version],
            "preferredVersion": version,
        }],
    }))
}

/// `/api/v1` and `/apis/events.k8s.io/v1`
pub(crate) fn resources(api: Api) -> Bytes {
    let mut resources = vec![json!({
        "name": "events", "singularName": "event", "namespaced": true, "kind": "Event",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "shortNames": ["ev"],
    })];
    if api == Api::Core {
        resources.push(json!({
            "name": "namespaces", "singularName": "namespace", "namespaced": false,
            "kind": "Namespace",
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
            "shortNames": ["ns"],
        }));
    }
    body(&json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api.version(),
        "resources": resources,
    }))
}

/// `/api/v1/namespaces/kube-system`
pub(crate) fn kube_system(uid: &str) -> Bytes {
    body(&json!({
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {
            "name": "kube-system",
            "uid": uid,
            "resourceVersion": "4",
            "creationTimestamp": "2026-11-23T10:56:31Z",
            "labels": { "kubernetes.io/metadata.name": "kube-system" },
        },
        "spec": { "finalizers": ["kubernetes"] },
        "status": { "phase": "Active" },
    }))
}

fn body(value: &Value) -> Bytes {
    let mut json = value.to_string().into_bytes();
    json.push(b'\n');
    json.into()
}
