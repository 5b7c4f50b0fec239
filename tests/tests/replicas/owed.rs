//! What only the other replica's spool holds, and the API server no longer has.

use std::collections::BTreeSet;

use eventcenter_tests::fake_api_server::Identity;
use eventcenter_tests::receiver::Reply;
use eventcenter_tests::{Receiver, eventually};
use serde_json::Value;
use xtask::testbed::{Instance, Options, Subset};

use crate::pair::{LEASE, LEASE_PATH, LONG, Replica, grant, happen};
use crate::possible;

#[tokio::test(flavor = "multi_thread")]
async fn what_only_another_spool_holds_is_a_gap_until_that_replica_leads_again() {
    if possible() {
        scenario(true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_for_a_sink_that_had_taken_nothing_at_all() {
    if possible() {
        scenario(false).await;
    }
}

/// `begun`: whether the sink that is down has taken something before.
async fn scenario(begun: bool) {
    let options = Options { subset: Subset::Api, compaction: "0".to_owned(), ..Options::default() };
    let bed = Instance::start(&options).unwrap();
    grant(&bed);
    let (hook, slow) = (Receiver::start(), Receiver::start());
    let sinks = [("hook", &hook), ("slow", &slow)];
    let mut one = Replica::new("one", &bed, &sinks, false);
    let mut other = Replica::new("other", &bed, &sinks, false);

    // One replica takes twenty Events, and one of its sinks is down.
    let first = happen(&bed, "first");
    if !begun {
        slow.reply(Reply::status(503));
    }
    one.start();
    arrived("the first one at the hook", &hook, std::slice::from_ref(&first)).await;
    if begun {
        arrived("the first one", &slow, &[first]).await;
        tokio::time::sleep(LEASE).await;
        slow.reply(Reply::status(503));
    }
    let before: Vec<Identity> = (0..20).map(|n| happen(&bed, &format!("before.{n}"))).collect();
    arrived("everything at the hook", &hook, &before).await;
    // So that the Lease says so.
    tokio::time::sleep(LEASE).await;
    one.eventer.as_mut().unwrap().kill();

    // The API server loses half of them, and the changes.
    for n in 0..10 {
        let path = format!("/api/v1/namespaces/default/events/before.{n}");
        assert_eq!(bed.api("DELETE", &path, None).unwrap().status, 200);
    }
    let after: Vec<Identity> = (0..5).map(|n| happen(&bed, &format!("after.{n}"))).collect();
    bed.compact().unwrap();

    // The other one delivers what there is, and says that something is missing.
    slow.reply(Reply::Ok);
    other.start();
    arrived("what is new at the hook", &hook, &after).await;
    let left: Vec<Identity> = before[10..].iter().chain(&after).cloned().collect();
    arrived("what is left at the slow sink", &slow, &left).await;
    eventually("the gap", LONG, async || (gaps(&slow) == 1).then_some(())).await;
    assert!(before[..10].iter().all(|one| slow.copies(one) == 0), "it is nowhere but on a disk");
    assert_eq!(hook.duplicates(), 0, "it has had them, and is not given them again");
    eventually("what is owed", LONG, async || {
        let owed = owed(&bed);
        let is_told = owed.len() == 2 && owed.iter().all(|owed| owed["until"].is_string());
        is_told.then_some(()).ok_or(owed)
    })
    .await;

    // The first one comes back, and delivers what it owes, and nothing else.
    one.start();
    tokio::time::sleep(LEASE).await;
    let eventer = other.eventer.as_mut().unwrap();
    eventer.terminate();
    assert_eq!(eventer.exit_code(LONG), 0, "{}", eventer.stderr());
    arrived("what was owed", &slow, &before).await;
    eventually("nothing owed any more", LONG, async || {
        let owed = owed(&bed);
        owed.is_empty().then_some(()).ok_or(owed)
    })
    .await;
    assert_eq!((hook.duplicates(), gaps(&slow)), (0, 1));
    assert!(after.iter().all(|one| slow.copies(one) == 1));
    let eventer = one.eventer.as_mut().unwrap();
    eventer.terminate();
    assert_eq!(eventer.exit_code(LONG), 0, "{}", eventer.stderr());
    bed.stop().unwrap();
}

async fn arrived(what: &str, receiver: &Receiver, wanted: &[Identity]) {
    eventually(what, LONG, async || {
        let there: BTreeSet<Identity> = receiver.distinct();
        let missing = wanted.iter().filter(|one| !there.contains(one)).count();
        if missing == 0 { Ok(()) } else { Err(missing) }
    })
    .await;
}

/// How many gaps it was told of.
fn gaps(receiver: &Receiver) -> usize {
    let requests = receiver.requests();
    let taken = requests.iter().filter(|request| request.reply == Reply::Ok);
    let bodies = taken.map(|request| String::from_utf8_lossy(&request.body).into_owned());
    bodies.map(|body| body.lines().filter(|line| line.contains("EventsMissed")).count()).sum()
}

/// What the Lease says is owed.
fn owed(bed: &Instance) -> Vec<Value> {
    let lease = bed.api("GET", LEASE_PATH, None).unwrap().json().unwrap();
    let note = lease["metadata"]["annotations"]["eventcenter/positions"].as_str().unwrap_or("{}");
    let note: Value = serde_json::from_str(note).unwrap();
    note["owed"].as_array().cloned().unwrap_or_default()
}
