//! On the control plane that all tests share, with its controllers, scheduler and played Nodes.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use eventcenter_tests::fake_api_server::Identity;
use eventcenter_tests::{Eventer, Receiver, Setup, eventually};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::DeleteParams;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::second::Second;
use crate::workloads::{PATIENCE, Workloads, create, kubeconfig};
use crate::world::{LONG, assert_in_order, identities, is_gap, ready, setup, taken};

const KILLS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_while_workloads_come_and_go_lose_nothing() {
    let Some(kubeconfig) = kubeconfig() else { return };
    let mut random = StdRng::seed_from_u64(2026);
    let scene = Scene::open(&kubeconfig, "kills", "core/v1").await;
    let mut eventer = scene.setup.start();
    ready(&eventer).await;
    let second = Second::start(&scene.workloads.client).await;
    scene.begin().await;
    for kill in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(random.random_range(50..=900))).await;
        eventer.kill();
        scene.workloads.scale(if kill % 2 == 0 { 5 } else { 20 }).await;
        eventer = scene.setup.start();
    }
    scene.end(&second).await;
    scene.compare(&second).await;
    close(eventer);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newer_api_brings_what_a_watcher_of_the_older_one_sees() {
    let Some(kubeconfig) = kubeconfig() else { return };
    let scene = Scene::open(&kubeconfig, "newer", "events.k8s.io/v1").await;
    let eventer = scene.setup.start();
    ready(&eventer).await;
    let second = Second::start(&scene.workloads.client).await;
    scene.begin().await;
    scene.end(&second).await;
    scene.compare(&second).await;
    let archived = scene.archived();
    assert!(archived.iter().all(|one| one["event"]["regarding"].is_object()));
    close(eventer);
}

fn close(mut eventer: Eventer) {
    eventer.terminate();
    assert_eq!(eventer.exit_code(LONG), 0);
}

/// Workloads in a namespace of their own, a Node, and `eventer`.
struct Scene {
    workloads: Workloads,
    receiver: Receiver,
    setup: Setup,
}

impl Scene {
    async fn open(kubeconfig: &Path, name: &str, api: &str) -> Self {
        let workloads = Workloads::open(kubeconfig, name).await;
        let text = std::fs::read_to_string(kubeconfig).unwrap();
        let receiver = Receiver::start();
        let setup = setup()
            .cluster_with(&text, json!({ "context": "reader", "api": api, "page_size": 50 }))
            .webhook("hook", &receiver.url())
            .file("archive");
        Self { workloads, receiver, setup }
    }

    /// Workloads, and a Node.
    async fn begin(&self) {
        let node = json!({ "metadata": { "name": self.name() } });
        create::<Node>(&Api::all(self.workloads.client.clone()), node).await;
        self.workloads.begin().await;
    }

    /// The Node goes away, and everything that was to happen has happened.
    async fn end(&self, second: &Second) {
        self.seen(second, &["RegisteredNode"], "default").await;
        let nodes: Api<Node> = Api::all(self.workloads.client.clone());
        nodes.delete(self.name(), &DeleteParams::default()).await.unwrap();
        self.seen(second, &["RemovingNode"], "default").await;
        let reasons =
            ["ScalingReplicaSet", "Scheduled", "FailedScheduling", "Completed", "Started"];
        self.seen(second, &reasons, self.name()).await;
    }

    fn name(&self) -> &str {
        &self.workloads.name
    }

    async fn seen(&self, second: &Second, reasons: &[&str], namespace: &str) {
        eventually("events of the workloads", PATIENCE, async || {
            let seen = second.seen().into_iter().filter(|one| one.namespace == namespace);
            let seen: BTreeSet<_> = seen.map(|one| one.reason).collect();
            let missing = reasons.iter().any(|reason| !seen.contains(*reason));
            if missing { Err(seen) } else { Ok(()) }
        })
        .await;
    }

    fn archived(&self) -> Vec<Value> {
        let lines = self.setup.lines("archive.ndjson");
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Both sinks have what the second watcher saw: all of it, and nothing else.
    async fn compare(&self, second: &Second) {
        let seen: BTreeSet<Identity> = second.seen().into_iter().map(|one| one.identity).collect();
        let version = |one: &Identity| one.1.parse::<u64>().unwrap();
        let until = seen.iter().map(version).max().unwrap();
        let span = second.began_after() + 1..=until;
        for sink in ["webhook", "file"] {
            let arrived = || match sink {
                "webhook" => taken(&self.receiver),
                _ => self.archived(),
            };
            let all = eventually("what the second watcher saw", LONG, async || {
                let all = identities(&arrived());
                let inside = all.iter().filter(|one| span.contains(&version(one)));
                let inside: BTreeSet<_> = inside.cloned().collect();
                if inside == seen {
                    return Ok(all);
                }
                let missing: Vec<_> = seen.difference(&inside).cloned().collect();
                let more: Vec<_> = inside.difference(&seen).cloned().collect();
                Err(format!("{sink}: missing {missing:?}, and never seen {more:?}"))
            })
            .await;
            assert_eq!(arrived().iter().filter(|one| is_gap(one)).count(), 0, "{sink}");
            assert_in_order(sink, &all);
            let distinct = all.iter().collect::<BTreeSet<_>>().len();
            eprintln!(
                "{sink}: {} occurrences as the second watcher saw them, {} in all, {} copies",
                seen.len(),
                distinct,
                all.len() - distinct
            );
        }
        self.workloads.close().await;
    }
}
