//! The overview of small scenes, number by number.

use super::*;
use crate::testing::scene::{Said, Scene, node, pod, time};

async fn seen(scene: &Scene, now: &str, offset_seconds: i32) -> Overview {
    let ask = OverviewAsk {
        query: Arc::new(Query::all()),
        range: Range { from: time("00:00:00"), until: time("2026-11-26T00:00:00Z") },
        now: time(now),
        offset_seconds,
        bounds: Bounds::default(),
    };
    overview(&scene.store, &ask).await.expect("an overview").value
}

fn oom(at: &str) -> Said<'_> {
    let message = "pod was OOM killed. node:worker-1 pod:web-0 namespace:shop uuid:p1 \
                   Memory cgroup out of memory: Killed process 1012 (java) total-vm:1kB";
    Said::new(at, "PodOOMKilling", message).warning().about(node("worker-1"))
}

#[tokio::test]
async fn today_is_compared_up_to_the_same_moment() {
    let mut scene = Scene::new();
    for at in ["01:00:00", "08:00:00", "10:00:00"] {
        scene.say(&oom(at));
        scene.say(&oom(&format!("2026-11-24T{at}Z")));
    }
    scene.say(&oom("2026-11-18T08:59:59Z"));
    scene.say(&oom("2026-11-18T09:00:00Z"));
    let overview = seen(&scene, "09:00:00", 0).await;
    assert_eq!(overview.errors, Compared { today: 2, yesterday: 2, last_week: 1 });
    assert_eq!(overview.warnings, Compared::default());
}

#[tokio::test]
async fn a_day_begins_at_the_readers_midnight() {
    let mut scene = Scene::new();
    scene.say(&oom("2026-11-24T15:59:00Z"));
    scene.say(&oom("2026-11-24T16:00:00Z"));
    let overview = seen(&scene, "01:00:00", 8 * 3600).await;
    assert_eq!(overview.errors.today, 1, "16:00 is midnight in Shanghai");
    let day = day_until(time("01:00:00"), -3600, 1);
    let from = time("2026-11-24T01:00:00Z");
    assert_eq!(day, Range { from, until: from }, "01:00 is midnight an hour to the west");
}

#[tokio::test]
async fn totals_trend_and_rankings_are_of_occurrences() {
    let mut scene = Scene::new();
    scene.repeat(
        &Said::new("01:10:00", "BackOff", "Back-off restarting failed container web in pod web-0")
            .warning()
            .about(pod("web-0", "p1", "web")),
        &[("01:20:00", 5), ("03:00:00", 9)],
    );
    scene.say(&Said::new("02:00:00", "Started", "Started container web"));
    scene.say(&Said::new("02:30:00", "Unhealthy", "Readiness probe failed: 503").warning());
    let overview = seen(&scene, "09:00:00", 0).await;
    assert_eq!(overview.total, 11);
    assert_eq!(overview.levels, Levels { normal: 1, warning: 1, error: 9 });
    let class = Group { values: vec!["PodCrash".to_owned()], at: None, count: 9 };
    assert_eq!(overview.classes, [class], "what is no known fault is no class");
    let reasons: Vec<_> =
        overview.reasons.groups.iter().map(|g| (&*g.values[0], g.count)).collect();
    assert_eq!(reasons, [("BackOff", 9), ("Unhealthy", 1)], "Normal events are no trouble");
    assert_eq!(overview.probes.counts.total, 1);
    assert_eq!(overview.probes.newest[0].message, "Readiness probe failed: 503");
    assert_eq!(overview.trend.step_seconds, 900);
    let errors: Vec<_> = overview.trend.buckets.iter().map(|bucket| bucket.levels.error).collect();
    assert_eq!(errors, [1, 4, 0, 0, 4], "a bucket each for 01:00, 01:15, 02:00, 02:30 and 03:00");
}

#[tokio::test]
async fn kills_for_want_of_memory_and_gpu_faults_are_told_in_detail() {
    let mut scene = Scene::new();
    scene.say(&oom("01:00:00"));
    let message = "NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus.";
    scene.repeat(
        &Said::new("02:00:00", "NodeHasNvidiaXidError", message).warning().about(node("worker-1")),
        &[("02:05:00", 3)],
    );
    let overview = seen(&scene, "09:00:00", 0).await;
    let oom = &overview.pod_ooms[0];
    assert_eq!(
        (oom.node.as_str(), oom.process.as_str(), oom.pid),
        ("worker-1", "java", Some(1012))
    );
    assert_eq!((oom.namespace.as_str(), oom.pod.as_str()), ("shop", "web-0"));
    assert_eq!((overview.xids.total, overview.xids.numbers.as_slice()), (3, &[(79, 3)][..]));
    assert_eq!(overview.xids.newest[0].event.count, 3);
}

#[test]
fn a_trend_has_a_hundred_buckets_or_so() {
    let range = |hours: i64| Range {
        from: Timestamp::UNIX_EPOCH,
        until: Timestamp::from_second(hours * 3600).expect("a time"),
    };
    assert_eq!(trend_step(range(1)).as_secs(), 60);
    assert_eq!(trend_step(range(24)).as_secs(), 900);
    assert_eq!(trend_step(range(24 * 7)).as_secs(), 10_800);
    assert_eq!(trend_step(range(24 * 90)).as_secs(), 86_400);
    assert!(trend_step(Range::ALL).as_secs() > 2_592_000);
}
