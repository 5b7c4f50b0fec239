//! History that the API server no longer has: it is declared, and what is left arrives.

use std::time::Duration;

use eventcenter_tests::eventually;
use eventcenter_tests::fake_api_server::{Fault, Identity, On};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{LONG, World, identities, is_gap, missing, ready, source, taken};

fn names(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{prefix}-{number:03}"))
}

/// Waits for at least one gap in both sinks; returns those of the file.
async fn gaps(world: &World) -> Vec<Value> {
    eventually("a gap at the webhook", None, async || {
        taken(&world.receiver).iter().any(is_gap).then_some(())
    })
    .await;
    eventually("a gap in the file", None, async || {
        let gaps = world.gaps();
        (!gaps.is_empty()).then_some(gaps)
    })
    .await
}

/// Checks what a gap says to machines, and that it says it to people.
fn assert_says(gap: &Value, grade: &str, since: Timestamp) {
    let event = &gap["event"];
    let annotations = &event["metadata"]["annotations"];
    assert_eq!(annotations["eventcenter/gap-grade"], grade, "{gap}");
    assert_eq!(annotations["eventcenter/gap-source"], source(), "{gap}");
    let time = |key: &str| -> Timestamp { annotations[key].as_str().unwrap().parse().unwrap() };
    let (from, until) = (time("eventcenter/gap-since"), time("eventcenter/gap-until"));
    assert!(from <= until && until >= since && until <= Timestamp::now(), "{gap}");
    assert_eq!(
        (&event["type"], &event["source"]["component"]),
        (&json!("Warning"), &json!("eventcenter"))
    );
    assert!(event["message"].as_str().unwrap().contains("may be missing"), "{gap}");
}

/// What is archived after the first gap.
fn after_gap(world: &World) -> Vec<Identity> {
    let archived = world.archived();
    let gap = archived.iter().position(is_gap).unwrap();
    identities(archived.split_at(gap).1)
}

/// The server is away, much happens, and it comes back without the history; then requests fail as ordered.
async fn compacted_while_away(world: &World, faults: &[Fault]) {
    world.create(names("before", 25));
    let eventer = world.setup.start();
    world.all_delivered().await;
    let begun = Timestamp::now();

    world.server.stop();
    world.create(names("within", 45));
    world.server.update("shop", "before-001");
    let kept = world.server.update("shop", "before-001");
    world.server.compact(world.server.revision());
    // The probe before the watch takes the first, which does nothing to who wants no gzip.
    world.server.inject(On::List, 1, Fault::Gzip);
    for fault in faults {
        world.server.inject(On::List, 1, fault.clone());
        world.server.inject(On::Continue, 1, fault.clone());
    }
    world.server.restart_on_same_port();

    let created = world.server.created();
    // Of the object that changed twice only the newest state is left.
    let hidden = created.iter().rev().filter(|one| one.0 == kept.0).nth(1).unwrap().clone();
    let wanted: Vec<_> = created.into_iter().filter(|one| *one != hidden).collect();
    world.delivered_within(&wanted, Some(LONG)).await;
    let gaps = gaps(world).await;
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_says(&gaps[0], "revisions", begun);
    // It is said before what the list brings, and what was known is not repeated.
    let after = after_gap(world);
    assert!(after.contains(&kept));
    assert_eq!(after.len(), 1 + 45 + 1, "{after:?}");
    assert_eq!(world.server.pending_faults(), 0);

    world.create(names("after", 5));
    world.all_but(&hidden).await;
    ready(&eventer).await;
}

impl World {
    async fn all_but(&self, hidden: &Identity) {
        let created = self.server.created();
        let wanted: Vec<_> = created.into_iter().filter(|one| one != hidden).collect();
        self.delivered(&wanted).await;
    }
}

#[tokio::test]
async fn a_version_that_is_too_old_is_a_gap_and_all_that_is_left_arrives() {
    compacted_while_away(&World::new(), &[]).await;
}

#[tokio::test]
async fn a_version_that_is_too_old_by_status_is_a_gap_as_well() {
    let world = World::new();
    world.server.refuse_old_watches_by_status(true);
    compacted_while_away(&world, &[]).await;
}

