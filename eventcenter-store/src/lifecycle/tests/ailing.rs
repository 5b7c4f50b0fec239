//! What a beginning waited for, and what is wrong, from sequences as kubelet and controllers write them.

use super::*;

async fn life(scene: &Scene) -> Life {
    told(scene, web_0()).await.lives.pop().expect("a life")
}

fn steps(life: &Life) -> Vec<(StepKind, f64, bool)> {
    life.steps.iter().map(|step| (step.kind, step.took.as_secs_f64(), step.slowest)).collect()
}

fn kinds(life: &Life) -> Vec<FindingKind> {
    life.findings.iter().map(|finding| finding.kind).collect()
}

#[tokio::test]
async fn the_beginning_is_cut_into_what_was_waited_for() {
    let life = life(&eventful()).await;
    let expected = [
        (StepKind::Scheduling, 5.0, true),
        (StepKind::Volumes, 1.0, false),
        (StepKind::Preparing, 1.0, false),
        (StepKind::Images, 3.0, false),
        (StepKind::Starting, 1.0, false),
    ];
    assert_eq!(steps(&life), expected);
    assert!(life.steps.iter().all(|step| !step.open));
    assert_eq!(life.owner.as_deref(), Some("ReplicaSet/web"));
}

#[tokio::test]
async fn an_init_container_is_not_taken_for_a_slow_image() {
    let mut scene = Scene::new();
    let init = || {
        let mut object = pod("web-0", "p1", "");
        object["fieldPath"] = "spec.initContainers{migrate}".into();
        object
    };
    scene.say(&Said::new("01:00:00", "Scheduled", "Successfully assigned shop/web-0 to worker-1"));
    for (at, reason) in [("01:00:01", "Pulling"), ("01:00:03", "Pulled"), ("01:00:03", "Started")] {
        scene.say(&Said::new(at, reason, "m").about(init()));
    }
    for (at, reason) in [("01:05:03", "Pulling"), ("01:05:05", "Pulled"), ("01:05:06", "Started")] {
        scene.say(&of_container(at, reason, "m"));
    }
    let expected = [
        (StepKind::Scheduling, 0.0, false),
        (StepKind::Preparing, 1.0, false),
        (StepKind::Images, 4.0, false),
        (StepKind::Init, 300.0, true),
        (StepKind::Starting, 1.0, false),
    ];
    assert_eq!(steps(&life(&scene).await), expected);
}

#[tokio::test]
async fn who_waits_still_waits_and_a_beginning_out_of_range_has_no_steps() {
    let mut scene = Scene::new();
    let wait = Said::new("01:00:00", "FailedScheduling", "0/3 nodes are available").warning();
    scene.repeat(&wait.by("default-scheduler"), &[("01:05:00", 2)]);
    let waiting = life(&scene).await;
    assert_eq!(steps(&waiting), [(StepKind::Scheduling, 300.0, true)]);
    assert!(waiting.steps[0].open);
    let finding = &waiting.findings[0];
    assert_eq!((finding.kind, finding.count), (FindingKind::Unschedulable, 2));
    assert_eq!(finding.overcome, None);

    scene.say(&Said::new("01:06:00", "Scheduled", "Successfully assigned shop/web-0 to worker-1"));
    assert_eq!(life(&scene).await.findings[0].overcome, Some(time("01:06:00")));

    let mut late = Scene::new();
    late.say(&of_container("09:00:00", "Started", "Started container web"));
    assert_eq!(life(&late).await.steps, []);
}

#[tokio::test]
async fn restarts_are_told_with_their_pace_and_their_cause() {
    let mut scene = Scene::new();
    scene.repeat(
        &of_container("01:00:00", "Started", "Started container web"),
        &[("01:05:00", 2), ("01:10:00", 3), ("01:20:00", 5)],
    );
    scene.say(&of_container("01:04:50", "Unhealthy", "Liveness probe failed: 503").warning());
    let killing = "Container web failed liveness probe, will be restarted";
    scene.say(&of_container("01:04:55", "Killing", killing));
    let back_off = "Back-off restarting failed container web in pod web-0";
    scene.say(&of_container("01:21:00", "BackOff", back_off).warning());
    let life = life(&scene).await;
    assert_eq!(kinds(&life), [FindingKind::Restarting, FindingKind::Probe]);
    let web = &life.findings[0];
    assert_eq!((web.container.as_str(), web.count, web.estimated), ("web", 4, false));
    assert_eq!((web.since, web.last), (time("01:05:00"), time("01:21:00")));
    assert_eq!(web.every.map(|every| every.as_secs()), Some(300));
    assert_eq!((web.cause, web.message.as_str()), (Some(Cause::Probe), back_off));
    assert_eq!((web.overcome, web.events.len()), (None, 2));
}

