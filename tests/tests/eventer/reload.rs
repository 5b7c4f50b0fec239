//! A configuration that changes while the program runs: taken over without a loss, or refused.

use std::time::Duration;

use eventcenter_tests::{Eventer, Receiver, eventually};
use serde_json::{Value, json};

use crate::world::{World, missing, ready};

/// The configuration of a world, changed.
fn changed(world: &World, change: impl FnOnce(&mut Value)) -> String {
    let mut config: Value = serde_json::from_str(&world.setup.config_text()).unwrap();
    change(&mut config);
    serde_json::to_string_pretty(&config).unwrap()
}

/// Waits until health says this of the configuration.
async fn says(eventer: &Eventer, words: &str) {
    eventually("word of the configuration", None, async || {
        let report = eventer.readyz().map(|answer| answer.json());
        let state = report.map(|report| report["parts"]["configuration"]["state"].clone());
        match state {
            Some(Value::String(state)) if state.contains(words) => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

/// Waits until the second sink is there.
async fn has_second(eventer: &Eventer) {
    eventually("a second sink", None, async || {
        let parts = eventer.readyz().map(|answer| answer.json()["parts"].clone());
        parts.filter(|parts| !parts["sink second"].is_null()).map(|_| ())
    })
    .await;
}

fn names(prefix: &str) -> impl Iterator<Item = String> {
    (0..30).map(move |number| format!("{prefix}-{number:02}"))
}

#[tokio::test]
async fn a_sink_is_added_and_removed_and_comes_back_and_nothing_is_lost_or_doubled() {
    let world = World::new();
    let second = Receiver::start();
    let eventer = world.setup.start();
    ready(&eventer).await;
    world.create(names("before"));
    world.all_delivered().await;

    // Added: it gets what comes from then on.
    let both = changed(&world, |config| {
        let sink = json!({ "name": "second", "webhook": { "url": second.url() } });
        config["sinks"].as_array_mut().unwrap().push(sink);
    });
    world.setup.swap_config(&both);
    eventer.hang_up();
    has_second(&eventer).await;
    world.create(names("with"));
    world.all_delivered().await;
    let with = world.server.created().split_off(30);
    eventually("what is new at the new sink", None, async || missing(&with, &second.distinct()))
        .await;
    assert_eq!(second.distinct().len(), 30, "nothing of before");

    // Away, with something in its queue, and then removed without a signal: what waits for it is kept.
    second.stop();
    world.create(names("waiting"));
    world.all_delivered().await;
    world.setup.swap_config(&world.setup.config_text());
    eventually("one sink less", None, async || {
        let parts = eventer.readyz().map(|answer| answer.json()["parts"].clone());
        parts
            .filter(|parts| parts["sink second"].is_null() && !parts["sink hook"].is_null())
            .map(|_| ())
    })
    .await;
    world.create(names("without"));
    world.all_delivered().await;

    // Back: it goes on where it stood, without what came meanwhile.
    second.restart_on_same_port();
    world.setup.swap_config(&both);
    eventer.hang_up();
    has_second(&eventer).await;
    world.create(names("again"));
    world.all_delivered().await;
    let created = world.server.created();
    let wanted = [&created[30..90], &created[120..]].concat();
    eventually("everything that was for it", None, async || missing(&wanted, &second.distinct()))
        .await;
    assert_eq!(second.distinct().len(), 90, "nothing of the time without it");
    assert!(world.gaps().is_empty());
    // Everything was finished each time before the next began.
    assert_eq!(world.archived().len(), created.len());
    assert_eq!((world.receiver.duplicates(), second.duplicates()), (0, 0));
}

#[tokio::test]
async fn a_bad_configuration_is_refused_and_the_old_one_keeps_running() {
    let world = World::new();
    let mut eventer = world.setup.start();
    ready(&eventer).await;
    let text = world.setup.config_text();
    let bad = [
        (text.replacen("sinks", "sniks", 1), "unknown key \"sniks\""),
        (
            changed(&world, |config| config["state_dir"] = "elsewhere".into()),
            "this needs a restart",
        ),
        // Only the sink itself can tell, when it is built.
        (
            changed(&world, |config| {
                let headers = json!({ "X-Token": { "file": "/nowhere/token" } });
                config["sinks"][0]["webhook"]["headers"] = headers;
            }),
            "/nowhere/token",
        ),
        // Only when the file is opened, which its predecessor must not have open.
        (
            changed(&world, |config| {
                let inside_of_a_file = world.setup.path("config.yaml").join("x.ndjson");
                config["sinks"][1]["file"]["path"] = inside_of_a_file.display().to_string().into();
            }),
            "x.ndjson",
        ),
    ];
    for (number, (text, words)) in bad.into_iter().enumerate() {
        world.setup.swap_config(&text);
        eventer.hang_up();
        says(&eventer, words).await;
        world.create(names(&format!("round-{number}")));
        world.all_delivered().await;
        assert!(eventer.is_running());
    }
    assert_eq!(eventer.readyz().unwrap().status, 200);
    // What cannot be opened is tried once, and not at each look.
    let tries = || eventer.stderr().matches("taking over a new configuration").count();
    let tried = tries();
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(tries(), tried);
    world.setup.swap_config(&text);
    eventer.hang_up();
    says(&eventer, "ready").await;
    let log = eventer.stderr();
    assert_eq!(log.matches("the new configuration is refused").count(), 4, "{log}");
}
