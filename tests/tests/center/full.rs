//! A real file system without room left: what stops, what goes on, and that nothing is lost.

use std::collections::BTreeMap;

use eventcenter_tests::{Eventer, eventually};
use serde_json::Value;

use crate::kept::{REASONS, World, counts};
use crate::{LONG, setup};

/// Events that are made at a time.
const SOME: usize = 500;
/// More than fit.
const TOO_MANY: usize = 6_500;

/// The rows of a `SELECT`, as text; none while there is no answer.
fn rows(center: &Eventer, select: &str) -> Vec<[String; 2]> {
    let path = format!("/api/v1/query?since=all&query=*%20|%20select%20{select}");
    let answer = center.get(&path).map(|answer| answer.json()).unwrap_or_default();
    let rows = answer["rows"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    rows.iter().map(|row| [text(&row[0]), text(&row[1])]).collect()
}

/// What it answers to a question that the sums of the store know nothing of: a recount.
fn recounted(center: &Eventer) -> BTreeMap<String, u64> {
    let rows = rows(center, "reason,sum(occurrences)%20group%20by%201");
    rows.into_iter().map(|[reason, sum]| (reason, sum.parse().unwrap())).collect()
}

/// How many Events are kept, how many of them are different ones, and the sum of their revisions.
fn kept(center: &Eventer) -> Option<[u64; 3]> {
    let select = "count(1),count(distinct%20event_uid)";
    let [all, different] = rows(center, select).pop()?.map(|count| count.parse().unwrap());
    let select = "sum(json_extract(document,'$.metadata.resourceVersion')%2b0),1";
    let [revisions, _] = rows(center, select).pop()?;
    Some([all, different, revisions.parse().unwrap()])
}

#[tokio::test]
async fn a_full_disk_pauses_the_intake_says_so_and_loses_nothing() {
    let mut world = World::new();
    world.create(SOME);
    let setup = setup().small_disk(64, 40).cluster(&world.server.kubeconfig_yaml());
    let mut center = setup.start();
    eventually("the first events, on a small disk", LONG, async || {
        let is_there = counts(&center, "*").is_some_and(|counts| !counts.is_empty());
        is_there.then_some(()).ok_or_else(|| center.stderr())
    })
    .await;
    assert!(center.is_running(), "{}", center.stderr());

    let says = |path: &str| center.get(path).map(|said| said.body).unwrap_or_default();
    let store_is_full = || says("/readyz").contains("store: the disk is full");
    while !store_is_full() {
        assert!(world.made < TOO_MANY, "{} events fit: {}", world.made, says("/readyz"));
        world.create_with(SOME, |spec| spec.with_message("x".repeat(2000)));
        eventually("them to arrive, or no room", LONG, async || {
            let arrived = counts(&center, "*").is_some_and(|counts| counts == world.happened);
            (arrived || store_is_full()).then_some(())
        })
        .await;
    }
    // From here on they pile up in the spool, until that has no room either.
    world.create_with(TOO_MANY, |spec| spec.with_message("x".repeat(2000)));
    eventually("the intake to pause", LONG, async || {
        let said = center.readyz().unwrap();
        (said.status == 503 && said.body.contains("the disk refuses")).then_some(()).ok_or(said)
    })
    .await;
    assert_eq!(center.get("/plain").map(|page| page.status), Some(200));
    let kept_meanwhile = recounted(&center);
    assert_eq!(kept_meanwhile.len(), REASONS.len(), "questions are answered");

    std::fs::remove_file(center.sees(&setup.path("small/filler"))).unwrap();
    // A busy machine may take long for all of it: there is progress all the same.
    let mut arrived = 0;
    let all: u64 = world.happened.values().sum();
    while arrived < all {
        arrived = eventually("more to arrive", LONG, async || {
            let now: u64 = counts(&center, "*").unwrap_or_default().values().sum();
            (now > arrived).then_some(now).ok_or(now)
        })
        .await;
    }
    world.all_is_counted(&center).await;
    assert_eq!(recounted(&center), world.happened);
    let revisions = world.newest().into_values().map(|revision| revision.parse::<u64>().unwrap());
    let all = world.made as u64;
    assert_eq!(kept(&center), Some([all, all, revisions.sum()]), "each once, in its newest state");
    let gaps = center.get("/api/v1/gaps").unwrap().json();
    assert_eq!(gaps["gaps"].as_array().map(Vec::len), Some(0), "{gaps}");
}
