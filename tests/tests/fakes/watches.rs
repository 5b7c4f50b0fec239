//! WATCH.

use std::time::{Duration, Instant};

use eventcenter_tests::fake_api_server::EventSpec;
use eventcenter_tests::{FakeApiServer, eventually};

use crate::client::{Answer, LONG, Next, brief, get};

const TOO_OLD: &str = r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"The resourceVersion for the provided watch is too old.","reason":"Expired","code":410}}"#;

async fn watch_from(server: &FakeApiServer, version: u64) -> Answer {
    let path = format!("/api/v1/events?watch=true&resourceVersion={version}");
    let answer = get(&server.url(), &path).await;
    assert_eq!(answer.status, 200);
    answer
}

fn create(server: &FakeApiServer, name: &str) -> (String, String) {
    server.create(EventSpec::pod("default", "p").with_name(name))
}

#[tokio::test]
async fn without_a_version_or_from_zero_the_stored_events_come_in_key_order_and_then_live_ones() {
    let server = FakeApiServer::start();
    for name in ["c", "a", "b"] {
        create(&server, name);
    }
    server.update("default", "a");
    for version in ["", "&resourceVersion=0"] {
        let path = format!("/api/v1/events?watch=1&allowWatchBookmarks=false{version}");
        let mut watch = get(&server.url(), &path).await;
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(brief(&watch.line().await));
        }
        assert_eq!(
            seen.iter().map(|(_, name, _)| name.as_str()).collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
        assert!(seen.iter().all(|(kind, ..)| kind == "ADDED"));
        assert!(!seen.is_sorted_by_key(|(_, _, version)| version), "not in the order of versions");
        let (_, version) = server.update("default", "b");
        assert_eq!(brief(&watch.line().await), ("MODIFIED".into(), "b".into(), version));
    }
}

#[tokio::test]
async fn from_a_version_comes_what_happened_after_it() {
    let server = FakeApiServer::start();
    create(&server, "a");
    let then = server.revision();
    let (uid, second) = server.update("default", "a");
    server.advance_revision(10);
    let deleted = server.delete("default", "a").to_string();

    let mut watch = watch_from(&server, then).await;
    let line = watch.line().await;
    assert_eq!(brief(&line), ("MODIFIED".into(), "a".into(), second));
    assert_eq!(
        (&line["object"]["count"], &line["object"]["metadata"]["uid"]),
        (&2.into(), &uid.into())
    );
    assert_eq!(brief(&watch.line().await), ("DELETED".into(), "a".into(), deleted));
    assert!(watch.is_silent().await);
}

#[tokio::test]
async fn the_other_api_group_shows_the_same_event_in_its_own_words() {
    let server = FakeApiServer::start();
    let path = "/apis/events.k8s.io/v1/namespaces/default/events?watch=1&resourceVersion=100";
    let mut watch = get(&server.url(), path).await;
    server.create(EventSpec::pod("elsewhere", "p"));
    let (_, version) = server.create(EventSpec::pod("default", "p").with_message("hello"));
    let line = watch.line().await;
    assert_eq!(line["object"]["apiVersion"], "events.k8s.io/v1");
    assert_eq!(line["object"]["note"], "hello");
    assert_eq!(line["object"]["deprecatedCount"], 1);
    assert_eq!(brief(&line).2, version);
}

#[tokio::test]
async fn after_a_compaction_only_versions_below_c_minus_1_are_too_old() {
    let server = FakeApiServer::start();
    for name in ["a", "b", "c", "d"] {
        create(&server, name);
    }
    let c = server.revision() - 1;
    let mut survivor = watch_from(&server, c - 2).await;
    assert_eq!(brief(&survivor.line().await).1, "b");
    server.compact(c);

    let mut old = watch_from(&server, c - 2).await;
    assert_eq!(old.next(LONG).await, Next::Line(TOO_OLD.to_owned()));
    assert_eq!(old.next(LONG).await, Next::End);
    assert_eq!(brief(&watch_from(&server, c - 1).await.line().await).1, "c");
    assert_eq!(brief(&watch_from(&server, c).await.line().await).1, "d");
    assert_eq!(brief(&survivor.line().await).1, "c");
}

