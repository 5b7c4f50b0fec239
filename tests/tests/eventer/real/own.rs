//! On a control plane of the test's own, which is stopped, killed and compacted.

use std::time::Duration;

use eventcenter_tests::eventually;
use eventcenter_tests::fake_api_server::Identity;
use eventcenter_tests::{Receiver, Setup};
use jiff::Timestamp;
use serde_json::{Value, json};
use xtask::testbed::{Instance, Options, Subset};

use crate::world::{LONG, identities, is_gap, missing, ready, setup, taken};

/// An API server that keeps everything until it is told otherwise.
fn instance() -> Instance {
    let options = Options { subset: Subset::Api, compaction: "0".to_owned(), ..Options::default() };
    Instance::start(&options).unwrap()
}

fn setup_of(bed: &Instance, receiver: &Receiver) -> Setup {
    let kubeconfig = std::fs::read_to_string(bed.kubeconfig()).unwrap();
    setup()
        .cluster_with(&kubeconfig, json!({ "context": "reader", "page_size": 7 }))
        .webhook("hook", &receiver.url())
        .file("archive")
}

/// Makes Events of these names.
fn create(bed: &Instance, prefix: &str, count: usize) -> Vec<Identity> {
    let make = |number: usize| {
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let event = json!({
            "metadata": { "name": format!("{prefix}-{number}"), "namespace": "default" },
            "involvedObject": { "kind": "Pod", "namespace": "default", "name": "web" },
            "reason": "Started", "message": prefix, "type": "Normal", "count": 1,
            "firstTimestamp": now, "lastTimestamp": now,
            "source": { "component": "a-test" },
        });
        let reply = bed.api("POST", "/api/v1/namespaces/default/events", Some(&event)).unwrap();
        assert_eq!(reply.status, 201, "{}", reply.text());
        identity(&reply.json().unwrap())
    };
    (0..count).map(make).collect()
}

/// Lets an Event happen once more.
fn update(bed: &Instance, name: &str, count: u32) -> Identity {
    let path = format!("/api/v1/namespaces/default/events/{name}");
    let mut event = bed.api("GET", &path, None).unwrap().json().unwrap();
    event["count"] = json!(count);
    let reply = bed.api("PUT", &path, Some(&event)).unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text());
    identity(&reply.json().unwrap())
}

fn identity(event: &Value) -> Identity {
    let text = |key: &str| event["metadata"][key].as_str().unwrap().to_owned();
    (text("uid"), text("resourceVersion"))
}

async fn delivered(receiver: &Receiver, setup: &Setup, wanted: &[Identity]) -> Vec<Value> {
    eventually("everything at the webhook", LONG, async || missing(wanted, &receiver.distinct()))
        .await;
    eventually("everything in the file", LONG, async || {
        let lines = setup.lines("archive.ndjson");
        let lines: Vec<Value> = lines.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
        missing(wanted, &identities(&lines).into_iter().collect()).map(|()| lines)
    })
    .await
}

#[tokio::test]
async fn thirty_seconds_without_an_api_server_lose_nothing() {
    if !super::own_instance_possible() {
        return;
    }
    let mut bed = instance();
    let receiver = Receiver::start();
    let setup = setup_of(&bed, &receiver);
    let mut wanted = create(&bed, "before", 20);
    let eventer = setup.start();
    ready(&eventer).await;
    wanted.extend(create(&bed, "watched", 20));
    delivered(&receiver, &setup, &wanted).await;

    for (way, away) in [("killed", 30), ("stopped", 1)] {
        if way == "killed" {
            bed.kill_apiserver().unwrap();
        } else {
            bed.stop_apiserver().unwrap();
        }
        tokio::time::sleep(Duration::from_secs(away)).await;
        eventually("503", None, async || (eventer.readyz()?.status == 503).then_some(())).await;
        bed.start_apiserver().unwrap();
        wanted.extend(create(&bed, way, 20));
        wanted.push(update(&bed, "before-3", 2));
        wanted.push(update(&bed, "before-3", 3));
        let archived = delivered(&receiver, &setup, &wanted).await;
        ready(&eventer).await;
        assert_eq!(archived.iter().filter(|one| is_gap(one)).count(), 0, "{way}");
        assert_eq!(receiver.duplicates(), 0, "{way}");
    }
    bed.stop().unwrap();
}

#[tokio::test]
async fn a_compaction_is_a_gap_and_all_that_is_left_arrives() {
    if !super::own_instance_possible() {
        return;
    }
    let bed = instance();
    let receiver = Receiver::start();
    let setup = setup_of(&bed, &receiver);
    let mut wanted = create(&bed, "before", 20);
    let mut eventer = setup.start();
    ready(&eventer).await;
    delivered(&receiver, &setup, &wanted).await;
    eventer.kill();

    wanted.extend(create(&bed, "within", 20));
    // Of three states only the newest is left.
    update(&bed, "before-3", 2);
    wanted.push(update(&bed, "before-3", 3));
    // A watch may begin two below the compacted version, not before.
    create(&bed, "later", 3);
    bed.compact().unwrap();
    let eventer = setup.start();
    let archived = delivered(&receiver, &setup, &wanted).await;
    ready(&eventer).await;
    let gaps: Vec<_> = archived.iter().filter(|one| is_gap(one)).collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    let annotations = &gaps[0]["event"]["metadata"]["annotations"];
    assert_eq!(annotations["eventcenter/gap-grade"], "revisions", "{annotations}");
    assert!(taken(&receiver).iter().any(is_gap));
    wanted.extend(create(&bed, "after", 5));
    delivered(&receiver, &setup, &wanted).await;
    bed.stop().unwrap();
}
