//! Versions that the server has forgotten, or has yet to reach, and lists that are hard to get through.

use std::time::Duration;

use eventcenter_core::{Grade, Observed, Source as _};

use crate::model::consumer::Consumer;
use crate::model::{Fault, Op, Server};

const SECOND: Duration = Duration::from_secs(1);

/// A server on which a watch that stands at 120 has to list again, with 30 events, 10 of them new.
fn forgetful() -> Server {
    let server = Server::new();
    for n in 0..20 {
        server.put("default", &format!("a{n:02}"));
    }
    for n in 0..10 {
        server.put("default", &format!("b{n:02}"));
    }
    server.tick();
    server.compact();
    server
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_version_is_a_gap_and_only_what_is_new_comes_again() {
    for by_status in [false, true] {
        let server = forgetful();
        server.lock().refuses_by_status = by_status;
        let mut consumer = Consumer::new(&server, r#"{"page_size": 7}"#, Some("120"));
        consumer.drain(SECOND).await;
        assert_eq!(consumer.gaps.len(), 1);
        let gap = &consumer.gaps[0];
        assert_eq!(gap.grade, Grade::Revisions);
        assert_eq!(
            gap.reason,
            "the API server no longer has the changes after resourceVersion 120"
        );
        assert_eq!(gap.since.unwrap().to_string(), "2026-11-26T08:30:00Z");
        assert_eq!(consumer.events.len(), 10);
        assert_eq!(consumer.at(), "131");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_absence_may_have_lost_events() {
    let server = forgetful();
    let mut consumer = Consumer::new(&server, r#"{"event_ttl": "10m"}"#, Some("120"));
    server.lock().is_down = true;
    consumer.drain(Duration::from_secs(600)).await;
    server.lock().is_down = false;
    consumer.drain(Duration::from_secs(40)).await;
    assert_eq!(consumer.gaps[0].grade, Grade::Events);
}

#[tokio::test(start_paused = true)]
async fn a_relist_that_fails_in_every_way_is_got_through() {
    let server = forgetful();
    let mut consumer = Consumer::new(&server, r#"{"page_size": 7}"#, Some("120"));
    server.fault(Op::List, Fault::Refused);
    server.fault(Op::List, Fault::Cut(2000));
    server.fault(Op::List, Fault::Status(500, "", "oops"));
    server.fault(Op::List, Fault::Status(429, "3", ""));
    server.fault(Op::List, Fault::Cut(0));
    consumer.drain(Duration::from_secs(120)).await;
    assert_eq!(consumer.gaps.len(), 1, "one absence, one gap");
    assert_eq!(consumer.events.len(), 10);
    assert_eq!(consumer.at(), "131");
}

#[tokio::test(start_paused = true)]
async fn a_page_that_breaks_off_is_not_handed_out_twice() {
    let server = forgetful();
    let mut consumer = Consumer::new(&server, r#"{"page_size": 30}"#, None);
    for cut in [300, 3000, 6000, 9000] {
        server.fault(Op::List, Fault::Cut(cut));
    }
    consumer.drain(Duration::from_secs(120)).await;
    assert_eq!(consumer.events.len(), 30);
    assert_eq!(consumer.at(), "131");
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_a_relist_lists_again() {
    let server = forgetful();
    let mut consumer = Consumer::new(&server, r#"{"page_size": 7}"#, Some("120"));
    consumer.until(4).await;
    assert_eq!(consumer.at(), "120");
    consumer.crash();
    consumer.drain(SECOND).await;
    assert_eq!(consumer.gaps.len(), 2);
    assert_eq!(consumer.events.len(), 14, "at least once");
    assert_eq!(consumer.at(), "131");
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_without_a_fresh_one_begins_anew_without_repeating_itself() {
    let server = forgetful();
    let mut consumer = Consumer::new(&server, r#"{"page_size": 10}"#, None);
    consumer.until(15).await;
    server.put("default", "a03");
    server.put("default", "a95");
    server.compact();
    consumer.drain(Duration::from_secs(60)).await;
    // 131 is forgotten, so nobody knows what else happened after it: a gap, and the two once more.
    assert_eq!(consumer.gaps.len(), 1);
    assert_eq!(consumer.gaps[0].grade, Grade::Revisions);
    assert_eq!(consumer.events.len(), 34);
    assert_eq!(consumer.at(), "133");
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_with_a_fresh_one_goes_on_and_watches_from_the_older_version() {
    let server = forgetful();
    server.lock().gives_fresh_tokens = true;
    let mut consumer = Consumer::new(&server, r#"{"page_size": 10}"#, None);
    // The third page is asked for when the second is used up: expire its token.
    consumer.until(15).await;
    server.put("default", "a03");
    server.compact();
    // The change of a03 was behind the place of the list. 131 is forgotten: a gap, and a relist that brings it.
    consumer.drain(Duration::from_secs(60)).await;
    assert_eq!(consumer.events.iter().filter(|(uid, _)| uid == "u-default-a03").count(), 2);
    assert_eq!(consumer.events.len(), 31);
    assert_eq!(consumer.gaps.len(), 1);
    assert_eq!(consumer.gaps[0].grade, Grade::Revisions);
    assert_eq!(consumer.at(), "132");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_behind_us_was_restored_and_everything_is_listed() {
    let server = forgetful();
    let mut consumer = Consumer::new(&server, "{}", Some("5000"));
    consumer.drain(SECOND).await;
    assert_eq!(consumer.gaps.len(), 1);
    assert_eq!(consumer.gaps[0].grade, Grade::Events);
    assert_eq!(consumer.events.len(), 30);
    assert_eq!(consumer.at(), "131");
}

#[tokio::test(start_paused = true)]
async fn a_restore_under_way_is_noticed_and_survives_a_crash() {
    let server = Server::new();
    for n in 0..20 {
        server.put("default", &format!("a{n:02}"));
    }
    let mut consumer = Consumer::new(&server, r#"{"page_size": 5}"#, None);
    consumer.drain(SECOND).await;
    assert_eq!(consumer.at(), "120");
    server.restore(110);
    consumer.until(23).await;
    assert_eq!((consumer.gaps.len(), consumer.at()), (1, "0"));
    // While we are dead, the server passes the version that we stood at before.
    consumer.crash();
    for n in 0..20 {
        server.put("default", &format!("b{n:02}"));
    }
    consumer.drain(SECOND).await;
    assert_eq!(consumer.gaps.len(), 2);
    for identity in server.lock().stock() {
        assert!(consumer.events[20..].contains(&identity), "{identity:?}");
    }
    assert_eq!(consumer.at(), "130");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_goes_back_while_it_is_listed_is_noticed() {
    let server = forgetful();
    let mut consumer = Consumer::new(&server, r#"{"page_size": 5}"#, Some("125"));
    server.fault(Op::List, Fault::Refused);
    while consumer.gaps.is_empty() {
        consumer.one(SECOND).await;
    }
    server.restore(110);
    consumer.drain(Duration::from_secs(60)).await;
    assert_eq!(consumer.gaps.len(), 2);
    assert_eq!(consumer.events.len(), 10);
    assert_eq!(consumer.at(), "110");
}

#[tokio::test(start_paused = true)]
async fn versions_of_another_kind_of_server_are_worth_nothing() {
    let server = forgetful();
    let mut consumer = Consumer::new(&server, "{}", Some("abc"));
    consumer.drain(SECOND).await;
    assert_eq!(consumer.gaps[0].grade, Grade::Events);
    assert_eq!(consumer.events.len(), 30);
}

#[tokio::test(start_paused = true)]
async fn versions_larger_than_any_integer_are_compared() {
    let server = forgetful();
    server.lock().prefix = "184467440737095516160";
    server.lock().log.clear();
    for n in 0..5 {
        server.put("default", &format!("c{n}"));
    }
    let mut consumer = Consumer::new(&server, "{}", Some("184467440737095516160000133"));
    server.compact();
    consumer.drain(SECOND).await;
    assert_eq!(consumer.names(), ["u-default-c2", "u-default-c3", "u-default-c4"]);
    assert_eq!(consumer.at(), "184467440737095516160000136");
}

#[tokio::test(start_paused = true)]
async fn versions_that_are_no_numbers_are_believed() {
    let server = Server::new();
    server.lock().prefix = "v-";
    server.put("default", "a");
    server.put("default", "b");
    let mut consumer = Consumer::new(&server, "{}", Some("v-000101"));
    consumer.drain(SECOND).await;
    server.delete("default", "a");
    consumer.drain(SECOND).await;
    server.cut();
    consumer.drain(SECOND).await;
    assert_eq!(
        consumer.at(),
        "v-000102",
        "nobody knows whether a deletion's version is a step forward"
    );
    server.put("default", "c");
    consumer.drain(SECOND).await;
    assert_eq!(consumer.names(), ["u-default-b", "u-default-c"]);
    assert_eq!(consumer.at(), "v-000104");
    server.compact();
    server.tick();
    server.compact();
    server.cut();
    consumer.drain(SECOND).await;
    assert_eq!(consumer.gaps.len(), 1);
    assert_eq!(consumer.events.len(), 4, "what cannot be compared is handed out again");
}

/// Of a list the API server says once what its items are; each of them has to say it wherever it goes.
#[tokio::test(start_paused = true)]
async fn an_item_says_what_it_is_as_a_line_of_a_watch_does() {
    let server = Server::new();
    server.put("default", "a");
    let typed = server.lock().log[0].document.clone();
    let bare = typed.replacen(r#""kind":"Event","apiVersion":"v1","#, "", 1);
    assert_ne!(typed, bare);
    let head =
        r#"{"kind":"EventList","apiVersion":"v1","metadata":{"resourceVersion":"101"},"items":["#;
    server.fault(Op::List, Fault::Sends(format!("{head}{bare}]}}")));
    let mut consumer = Consumer::new(&server, "{}", None);
    let Observed::Event(event, _) = consumer.watch.next().await.unwrap() else { panic!() };
    assert_eq!(event.text(), typed);
}
