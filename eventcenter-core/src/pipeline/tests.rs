//! The whole pipeline in one process: crashes, full disks, sinks in trouble. Time is paused, so an outage of an hour
//! takes no time.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::batch::{Batch, Receipt};
use crate::clock::FixedClock;
use crate::error::Action;
use crate::event::Event;
use crate::sink::Limits;
use crate::source::{Gap, Observed};
use crate::spool::SpoolConfig;
use crate::spool::sim::SimFs;

fn cluster() -> Arc<Cluster> {
    Arc::new(Cluster { id: "c1".to_owned(), name: "prod".to_owned() })
}

/// Yields the events 1, 2, 3 ... up to a last one; its position is the number.
#[derive(Debug)]
struct Numbers {
    next: u64,
    last: u64,
    pause: Duration,
}

impl Numbers {
    fn boxed(attach: &Attach, last: u64, pause: Duration) -> Box<dyn Source> {
        let reached = attach.position("numbers").map_or(0, |p| p.value.parse().unwrap());
        Box::new(Self { next: reached + 1, last, pause })
    }
}

fn number(n: u64) -> Event {
    let message = "x".repeat(usize::try_from(n * 37 % 300).unwrap());
    let document = format!(
        r#"{{"metadata":{{"uid":"e","resourceVersion":"{n}"}},"reason":"R{n}","message":"{message}"}}"#
    );
    Event::from_kubernetes(&cluster(), document.into(), Timestamp::UNIX_EPOCH).unwrap()
}

#[async_trait]
impl Source for Numbers {
    fn name(&self) -> &str {
        "numbers"
    }

    async fn next(&mut self) -> Result<Observed> {
        if self.next > self.last {
            std::future::pending::<()>().await;
        }
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        let n = self.next;
        self.next += 1;
        let position = Position::new(n.to_string(), Timestamp::UNIX_EPOCH);
        Ok(Observed::Event(Box::new(number(n)), position))
    }
}

type Script = Box<dyn Fn(&Batch) -> Result<Receipt> + Send + Sync>;

/// Keeps what it was handed, and answers as it is told.
struct Keeper {
    name: &'static str,
    max_events: usize,
    kept: Arc<Mutex<Vec<u64>>>,
    answer: Script,
    pause: Duration,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Keeper {
    fn new(name: &'static str, kept: &Arc<Mutex<Vec<u64>>>) -> Self {
        let (kept, answer) = (Arc::clone(kept), Box::new(|_: &Batch| Ok(Receipt::all())));
        Self { name, max_events: 7, kept, answer, pause: Duration::ZERO }
    }
}

#[async_trait]
impl Sink for Keeper {
    fn name(&self) -> &str {
        self.name
    }

