//! Replicas that lead in turn: a source that forgets, sinks that lag, ends in good order and by a kill.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::lives::seeds;
use super::*;
use crate::handover::Handover;
use crate::source::{Gap, Grade};

const SINKS: [&str; 2] = ["a", "b"];

/// The events 1, 2, 3 ... of which the oldest are gone, and the oldest changes forgotten.
#[derive(Debug, Clone, Copy, Default)]
struct Server {
    newest: u64,
    /// A watch cannot begin before this.
    compacted: u64,
    /// No list shows these.
    gone: u64,
}

/// A watch of it, as the event watch is: a gap and a list if the changes since the position are forgotten.
#[derive(Debug)]
struct Watch {
    server: Server,
    known: u64,
    next: u64,
    /// The list is told with the position from before it.
    listing: bool,
    told: bool,
}

impl Watch {
    fn boxed(attach: &Attach, server: Server) -> Box<dyn Source> {
        let known = attach.position("numbers").map_or(0, |at| value(&at.value));
        let listing = known < server.compacted;
        let next = if listing { known.max(server.gone) } else { known } + 1;
        Box::new(Self { server, known, next, listing, told: false })
    }

    fn position(&self) -> Position {
        Position::new(self.known.to_string(), Timestamp::UNIX_EPOCH)
    }
}

#[async_trait]
impl Source for Watch {
    fn name(&self) -> &str {
        "numbers"
    }

    async fn next(&mut self) -> Result<Observed> {
        tokio::time::sleep(Duration::from_millis(3)).await;
        if self.listing && !self.told {
            self.told = true;
            let (until, reason) = (Timestamp::UNIX_EPOCH, "forgotten".to_owned());
            let gap = Gap { grade: Grade::Events, since: None, until, count: None, reason };
            return Ok(Observed::Gap(gap));
        }
        if self.next > self.server.newest {
            if !self.listing {
                return std::future::pending().await;
            }
            (self.listing, self.known) = (false, self.server.newest);
            return Ok(Observed::Progress(self.position()));
        }
        let n = self.next;
        self.next += 1;
        if !self.listing {
            self.known = n;
        }
        Ok(Observed::Event(Box::new(number(n)), self.position()))
    }
}

/// Nothing comes first.
fn value(position: &str) -> u64 {
    if position.is_empty() { 0 } else { position.parse().unwrap() }
}

fn order(left: &str, right: &str) -> Option<Ordering> {
    Some(value(left).cmp(&value(right)))
}

struct Replica {
    folder: tempfile::TempDir,
    fs: SimFs,
}

/// All replicas, and what their sinks have got from any of them.
struct World {
    random: StdRng,
    server: Server,
    replicas: Vec<Replica>,
    note: Handover,
    kept: Vec<Arc<Mutex<Vec<u64>>>>,
}

/// How a reign goes.
#[derive(Debug, Clone, Copy)]
struct Reign {
    replica: usize,
    /// By sink: after how many deliveries it is down.
    down: [usize; 2],
    lasts: Duration,
    killed: bool,
}

impl World {
    fn new(seed: u64, replicas: u64) -> Self {
        let replica = |number| {
            let fs = SimFs::new(seed * 10 + number);
            Replica { folder: tempfile::tempdir().unwrap(), fs }
        };
        Self {
            random: StdRng::seed_from_u64(seed),
            server: Server::default(),
            replicas: (0..replicas).map(replica).collect(),
            note: Handover::default(),
            kept: SINKS.iter().map(|_| Arc::default()).collect(),
        }
    }

