//! SIGKILL at random instants.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use eventcenter_tests::fake_api_server::{EventSpec, Fault, Identity, On, RecordedRequest};
use eventcenter_tests::{FakeApiServer, Receiver, eventually};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::world::{LONG, assert_in_order, identities, is_gap, missing, ready, setup};

/// How many, unless `KILLS` of the environment says more.
const KILLS: usize = 200;

/// Writes in each turn of the writer, which are 250 a second, unless `PACE` says more.
const PACE: usize = 1;

/// Between two of them, in milliseconds.
const LONGEST_MS: u64 = 300;

/// How many of them fall into the first list.
const KILLS_IN_LIST: usize = 20;

/// Events in one request to the webhook: what one kill may leave without an answer.
const WINDOW: usize = 50;

/// What the file takes in one batch, for the same bound.
const FILE_WINDOW: usize = 500;

/// Events that are there before the first start.
const FIRST: usize = 300;

#[tokio::test]
async fn two_hundred_kills_lose_nothing_and_repeat_only_what_was_not_confirmed() {
    let kills = told("KILLS", KILLS);
    let (server, receiver) = (Arc::new(FakeApiServer::start()), Receiver::start());
    for number in 0..FIRST {
        server.create(EventSpec::pod("shop", "web").with_name(format!("first-{number:03}")));
    }
    let slow = Fault::SlowBytes { per_chunk: 1000, pause: Duration::from_millis(2) };
    server.inject(On::List, u32::MAX, slow);
    let setup = setup()
        .cluster_with(&server.kubeconfig_yaml(), json!({ "page_size": 50 }))
        .sink(
            "hook",
            json!({ "webhook": { "url": receiver.url(), "batch": "ndjson", "max_events": WINDOW } }),
        )
        .file("archive");

    let writer = Writer::start(&server);
    let mut random = StdRng::seed_from_u64(2026);
    let mut pause = |longest: u64| Duration::from_millis(random.random_range(20..=longest));
    // Kills in the middle of the first list, which takes longer than that.
    for _ in 0..KILLS_IN_LIST {
        let mut eventer = setup.start();
        tokio::time::sleep(pause(LONGEST_MS)).await;
        eventer.kill();
    }
    assert!(!server.requests().iter().any(RecordedRequest::is_watch), "a list was too fast");
    server.clear_faults();
    let eventer = setup.start();
    ready(&eventer).await;
    let (listed, requests) = (server.created().len(), server.requests().len());
    // Whatever arrives by the watch has moved the position on disk.
    eventually("an event of the watch", None, async || {
        let next = server.created().get(listed).cloned();
        next.is_some_and(|next| receiver.distinct().contains(&next)).then_some(())
    })
    .await;
    drop(eventer);
    // Where a start takes long, kills are given more time: some are to come in the middle of a watch.
    let begun = Instant::now();
    let eventer = setup.start();
    eventually("a watch", None, async || (server.open_watches() > 0).then_some(())).await;
    let to_watch = u64::try_from(begun.elapsed().as_millis()).unwrap();
    let longest = LONGEST_MS.max(2 * to_watch);
    drop(eventer);

    // From now on no list hides a revision behind a newer one.
    writer.may_update.store(true, Ordering::Relaxed);
    let mut resumed = 0;
    for _ in KILLS_IN_LIST..kills {
        let before = server.requests().len();
        let mut eventer = setup.start();
        tokio::time::sleep(pause(longest)).await;
        eventer.kill();
        let run = server.requests().split_off(before);
        resumed += usize::from(run.iter().any(RecordedRequest::is_watch));
    }
    let wanted = writer.end();
    let lists = server.requests().iter().filter(|request| begins_a_list(request)).count();
    let late = server.requests().split_off(requests);
    let again = late.iter().find(|request| begins_a_list(request));
    assert!(again.is_none(), "a position was lost: {again:?}");
    assert!(resumed > kills / 10, "only {resumed} runs lived until their watch");

    let mut eventer = setup.start();
    let archive = || {
        let lines = setup.lines("archive.ndjson");
        let envelopes = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        envelopes.collect::<Vec<serde_json::Value>>()
    };
    eventually("everything at the webhook", LONG, async || missing(&wanted, &receiver.distinct()))
        .await;
    eventually("everything in the file", LONG, async || {
        missing(&wanted, &identities(&archive()).into_iter().collect())
    })
    .await;
    eventer.terminate();
    assert_eq!(eventer.exit_code(LONG), 0);

    let archived = archive();
    assert_eq!(archived.iter().filter(|envelope| is_gap(envelope)).count(), 0);
    let archived = identities(&archived);
    let arrivals = receiver.received();
    let hooked: Vec<Identity> =
        arrivals.into_iter().map(|one| (one.uid, one.resource_version)).collect();
    // A list that was broken off begins again, and what it had brought comes once more.
    let relisted = (lists - 1) * listed;
    for (sink, seen, window) in [("webhook", &hooked, WINDOW), ("file", &archived, FILE_WINDOW)] {
        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), wanted.len(), "{sink}: something that never was");
        let (copies, bound) = (seen.len() - distinct.len(), kills * window + relisted);
        eprintln!(
            "{kills} kills, {KILLS_IN_LIST} of them in {lists} lists, {resumed} in a watch; {sink}: {} occurrences, \
             {copies} copies (at most {bound})",
            distinct.len(),
        );
        assert!(copies <= bound, "{sink}: {copies} copies, more than {bound}");
        assert_in_order(sink, seen);
        assert_copies_are_recent(sink, seen, wanted.split_at(listed).1, window);
    }
    let updates = wanted.len() - wanted.iter().map(|(uid, _)| uid).collect::<BTreeSet<_>>().len();
    assert!(updates > 100, "only {updates} updates: the test proves little");
}