    fn limits(&self) -> Limits {
        Limits::new().with_max_events(self.max_events)
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        let receipt = (self.answer)(batch)?;
        let refused: Vec<_> = receipt.rejected.iter().map(|rejected| rejected.index).collect();
        let mut kept = self.kept.lock().unwrap();
        for (index, event) in batch.events().iter().enumerate() {
            if !refused.contains(&index) {
                kept.push(event.resource_version().parse().unwrap_or(0));
            }
        }
        Ok(receipt)
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

fn small() -> SpoolConfig {
    SpoolConfig { max_bytes: 4 << 20, memory: 8 << 10, ..SpoolConfig::default() }
}

fn open(folder: &Path, fs: &SimFs, sinks: Vec<Keeper>) -> Pipeline {
    let sinks = sinks.into_iter().map(|sink| Arc::new(sink) as Arc<dyn Sink>).collect();
    let clock = Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH));
    let plan = Plan::new(folder, sinks).unwrap();
    plan.with_fs(Arc::new(fs.clone())).with_spool(small()).with_clock(clock).open().unwrap()
}

fn all(last: u64) -> BTreeSet<u64> {
    (1..=last).collect()
}

/// Waits, in paused time, until `done`.
async fn until(done: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never came to that");
}

/// Twenty lives of a program, each ended at a random instant by a kill or a power cut; the last one runs to the end.
async fn lives(seed: u64, power: bool) {
    const LAST: u64 = 3000;
    let folder = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(seed);
    let mut fs = SimFs::new(seed);
    let (fast, slow) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::<Mutex<Vec<u64>>>::default());
    for life in 0..20 {
        let is_last = life == 19;
        let lagging = Keeper {
            pause: if is_last { Duration::ZERO } else { Duration::from_millis(40) },
            ..Keeper::new("slow", &slow)
        };
        let pipeline = open(folder.path(), &fs, vec![Keeper::new("fast", &fast), lagging]);
        let attach = pipeline.attach();
        let pause = Duration::from_millis(u64::from(random.random_range(0..2_u8)));
        attach.source(Numbers::boxed(&attach, LAST, pause), cluster());
        let stop = Stop::new();
        let begun = (fast.lock().unwrap().len(), slow.lock().unwrap().len());
        let instant = Duration::from_micros(random.random_range(0..400_000));
        if !is_last && random.random() {
            // In the middle of a commit, or of beginning a segment. (Paused time does not move while a thread is busy.)
            fs.die_after(random.random_range(0..300));
        }
        if is_last {
            let ending = stop.clone();
            let (fast, slow) = (Arc::clone(&fast), Arc::clone(&slow));
            let running = tokio::spawn(async move { pipeline.run(&stop).await });
            until(|| [&fast, &slow].iter().all(|kept| kept.lock().unwrap().contains(&LAST))).await;
            ending.begin();
            assert_eq!(running.await.unwrap().unwrap(), Summary::default());
        } else {
            // Dropping the future is the end of every task of it.
            tokio::time::timeout(instant, pipeline.run(&stop)).await.ok();
            fs = if power { fs.power_cut() } else { fs.kill() };
        }
        for (kept, begun) in [(&fast, begun.0), (&slow, begun.1)] {
            let kept = kept.lock().unwrap();
            let back = kept[begun..].windows(2).find(|pair| pair[0] > pair[1]);
            assert!(back.is_none(), "seed {seed}, life {life}: out of order: {back:?}");
        }
    }
    for kept in [fast, slow] {
        let kept: BTreeSet<u64> = kept.lock().unwrap().iter().copied().collect();
        let missing: Vec<_> = all(LAST).difference(&kept).copied().collect();
        assert!(missing.is_empty(), "seed {seed}: lost {missing:?}");
    }
}

