//! The past, sent to one sink again.

use eventcenter_tests::eventually;
use eventcenter_tests::fake_api_server::{EventSpec, Identity};
use jiff::Timestamp;
use serde_json::Value;

use crate::dead_letters::{command, done};
use crate::world::{World, ready};

/// Ten events, every other one of which is a warning.
fn create(world: &World) {
    for number in 0..10 {
        let spec = EventSpec::pod("shop", "web").with_name(format!("event-{number}"));
        let spec = spec.with_reason(if number % 2 == 0 { "Pulled" } else { "BackOff" });
        world.server.create(if number % 2 == 0 { spec } else { spec.warning() });
    }
}

/// Waits until the webhook has had every other event so often, and the rest once.
async fn copies(world: &World, wanted: usize) {
    let created = world.server.created();
    let found = |which: usize| -> Vec<usize> {
        let some = created.iter().skip(which).step_by(2);
        some.map(|one: &Identity| world.receiver.copies(one)).collect()
    };
    eventually("copies", None, async || {
        let copies = found(1);
        if copies == [wanted; 5] { Ok(()) } else { Err(copies) }
    })
    .await;
    assert_eq!(found(0), [1; 5]);
}

/// Waits until nothing waits any more, so that all of it is past.
async fn settled(world: &World) {
    let dry = ["replay", "--sink", "hook", "--since", "all", "--dry-run"];
    eventually("everything settled", None, async || {
        let said = done(&world.setup, &dry);
        if said.contains("anyway") { Err(said) } else { Ok(()) }
    })
    .await;
}

#[tokio::test]
async fn the_past_is_sent_again_to_one_sink_by_time_and_statement() {
    let world = World::new();
    let mut eventer = world.setup.start();
    ready(&eventer).await;
    create(&world);
    world.all_delivered().await;
    settled(&world).await;
    let warnings = ["replay", "--sink", "hook", "--filter", "level >= Warning", "--since"];
    let with =
        |more: &[&str]| [&warnings[..], more].concat().iter().map(ToString::to_string).collect();
    let run = |more: &[&str]| -> String {
        let arguments: Vec<String> = with(more);
        done(&world.setup, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };

    let said = run(&["1h", "--dry-run"]);
    assert!(said.starts_with("5 events would be sent to hook again\n"), "{said}");
    assert!(said.contains("       5 Warning\n") && said.contains("       5 BackOff\n"), "{said}");
    let said = run(&["2020-01-01T00:00:00Z", "--until", "2021-01-01T00:00:00Z"]);
    assert_eq!(said, "0 events are sent to hook again\n");
    assert_eq!(world.receiver.count(), 10);
    let said = run(&["1h", "--rate", "50/s"]);
    assert!(said.starts_with("5 events are sent to hook again\n"), "{said}");
    copies(&world, 2).await;
    // What was sent again is the same event, received when it was; the spool keeps that to the microsecond.
    let requests = world.receiver.requests();
    let lines = requests.iter().flat_map(|request| {
        let body = String::from_utf8_lossy(&request.body);
        body.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    });
    let mut envelopes: Vec<String> = lines
        .map(|mut envelope| {
            let received: Timestamp = envelope["received"].as_str().unwrap().parse().unwrap();
            envelope["received"] = received.as_microsecond().into();
            envelope.to_string()
        })
        .collect();
    envelopes.sort();
    envelopes.dedup();
    assert_eq!(envelopes.len(), 10);

    // Without the program, and with one that was killed.
    eventer.kill();
    let said = run(&["all"]);
    assert!(said.starts_with("5 events are sent to hook again\n"), "{said}");
    let _eventer = world.setup.start();
    copies(&world, 3).await;
    assert_eq!(world.archived().len(), 10, "the other sink was asked for nothing");
}

#[tokio::test]
async fn what_cannot_be_sent_again_is_said() {
    let world = World::new();
    let eventer = world.setup.start();
    ready(&eventer).await;
    let (code, _, err) = command(&world.setup, &["replay", "--sink", "hook2", "--since", "1h"]);
    assert!(code == 1 && err.contains("hook, archive"), "{err}");
    let wrong = ["replay", "--sink", "hook", "--since", "1h", "--filter", "level : Error and"];
    let (code, _, err) = command(&world.setup, &wrong);
    assert!(code == 1 && err.contains("\n                 ^\n"), "{err}");
    let (code, _, err) =
        command(&world.setup, &["replay", "--sink", "hook", "--since", "yesterday"]);
    assert!(code == 1 && err.contains("--since"), "{err}");
    let nowhere = world.setup.path("nowhere").display().to_string();
    let (code, _, err) = command(&world.setup, &["--state-dir", &nowhere, "dead-letters", "list"]);
    assert!(code == 2 && err.contains("no such folder"), "{err}");
}
