//! Nodes as their events tell them.

use super::*;
use crate::testing::scene::{Said, Scene, node as about, pod, time};

fn day() -> Range {
    Range { from: time("00:00:00"), until: time("12:00:00") }
}

async fn list(scene: &Scene, range: Range) -> Vec<Node> {
    let (query, bounds) = (Arc::new(Query::all()), Bounds::default());
    let ask = NodesAsk { query, range, offset_seconds: 0, bounds };
    nodes(&scene.store, &ask).await.expect("nodes").value.nodes
}

async fn one(scene: &Scene, name: &str, range: Range) -> NodeTold {
    let ask = NodeAsk {
        cluster: "c1".to_owned(),
        name: name.to_owned(),
        range,
        offset_seconds: 0,
        bounds: Bounds::default(),
    };
    node(&scene.store, &ask).await.expect("a node").value
}

#[tokio::test]
async fn what_is_about_a_node_is_told_from_what_is_on_it() {
    let mut scene = Scene::new();
    let say = |at, reason| Said::new(at, reason, "m").warning().about(about("worker-1"));
    scene.say(&say("01:00:00", "NodeHasDiskPressure"));
    scene.say(&say("01:30:00", "NodeNotReady"));
    scene.say(&say("02:00:00", "Rebooted"));
    scene.say(&Said::new("02:01:00", "NodeReady", "m").about(about("worker-1")));
    scene.say(&Said::new("03:00:00", "Unhealthy", "m").warning());
    scene.say(&Said { host: "worker-2", ..Said::new("03:00:00", "Started", "m") });
    scene.say(&Said { host: "", ..Said::new("03:00:00", "Scheduled", "m") });
    let nodes = list(&scene, day()).await;
    assert_eq!(nodes.iter().map(|node| &*node.name).collect::<Vec<_>>(), ["worker-1", "worker-2"]);
    assert_eq!(nodes[0].ready, Some(true), "the newest event that says so counts");
    assert_eq!(nodes[0].own, Levels { normal: 1, warning: 0, error: 3 });
    assert_eq!(nodes[0].levels, Levels { normal: 1, warning: 1, error: 3 });
    assert_eq!(nodes[0].faults.len(), 3);
    assert_eq!(nodes[0].last_problem.as_ref().map(|last| &*last.reason), Some("Rebooted"));
    let errors: Vec<_> = nodes[0].timeline.iter().map(|bucket| bucket.levels.error).collect();
    assert_eq!(errors, [1, 1, 1]);
    let begin = nodes[0].timeline[0].at.as_second();
    let written = serde_json::to_value(&nodes[0]).expect("JSON");
    assert_eq!(written["timeline"][0], serde_json::json!([begin, 0, 0, 1]));
    assert_eq!((nodes[1].ready, nodes[1].own), (None, Levels::default()));
}

#[tokio::test]
async fn a_node_that_has_been_down_since_before_the_range_is_told() {
    let mut scene = Scene::new();
    let down = "Node worker-1 status is now: NodeNotReady";
    scene.say(&Said::new("01:00:00", "NodeNotReady", down).warning().about(about("worker-1")));
    let pressure = "Node worker-2 status is now: NodeHasDiskPressure";
    let relief = "Node worker-2 status is now: NodeHasNoDiskPressure";
    scene.say(&Said::new("01:00:00", "NodeHasDiskPressure", pressure).about(about("worker-2")));
    scene.say(&Said::new("02:00:00", "NodeHasNoDiskPressure", relief).about(about("worker-2")));
    let late = Range { from: time("10:00:00"), until: time("12:00:00") };
    let nodes = list(&scene, late).await;
    assert_eq!(nodes.len(), 1, "the other is well, and nothing was heard of it");
    assert_eq!((&*nodes[0].name, nodes[0].ready), ("worker-1", Some(false)));
    let told = one(&scene, "worker-1", late).await;
    assert!(told.lanes.is_empty());
    assert_eq!(told.conditions[0].since, time("01:00:00"));
}