/// How many seeds: `SEEDS` of the environment, for runs that last.
fn seeds(default: u64) -> u64 {
    std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_by_kills() {
    for seed in 0..seeds(20) {
        lives(seed, false).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_by_power_cuts_that_tear_writes_and_drop_unsynced_ones() {
    for seed in 100..100 + seeds(30) {
        lives(seed, true).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_down_for_an_hour_delays_no_other_and_gets_everything_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(1);
    let (well, ill) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::<Mutex<Vec<u64>>>::default());
    let begun = tokio::time::Instant::now();
    let down = Keeper {
        answer: Box::new(move |_| {
            if begun.elapsed() < Duration::from_secs(3600) {
                Err(Error::new("ill", ErrorKind::Unavailable, "connection refused"))
            } else {
                Ok(Receipt::all())
            }
        }),
        ..Keeper::new("ill", &ill)
    };
    let pipeline = open(folder.path(), &fs, vec![Keeper::new("well", &well), down]);
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, 2000, Duration::from_millis(1)), cluster());
    let (health, stop) = (pipeline.plan.health.clone(), Stop::new());
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| well.lock().unwrap().len() == 2000).await;
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(ill.lock().unwrap().is_empty());
    assert!(health.report().parts["sink ill"].state.contains("connection refused"));
    assert!(health.report().ready);
    until(|| ill.lock().unwrap().len() == 2000).await;
    assert!(begun.elapsed() < Duration::from_secs(3600 + 120));
    assert_eq!(*ill.lock().unwrap(), (1..=2000).collect::<Vec<_>>());
    ending.begin();
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_spool_drops_the_oldest_for_the_sink_that_lags_and_tells_it_how_many() {
    // 4 MiB fit; this is about 8 MiB.
    a_full_spool(30_000, Duration::ZERO, u64::MAX).await;
}

/// What was declared lost at first is dropped itself in the end, and was once forgotten then.
#[tokio::test(start_paused = true)]
async fn a_spool_that_stays_full_tells_of_what_it_dropped_long_ago() {
    a_full_spool(60_000, Duration::from_micros(200), u64::MAX).await;
}

/// A volume of 2 MiB below a spool that may have 4: one dead sink was once the end of all deliveries.
#[tokio::test(start_paused = true)]
async fn a_disk_smaller_than_the_spool_drops_for_the_sink_that_lags_and_the_other_goes_on() {
    a_full_spool(30_000, Duration::from_micros(200), 2 << 20).await;
}

async fn a_full_spool(last: u64, pause: Duration, room: u64) {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(2);
    fs.set_room(room);
    let (well, ill) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::<Mutex<Vec<u64>>>::default());
    let gaps = Arc::<Mutex<Vec<String>>>::default();
    let (open_door, told) = (Arc::new(Mutex::new(false)), Arc::clone(&gaps));
    let door = Arc::clone(&open_door);
    let down = Keeper {
        answer: Box::new(move |batch| {
            if !*door.lock().unwrap() {
                return Err(Error::new("ill", ErrorKind::Unavailable, "down"));
            }
            let gaps = batch.events().iter().filter(|event| event.reason() == Gap::REASON);
            told.lock().unwrap().extend(gaps.map(|event| {
                event
                    .annotations()
                    .find(|(key, _)| *key == "eventcenter/gap-count")
                    .unwrap()
                    .1
                    .to_owned()
            }));
            Ok(Receipt::all())
        }),
        ..Keeper::new("ill", &ill)
    };
    let pipeline = open(folder.path(), &fs, vec![Keeper::new("well", &well), down]);
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, last, pause), cluster());
    let stop = Stop::new();
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| well.lock().unwrap().contains(&last)).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(fs.used() < 5 << 20, "{}", fs.used());
    *open_door.lock().unwrap() = true;
    until(|| ill.lock().unwrap().contains(&last)).await;
    until(|| !gaps.lock().unwrap().is_empty()).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    ending.begin();
    running.await.unwrap().unwrap();
    let kept: BTreeSet<u64> = ill.lock().unwrap().iter().copied().filter(|n| *n > 1).collect();
    let lost: u64 = gaps.lock().unwrap().iter().map(|count| count.parse::<u64>().unwrap()).sum();
    // A gap event has resourceVersion 1, as event 1 has, which is among the dropped.
    assert_eq!(kept.len() as u64 + lost, last);
    assert_eq!(well.lock().unwrap().len() as u64, last);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_is_full_for_a_while_pauses_intake_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(3);
    let kept = Arc::<Mutex<Vec<u64>>>::default();
    let pipeline = open(folder.path(), &fs, vec![Keeper::new("a", &kept)]);
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, 5000, Duration::ZERO), cluster());
    let (health, stop) = (pipeline.plan.health.clone(), Stop::new());
    let ending = stop.clone();
    // A segment of 64 KiB and not a second one.
    fs.set_room(100 << 10);
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| !health.report().ready).await;
    assert!(health.report().parts["spool"].state.contains("the disk refuses"));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(kept.lock().unwrap().len() < 5000);
    fs.set_room(u64::MAX);
    until(|| kept.lock().unwrap().len() >= 5000).await;
    assert!(health.report().ready);
    fs.fail(3);
    ending.begin();
    running.await.unwrap().unwrap();
    assert_eq!(*kept.lock().unwrap(), (1..=5000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_a_receiver_will_never_take_becomes_a_dead_letter_and_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(4);
    let (kept, split) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::<Mutex<Vec<u64>>>::default());
    let has =
        |batch: &Batch, n: &str| batch.events().iter().any(|event| event.resource_version() == n);
    let refusing = Keeper {
        answer: Box::new(move |batch| {
            if has(batch, "13") {
                return Err(Error::new(
                    "refusing",
                    ErrorKind::Refused,
                    "status 400: no such field",
                ));
            }
            let bad = batch.events().iter().position(|event| event.resource_version() == "27");
            let rejected = bad.map(|index| crate::Rejected { index, reason: "mapping".to_owned() });
            Ok(Receipt::all().with_rejected(rejected.into_iter().collect()))
        }),
        ..Keeper::new("refusing", &kept)
    };
    let narrow = Keeper {
        answer: Box::new(move |batch| {
            if batch.len() > 2 || has(batch, "5") {
                return Err(Error::new("narrow", ErrorKind::TooLarge, "status 413"));
            }
            Ok(Receipt::all())
        }),
        ..Keeper::new("narrow", &split)
    };
    let pipeline = open(folder.path(), &fs, vec![refusing, narrow]);
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, 40, Duration::ZERO), cluster());
    let stop = Stop::new();
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| kept.lock().unwrap().len() == 38 && split.lock().unwrap().len() == 39).await;
    ending.begin();
    running.await.unwrap().unwrap();
    let letters = |sink: &str| {
        let path = folder.path().join("dead-letters").join(format!("{sink}.ndjson"));
        let text = fs::read_to_string(path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<serde_json::Value>>()
    };
    let refused = letters("refusing");
    assert_eq!(refused.len(), 2);
    assert_eq!((&refused[0]["id"], &refused[0]["kind"]), (&"e-13".into(), &"refused".into()));
    assert!(refused[0]["reason"].as_str().unwrap().contains("no such field"));
    assert_eq!((&refused[1]["id"], &refused[1]["reason"]), (&"e-27".into(), &"mapping".into()));
    assert_eq!(refused[1]["event"]["reason"], "R27");
    let too_large = letters("narrow");
    assert_eq!((too_large.len(), &too_large[0]["id"]), (1, &"e-5".into()));
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_the_receiver_asks_for_is_kept_to() {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(5);
    let kept = Arc::<Mutex<Vec<u64>>>::default();
    let calls = Arc::<Mutex<Vec<Duration>>>::default();
    let (begun, seen) = (tokio::time::Instant::now(), Arc::clone(&calls));
    let busy = Keeper {
        answer: Box::new(move |_| {
            let mut calls = seen.lock().unwrap();
            calls.push(begun.elapsed());
            if calls.len() > 1 {
                return Ok(Receipt::all());
            }
            let wait = Action::RetryAfter(Duration::from_secs(120));
            Err(Error::new("busy", ErrorKind::Throttled, "patience").with_action(wait))
        }),
        max_events: 100,
        ..Keeper::new("busy", &kept)
    };
    let pipeline = open(folder.path(), &fs, vec![busy]);
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, 1, Duration::ZERO), cluster());
    let stop = Stop::new();
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| kept.lock().unwrap().len() == 1).await;
    let calls = calls.lock().unwrap().clone();
    let waited = calls[1] - calls[0];
    assert!(waited >= Duration::from_secs(120) && waited < Duration::from_secs(121), "{waited:?}");
    ending.begin();
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_what_a_sink_in_trouble_did_not_take_in_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(6);
    let kept = Arc::<Mutex<Vec<u64>>>::default();
    let down = Keeper {
        answer: Box::new(|_| Err(Error::new("a", ErrorKind::Config, "gone"))),
        ..Keeper::new("a", &kept)
    };
    let pipeline = open(folder.path(), &fs, vec![down]);
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, 10, Duration::ZERO), cluster());
    let (health, stop) = (pipeline.plan.health.clone(), Stop::new());
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| {
        let report = health.report();
        report.parts.get("sink a").is_some_and(|part| part.state.starts_with("suspended: a: gone"))
    })
    .await;
    ending.begin();
    let left = running.await.unwrap().unwrap().left;
    assert!(left.len() == 1 && left[0].1 >= 10, "{left:?}");
    // The next life delivers it, with no source at all.
    let pipeline = open(folder.path(), &fs.kill(), vec![Keeper::new("a", &kept)]);
    let stop = Stop::new();
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| kept.lock().unwrap().len() == 10).await;
    ending.begin();
    assert_eq!(running.await.unwrap().unwrap(), Summary::default());
}

