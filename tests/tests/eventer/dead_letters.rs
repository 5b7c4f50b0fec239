//! Dead letters as a person meets them: listed, shown, sent again and dropped, while the program runs and while it does not.

use std::os::unix::fs::PermissionsExt;

use eventcenter_tests::receiver::Reply;
use eventcenter_tests::{Setup, eventually};
use serde_json::Value;

use crate::world::{LONG, World, missing, ready};

/// What a command said: its exit code, standard output and standard error.
pub(crate) fn command(setup: &Setup, arguments: &[&str]) -> (i32, String, String) {
    let config = setup.path("config.yaml").display().to_string();
    let mut command = setup.run(&[&["--config", &config], arguments].concat());
    let code = command.exit_code(LONG);
    (code, command.stdout(), command.stderr())
}

/// The same for one that has to succeed: its standard output.
pub(crate) fn done(setup: &Setup, arguments: &[&str]) -> String {
    let (code, out, err) = command(setup, arguments);
    assert_eq!(code, 0, "{arguments:?}: {err}");
    out
}

fn listed(setup: &Setup) -> Vec<Value> {
    let lines = done(setup, &["dead-letters", "list", "--output", "ndjson"]);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{prefix}-{number:03}"))
}

fn refusal() -> Reply {
    Reply::Status { code: 422, retry_after: None, body: "no \u{1b}[31msuch field".to_owned() }
}

/// Waits until the webhook has refused so many.
async fn refused(world: &World, count: usize) {
    eventually("dead letters", None, async || {
        let letters = world.setup.dead_letters("hook").len();
        if letters == count { Ok(()) } else { Err(letters) }
    })
    .await;
}

