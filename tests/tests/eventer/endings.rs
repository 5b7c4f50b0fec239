//! SIGTERM: what is in hand is finished, the rest stays for the next start.

use std::time::Duration;

use eventcenter_tests::eventually;
use eventcenter_tests::receiver::Reply;
use serde_json::json;

use crate::world::{LONG, World, ready};

fn names(prefix: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{prefix}-{number:03}"))
}

#[tokio::test]
async fn sigterm_ends_with_code_0_when_everything_was_delivered() {
    let world = World::new();
    world.receiver.reply(Reply::Slow(Duration::from_millis(200)));
    let mut eventer = world.setup.start();
    world.create(names("early", 100));
    eventually("the file", None, async || (world.archived().len() == 100).then_some(())).await;
    // The webhook is still at it.
    eventer.terminate();
    assert_eq!(eventer.exit_code(LONG), 0);
    assert!(eventer.stderr().contains("nothing is left in the spool"), "{}", eventer.stderr());
    assert!(!eventer.stderr().contains("ending without"), "{}", eventer.stderr());
    assert_eq!(world.receiver.distinct().len(), 100);
    assert_eq!(world.receiver.duplicates(), 0);
    // Nothing is repeated by the next.
    world.create(names("late", 10));
    let _eventer = world.setup.start();
    world.all_delivered().await;
    assert_eq!(world.receiver.duplicates(), 0);
    assert_eq!(world.archived().len(), 110);
}

#[tokio::test]
async fn sigterm_with_a_dead_sink_ends_with_code_0_and_the_rest_waits_for_the_next_start() {
    let mut world = World::new();
    world.setup = world.setup.with("grace", json!("3s"));
    world.receiver.stop();
    let mut eventer = world.setup.start();
    world.create(names("kept", 50));
    eventually("the file", None, async || (world.archived().len() == 50).then_some(())).await;
    eventer.terminate();
    assert_eq!(eventer.exit_code(Duration::from_secs(30)), 0);
    let said = eventer.stderr();
    assert!(said.contains("the rest stays in the spool"), "{said}");
    world.receiver.restart_on_same_port();
    let _eventer = world.setup.start();
    world.all_delivered().await;
    assert_eq!(world.archived().len(), 50);
}

#[tokio::test]
async fn sigterm_with_a_sink_that_hangs_ends_with_code_0_when_the_grace_is_over() {
    let mut world = World::new();
    world.setup = world.setup.with("grace", json!("1s"));
    world.receiver.reply(Reply::Hang);
    let mut eventer = world.setup.start();
    world.create(names("kept", 50));
    eventually("a request", None, async || {
        (!world.receiver.requests().is_empty() && world.archived().len() == 50).then_some(())
    })
    .await;
    eventer.terminate();
    assert_eq!(eventer.exit_code(Duration::from_secs(30)), 0);
    world.receiver.reply(Reply::Ok);
    let _eventer = world.setup.start();
    world.all_delivered().await;
}

#[tokio::test]
async fn a_backlog_is_delivered_while_the_api_server_cannot_be_reached() {
    let world = World::new();
    world.receiver.stop();
    let mut eventer = world.setup.start();
    world.create(names("kept", 50));
    ready(&eventer).await;
    eventually("the file", None, async || (world.archived().len() == 50).then_some(())).await;
    eventer.kill();

    world.server.stop();
    world.receiver.restart_on_same_port();
    let eventer = world.setup.start();
    world.all_delivered().await;
    let answer = eventer.readyz().unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    let said = eventer.stderr();
    assert!(said.contains("cannot be reached") && said.contains(&world.server.url()), "{said}");

    world.server.restart_on_same_port();
    world.create(names("after", 5));
    world.delivered_within(&world.server.created(), Some(LONG)).await;
    ready(&eventer).await;
}

/// It once said that everything had been delivered.
#[tokio::test]
async fn an_end_without_having_reached_the_api_server_says_so() {
    let world = World::new();
    world.server.stop();
    let mut eventer = world.setup.start();
    eventually("a failure", None, async || {
        eventer.stderr().contains("cannot be reached").then_some(())
    })
    .await;
    eventer.terminate();
    assert_eq!(eventer.exit_code(LONG), 0);
    let said = eventer.stderr();
    assert!(said.contains("ending without having reached the API server"), "{said}");
    assert!(said.contains(&world.server.url()) && !said.contains("delivered"), "{said}");
}
