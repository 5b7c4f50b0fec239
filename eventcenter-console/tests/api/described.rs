//! Answers against the document that describes them.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use eventcenter_console::Console;
use eventcenter_core::{Cluster, Event};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use tower::ServiceExt;

use crate::{fetch, over, store};

/// With something to say in every part of an answer: a Pod's whole life, faults of a node, and the health of a part.
fn eventful() -> Console {
    let store = store();
    let cluster = Arc::new(Cluster { id: "c-1".to_owned(), name: "prod".to_owned() });
    let web = json!({
        "kind": "Pod", "namespace": "shop", "name": "web-0", "uid": "p-0", "fieldPath": "spec.containers{web}",
    });
    let set = json!({ "kind": "ReplicaSet", "namespace": "shop", "name": "web", "uid": "r" });
    let node = json!({ "kind": "Node", "name": "node-1", "uid": "node-1" });
    let oom = "pod was OOM killed. node:node-1 pod:web-0 namespace:shop uuid:p-0";
    let pulled = "Successfully pulled image \"nginx:1\" in 2.5s (2.5s including waiting)";
    for (n, (about, reason, message, count)) in [
        (&set, "SuccessfulCreate", "Created pod: web-0", 1),
        (&web, "Scheduled", "Successfully assigned shop/web-0 to node-1", 1),
        (&web, "FailedScheduling", "0/1 nodes are available", 1),
        (&web, "Pulled", pulled, 1),
        (&web, "Failed", "Error: ImagePullBackOff", 1),
        (&web, "Started", "Started container web", 3),
        (&web, "Unhealthy", "Liveness probe failed: 503", 1),
        (&node, "PodOOMKilling", oom, 1),
        (&node, "NodeNotReady", "Node node-1 status is now: NodeNotReady", 1),
        (&node, "NodeHasNvidiaXidError", "NVRM: Xid (PCI:0000:3b:00): 79, pid=1", 1),
        (&set, "SuccessfulDelete", "Deleted pod: web-0", 1),
    ]
    .into_iter()
    .enumerate()
    {
        let time = Timestamp::now() - SignedDuration::from_secs(60 - i64::try_from(n).unwrap());
        let document = json!({
            "metadata": { "name": format!("l-{n}"), "uid": format!("l-{n}"), "resourceVersion": "9" },
            "involvedObject": about, "type": "Warning", "reason": reason, "message": message, "count": count,
            "source": { "component": "kubelet", "host": "node-1" },
            "firstTimestamp": time, "lastTimestamp": time,
        });
        let raw = document.to_string().into();
        store.take(&Arc::new(Event::from_kubernetes(&cluster, raw, Timestamp::now()).unwrap()));
    }
    over(store, "{}")
}

/// Complains unless the value is as the schema says: types, required keys, and no key that
/// it does not name, at any depth.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return check(
            document,
            &document["components"]["schemas"][name],
            value,
            &format!("{place}<{name}>"),
        );
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().map(|one| one.as_str().unwrap()).collect(),
        other => panic!("{place}: a schema without a type: {other}"),
    };
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(types.contains(&found), "{place}: {found} is none of {types:?}");
    if let (Some(allowed), Value::String(_)) = (schema["enum"].as_array(), value) {
        assert!(allowed.contains(value), "{place}: {value}");
    }
    for item in value.as_array().into_iter().flatten() {
        check(document, &schema["items"], item, &format!("{place}[]"));
    }
    let Value::Object(map) = value else { return };
    let others = &schema["additionalProperties"];
    let properties = schema["properties"].as_object();
    assert!(properties.is_some() || !others.is_null(), "{place}: anything would do");
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(map.contains_key(required.as_str().unwrap()), "{place}: {required} is missing");
    }
    for (key, inner) in map {
        match properties.and_then(|properties| properties.get(key)) {
            Some(known) => check(document, known, inner, &format!("{place}.{key}")),
            None if others == &json!(true) => {}
            None if others.is_object() => check(document, others, inner, &format!("{place}.{key}")),
            None => panic!("{place}: {key} is not described"),
        }
    }
}