#[tokio::test]
async fn letters_are_listed_shown_dropped_and_sent_again_while_the_program_runs() {
    let world = World::new();
    world.receiver.reply(refusal());
    let eventer = world.setup.start();
    world.create(names("refused", 4));
    refused(&world, 4).await;
    let socket = std::fs::metadata(world.setup.path("state/admin.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);

    let letters = listed(&world.setup);
    assert_eq!(letters.len(), 4);
    for letter in &letters {
        assert_eq!((&letter["sink"], &letter["kind"]), (&"hook".into(), &"refused".into()));
        assert_eq!(letter["object"], "Pod shop/web");
    }
    let table = done(&world.setup, &["dead-letters", "list", "--sink", "hook"]);
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.contains("status=422") && !table.contains('\u{1b}'), "{table}");
    let id = letters[1]["letter"].as_str().unwrap();
    let shown = done(&world.setup, &["dead-letters", "show", "--id", id]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["letter"], id);
    assert_eq!(shown["event"]["metadata"]["name"], "refused-001");
    let nothing = ["--kind", "timeout", "--since", "1h"];
    let (code, out, err) =
        command(&world.setup, &[&["dead-letters", "list"], &nothing[..]].concat());
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(err.contains("no such dead letters"), "{err}");

    let (code, _, err) = command(&world.setup, &["dead-letters", "drop", "--sink", "hook"]);
    assert!(code == 1 && err.contains("--all"), "{err}");
    let dropped = done(&world.setup, &["dead-letters", "drop", "--id", id]);
    assert_eq!(dropped, "1 letters of hook dropped\n");

    world.receiver.reply(Reply::Ok);
    let sent = done(&world.setup, &["dead-letters", "replay", "--all"]);
    assert!(sent.starts_with("3 events are sent to hook again\n"), "{sent}");
    let mut wanted = world.server.created();
    wanted.remove(1);
    eventually("three events", None, async || missing(&wanted, &world.receiver.distinct())).await;
    assert!(listed(&world.setup).is_empty());
    world.create(names("taken", 1));
    wanted.push(world.server.created().pop().unwrap());
    eventually("one more", None, async || missing(&wanted, &world.receiver.distinct())).await;
    assert_eq!((world.receiver.count(), world.receiver.duplicates()), (4, 0));
    // The other sink got nothing a second time.
    eventually("five events in the file", None, async || {
        (world.archived().len() == 5).then_some(())
    })
    .await;

    let removed = |kind: &str| {
        let sample =
            format!("eventcenter_dead_letters_removed_total{{sink=\"hook\",kind=\"{kind}\"}}");
        eventer.metric(&sample)
    };
    assert_eq!((removed("replayed"), removed("dropped")), (Some(3.0), Some(1.0)));
    assert_eq!(eventer.metric("eventcenter_dead_letters{sink=\"hook\"}"), Some(0.0));
    assert_eq!(eventer.metric("eventcenter_events_replayed_total{sink=\"hook\"}"), Some(3.0));
}

#[tokio::test]
async fn letters_of_a_program_that_does_not_run_arrive_after_its_next_start() {
    let world = World::new();
    world.receiver.reply(refusal());
    let mut eventer = world.setup.start();
    world.create(names("refused", 3));
    refused(&world, 3).await;
    let refused = world.server.created();
    // Once the next event has arrived, those before it are settled: they will not be tried again.
    world.receiver.reply(Reply::Ok);
    world.create(names("taken", 1));
    eventually("the next", None, async || (world.receiver.count() == 1).then_some(())).await;
    eventer.kill();
    // What a kill leaves lying there is in nobody's way.
    assert!(world.setup.path("state/admin.sock").exists());
    assert_eq!(listed(&world.setup).len(), 3);
    let (code, out, err) = command(&world.setup, &["dead-letters", "replay", "--all"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("3 events") && err.contains("after its next start"), "{out}{err}");
    assert!(listed(&world.setup).is_empty());
    assert_eq!(world.receiver.count(), 1);
    let eventer = world.setup.start();
    ready(&eventer).await;
    world.all_delivered().await;
    assert!(refused.iter().all(|one| world.receiver.copies(one) == 1));
    assert!(listed(&world.setup).is_empty());
}

#[tokio::test]
async fn a_kill_while_letters_are_sent_again_loses_none() {
    const LETTERS: usize = 60;
    let world = World::new();
    world.receiver.reply(refusal());
    let mut eventer = world.setup.start();
    world.create(names("refused", LETTERS));
    refused(&world, LETTERS).await;
    world.receiver.reply(Reply::Ok);
    let config = world.setup.path("config.yaml").display().to_string();
    let slowly = ["--config", &config, "dead-letters", "replay", "--all", "--rate", "5/s"];
    let mut command = world.setup.run(&slowly);
    eventually("some of them", None, async || (world.receiver.count() > 5).then_some(())).await;
    eventer.kill();
    assert_eq!(command.exit_code(LONG), 1);
    assert!(command.stderr().contains("ended before it was done"), "{}", command.stderr());
    let left = listed(&world.setup).len();
    assert!(left > 0, "it was killed too late");
    let _eventer = world.setup.start();
    done(&world.setup, &["dead-letters", "replay", "--all", "--rate", "1000"]);
    world.all_delivered().await;
    assert!(listed(&world.setup).is_empty());
    assert!(world.receiver.duplicates() <= left);
}

#[tokio::test]
async fn a_document_that_was_no_event_can_be_shown_and_dropped_and_is_not_sent() {
    let setup = World::new().setup;
    std::fs::create_dir_all(setup.path("state/dead-letters")).unwrap();
    let line = r#"{"time":"2026-11-25T01:02:03Z","sink":"events/c/*","kind":"protocol","reason":"no uid","attempts":1,"document":"{"}"#;
    let file = setup.path("state/dead-letters/events%2Fc%2F%2A.ndjson");
    std::fs::write(&file, format!("{line}\n{{\"half")).unwrap();
    // Whatever it does until then: its configuration is written.
    let mut started = setup.start();
    started.kill();
    let (code, out, err) = command(&setup, &["dead-letters", "replay", "--all"]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("events/c/* stay"), "{err}");
    assert_eq!(listed(&setup).len(), 1);
    let dropped = done(&setup, &["dead-letters", "drop", "--sink", "events/c/*", "--all"]);
    assert_eq!(dropped, "1 letters of events/c/* dropped\n");
    assert!(listed(&setup).is_empty() && !file.exists());
}
