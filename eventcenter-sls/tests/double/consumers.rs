//! Consumer groups: who reads what, and from where.

use std::collections::{BTreeMap, BTreeSet};

use eventcenter_sls::consumer::{Batch, Consumer, ConsumerGroup, ConsumerOptions};
use eventcenter_sls::testing::{Exchange, Fault};
use tokio::time::Instant;

use super::*;

fn options(name: &str) -> ConsumerOptions {
    ConsumerOptions::new("audit", name)
        .timeout(Duration::from_secs(1))
        .idle(Duration::from_millis(10))
}

fn numbers(batch: &Batch) -> impl Iterator<Item = usize> {
    let logs = batch.groups.iter().flat_map(|group| &group.logs);
    logs.map(|log| log.get("number").unwrap().parse().unwrap())
}

/// Reads until `count` different logs were read; how often each was.
async fn read(consumer: &mut Consumer, count: usize) -> BTreeMap<usize, usize> {
    let mut seen = BTreeMap::new();
    while seen.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(30), consumer.next());
        let batch = next.await.expect("there is more").unwrap();
        for number in numbers(&batch) {
            *seen.entry(number).or_insert(0) += 1;
        }
        assert!(consumer.done(&batch).await.unwrap());
    }
    seen
}

async fn put(double: &Double, store: &Logstore, range: std::ops::Range<usize>) {
    for number in range {
        store.put(&group(double, [number])).await.unwrap();
    }
}

#[tokio::test]
async fn one_consumer_reads_all_shards_once() {
    let (double, store) = store().await;
    put(&double, &store, 0..30).await;
    let mut consumer = options("a").count(2).join(&store).await.unwrap();
    assert_eq!(consumer.held().len(), 2);
    let seen = read(&mut consumer, 30).await;
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    // What comes later is read later.
    put(&double, &store, 30..40).await;
    assert_eq!(
        read(&mut consumer, 10).await.into_keys().collect::<Vec<_>>(),
        (30..40).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn who_comes_after_begins_behind_what_was_done() {
    let (double, store) = store().await;
    put(&double, &store, 0..20).await;
    let mut first = options("a").count(1).join(&store).await.unwrap();
    let done = read(&mut first, 10).await;
    // Read, and not done.
    let lost = first.next().await.unwrap();
    drop(first);
    let mut second = options("b").join(&store).await.unwrap();
    let seen = read(&mut second, 10).await;
    assert!(seen.keys().all(|number| !done.contains_key(number)), "{done:?} {seen:?}");
    assert!(numbers(&lost).all(|number| seen.contains_key(&number)));
}

#[tokio::test]
async fn two_consumers_share_the_shards_and_nothing_is_lost() {
    let (double, store) = store().await;
    let mut first = options("a").join(&store).await.unwrap();
    assert_eq!(first.held().len(), 2);
    // The first one gives a shard back after one of its next heartbeats.
    let mut second = options("b").join(&store).await.unwrap();
    let (mut count, mut seen, mut by) = (0, BTreeSet::new(), BTreeSet::new());
    let deadline = Instant::now() + Duration::from_secs(30);
    while by.len() < 2 || seen.len() < count {
        let (name, batch) = tokio::select! {
            batch = first.next() => ("a", batch.unwrap()),
            batch = second.next() => ("b", batch.unwrap()),
            () = tokio::time::sleep(Duration::from_millis(50)), if by.len() < 2 => {
                put(&double, &store, count..count + 2).await;
                count += 2;
                continue;
            }
            () = tokio::time::sleep_until(deadline) => panic!("{seen:?} of {count}, by {by:?}"),
        };
        seen.extend(numbers(&batch));
        by.insert(name);
        let consumer = if name == "a" { &mut first } else { &mut second };
        consumer.done(&batch).await.unwrap();
    }
}

#[tokio::test]
async fn a_batch_that_was_not_handled_is_read_again() {
    let (double, store) = store().await;
    put(&double, &store, 0..1).await;
    let mut consumer = options("a").join(&store).await.unwrap();
    let batch = consumer.next().await.unwrap();
    consumer.undone(&batch);
    assert_eq!(consumer.next().await.unwrap(), batch);
}

#[tokio::test]
async fn groups_are_made_changed_and_removed() {
    let (_double, store) = store().await;
    let mut group =
        ConsumerGroup { name: "audit".to_owned(), timeout: 60, ..ConsumerGroup::default() };
    store.create_consumer_group(&group).await.unwrap();
    assert!(store.create_consumer_group(&group).await.unwrap_err().is_already_there());
    group.timeout = 30;
    store.update_consumer_group(&group).await.unwrap();
    let found = store.consumer_groups().await.unwrap();
    assert_eq!((found.len(), found[0].name.as_str(), found[0].timeout), (1, "audit", 30));
    assert!(store.delete_consumer_group("audit").await.unwrap());
    assert!(!store.delete_consumer_group("audit").await.unwrap());
}

/// Waits until it is so, for half a minute.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn is_heartbeat(exchange: &Exchange) -> bool {
    exchange.query.contains("type=heartbeat")
}

#[tokio::test]
async fn who_joins_a_group_that_is_there_beats_by_its_timeout() {
    let (double, store) = store().await;
    let group = ConsumerGroup { name: "audit".to_owned(), timeout: 1, ..ConsumerGroup::default() };
    store.create_consumer_group(&group).await.unwrap();
    let hours = Duration::from_secs(7200);
    let _consumer = options("a").timeout(hours).join(&store).await.unwrap();
    let beats = || double.exchanges().iter().filter(|exchange| is_heartbeat(exchange)).count();
    let joined = beats();
    until("another heartbeat", || beats() > joined).await;
    // The group stays as it was.
    assert_eq!(store.consumer_groups().await.unwrap()[0].timeout, 1);
}

#[tokio::test]
async fn heartbeats_that_are_not_answered_lose_the_shards_in_time() {
    let double = Double::start().await;
    double.create(PROJECT, STORE);
    let patient = client(&double).timeout(Duration::from_secs(7200)).build().unwrap();
    let consumer = options("a").join(&patient.logstore(PROJECT, STORE)).await.unwrap();
    assert_eq!(consumer.held().len(), 2);
    double.fail_when(|exchange| is_heartbeat(exchange).then(Fault::hang));
    until("the shards are given up", || consumer.held().is_empty()).await;
    // And taken again when the service is back.
    double.heal();
    until("the shards are taken again", || consumer.held().len() == 2).await;
}
