//! A Pod's life, from sequences as kubelet and controllers write them.

use super::*;
use crate::testing::scene::{Said, Scene, node, pod, time};

async fn told(scene: &Scene, choice: PodChoice) -> Lifecycle {
    let ask = LifecycleAsk {
        cluster: "prod".to_owned(),
        pod: choice,
        range: Range::ALL,
        bounds: Bounds::default(),
    };
    lifecycle(&scene.store, &ask).await.expect("a life").value
}

fn web_0() -> PodChoice {
    PodChoice::Name { namespace: "shop".to_owned(), name: "web-0".to_owned() }
}

fn of_container<'a>(at: &'a str, reason: &'a str, message: &'a str) -> Said<'a> {
    Said::new(at, reason, message).about(pod("web-0", "p1", "web"))
}

/// A Pod that is created, pulls, starts, fails its probe, is restarted, runs out of memory and is stopped.
fn eventful() -> Scene {
    let mut scene = Scene::new();
    let set =
        serde_json::json!({"kind": "ReplicaSet", "namespace": "shop", "name": "web", "uid": "r"});
    scene.say(
        &Said::new("01:00:00", "SuccessfulCreate", "Created pod: web-0")
            .by("replicaset-controller")
            .about(set.clone()),
    );
    scene.say(
        &Said::new("01:00:00", "SuccessfulCreate", "Created pod: web-01")
            .by("replicaset-controller")
            .about(set.clone()),
    );
    scene.say(
        &Said::new("01:00:05", "Scheduled", "Successfully assigned shop/web-0 to worker-1")
            .by("default-scheduler"),
    );
    scene.say(&Said::new("01:00:06", "SuccessfulAttachVolume", "attached"));
    scene.say(&of_container("01:00:07", "Pulling", "Pulling image \"nginx:1\""));
    scene.say(&of_container(
        "01:00:10",
        "Pulled",
        "Successfully pulled image \"nginx:1\" in 2.5s (2.5s including waiting)",
    ));
    scene
        .repeat(&of_container("01:00:10", "Created", "Created container: web"), &[("01:10:00", 2)]);
    scene.repeat(
        &of_container("01:00:11", "Started", "Started container web"),
        &[("01:10:00", 2), ("01:20:00", 4)],
    );
    scene.say(&of_container("01:09:00", "Unhealthy", "Liveness probe failed: 503").warning());
    scene.say(&of_container(
        "01:09:50",
        "Killing",
        "Container web failed liveness probe, will be restarted",
    ));
    scene.say(
        &Said::new(
            "01:19:00",
            "PodOOMKilling",
            "pod was OOM killed. node:worker-1 pod:web-0 namespace:shop uuid:p1",
        )
        .warning()
        .about(node("worker-1")),
    );
    scene.say(&Said::new("01:15:00", "NodeHasDiskPressure", "m").about(node("worker-1")));
    scene.say(&Said::new("05:15:00", "Rebooted", "m").about(node("worker-1")));
    scene.say(
        &of_container("01:12:00", "BackOff", "Back-off restarting failed container web").warning(),
    );
    scene.say(
        &Said::new("01:30:00", "SuccessfulDelete", "Deleted pod: web-0")
            .by("replicaset-controller")
            .about(set),
    );
    scene.say(&of_container("01:30:01", "Killing", "Stopping container web"));
    scene
}