#[tokio::test]
async fn a_compacted_version_can_be_refused_by_status_too() {
    let server = FakeApiServer::start();
    let old = server.revision();
    for name in ["a", "b", "c"] {
        create(&server, name);
    }
    server.compact(server.revision());
    server.refuse_old_watches_by_status(true);
    let path = format!("/api/v1/events?watch=1&resourceVersion={old}");
    let answer = get(&server.url(), &path).await;
    assert_eq!(answer.status, 410);
    assert_eq!(answer.json().await["reason"], "Expired");
}

#[tokio::test]
async fn a_watch_from_the_future_is_silent_until_the_future_is_there() {
    let server = FakeApiServer::start();
    let future = server.revision() + 3;
    let mut watch = watch_from(&server, future).await;
    create(&server, "below");
    assert!(watch.is_silent().await);
    server.advance_revision(2);
    let (_, version) = create(&server, "above");
    assert_eq!(brief(&watch.line().await), ("ADDED".into(), "above".into(), version));
}

#[tokio::test]
async fn its_timeout_ends_a_watch_cleanly() {
    let server = FakeApiServer::start();
    let begin = Instant::now();
    let mut watch = get(&server.url(), "/api/v1/events?watch=1&timeoutSeconds=1").await;
    create(&server, "a");
    watch.line().await;
    assert_eq!(watch.next(LONG).await, Next::End);
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.open_watches(), 0);
}

#[tokio::test]
async fn a_selector_turns_changes_into_arrivals_and_departures() {
    let server = FakeApiServer::start();
    let path =
        "/api/v1/events?watch=1&resourceVersion=100&fieldSelector=metadata.name=b,type=Warning";
    let mut watch = get(&server.url(), path).await;
    create(&server, "b");
    create(&server, "a");
    server.create(EventSpec::pod("default", "p").with_name("b").warning());
    assert_eq!(brief(&watch.line().await).0, "ADDED");
    server.update("default", "b");
    assert_eq!(brief(&watch.line().await).0, "MODIFIED");
    create(&server, "b");
    assert_eq!(brief(&watch.line().await).0, "DELETED");
    server.delete("default", "b");
    assert!(watch.is_silent().await);
}

#[tokio::test]
async fn bookmarks_only_mark_the_end_of_the_stored_events() {
    let server = FakeApiServer::start();
    create(&server, "a");
    let version = server.revision();
    for path in [
        "watch=1&allowWatchBookmarks=true",
        "watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
    ] {
        let mut watch = get(&server.url(), &format!("/api/v1/events?{path}")).await;
        assert_eq!(brief(&watch.line().await).0, "ADDED");
        let end = watch.line().await;
        assert_eq!(brief(&end), ("BOOKMARK".into(), String::new(), version.to_string()));
        assert_eq!(end["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
        assert!(watch.is_silent().await);
    }
    let path = format!("/api/v1/events?watch=1&allowWatchBookmarks=true&resourceVersion={version}");
    assert!(get(&server.url(), &path).await.is_silent().await);
    let path = "/api/v1/events?watch=1&sendInitialEvents=true&allowWatchBookmarks=true";
    assert_eq!(get(&server.url(), path).await.status, 422);
}

#[tokio::test]
async fn a_restored_backup_gives_versions_out_again() {
    let server = FakeApiServer::start();
    create(&server, "a");
    let backup = server.revision();
    let lost = create(&server, "b");
    let mut watch = watch_from(&server, server.revision()).await;
    server.set_revision_back(backup);
    assert_eq!(watch.next(LONG).await, Next::End);
    assert_eq!(server.revision(), backup);
    assert_eq!(server.keys(), ["default/a"]);

    let mut hanging = watch_from(&server, lost.1.parse().unwrap()).await;
    let again = create(&server, "c");
    assert_eq!(again.1, lost.1);
    assert!(hanging.is_silent().await);
    assert_ne!(again.0, lost.0);
    assert_eq!(server.created().len(), 3);
}

#[tokio::test]
async fn open_watches_are_counted_until_their_client_leaves() {
    let server = FakeApiServer::start();
    let one = watch_from(&server, 100).await;
    let two = watch_from(&server, 100).await;
    assert_eq!(server.open_watches(), 2);
    drop(one);
    eventually("one watch to be left", None, async || match server.open_watches() {
        1 => Ok(()),
        other => Err(other),
    })
    .await;
    server.end_watches();
    let mut two = two;
    assert_eq!(two.next(LONG).await, Next::End);
}
