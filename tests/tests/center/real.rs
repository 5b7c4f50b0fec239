//! A real control plane: what the API server's list says has happened, the event center has counted.

use std::collections::BTreeMap;

use eventcenter_tests::{Eventer, eventually};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::kept::counts;
use crate::workloads::{Workloads, create, kubeconfig};
use crate::{LONG, setup};

const KILLS: usize = 4;

/// How often each reason has occurred, as the API server's list says. Recorders count in `count`, newer ones in
/// `series`.
async fn listed(workloads: &Workloads) -> BTreeMap<String, u64> {
    let list = workloads.api::<Event>().list(&ListParams::default()).await.unwrap();
    let mut listed = BTreeMap::new();
    for event in list.items {
        let series = event.series.and_then(|series| series.count);
        let count = series.or(event.count).unwrap_or(1).max(1);
        *listed.entry(event.reason.unwrap_or_default()).or_default() +=
            u64::try_from(count).unwrap();
    }
    listed
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Posts an Event as a kubelet does.
async fn post(workloads: &Workloads, name: &str) {
    let event = json!({
        "metadata": { "name": name, "namespace": workloads.name },
        "involvedObject": { "kind": "Pod", "namespace": workloads.name, "name": "web" },
        "reason": "BackOff", "message": "Back-off restarting failed container", "type": "Warning",
        "count": 1, "firstTimestamp": now(), "lastTimestamp": now(),
        "source": { "component": "kubelet", "host": "node-1" },
    });
    create::<Event>(&workloads.api(), event).await;
}

/// Lets it happen until it has happened so often.
async fn repeat(workloads: &Workloads, name: &str, count: usize) {
    let patch = Patch::Merge(json!({ "count": count, "lastTimestamp": now() }));
    let api: Api<Event> = workloads.api();
    api.patch(name, &PatchParams::default(), &patch).await.unwrap();
}

/// Waits until the list has all of this, and the center has counted what the list says.
async fn agrees(
    center: &Eventer,
    workloads: &Workloads,
    reasons: &[&str],
    also: &str,
) -> BTreeMap<String, u64> {
    let query = format!("namespace%20:%20%22{}%22{also}", workloads.name);
    eventually("the same counts", LONG, async || {
        let (listed, kept) = (listed(workloads).await, counts(center, &query));
        let is_all = reasons.iter().all(|reason| listed.contains_key(*reason));
        if is_all && kept.as_ref() == Some(&listed) {
            return Ok(listed);
        }
        Err(format!("listed {listed:?}, kept {kept:?}, wanted {reasons:?}"))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_those_of_the_api_server_whatever_is_killed_meanwhile() {
    let Some(kubeconfig) = kubeconfig() else { return };
    let workloads = Workloads::open(&kubeconfig, "center").await;
    let text = std::fs::read_to_string(&kubeconfig).unwrap();
    let setup = setup().cluster_with(&text, json!({ "context": "reader", "page_size": 50 }));
    let mut center = setup.start();
    // A count that was risen before it watches is not its to tell: everything happens while it does.
    let ready = || center.readyz().filter(|answer| answer.status == 200);
    eventually("to be ready", LONG, async || ready()).await;
    workloads.begin().await;
    post(&workloads, "again").await;
    agrees(&center, &workloads, &["ScalingReplicaSet", "BackOff"], "").await;
    let mut random = StdRng::seed_from_u64(2026);
    for kill in 1..=KILLS {
        workloads.scale(if kill % 2 == 0 { 20 } else { 5 }).await;
        repeat(&workloads, "again", 10 * kill).await;
        tokio::time::sleep(std::time::Duration::from_millis(random.random_range(50..=900))).await;
        center.kill();
        // While nobody looks.
        repeat(&workloads, "again", 10 * kill + 7).await;
        post(&workloads, &format!("alone-{kill}")).await;
        center = setup.start();
    }
    let reasons = [
        "ScalingReplicaSet",
        "SuccessfulCreate",
        "SuccessfulDelete",
        "Scheduled",
        "FailedScheduling",
        "Completed",
        "BackOff",
    ];
    let counted = agrees(&center, &workloads, &reasons, "").await;
    assert_eq!(counted["BackOff"], 10 * 4 + 7 + 4, "one Event that came again, and four alone");
    // Without the sums that are kept: `uid : *` is true of every event.
    agrees(&center, &workloads, &reasons, "%20and%20uid%20:%20*").await;
    let status: Value = center.get("/api/v1/gaps").unwrap().json();
    assert_eq!(status["gaps"], json!([]), "nothing was lost, and nothing is said to be");
    eprintln!("{} occurrences, {counted:?}, {KILLS} kills", counted.values().sum::<u64>());
    workloads.close().await;
    center.terminate();
    assert_eq!(center.exit_code(LONG), 0);
}