#[tokio::test]
async fn what_was_counted_before_is_dated_by_the_event_itself() {
    let mut scene = Scene::new();
    let back_off = of_container("2026-11-25T01:00:00Z", "BackOff", "Back-off").warning();
    scene.first_seen_with(&back_off, 7);
    let life = life(&scene).await;
    let finding = &life.findings[0];
    assert_eq!((finding.kind, finding.estimated), (FindingKind::BackOff, true));
    assert_eq!(finding.since, time("2026-11-24T01:00:00Z"));
}

#[tokio::test]
async fn a_pull_that_failed_is_over_once_it_is_pulled_and_what_is_over_comes_last() {
    let mut scene = Scene::new();
    let failed = "Failed to pull image \"nginx:9\": not found";
    scene.say(&of_container("01:00:00", "Failed", failed).warning());
    scene.say(&of_container("01:00:20", "BackOff", "Back-off pulling image \"nginx:9\""));
    scene.say(&of_container("01:01:00", "Unhealthy", "Readiness probe failed").warning());
    let still = life(&scene).await;
    assert_eq!(kinds(&still), [FindingKind::Image, FindingKind::Probe]);
    assert_eq!((still.findings[0].count, still.findings[0].overcome), (2, None));
    scene.say(&of_container("01:02:00", "Pulled", "Successfully pulled image \"nginx:9\" in 2s"));
    let over = life(&scene).await;
    assert_eq!(kinds(&over), [FindingKind::Probe, FindingKind::Image]);
    assert_eq!(over.findings[1].overcome, Some(time("01:02:00")));
}

#[tokio::test]
async fn each_trouble_of_the_node_ends_for_itself() {
    let mut scene = Scene::new();
    scene.say(&of_container("01:00:00", "Started", "Started container web"));
    let on_node = |at, reason| Said::new(at, reason, "m").warning().about(node("worker-1"));
    scene.say(&on_node("01:10:00", "NodeHasDiskPressure"));
    scene.say(&on_node("01:11:00", "NTPIsDown"));
    scene.say(&Said::new("01:20:00", "NodeHasNoDiskPressure", "m").about(node("worker-1")));
    scene.say(&of_container("01:30:00", "Pulled", "m"));
    let life = life(&scene).await;
    let told: Vec<_> = (life.findings.iter())
        .map(|finding| (finding.kind, finding.reason.as_str(), finding.overcome))
        .collect();
    let expected = [
        (FindingKind::Node, "NTPIsDown", None),
        (FindingKind::Node, "NodeHasDiskPressure", Some(time("01:20:00"))),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_node_that_goes_down_after_the_last_word_of_its_pod_is_told() {
    let mut scene = Scene::new();
    scene.say(&of_container("01:00:00", "Started", "Started container web"));
    scene.say(&Said::new("09:00:00", "NodeNotReady", "m").warning().about(node("worker-1")));
    let still = life(&scene).await;
    assert_eq!(kinds(&still), [FindingKind::Node]);
    assert_eq!(still.until, time("01:00:00"), "the life is the Pod's");
    scene.say(&of_container("02:00:00", "Killing", "Stopping container web"));
    assert_eq!(kinds(&life(&scene).await), [], "it was gone by then");
}

#[tokio::test]
async fn an_evicted_pod_has_ended_and_that_is_what_is_wrong() {
    let mut scene = Scene::new();
    scene.say(&of_container("01:00:11", "Started", "Started container web"));
    let evicted = Said::new("02:00:00", "Evicted", "The node was low on resource: memory.");
    scene.say(&evicted.about(pod("web-0", "p1", "")).warning());
    let life = life(&scene).await;
    assert_eq!(life.end.map(|end| end.reason).as_deref(), Some("Evicted"));
    assert_eq!(life.findings[0].kind, FindingKind::Removed);
}

#[tokio::test]
async fn a_life_without_trouble_has_no_findings() {
    let mut scene = Scene::new();
    scene.say(&Said::new("01:00:00", "Scheduled", "Successfully assigned shop/web-0 to worker-1"));
    scene.say(&of_container("01:00:01", "Started", "Started container web"));
    scene.say(&of_container("01:30:00", "Killing", "Stopping container web"));
    assert_eq!(life(&scene).await.findings, []);
}