#[tokio::test]
async fn answers_are_what_the_document_says() {
    let console = eventful();
    let (_, document) = fetch(&console, "/api/v1/openapi.json").await;
    for (path, described) in [
        ("/api/v1/events?document=true&limit=3", "/api/v1/events"),
        ("/api/v1/events/prod/e-3", "/api/v1/events/{cluster}/{uid}"),
        ("/api/v1/events/-/e-3", "/api/v1/events/{cluster}/{uid}"),
        ("/api/v1/histogram?by=level,reason", "/api/v1/histogram"),
        ("/api/v1/histogram?facets=reason,node&top=3", "/api/v1/histogram"),
        ("/api/v1/facets?query=level%3AError", "/api/v1/facets"),
        ("/api/v1/overview?since=all&offset=28800", "/api/v1/overview"),
        ("/api/v1/pods/-/shop/web-0", "/api/v1/pods/{cluster}/{namespace}/{name}"),
        ("/api/v1/pods?text=shop/web-3&limit=20", "/api/v1/pods"),
        ("/api/v1/pods/-/shop/web-3", "/api/v1/pods/{cluster}/{namespace}/{name}"),
        ("/api/v1/pods/c-1/p-3", "/api/v1/pods/{cluster}/{uid}"),
        ("/api/v1/nodes", "/api/v1/nodes"),
        ("/api/v1/nodes/-/node-1?since=all", "/api/v1/nodes/{cluster}/{name}"),
        ("/api/v1/components?offset=3600", "/api/v1/components"),
        ("/api/v1/objects?prefix=web-1&kind=Pod", "/api/v1/objects"),
        ("/api/v1/keys", "/api/v1/keys"),
        ("/api/v1/saved", "/api/v1/saved"),
        ("/api/v1/saved/s-1", "/api/v1/saved/{id}"),
        ("/api/v1/gaps", "/api/v1/gaps"),
        ("/api/v1/status", "/api/v1/status"),
    ] {
        let (status, value) = fetch(&console, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {value}");
        let schema = &document["paths"][described]["get"]["responses"]["200"]["content"]["application/json"]
            ["schema"];
        check(&document, schema, &value, path);
    }
    for path in document["paths"].as_object().unwrap().keys() {
        let concrete = path
            .replace("{cluster}", "x")
            .replace("{uid}", "x")
            .replace("{namespace}", "x")
            .replace("{name}", "x");
        let request = Request::trace(&concrete)
            .header(header::HOST, "localhost")
            .body(Body::empty())
            .unwrap();
        let status = console.router().oneshot(request).await.unwrap().status();
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path} is described and not served");
    }
}

/// A description that nothing was compared with describes nothing.
#[tokio::test]
async fn every_part_of_an_overview_and_of_a_life_was_there_to_be_compared() {
    let console = eventful();
    let (_, overview) = fetch(&console, "/api/v1/overview?since=all").await;
    let (_, life) = fetch(&console, "/api/v1/pods/-/shop/web-0?since=all").await;
    let (_, nodes) = fetch(&console, "/api/v1/nodes?since=all").await;
    for (answer, place) in [
        (&overview, "/pod_ooms/0/pod"),
        (&overview, "/xids/newest/0/number"),
        (&overview, "/xids/numbers/0/0"),
        (&overview, "/trend/buckets/0/levels/error"),
        (&overview, "/image_pulls/newest/0/reason"),
        (&overview, "/scheduling/newest/0/reason"),
        (&overview, "/probes/counts/groups/0/values/0"),
        (&life, "/lives/0/lanes/0/points/0/moments/0/rise"),
        (&life, "/lives/0/containers/0/pulls/0/took_seconds"),
        (&life, "/lives/0/durations/created_to_scheduled_seconds"),
        (&life, "/lives/0/end/at"),
        (&nodes, "/nodes/0/faults/0/0"),
        (&nodes, "/nodes/0/last_problem/reason"),
        (&nodes, "/nodes/0/timeline/0/3"),
    ] {
        assert!(answer.pointer(place).is_some_and(|part| !part.is_null()), "{place}: {answer}");
    }
}
