//! Pods, found by parts of their names.

use super::*;
use crate::testing::scene::{Said, Scene, pod, time};

fn ask(text: &str) -> PodsAsk {
    PodsAsk {
        query: Arc::new(Query::all()),
        text: text.to_owned(),
        range: Range::ALL,
        limit: MOST,
        bounds: Bounds::default(),
    }
}

/// Some Pods, one of which is loud.
fn scene() -> Scene {
    let mut scene = Scene::new();
    for (at, name) in [("01:00:00", "web-6f9c4d7b8-x2x4z"), ("01:01:00", "web-6f9c4d7b8-qq7lm")] {
        scene.say(&Said::new(at, "Started", "m").about(pod(name, name, "web")));
    }
    scene.say(
        &Said { host: "worker-2", ..Said::new("01:02:00", "Scheduled", "m") }
            .about(pod("db-0", "d", "")),
    );
    for second in 0..50 {
        let at = format!("02:00:{second:02}");
        scene.say(&Said::new(&at, "BackOff", "m").warning().about(pod("loud-0", "l", "x")));
    }
    scene.say(
        &Said { host: "", ..Said::new("03:00:00", "Scheduled", "m") }
            .about(pod("loud-0", "l2", "")),
    );
    scene
}

async fn found(scene: &Scene, ask: &PodsAsk) -> Pods {
    pods(&scene.store, ask).await.expect("Pods").value
}

fn names(found: &Pods) -> Vec<&str> {
    found.pods.iter().map(|pod| pod.name.as_str()).collect()
}

#[tokio::test]
async fn a_pod_is_found_by_a_part_of_any_of_its_names() {
    let scene = scene();
    for (text, expected) in [
        ("", vec!["loud-0", "db-0", "web-6f9c4d7b8-qq7lm", "web-6f9c4d7b8-x2x4z"]),
        ("X4Z", vec!["web-6f9c4d7b8-x2x4z"]),
        ("deployment/web", vec!["web-6f9c4d7b8-qq7lm", "web-6f9c4d7b8-x2x4z"]),
        ("worker-2", vec!["db-0"]),
        ("hop/db", vec!["db-0"]),
        ("sho web q7", vec!["web-6f9c4d7b8-qq7lm"]),
        ("w?b-*lm", vec!["web-6f9c4d7b8-qq7lm"]),
        ("web) or (kind : *", vec![]),
        ("\"shop\" or *", vec![]),
        ("we\u{202e}b", vec![]),
    ] {
        assert_eq!(names(&found(&scene, &ask(text)).await), expected, "{text}");
    }
}

#[tokio::test]
async fn a_loud_pod_hides_nobody_and_the_newest_comes_first() {
    let scene = scene();
    let few = PodsAsk { bounds: Bounds { rows: 5, ..Bounds::default() }, ..ask("") };
    let told = found(&scene, &few).await;
    assert_eq!(names(&told), ["loud-0", "db-0", "web-6f9c4d7b8-qq7lm", "web-6f9c4d7b8-x2x4z"]);
    assert!(!told.more);
    let loud = &told.pods[0];
    assert_eq!((loud.at, loud.reason.as_str()), (time("03:00:00"), "Scheduled"));
    assert_eq!(loud.node, "worker-1", "an older event knows the node");
    assert_eq!(loud.levels, Levels { normal: 1, warning: 50, error: 0 });
    assert_eq!(told.pods[2].workload.as_deref(), Some("Deployment/web"));
}

#[tokio::test]
async fn a_limit_says_that_there_are_more() {
    let told = found(&scene(), &PodsAsk { limit: 2, ..ask("") }).await;
    assert_eq!((names(&told), told.more), (vec!["loud-0", "db-0"], true));
    let told = found(&scene(), &PodsAsk { limit: 1, ..ask("db") }).await;
    assert_eq!((names(&told), told.more), (vec!["db-0"], false));
}

#[tokio::test]
async fn of_troubled_pods_everything_is_counted() {
    let warnings = Arc::new(Query::parse("level >= Warning").expect("a statement"));
    let told = found(&scene(), &PodsAsk { query: warnings, ..ask("") }).await;
    assert_eq!(names(&told), ["loud-0"]);
    assert_eq!(told.pods[0].reason, "BackOff");
    assert_eq!(told.pods[0].levels.normal, 1);
}