#[tokio::test]
async fn a_list_after_a_gap_survives_a_reset_an_error_and_a_throttle() {
    let faults = [Fault::Reset, Fault::status(500), Fault::throttled("1")];
    compacted_while_away(&World::new(), &faults).await;
}

#[tokio::test]
async fn a_watch_that_is_told_410_in_its_middle_lists_again() {
    let world = World::new();
    world.create(names("before", 25));
    let eventer = world.setup.start();
    world.all_delivered().await;
    let begun = Timestamp::now();
    world.server.inject(On::Watch, 1, Fault::Error410InStream { after_events: 2 });
    world.server.inject(On::Continue, 1, Fault::Reset);
    world.server.inject(On::Continue, 1, Fault::throttled("1"));
    world.server.end_watches();
    world.create(names("within", 10));
    world.all_delivered().await;
    assert_says(&gaps(&world).await[0], "revisions", begun);
    ready(&eventer).await;
    eventually("the faults", None, async || {
        let pending = world.server.pending_faults();
        if pending == 0 { Ok(()) } else { Err(pending) }
    })
    .await;
}

#[tokio::test]
async fn an_absence_longer_than_the_events_live_says_that_events_may_be_missing() {
    // Shorter than what is granted for delays: any absence is too long.
    let world = World::with_cluster(json!({ "event_ttl": "1m" }));
    world.create(names("before", 5));
    let mut eventer = world.setup.start();
    world.all_delivered().await;
    let begun = Timestamp::now();
    eventer.kill();
    world.create(names("within", 5));
    world.server.delete("shop", "within-003");
    world.server.compact(world.server.revision());
    let _eventer = world.setup.start();
    let wanted: Vec<_> = {
        let lost = world.server.created().len() - 2;
        let created = world.server.created().into_iter().enumerate();
        created.filter(|(place, _)| *place != lost).map(|(_, one)| one).collect()
    };
    world.delivered(&wanted).await;
    assert_says(&gaps(&world).await[0], "events", begun);
}

#[tokio::test]
async fn a_kill_in_the_middle_of_a_list_after_a_gap_begins_it_again() {
    let world = World::new();
    world.create(names("before", 25));
    let mut eventer = world.setup.start();
    world.all_delivered().await;
    eventer.kill();
    let begun = Timestamp::now();
    world.create(names("within", 100));
    world.server.compact(world.server.revision());
    let slow = Fault::SlowBytes { per_chunk: 400, pause: Duration::from_millis(20) };
    world.server.inject(On::Continue, 40, slow);
    let within = world.server.created().split_off(25);

    for _ in 0..2 {
        let before = world.receiver.count();
        let mut eventer = world.setup.start();
        eventually("a part of the list", None, async || {
            let come = world.receiver.count() - before;
            if come > 12 { Ok(()) } else { Err(come) }
        })
        .await;
        eventer.kill();
        assert!(
            missing(&within, &world.receiver.distinct()).is_err(),
            "too late to prove anything"
        );
    }
    world.server.clear_faults();
    let eventer = world.setup.start();
    world.all_delivered().await;
    ready(&eventer).await;
    // The gap is said again: nobody can know that it arrived.
    for gap in gaps(&world).await {
        assert_says(&gap, "revisions", begun);
    }
    world.create(names("after", 5));
    world.all_delivered().await;
}

#[tokio::test]
async fn a_cluster_that_was_restored_from_a_backup_is_a_gap_and_is_listed_anew() {
    let world = World::new();
    world.create(names("before", 25));
    let backup = world.server.revision();
    let eventer = world.setup.start();
    world.all_delivered().await;
    world.create(names("undone", 10));
    world.all_delivered().await;

    let begun = Timestamp::now();
    world.server.set_revision_back(backup);
    // Their versions were given out before.
    let before = world.server.created().len();
    world.create(names("again", 3));
    let wanted = world.server.created().split_off(before);
    world.delivered(&wanted).await;
    assert_says(&gaps(&world).await[0], "events", begun);
    world.create(names("after", 20));
    world.all_delivered().await;
    ready(&eventer).await;
}