#[tokio::test]
async fn a_condition_holds_since_it_changed_last() {
    let mut scene = Scene::new();
    let say = |at, reason| Said::new(at, reason, "status is now").about(about("worker-1"));
    // One Event for each state, both said several times.
    scene.repeat(&say("01:00:00", "NodeNotReady"), &[("03:00:00", 2), ("03:10:00", 3)]);
    scene.repeat(&say("02:00:00", "NodeReady"), &[]);
    let agent = "Node condition NTPProblem is now: True, reason: NTPIsDown, message: \"ntp\"";
    scene.say(&Said::new("00:30:00", "NTPIsDown", agent).warning().about(about("worker-1")));
    let told = one(&scene, "worker-1", day()).await;
    let kinds: Vec<_> = told.conditions.iter().map(|c| (&*c.kind, c.is_bad, c.since)).collect();
    let expected = [("NTPProblem", true, time("00:30:00")), ("Ready", true, time("03:00:00"))];
    assert_eq!(kinds, expected);
    assert_eq!(told.conditions[1].until, time("03:10:00"));
}

#[tokio::test]
async fn a_node_that_was_removed_is_neither_ready_nor_in_trouble_until_it_is_there_again() {
    let mut scene = Scene::new();
    let say = |at, reason| Said::new(at, reason, "m").about(about("worker-1"));
    scene.say(&say("01:00:00", "NodeReady"));
    scene.say(&say("02:00:00", "NodeHasDiskPressure").warning());
    scene.say(&say("03:00:00", "NodeNotReady"));
    scene.say(&say("03:00:00", "RemovingNode").by("node-controller"));
    scene.say(&say("03:00:04", "DeletingNode").by("cloud-node-lifecycle-controller"));
    let node = &list(&scene, day()).await[0];
    assert_eq!((node.ready, node.removed), (None, Some(time("03:00:00"))));
    assert!(node.conditions.is_empty(), "{:?}", node.conditions);
    let told = one(&scene, "worker-1", day()).await;
    assert_eq!((told.conditions, told.removed), (vec![], Some(time("03:00:00"))));
    // Before, it was there.
    let before = Range { until: time("03:00:00"), ..day() };
    let told = one(&scene, "worker-1", before).await;
    assert_eq!((told.conditions[0].is_bad, told.removed), (true, None));
    // A machine of the same name.
    scene.say(&say("04:00:00", "RegisteredNode").by("node-controller"));
    assert_eq!(one(&scene, "worker-1", day()).await.removed, None);
    scene.say(&say("04:00:10", "NodeReady"));
    let node = &list(&scene, day()).await[0];
    assert_eq!((node.ready, node.removed), (Some(true), None));
}

#[tokio::test]
async fn one_node_tells_its_own_events_in_lanes_and_its_pods_failures_apart() {
    let mut scene = Scene::new();
    let own =
        |at, reason, message| Said::new(at, reason, message).warning().about(about("worker-1"));
    scene.say(&own("01:00:00", "NodeHasNvidiaXidError", "NVRM: Xid (PCI:0000:3b:00): 79, pid=1"));
    scene.say(&own(
        "01:10:00",
        "SystemOOM",
        "System OOM encountered, victim process: java, pid: 9",
    ));
    scene.say(&own("01:20:00", "KernelOops", "BUG"));
    scene.repeat(&own("01:30:00", "NTPIsDown", "ntp"), &[("01:40:00", 3)]);
    scene.say(&own("01:50:00", "Unheard", "of"));
    scene.say(&Said::new("02:00:00", "Unhealthy", "m").warning());
    scene.say(&Said::new("02:01:00", "BackOff", "m").warning().about(pod("web-1", "p2", "web")));
    scene.say(&Said::new("02:02:00", "Started", "m"));
    scene.say(&Said { host: "worker-2", ..Said::new("02:02:00", "BackOff", "m").warning() });
    let told = one(&scene, "worker-1", day()).await;
    let kinds: Vec<_> = told.lanes.iter().map(|lane| (lane.kind, lane.points[0].count)).collect();
    let expected = [
        (NodeLaneKind::Oom, 1),
        (NodeLaneKind::Gpu, 1),
        (NodeLaneKind::Ntp, 3),
        (NodeLaneKind::Kernel, 1),
        (NodeLaneKind::Other, 1),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(told.xids.numbers, [(79, 1)]);
    assert_eq!(told.pods.total, 2, "not what happens elsewhere, and not what is well");
    assert_eq!(told.pods.groups[0].values, ["Pod/shop/web-0"]);
    assert_eq!(told.pod_events.len(), 2);
    assert_eq!(told.levels.normal, 1);
    assert_eq!(told.conditions[0].kind, "NTPProblem");
}
