//! What is there over all lives of the program: the cluster, the disk, the clock, the receivers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eventcenter_core::spool::sim::SimFs;
use eventcenter_core::{Clock, Cluster, Metrics};
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::model::{Fault, Op, Server};
use crate::receiver::Receiver;

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) random: StdRng,
    pub(crate) server: Server,
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) disk: SimFs,
    /// Where dead letters are.
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<Watch>,
    pub(crate) receivers: [Arc<Receiver>; 3],
    pub(crate) metrics: Metrics,
    pub(crate) unsure: Arc<Mutex<Unsure>>,
    disturbing: JoinHandle<()>,
    lives: u32,
}

/// The lists: what they may have missed, and what they may have mixed.
#[derive(Debug, Default)]
pub(crate) struct Unsure {
    pub(crate) lists: Vec<List>,
}

#[derive(Debug, Default)]
pub(crate) struct List {
    /// The revision from which on nothing is sure.
    pub(crate) since: u64,
    /// Where the watch goes on behind it; none before it is complete.
    pub(crate) until: Option<u64>,
    /// The newest revision that it showed. Pages can be of different revisions, so it may be newer than `until`.
    pub(crate) newest: u64,
}

impl Unsure {
    /// Whether a revision may be missing.
    pub(crate) fn covers(&self, revision: u64) -> bool {
        let covers =
            |list: &List| revision > list.since && list.until.is_none_or(|until| revision <= until);
        self.lists.iter().any(covers)
    }

    /// Whether a revision may come after a newer one of its object, which a list showed.
    pub(crate) fn mixes(&self, revision: u64) -> bool {
        self.covers(revision)
            || self.lists.iter().any(|list| revision > list.since && revision <= list.newest)
    }
}

/// A clock on the wall, which people set wrongly.
#[derive(Debug)]
pub(crate) struct Watch {
    begun: Instant,
    ahead: AtomicI64,
}

impl Clock for Watch {
    fn now(&self) -> Timestamp {
        let begun: Timestamp = "2026-11-26T08:30:00Z".parse().unwrap();
        let since = SignedDuration::try_from(self.begun.elapsed()).unwrap();
        begun + since + SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed))
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let server = Server::new();
        for n in 0..random.random_range(0..30) {
            server.put("a", &format!("e{n}"));
        }
        let receivers =
            ["every", "careful", "wide"].map(|name| Arc::new(Receiver::new(name, random.random())));
        let disturbing = tokio::spawn(disturb(server.clone(), receivers.clone(), random.random()));
        Self {
            seed,
            server,
            cluster: Arc::new(Cluster { id: "c1".to_owned(), name: "test".to_owned() }),
            disk: SimFs::new(seed),
            folder: tempfile::tempdir().unwrap(),
            clock: Arc::new(Watch { begun: Instant::now(), ahead: AtomicI64::new(0) }),
            receivers,
            metrics: Metrics::new(),
            unsure: Arc::new(Mutex::new(Unsure { lists: vec![List::default()] })),
            disturbing,
            lives: 0,
            random,
        }
    }

    /// A few, and the last of them after everything has calmed down.
    pub(crate) fn has_another_life(&mut self) -> bool {
        self.lives += 1;
        self.lives <= 5 || !self.disturbing.is_finished()
    }

    /// Sets the clock wrongly, by two hours at most.
    pub(crate) fn set_clock(&mut self) {
        self.clock.ahead.store(self.random.random_range(-7200..7200), Ordering::Relaxed);
    }
}

/// What the cluster, the network and the receivers do.
async fn disturb(server: Server, receivers: [Arc<Receiver>; 3], seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let namespaces = ["a", "b"];
    for _ in 0..120 {
        sleep(Duration::from_millis(random.random_range(0..4000))).await;
        let namespace = namespaces[random.random_range(0..namespaces.len())];
        match random.random_range(0..100) {
            0..50 => {
                for _ in 0..random.random_range(1..6) {
                    server.put(namespace, &format!("e{}", random.random_range(0..40)));
                }
            }
            50..55 => server.delete(namespace, &format!("e{}", random.random_range(0..40))),
            55..60 => server.tick(),
            60..65 => server.cut(),
            65..69 => server.compact(),
            69..80 => {
                let op = [Op::Probe, Op::List, Op::Watch][random.random_range(0..3)];
                server.fault(op, fault(&mut random, op));
            }
            _ => receivers[random.random_range(0..receivers.len())].change(&mut random),
        }
    }
    server.lock().faults.clear();
    receivers.iter().for_each(|receiver| receiver.recover());
}

fn fault(random: &mut StdRng, op: Op) -> Fault {
    match (random.random_range(0..5), op) {
        (0, _) => Fault::Refused,
        (1, _) => Fault::Status(503, "2", ""),
        (2, Op::Watch) => Fault::HalfOpen,
        (2, _) => Fault::Silent,
        (3, Op::Watch) => Fault::Sends("{\"type\":\"ADDED\",\"obj".to_owned()),
        _ => Fault::Cut(random.random_range(1..6000)),
    }
}