/// The disk after a life in which 2000 events were written and none was delivered, with a bit flipped in the second of
/// its segments.
async fn damaged(folder: &Path, fs: &SimFs, kept: &Arc<Mutex<Vec<u64>>>) -> SimFs {
    let down = Keeper {
        answer: Box::new(|_| Err(Error::new("a", ErrorKind::Unavailable, "down"))),
        ..Keeper::new("a", kept)
    };
    let pipeline = open(folder, fs, vec![down]);
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, 2000, Duration::from_millis(1)), cluster());
    let stop = Stop::new();
    tokio::time::timeout(Duration::from_secs(10), pipeline.run(&stop)).await.ok();
    let fs = fs.kill();
    let mut names: Vec<_> = Fs::list(&fs).unwrap();
    names.retain(|name| name.ends_with(".seg"));
    assert!(names.len() > 2);
    fs.flip_bit(&names[1], 40_000);
    fs
}

/// A sink that is well, and adds up in `told` what gaps say was lost.
fn telling(kept: &Arc<Mutex<Vec<u64>>>, told: &Arc<Mutex<u64>>) -> Keeper {
    let told = Arc::clone(told);
    Keeper {
        answer: Box::new(move |batch| {
            for event in batch.events().iter().filter(|event| event.reason() == Gap::REASON) {
                let count = event.annotations().find(|(key, _)| *key == "eventcenter/gap-count");
                *told.lock().unwrap() += count.unwrap().1.parse::<u64>().unwrap();
            }
            Ok(Receipt::all())
        }),
        ..Keeper::new("a", kept)
    }
}

