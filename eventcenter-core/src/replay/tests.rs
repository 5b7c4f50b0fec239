//! What is sent again arrives, and what was not asked for does not: with a whole pipeline on a real folder, and with the
//! folder of one that does not run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use tokio::time::sleep;

use super::*;
use crate::dead_letter::Cause;
use crate::event::Event;
use crate::idle::Idle;
use crate::plan::Plan;
use crate::sink::Sink;
use crate::source::{Observed, Position};
use crate::spool::SpoolConfig;
use crate::stop::Stop;
use crate::testing::{MemorySink, Reply, VecSource, events};
use crate::{DeadLetterConfig, Limits};

const FAST: NonZeroU32 = NonZeroU32::MAX;
const SILENT: &(dyn Fn(&Tally) + Send + Sync) = &|_| {};

/// Event `n` of the hour, at its minute `n`.
fn event(n: usize) -> Arc<Event> {
    let reason = if n.is_multiple_of(2) { "Even" } else { "Odd" };
    events::event(&json!({
        "metadata": {"name": format!("e{n}"), "uid": format!("u{n}"), "resourceVersion": "1"},
        "type": "Warning", "reason": reason, "lastTimestamp": format!("2026-11-25T01:{n:02}:00Z"),
    }))
}

fn minute(n: usize) -> Timestamp {
    event(n).time()
}

fn key(n: usize) -> String {
    event(n).occurrence_key()
}

/// A sink that takes one event at a time, so that each is answered by itself.
fn sink(name: &str) -> Arc<MemorySink> {
    Arc::new(MemorySink::new(name).with_limits(Limits::new().with_max_events(1)))
}

/// Everything in a part of the hour.
fn how(minutes: std::ops::Range<usize>, statement: &str) -> How {
    let query = Query::parse(statement).unwrap();
    let (since, until) = (minute(minutes.start), minute(minutes.end));
    How { since, until, query, rate: FAST, dry_run: false }
}

/// A pipeline whose first sink is that of every route, on this folder, while `work` uses it.
async fn running<T>(
    folder: &Path,
    sinks: &[&Arc<MemorySink>],
    seen: impl IntoIterator<Item = usize>,
    work: impl AsyncFnOnce(DeadLetters, Replay) -> T,
) -> T {
    let sinks = sinks.iter().map(|sink| Arc::clone(sink) as Arc<dyn Sink>).collect();
    let plan = Plan::new(folder, sinks).unwrap().with_router(Router::all(1));
    let pipeline = plan.open().unwrap();
    let observed = |n| Ok(Observed::Event(Box::new((*event(n)).clone()), position(n)));
    let source = VecSource::new("vec", seen.into_iter().map(observed));
    pipeline.attach().source(Box::new(source), Arc::clone(event(0).cluster()));
    let (dead, replay) = (pipeline.dead_letters(), pipeline.replay());
    let stop = Stop::new();
    let working = async {
        let done = work(dead, replay).await;
        stop.begin();
        done
    };
    let (done, summary) = tokio::join!(working, pipeline.run(&stop));
    summary.unwrap();
    done
}

fn position(n: usize) -> Position {
    Position::new(n.to_string(), Timestamp::UNIX_EPOCH)
}

fn kept(dead: &DeadLetters) -> Vec<String> {
    let letters = dead.letters("hook").unwrap().map(|letter| letter.unwrap().occurrence.unwrap());
    letters.collect()
}

async fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !what() {
        assert!(Instant::now() < deadline, "it did not come about");
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn letters_are_sent_again_while_it_runs_and_those_that_are_refused_again_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (hook, other) = (sink("hook"), sink("other"));
    hook.answer(Reply::Refuse);
    running(folder.path(), &[&hook, &other], 0..5, async |dead, replay| {
        until(|| dead.names() == ["hook"] && kept(&dead).len() == 5).await;
        hook.answer(Reply::RefuseOne(key(3)));
        let reported = AtomicU64::new(0);
        let told = |tally: &Tally| reported.store(tally.events, Ordering::Relaxed);
        let tally = replay.letters(&dead, "hook", |_| true, FAST, &told).await.unwrap();
        assert_eq!((tally.events, tally.no_events), (5, 0));
        hook.until(4).await;
        until(|| kept(&dead) == [key(3)]).await;
        hook.answer(Reply::Accept);
        let only = replay.letters(&dead, "hook", |letter| letter.attempts > 9, FAST, SILENT);
        assert_eq!(only.await.unwrap(), Tally::default());
        replay.letters(&dead, "hook", |_| true, FAST, SILENT).await.unwrap();
        let taken = hook.until(5).await;
        assert_eq!(taken, [0, 1, 2, 4, 3].map(key));
        assert!(kept(&dead).is_empty());
    })
    .await;
    assert!(other.accepted().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kill_in_the_middle_sends_a_letter_twice_and_none_never() {
    let folder = tempfile::tempdir().unwrap();
    let hook = sink("hook");
    hook.answer(Reply::Refuse);
    running(folder.path(), &[&hook], 0..3, async |dead, replay| {
        until(|| dead.names() == ["hook"] && kept(&dead).len() == 3).await;
        hook.answer(Reply::Accept);
        // The first one is sent at once, the second after a second: before that the one who asked is gone.
        let slowly = replay.letters(&dead, "hook", |_| true, NonZeroU32::MIN, SILENT);
        assert!(tokio::time::timeout(Duration::from_millis(500), slowly).await.is_err());
        hook.until(1).await;
    })
    .await;
    running(folder.path(), &[&hook], [], async |dead, replay| {
        assert_eq!(kept(&dead).len(), 3, "what was not removed is still there");
        replay.letters(&dead, "hook", |_| true, FAST, SILENT).await.unwrap();
        assert_eq!(hook.until(4).await, [0, 0, 1, 2].map(key));
        assert!(kept(&dead).is_empty());
    })
    .await;
}

#[tokio::test]
async fn letters_are_sent_again_by_the_next_start_of_a_program_that_does_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let hook = sink("hook");
    hook.answer(Reply::Refuse);
    let (dead, replay) = running(folder.path(), &[&hook], 0..3, async |dead, replay| {
        until(|| dead.names() == ["hook"] && kept(&dead).len() == 3).await;
        assert!(Idle::open(folder.path()).unwrap().is_none(), "it runs");
        (dead, replay)
    })
    .await;
    // Too late: what is not on disk is not removed.
    let late = replay.letters(&dead, "hook", |_| true, FAST, SILENT).await.unwrap_err();
    assert_eq!((late.kind(), kept(&dead).len()), (ErrorKind::Unavailable, 3));
    drop((dead, replay));
    let idle = Idle::open(folder.path()).unwrap().unwrap();
    let dead = idle.dead_letters(DeadLetterConfig::default()).unwrap();
    let (sinks, router) = (vec!["hook".to_owned()], Router::all(1));
    let work = async |replay: &Replay| replay.letters(&dead, "hook", |_| true, FAST, SILENT).await;
    let tally = idle.replay(SpoolConfig::default(), sinks, router, work).await.unwrap();
    assert_eq!((tally.events, kept(&dead).len()), (3, 0));
    assert!(hook.accepted().is_empty());
    drop(idle);
    hook.answer(Reply::Accept);
    running(folder.path(), &[&hook], [], async |_, _| hook.until(3).await).await;
    assert_eq!(hook.accepted(), [0, 1, 2].map(key));
    assert!(Idle::open(&folder.path().join("nowhere")).is_err());
}

#[tokio::test]
async fn the_past_is_sent_again_as_it_was_asked_for_and_never_twice_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (hook, other) = (sink("hook"), sink("other"));
    running(folder.path(), &[&hook, &other], 0..20, async |_, replay| {
        hook.until(20).await;
        // What the sink has taken is settled a little later, and until then about to be delivered.
        let past = async |sink: &str, how: &How| {
            replay.past(sink, replay.spooled(sink).unwrap(), how, SILENT).await.unwrap()
        };
        let dry = How { dry_run: true, ..how(4..10, "reason : Even") };
        let mut tally = past("hook", &dry).await;
        while tally.waiting > 0 {
            tally = past("hook", &dry).await;
        }
        assert_eq!((tally.events, tally.unrouted), (3, 0));
        assert_eq!((tally.first, tally.last), (Some(minute(4)), Some(minute(8))));
        assert_eq!(tally.reasons, BTreeMap::from([("Even".to_owned(), 3)]));
        assert_eq!(tally.levels, BTreeMap::from([("Warning".to_owned(), 3)]));
        assert_eq!(hook.accepted().len(), 20, "a dry run sends nothing");
        let wet = How { dry_run: false, ..dry };
        assert_eq!(past("hook", &wet).await.events, 3);
        assert_eq!(hook.until(23).await[20..], [4, 6, 8].map(key));
        assert_eq!(past("hook", &wet).await.events, 3, "not what was sent again before");
        hook.until(26).await;
        let unrouted = past("other", &how(0..10, "*")).await;
        assert_eq!((unrouted.events, unrouted.unrouted), (0, 10));
        let error = replay.spooled("nobody").unwrap_err();
        assert!(error.to_string().contains("hook, other"), "{error}");
    })
    .await;
    assert!(other.accepted().is_empty());
}

