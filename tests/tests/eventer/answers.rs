//! What a webhook answers, and what becomes of the events.

use std::time::Duration;

use eventcenter_tests::eventually;
use eventcenter_tests::receiver::Reply;

use crate::world::{World, identities, ready};

fn names(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{prefix}-{number:03}"))
}

fn answer(code: u16, body: &str) -> Reply {
    Reply::Status { code, retry_after: None, body: body.to_owned() }
}

#[tokio::test]
async fn an_event_that_is_refused_becomes_a_dead_letter_with_status_and_body() {
    let world = World::new();
    // The first batch is one event, and the second too: there is no other yet.
    world.receiver.reply_next(1, &answer(400, "no such field: involvedObject"));
    world.receiver.reply_next(1, &answer(422, "and this is too long ".repeat(200).as_str()));
    let _eventer = world.setup.start();
    world.create(names("refused", 1));
    eventually("a dead letter", None, async || {
        (world.setup.dead_letters("hook").len() == 1).then_some(())
    })
    .await;
    world.server.update("shop", "refused-000");
    eventually("a second one", None, async || {
        (world.setup.dead_letters("hook").len() == 2).then_some(())
    })
    .await;
    let wanted = world.server.created();
    world.create(names("taken", 20));
    world.delivered(&world.server.created().split_off(2)).await;

    let letters = world.setup.dead_letters("hook");
    assert_eq!(letters.len(), 2, "{letters:?}");
    for (letter, (uid, version)) in letters.iter().zip(&wanted) {
        assert_eq!(letter["sink"], "hook");
        assert_eq!(letter["kind"], "refused");
        assert_eq!(letter["id"], format!("{uid}-{version}"));
        assert_eq!(&letter["event"]["metadata"]["uid"], uid.as_str());
    }
    let reason = |place: usize| letters[place]["reason"].as_str().unwrap();
    assert!(reason(0).contains("status=400"), "{}", reason(0));
    assert!(reason(0).contains("no such field: involvedObject"), "{}", reason(0));
    assert!(reason(1).contains("status=422") && reason(1).contains("this is too long"));
    assert!(reason(1).len() < 2000, "{} bytes of body are kept", reason(1).len());
    // The other sink was not asked.
    assert_eq!(identities(&world.archived()), world.server.created());
}

#[tokio::test]
async fn a_batch_with_one_bad_event_loses_that_one_only() {
    let world = World::new();
    world.receiver.reply_next(1, &Reply::Slow(Duration::from_secs(1)));
    let eventer = world.setup.start();
    ready(&eventer).await;
    world.create(names("first", 1));
    eventually("the slow request", None, async || {
        (world.receiver.requests().len() == 1).then_some(())
    })
    .await;
    // Eight events are one batch. It is refused whole, then its first half, quarter, and event; the rest is taken.
    world.receiver.reply_next(4, &answer(400, "bad"));
    world.create(names("later", 8));
    let bad = world.server.created().swap_remove(1);
    let good: Vec<_> = world.server.created().into_iter().filter(|one| *one != bad).collect();
    world.delivered(&good).await;
    let sizes: Vec<_> = world.receiver.requests().iter().map(|one| one.documents).collect();
    assert_eq!(sizes, [1, 8, 4, 2, 1, 1, 2, 4]);
    let letters = world.setup.dead_letters("hook");
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0]["id"], format!("{}-{}", bad.0, bad.1));
    assert_eq!(world.receiver.duplicates(), 0);
}

#[tokio::test]
async fn a_batch_that_is_too_large_is_halved_until_it_is_taken() {
    let world = World::new();
    world.receiver.reply_next(1, &Reply::Slow(Duration::from_secs(1)));
    world.receiver.reply_next(2, &Reply::status(413));
    let eventer = world.setup.start();
    ready(&eventer).await;
    world.create(names("first", 1));
    eventually("the slow request", None, async || {
        (world.receiver.requests().len() == 1).then_some(())
    })
    .await;
    world.create(names("later", 8));
    world.all_delivered().await;
    let sizes: Vec<_> = world.receiver.requests().iter().map(|one| one.documents).collect();
    assert_eq!(sizes, [1, 8, 4, 2, 2, 4]);
    assert!(world.setup.dead_letters("hook").is_empty());
    let received = world.receiver.received().into_iter();
    let received: Vec<_> = received.map(|one| (one.uid, one.resource_version)).collect();
    assert_eq!(received, world.server.created());
}

#[tokio::test]
async fn no_request_is_made_before_the_receiver_wants_one() {
    let world = World::new();
    let wait = Duration::from_secs(3);
    let throttled =
        Reply::Status { code: 429, retry_after: Some("3".to_owned()), body: String::new() };
    world.receiver.reply_next(2, &throttled);
    let _eventer = world.setup.start();
    world.create(names("patient", 20));
    world.all_delivered().await;
    let requests = world.receiver.requests();
    for pair in requests.windows(2).take(2) {
        let waited = pair[1].at.duration_since(pair[0].at);
        assert!(waited >= wait, "asked again after {waited:?}");
    }
    assert_eq!(requests[2].reply, Reply::Ok);
    assert!(world.setup.dead_letters("hook").is_empty());
}

#[tokio::test]
async fn a_credential_that_is_refused_suspends_the_sink_and_leaves_the_program_ready() {
    let world = World::new();
    world.receiver.reply(answer(401, "who are you"));
    let mut eventer = world.setup.start();
    world.create(names("kept", 20));
    eventually("the suspension", None, async || {
        let Some(answer) = eventer.readyz() else { return Err(None) };
        let part = answer.json()["parts"]["sink hook"].clone();
        let is_suspended =
            part["state"].as_str().is_some_and(|state| state.starts_with("suspended: "));
        let as_wanted = is_suspended && answer.status == 200 && part["gates"] == false;
        if as_wanted { Ok(()) } else { Err(Some(answer)) }
    })
    .await;
    eventually("everything in the file", None, async || {
        (world.archived().len() == 20).then_some(())
    })
    .await;
    // It is looked at again after 15 s at the earliest.
    assert_eq!(world.receiver.requests().len(), 1);
    assert!(world.setup.dead_letters("hook").is_empty());

    // What it was to get is still there for it.
    eventer.kill();
    world.receiver.reply(Reply::Ok);
    let _eventer = world.setup.start();
    world.all_delivered().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = World::new();
    let elsewhere = eventcenter_tests::Receiver::start();
    world.receiver.reply_next(1, &Reply::Redirect(elsewhere.url()));
    let eventer = world.setup.start();
    world.create(names("kept", 3));
    eventually("the suspension", None, async || {
        let report = eventer.readyz()?.json();
        let state = report["parts"]["sink hook"]["state"].as_str()?.to_owned();
        (state.contains("redirect") && state.contains("307")).then_some(())
    })
    .await;
    assert_eq!(elsewhere.requests().len(), 0);
}