    async fn reign(&mut self, reign: Reign) {
        let replica = &mut self.replicas[reign.replica];
        let sinks = SINKS.iter().zip(&self.kept).zip(reign.down).map(|((name, kept), down)| {
            let left = std::sync::atomic::AtomicUsize::new(down);
            let answer: Script = Box::new(move |_| {
                let is_up = left.fetch_update(
                    std::sync::atomic::Ordering::AcqRel,
                    std::sync::atomic::Ordering::Acquire,
                    |left| left.checked_sub(1),
                );
                match is_up {
                    Ok(_) => Ok(Receipt::all()),
                    Err(_) => Err(Error::new("sink", ErrorKind::Unavailable, "is down")),
                }
            });
            let keeper = Keeper { answer, ..Keeper::new(name, kept) };
            Arc::new(keeper) as Arc<dyn Sink>
        });
        let pipeline = Plan::new(replica.folder.path(), sinks.collect())
            .unwrap()
            .with_fs(Arc::new(replica.fs.clone()))
            .with_spool(small())
            .with_handover(self.note.clone(), order)
            .open()
            .unwrap();
        let attach = pipeline.attach();
        attach.source(Watch::boxed(&attach, self.server), cluster());
        let (mut standing, stop) = (pipeline.standing(), Stop::new());
        let renewals = async {
            // The note is as old as the last renewal.
            for _ in 0..self.random.random_range(0..4) {
                tokio::time::sleep(reign.lasts / 4).await;
                self.note = standing.note().await.unwrap().unwrap();
            }
            tokio::time::sleep(reign.lasts / 4).await;
            if !reign.killed {
                stop.begin();
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = pipeline.run(&stop) => {}
            () = renewals => {}
        }
        if !reign.killed {
            self.note = standing.note().await.unwrap().unwrap();
        }
        let newest: BTreeMap<_, _> = standing.newest();
        let durable = newest.get("numbers").map_or(0, |at| value(&at.0));
        replica.fs = replica.fs.kill();
        // What has been on a disk may be gone from the server.
        if self.random.random_range(0..3) == 0 {
            self.server.compacted =
                self.random.random_range(0..=durable).max(self.server.compacted);
            self.server.gone =
                self.random.random_range(0..=self.server.compacted).max(self.server.gone);
        }
    }

    fn missing(&self) -> Vec<(usize, Vec<u64>)> {
        let all = all(self.server.newest);
        let missing = self.kept.iter().map(|kept| {
            let kept: BTreeSet<u64> = kept.lock().unwrap().iter().copied().collect();
            all.difference(&kept).copied().collect()
        });
        (0..).zip(missing).filter(|(_, missing): &(usize, Vec<u64>)| !missing.is_empty()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_leads_nothing_is_lost_once_everybody_has_led_again() {
    for seed in 0..seeds(40) {
        let mut world = World::new(seed, 3);
        let mut reigns = Vec::new();
        for _ in 0..12 {
            world.server.newest += world.random.random_range(0..40);
            let random = &mut world.random;
            let mut down = || if random.random() { random.random_range(0..5) } else { usize::MAX };
            let down = [down(), down()];
            let reign = Reign {
                replica: random.random_range(0..3),
                down,
                lasts: Duration::from_millis(random.random_range(0..400)),
                killed: random.random(),
            };
            reigns.push((reign, world.server));
            world.reign(reign).await;
        }
        let lasts = Duration::from_secs(60);
        for replica in [0, 1, 2] {
            let down = [usize::MAX; 2];
            world.server = Server { compacted: 0, ..world.server };
            world.reign(Reign { replica, down, lasts, killed: false }).await;
        }
        assert_eq!(world.missing(), [], "seed {seed}: {reigns:#?}");
        assert!(world.note.owed.is_empty(), "seed {seed}: {:?}", world.note);
    }
}

#[tokio::test(start_paused = true)]
async fn hand_overs_in_good_order_repeat_nothing() {
    for seed in 0..seeds(10) {
        let mut world = World::new(seed, 2);
        for number in 0..10 {
            world.server = Server { newest: world.server.newest + 20, ..Server::default() };
            // One of them lags, and is known to: its backlog is delivered once, by whoever leads. It has taken something
            // in the first reign; if not, it would be told of a gap.
            let least = usize::from(number == 0);
            let down = [usize::MAX, world.random.random_range(least..3)];
            let lasts = Duration::from_millis(world.random.random_range(0..400));
            world.reign(Reign { replica: number % 2, down, lasts, killed: false }).await;
        }
        world.server = Server { newest: world.server.newest, ..Server::default() };
        let (down, lasts) = ([usize::MAX; 2], Duration::from_secs(60));
        world.reign(Reign { replica: 0, down, lasts, killed: false }).await;
        for kept in &world.kept {
            let kept = kept.lock().unwrap().clone();
            assert_eq!(
                kept,
                all(world.server.newest).into_iter().collect::<Vec<_>>(),
                "seed {seed}"
            );
        }
    }
}