#[tokio::test(start_paused = true)]
async fn damage_on_the_disk_is_declared_and_the_rest_is_delivered() {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(7);
    let kept = Arc::<Mutex<Vec<u64>>>::default();
    let fs = damaged(folder.path(), &fs, &kept).await;
    let gaps = Arc::<Mutex<u64>>::default();
    let pipeline = open(folder.path(), &fs, vec![telling(&kept, &gaps)]);
    let stop = Stop::new();
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| kept.lock().unwrap().contains(&2000) && *gaps.lock().unwrap() > 0).await;
    ending.begin();
    running.await.unwrap().unwrap();
    let kept: BTreeSet<u64> = kept.lock().unwrap().iter().copied().collect();
    assert_eq!(kept.len() as u64 + *gaps.lock().unwrap(), 2000);
}

/// Found while the program ends, when the loop that commits was once gone already.
#[tokio::test(start_paused = true)]
async fn damage_that_is_found_at_the_end_is_declared() {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(8);
    let kept = Arc::<Mutex<Vec<u64>>>::default();
    let fs = damaged(folder.path(), &fs, &kept).await;
    // A life that drains and takes nothing in.
    let told = Arc::<Mutex<u64>>::default();
    let pipeline = open(folder.path(), &fs, vec![telling(&kept, &told)]);
    let stop = Stop::new();
    stop.begin();
    pipeline.run(&stop).await.unwrap();
    assert!(kept.lock().unwrap().contains(&2000));
    let lost = 2000 - kept.lock().unwrap().iter().collect::<BTreeSet<_>>().len() as u64;
    assert!(lost > 0);
    // And one that takes what is left, if anything is.
    let pipeline = open(folder.path(), &fs.kill(), vec![telling(&kept, &told)]);
    let stop = Stop::new();
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| *told.lock().unwrap() == lost).await;
    ending.begin();
    running.await.unwrap().unwrap();
}

#[test]
fn a_second_program_on_one_state_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sink = || Arc::new(Keeper::new("a", &Arc::default())) as Arc<dyn Sink>;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let first = Plan::new(folder.path(), vec![sink()]).unwrap().open().unwrap();
        let error = Plan::new(folder.path(), vec![sink()]).unwrap().open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("another program"), "{error}");
        drop(first);
        Plan::new(folder.path(), vec![sink()]).unwrap().open().unwrap();
        let twice = Plan::new(folder.path(), vec![sink(), sink()]).unwrap_err();
        assert!(twice.to_string().contains("two sinks are called"), "{twice}");
    });
}
