//! The API server goes away and comes back; connections break, stall and lie.

use std::time::Duration;

use eventcenter_tests::eventually;
use eventcenter_tests::fake_api_server::{EventSpec, Fault, On};
use serde_json::json;

use crate::world::{LONG, World, assert_in_order, identities, is_gap, ready, source_file};

fn names(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{prefix}-{number:03}"))
}

/// Events from before, from within and from after an outage arrive, and nothing is said to be missing.
async fn survives(world: World, outage: impl AsyncFnOnce(&World)) {
    world.create(names("before", 25));
    let eventer = world.setup.start();
    world.all_delivered().await;
    outage(&world).await;
    world.create(names("after", 25));
    world.delivered_within(&world.server.created(), Some(LONG)).await;
    ready(&eventer).await;
    assert_eq!(world.gaps(), Vec::<serde_json::Value>::new());
    assert_in_order("file", &identities(&world.archived()));
}

#[tokio::test]
async fn an_api_server_that_is_stopped_and_started_loses_nothing() {
    survives(World::new(), async |world| {
        world.server.stop();
        world.create(names("within", 25));
        world.server.update("shop", "before-003");
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.server.restart_on_same_port();
    })
    .await;
}

#[tokio::test]
async fn an_api_server_that_is_killed_and_started_loses_nothing() {
    survives(World::new(), async |world| {
        world.server.kill();
        world.create(names("within", 25));
        world.server.update("shop", "before-003");
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.server.restart_on_same_port();
    })
    .await;
}

#[tokio::test]
async fn readiness_ends_with_the_api_server_and_returns_with_it() {
    let world = World::new();
    let eventer = world.setup.start();
    ready(&eventer).await;
    world.server.kill();
    eventually("503", None, async || {
        let answer = eventer.readyz().unwrap();
        if answer.status == 503 { Ok(()) } else { Err(answer) }
    })
    .await;
    world.server.restart_on_same_port();
    eventually("200", LONG, async || {
        let answer = eventer.readyz().unwrap();
        if answer.status == 200 { Ok(()) } else { Err(answer) }
    })
    .await;
}