/// Checks that each copy of what came by the watch is one of the `window` deliveries before it.
fn assert_copies_are_recent(sink: &str, seen: &[Identity], watched: &[Identity], window: usize) {
    let watched: BTreeSet<_> = watched.iter().collect();
    let mut first: BTreeMap<&Identity, usize> = BTreeMap::new();
    for occurrence in seen {
        let distinct = first.len();
        let place = *first.entry(occurrence).or_insert(distinct);
        let is_old = place + window < distinct;
        assert!(
            !(is_old && watched.contains(occurrence)),
            "{sink}: {occurrence:?} was confirmed long before, and came again"
        );
    }
}

fn begins_a_list(request: &RecordedRequest) -> bool {
    request.is_events()
        && !request.is_watch()
        && request.parameter("limit") != Some("1")
        && request.parameter("continue").is_none()
}

/// A number of the environment, for runs that last.
fn told(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// Creates, and later updates, without a pause that matters.
struct Writer {
    may_update: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
    server: Arc<FakeApiServer>,
}

impl Writer {
    fn start(server: &Arc<FakeApiServer>) -> Self {
        let (may_update, stop) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let thread = thread::spawn({
            let (server, may_update, stop) =
                (Arc::clone(server), Arc::clone(&may_update), Arc::clone(&stop));
            move || {
                let mut random = StdRng::seed_from_u64(42);
                let mut names = Vec::new();
                let pace = told("PACE", PACE);
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..pace {
                        let update = may_update.load(Ordering::Relaxed) && random.random_bool(0.6);
                        if update && !names.is_empty() {
                            let name: &String = &names[random.random_range(0..names.len())];
                            server.update("shop", name);
                        } else {
                            let name = format!("written-{:07}", names.len());
                            server.create(EventSpec::pod("shop", "web").with_name(&*name));
                            names.push(name);
                        }
                    }
                    thread::park_timeout(Duration::from_millis(4));
                }
            }
        });
        Self { may_update, stop, thread, server: Arc::clone(server) }
    }

    /// Stops; returns everything that was ever written.
    fn end(self) -> Vec<Identity> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.server.created()
    }
}