#[tokio::test]
async fn each_event_stands_in_its_lane() {
    let told = told(&eventful(), web_0()).await;
    assert_eq!(told.lives.len(), 1);
    let life = &told.lives[0];
    let lanes: Vec<_> = life
        .lanes
        .iter()
        .map(|lane| {
            let reasons: Vec<_> = lane.points.iter().map(|point| point.reason.as_str()).collect();
            (lane.kind, lane.container.as_str(), reasons.join(" "))
        })
        .collect();
    let expected = [
        (LaneKind::Controller, "", "SuccessfulCreate SuccessfulDelete"),
        (LaneKind::Scheduling, "", "Scheduled"),
        (LaneKind::Volumes, "", "SuccessfulAttachVolume"),
        (LaneKind::Images, "", "Pulling Pulled"),
        (LaneKind::Container, "web", "Created Started BackOff"),
        (LaneKind::Probes, "", "Unhealthy"),
        (LaneKind::Oom, "", "PodOOMKilling"),
        (LaneKind::Ending, "", "Killing Killing"),
        (LaneKind::Node, "", "NodeHasDiskPressure"),
    ];
    assert_eq!(lanes, expected.map(|(kind, name, reasons)| (kind, name, reasons.to_owned())));
    let started = &life.lanes[4].points[1];
    let rises: Vec<_> = started.moments.iter().map(|moment| moment.rise).collect();
    assert_eq!(rises, [1, 1, 2]);
}

#[tokio::test]
async fn durations_restarts_and_the_end_are_derived() {
    let told = told(&eventful(), web_0()).await;
    let life = &told.lives[0];
    assert_eq!((life.uid.as_str(), life.node.as_str()), ("p1", "worker-1"));
    let seconds = |duration: Option<std::time::Duration>| duration.map(|took| took.as_secs_f64());
    assert_eq!(seconds(life.durations.created_to_scheduled), Some(5.0));
    assert_eq!(seconds(life.durations.scheduled_to_started), Some(6.0));
    assert_eq!(seconds(life.durations.pulling), Some(2.5));
    assert_eq!(seconds(life.durations.alive), Some(1800.0));
    let web = &life.containers[0];
    assert_eq!((web.restarts, web.restarts_estimated), (3, false));
    assert_eq!(web.pulls[0].image, "nginx:1");
    let end = life.end.as_ref().expect("an end");
    assert_eq!((end.at, end.reason.as_str()), (time("01:30:00"), "SuccessfulDelete"));
}

#[tokio::test]
async fn a_name_may_have_had_several_lives() {
    let mut scene = eventful();
    let second = || pod("web-0", "p2", "web");
    scene.say(
        &Said::new("02:00:00", "Scheduled", "Successfully assigned shop/web-0 to worker-2")
            .about(pod("web-0", "p2", "")),
    );
    scene.say(&Said::new("02:00:09", "Started", "Started container web").about(second()));
    scene.say(
        &Said::new("02:01:00", "Unhealthy", "no uid").warning().about(pod("web-0", "", "web")),
    );
    let all = told(&scene, web_0()).await;
    let lives: Vec<_> = all.lives.iter().map(|life| (&*life.uid, &*life.node)).collect();
    assert_eq!(lives, [("p1", "worker-1"), ("p2", "worker-2")]);
    assert_eq!(all.lives[1].containers[0].restarts, 0);
    assert_eq!(all.lives[1].end, None, "it may live");
    let probes = all.lives[1].lanes.iter().find(|lane| lane.kind == LaneKind::Probes);
    assert_eq!(probes.expect("a lane").points[0].message, "no uid");
    let one = told(&scene, PodChoice::Uid("p1".to_owned())).await;
    assert_eq!((one.lives.len(), one.name.as_str()), (1, "web-0"));
}

#[tokio::test]
async fn a_restart_that_was_counted_by_others_is_an_estimate() {
    let mut scene = Scene::new();
    scene.first_seen_with(&of_container("01:00:11", "Started", "Started container web"), 7);
    let told = told(&scene, web_0()).await;
    let web = &told.lives[0].containers[0];
    assert_eq!((web.restarts, web.restarts_estimated), (0, true));
}

#[tokio::test]
async fn nobody_by_that_name_has_no_lives() {
    let hostile = PodChoice::Name { namespace: "a\" or *".to_owned(), name: "\\".to_owned() };
    assert!(told(&eventful(), hostile).await.lives.is_empty());
    assert!(told(&eventful(), PodChoice::Uid("*".to_owned())).await.lives.is_empty());
}

mod ailing;