#[tokio::test]
async fn a_watch_that_is_cut_in_the_middle_of_a_line_loses_nothing() {
    survives(World::new(), async |world| {
        world.server.inject(On::Watch, 3, Fault::CutMidLine { after_events: 2 });
        world.server.end_watches();
        world.create(names("within", 25));
        world.all_delivered().await;
        assert_eq!(world.server.pending_faults(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_went_silent_in_a_list_is_given_up() {
    let world = World::new();
    world.create(names("before", 25));
    world.server.inject(On::List, 1, Fault::HalfOpen { after_events: 5 });
    world.server.inject(On::List, 1, Fault::HangBeforeHeaders);
    let eventer = world.setup.start();
    world.all_delivered().await;
    ready(&eventer).await;
    assert_eq!(world.server.pending_faults(), 0);
}

/// It takes the shortest time that a watch can be set to, and what is granted beyond it: 55 s.
#[tokio::test]
async fn a_watch_that_went_silent_is_given_up() {
    let world = World::with_cluster(json!({ "watch_timeout": "40s" }));
    survives(world, async |world| {
        world.server.inject(On::Watch, 1, Fault::HalfOpen { after_events: 3 });
        world.server.end_watches();
        world.create(names("within", 25));
        eventually("the silence", None, async || {
            (world.server.pending_faults() == 0).then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn lines_that_are_no_events_are_set_aside_and_the_rest_goes_on() {
    survives(World::new(), async |world| {
        world.server.inject(On::Watch, 1, Fault::bad_object());
        world.server.end_watches();
        world.create(names("one", 3));
        world.all_delivered().await;
        let cut = Fault::GarbageLine { after_events: 1, bytes: b"{\"type\":\"ADD\xff".to_vec() };
        world.server.inject(On::Watch, 1, cut);
        world.server.end_watches();
        world.create(names("two", 3));
        world.all_delivered().await;
        let letters = eventually("two dead letters", None, async || {
            let letters = world.setup.dead_letters(&source_file());
            if letters.len() == 2 { Ok(letters) } else { Err(letters) }
        })
        .await;
        for (letter, begins) in letters.iter().zip([r#"{"metadata":42"#, r#"{"type":"ADD"#]) {
            assert!(letter["document"].as_str().unwrap().starts_with(begins), "{letter}");
            assert_eq!(letter["sink"], crate::world::source());
            assert!(!letter["reason"].as_str().unwrap().is_empty(), "{letter}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_item_of_a_list_that_is_no_event_is_set_aside_and_the_rest_goes_on() {
    let world = World::new();
    world.create(names("before", 25));
    let bytes = br#"{"metadata":42}"#.to_vec();
    world.server.inject(On::List, 1, Fault::GarbageLine { after_events: 4, bytes });
    let _eventer = world.setup.start();
    world.all_delivered().await;
    let letters = world.setup.dead_letters(&source_file());
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0]["document"], r#"{"metadata":42}"#);
}

#[tokio::test]
async fn what_the_server_delivers_twice_is_passed_on_once() {
    let world = World::new();
    world.server.inject(On::Watch, 1, Fault::DuplicateDelivery);
    let _eventer = world.setup.start();
    eventually("a watch", None, async || (world.server.open_watches() == 1).then_some(())).await;
    world.create(names("twice", 50));
    world.server.update("shop", "twice-007");
    world.server.end_watches();
    world.create(names("once", 10));
    world.all_delivered().await;
    assert_eq!(world.server.pending_faults(), 0);
    assert_eq!(world.receiver.duplicates(), 0);
    assert_eq!(world.archived().len(), world.server.created().len());
}

#[tokio::test]
async fn errors_of_the_server_are_waited_out_and_its_wish_for_patience_is_honoured() {
    let world = World::new();
    world.create(names("before", 25));
    let eventer = world.setup.start();
    world.all_delivered().await;
    let before = world.server.requests().len();
    world.server.inject(On::List, 1, Fault::throttled("2"));
    world.server.inject(On::List, 1, Fault::status(500));
    world.server.inject(On::Watch, 1, Fault::status(503));
    world.server.inject(On::Watch, 1, Fault::Reset);
    let message = "etcdserver: no leader".to_owned();
    world.server.inject(On::Watch, 1, Fault::InStreamError { after_events: 0, code: 500, message });
    world.server.end_watches();
    world.create(names("after", 25));
    world.delivered_within(&world.server.created(), Some(LONG)).await;
    ready(&eventer).await;
    assert_eq!(world.server.pending_faults(), 0);
    assert!(world.archived().iter().all(|envelope| !is_gap(envelope)));
    let requests = world.server.requests().split_off(before);
    let (throttled, next) = (&requests[0], &requests[1]);
    let waited = next.at.duration_since(throttled.at);
    assert!(waited >= Duration::from_secs(2), "asked again after {waited:?}");
}

#[tokio::test]
async fn a_token_that_expires_in_the_middle_of_a_list_loses_nothing() {
    let world = World::new();
    world.create(names("before", 45));
    world.server.inject(On::Continue, 1, Fault::ContinueExpired);
    world.server.inject(On::Continue, 1, Fault::Reset);
    world.server.inject(On::Continue, 1, Fault::ContinueExpired);
    world.server.inject(On::Continue, 1, Fault::status(500));
    let eventer = world.setup.start();
    eventually("the faults", None, async || {
        let pending = world.server.pending_faults();
        if pending == 0 { Ok(()) } else { Err(pending) }
    })
    .await;
    world.server.create(EventSpec::pod("a-first", "web").with_name("meanwhile"));
    world.all_delivered().await;
    ready(&eventer).await;
    assert_eq!(world.gaps(), Vec::<serde_json::Value>::new());
}