#[tokio::test]
async fn what_waits_for_a_sink_is_not_sent_to_it_twice() {
    let folder = tempfile::tempdir().unwrap();
    let hook = sink("hook");
    running(folder.path(), &[&hook], 0..3, async |_, replay| {
        hook.until(3).await;
        hook.answer(Reply::Fail);
        let dead = replay.spooled("hook").unwrap();
        let sent = replay.past("hook", dead, &how(0..2, "*"), SILENT).await.unwrap();
        assert!(sent.events + sent.waiting == 2, "{sent:?}");
    })
    .await;
    // The copies wait, and are no history; what was delivered may be sent again.
    let idle = Idle::open(folder.path()).unwrap().unwrap();
    let work = async |replay: &Replay| {
        replay.past("hook", replay.spooled("hook")?, &how(0..9, "*"), SILENT).await
    };
    let (sinks, spool) = (vec!["hook".to_owned()], SpoolConfig::default());
    let tally = idle.replay(spool, sinks, Router::all(1), work).await.unwrap();
    assert_eq!((tally.events, tally.waiting), (3, 0));
}

#[tokio::test]
async fn a_spool_that_nobody_reads_is_not_filled_to_the_brim() {
    let folder = tempfile::tempdir().unwrap();
    let hook = sink("hook");
    let idle = Idle::open(folder.path()).unwrap().unwrap();
    let dead = idle.dead_letters(DeadLetterConfig::default()).unwrap();
    let cause = Cause { kind: ErrorKind::Refused, reason: "status 400", attempts: 1 };
    let letter = |event| DeadLetters::event_line("hook", event, cause, Timestamp::UNIX_EPOCH);
    let many = events::many(1000);
    dead.bury("hook", many.iter().flat_map(|event| letter(event)).collect()).await.unwrap();
    let small = SpoolConfig { max_bytes: 512 << 10, memory: 128 << 10, ..SpoolConfig::default() };
    let work = async |replay: &Replay| replay.letters(&dead, "hook", |_| true, FAST, SILENT).await;
    let (sinks, router) = (vec!["hook".to_owned()], Router::all(1));
    let error = idle.replay(small, sinks, router, work).await.unwrap_err();
    assert!(error.to_string().contains("half full"), "{error}");
    let left = kept(&dead);
    assert!((1..1000).contains(&left.len()), "{}", left.len());
    drop(idle);
    let sent = 1000 - left.len();
    running(folder.path(), &[&hook], [], async |_, _| hook.until(sent).await).await;
    let taken = [hook.accepted(), left].concat();
    assert_eq!(taken, many.iter().map(|event| event.occurrence_key()).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn events_are_sent_no_faster_than_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let hook = sink("hook");
    running(folder.path(), &[&hook], 0..20, async |_, replay| {
        hook.until(20).await;
        let slow = How { rate: NonZeroU32::new(10).unwrap(), ..how(0..30, "*") };
        let begun = Instant::now();
        let tally = replay.past("hook", replay.spooled("hook").unwrap(), &slow, SILENT).await;
        let (events, took) = (tally.unwrap().events, begun.elapsed());
        let least = Duration::from_millis(100) * u32::try_from(events - 1).unwrap();
        assert!(events > 10 && took >= least - To::SLACK, "{events} in {took:?}");
    })
    .await;
}
