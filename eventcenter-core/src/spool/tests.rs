//! The spool alone: what recovery finds, and what a sink is told.

mod speed;
mod spoilt;

use super::sim::SimFs;
use super::*;
use crate::clock::FixedClock;
use crate::sink::Limits;

fn cluster() -> Arc<Cluster> {
    Arc::new(Cluster { id: "c".to_owned(), name: "c".to_owned() })
}

fn event(n: u64) -> Arc<Event> {
    let document = format!(r#"{{"metadata":{{"uid":"e","resourceVersion":"{n}"}}}}"#);
    Arc::new(Event::from_kubernetes(&cluster(), document.into(), Timestamp::UNIX_EPOCH).unwrap())
}

fn at(value: &str) -> Position {
    Position::new(value, Timestamp::UNIX_EPOCH)
}

fn open(fs: &SimFs, sinks: &[&str]) -> (Spool, Committer) {
    let clock = FixedClock::new(Timestamp::UNIX_EPOCH);
    open_keeping(fs, sinks, &clock, Duration::ZERO)
}

fn open_keeping(
    fs: &SimFs,
    sinks: &[&str],
    clock: &FixedClock,
    keep: Duration,
) -> (Spool, Committer) {
    let sinks = sinks.iter().map(|&sink| sink.to_owned()).collect();
    let clock = Arc::new(clock.clone());
    let config =
        SpoolConfig { max_bytes: 4 << 20, memory: 64 << 10, keep, ..SpoolConfig::default() };
    Spool::open(Arc::new(fs.clone()), config, sinks, clock, Metrics::new(), &Health::new()).unwrap()
}

/// Appends events for every sink, and returns when they are on disk.
async fn write(spool: &Spool, committer: Committer, numbers: std::ops::RangeInclusive<u64>) {
    let id = spool.register("s", &cluster()).unwrap();
    for n in numbers {
        spool.append(id, SinkSet::first(2), &event(n), Some(at(&n.to_string()))).await;
    }
    end(spool, committer).await;
}

/// What the sink at `place` is handed until the end, and how many records it is told are damaged; a time in which it
/// was not configured counts as one.
async fn read(spool: &Spool, place: usize) -> (Vec<u64>, u64) {
    let mut reader = spool.reader(place);
    let (mut seen, mut damaged) = (Vec::new(), 0);
    while let Some(window) = reader.next(&Limits::new().with_max_events(3)).await.unwrap() {
        seen.extend(
            window.events.iter().map(|event| event.resource_version().parse::<u64>().unwrap()),
        );
        damaged += window.damaged + u64::from(window.absent);
    }
    (seen, damaged)
}

async fn end(spool: &Spool, committer: Committer) {
    spool.close();
    spool.finish();
    committer.run().await;
}

#[tokio::test]
async fn a_position_that_is_too_long_is_not_stored_and_the_event_is() {
    let fs = SimFs::new(1);
    let (spool, committer) = open(&fs, &["a", "b"]);
    let id = spool.register("s", &cluster()).unwrap();
    spool.append(id, SinkSet::first(2), &event(1), Some(at("1"))).await;
    spool.append(id, SinkSet::first(2), &event(2), Some(at(&"9".repeat(70_000)))).await;
    spool.progress(id, at(&"9".repeat(70_000)));
    end(&spool, committer).await;
    let (spool, committer) = open(&fs.kill(), &["a", "b"]);
    assert_eq!(spool.position("s"), Some(at("1")));
    end(&spool, committer).await;
    assert_eq!(read(&spool, 0).await, (vec![1, 2], 0));
}

#[tokio::test]
async fn a_crash_while_a_segment_is_begun_moves_no_position_back() {
    let fs = SimFs::new(2);
    let (spool, committer) = open(&fs, &["a", "b"]);
    write(&spool, committer, 1..=10).await;
    let fs = fs.kill();
    // 10 events and a record of tables: the next segment begins at 12, and the crash came before its header.
    Fs::create(&fs, &segment::name(12)).unwrap().set_len(100_000).unwrap();
    let (spool, committer) = open(&fs, &["a", "b"]);
    assert_eq!(spool.position("s"), Some(at("10")));
    write(&spool, committer, 11..=12).await;
    assert_eq!(read(&spool, 1).await, ((1..=12).collect(), 0));
}

#[tokio::test]
async fn records_never_get_numbers_that_a_sink_takes_for_settled() {
    let fs = SimFs::new(3);
    let (spool, committer) = open(&fs, &["a", "b"]);
    write(&spool, committer, 1..=10).await;
    spool.settle(0, 12).unwrap();
    let fs = fs.kill();
    // The end of the segment is damaged after it was synced and settled.
    let name = segment::name(1);
    let len = usize::try_from(Fs::open(&fs, &name).unwrap().size().unwrap()).unwrap();
    fs.flip_bit(&name, len - 5);
    let (spool, committer) = open(&fs, &["a", "b"]);
    write(&spool, committer, 20..=22).await;
    assert_eq!(read(&spool, 0).await.0, [20, 21, 22]);
    let (seen, damaged) = read(&spool, 1).await;
    assert_eq!((seen, damaged), ((1..=9).chain(20..=22).collect(), 1));
}

#[tokio::test(start_paused = true)]
async fn what_all_have_taken_stays_as_long_as_was_said_and_is_history() {
    let fs = SimFs::new(7);
    let clock = FixedClock::new(Timestamp::UNIX_EPOCH);
    let open = || open_keeping(&fs, &["a", "b"], &clock, Duration::from_secs(3600));
    // Each life begins a segment: tables and one event.
    for n in 1..=3 {
        let (spool, committer) = open();
        write(&spool, committer, n..=n).await;
    }
    let (spool, committer) = open();
    spool.settle(0, 7).unwrap();
    spool.settle(1, 5).unwrap();
    let running = tokio::spawn(committer.run());
    let kept = async |wait: i64| {
        clock.advance(jiff::SignedDuration::from_mins(wait));
        tokio::time::sleep(Duration::from_secs(3)).await;
        let names = fs.list().unwrap();
        names.iter().filter(|name| name.ends_with(".seg")).count()
    };
    let history = |place| {
        let mut history = spool.history(place);
        let mut found = Vec::new();
        while let Some(Past::Event { event, is_waiting }) = history.next().unwrap() {
            found.push((event.resource_version().to_owned(), is_waiting));
        }
        found
    };
    assert_eq!(kept(59).await, 3);
    let all = ["1", "2", "3"].map(|n| (n.to_owned(), false));
    assert_eq!(history(0), all);
    assert_eq!(history(1)[1..], [("2".to_owned(), false), ("3".to_owned(), true)]);
    assert_eq!(kept(2).await, 1, "the newest, which one sink is yet to take");
    assert_eq!(history(0), all[2..]);
    spool.close();
    spool.finish();
    running.await.unwrap();
}

#[tokio::test]
async fn a_sink_that_comes_back_is_told_what_it_missed() {
    let fs = SimFs::new(4);
    let (spool, committer) = open(&fs, &["a", "b"]);
    write(&spool, committer, 1..=10).await;
    spool.settle(0, 12).unwrap();
    // Sink b goes, and its backlog with the first segment.
    let fs = fs.kill();
    let (spool, committer) = open(&fs, &["a"]);
    write(&spool, committer, 11..=12).await;
    let fs = fs.kill();
    Fs::remove(&fs, &segment::name(1)).unwrap();
    let (spool, committer) = open(&fs, &["a", "b"]);
    write(&spool, committer, 13..=14).await;
    let (seen, damaged) = read(&spool, 1).await;
    assert_eq!((seen, damaged), (vec![13, 14], 1));
}

/// A write of two records, of which the first was torn and the second is whole on disk, and then a new record of just
/// the length of the first: behind it, in the same place, the second would come back to life, with a position that
/// skips whatever else was lost with the first.
#[tokio::test]
async fn a_record_that_a_torn_write_left_behind_stays_dead() {
    let fs = SimFs::new(5);
    let (spool, committer) = open(&fs, &["a", "b"]);
    spool.register("one", &cluster()).unwrap();
    let two = spool.register("two", &cluster()).unwrap();
    end(&spool, committer).await;
    let whole = Fs::open(&fs, &segment::name(1)).unwrap().size().unwrap();
    // As a chunk of one record of tables and one event would be, had it come behind these two.
    let mut lost = Vec::new();
    record::put_tables(&mut lost, 3, &spool.0.queue().tables_for_tests());
    let torn = lost.len() / 2;
    lost[torn] ^= 1;
    let place = (two.source, two.cluster);
    record::put_event(&mut lost, 4, place, SinkSet::first(2), &event(9), Some(&at("9")));
    let fs = fs.kill();
    Fs::open(&fs, &segment::name(1)).unwrap().write_at(&lost, whole).unwrap();

    let (spool, committer) = open(&fs, &["a", "b"]);
    assert_eq!(spool.position("two"), None);
    spool.register("one", &cluster()).unwrap();
    // It dies as soon as that is durable: an orderly end would cut the file.
    let running = tokio::spawn(committer.run());
    spool.0.durable.subscribe().wait_for(|(durable, _)| *durable == 4).await.unwrap();
    running.abort();
    let (spool, committer) = open(&fs.kill(), &["a", "b"]);
    assert_eq!(spool.position("two"), None);
    end(&spool, committer).await;
    assert_eq!(read(&spool, 0).await, (vec![], 0));
}

/// A program that dies again and again while it begins a segment, when the segment before is settled and removed: the
/// snapshot of positions was once lost with the file that was begun anew.
#[tokio::test]
async fn a_position_survives_any_number_of_deaths_while_a_segment_is_begun() {
    let mut fs = SimFs::new(6);
    let (spool, committer) = open(&fs, &["a", "b"]);
    write(&spool, committer, 1..=10).await;
    spool.settle(0, 12).unwrap();
    spool.settle(1, 12).unwrap();
    for round in 0..3 {
        for operations in 0..40 {
            fs = fs.kill();
            let (spool, committer) = open(&fs, &["a", "b"]);
            assert_eq!(
                spool.position("s"),
                Some(at("10")),
                "round {round}, operation {operations}"
            );
            for sink in 0..2 {
                spool.settle(sink, spool.0.durable.borrow().0).unwrap();
            }
            fs.die_after(operations);
            let running = tokio::spawn(committer.run());
            tokio::time::sleep(Duration::from_millis(2)).await;
            spool.register("s", &cluster()).unwrap();
            tokio::time::sleep(Duration::from_millis(4)).await;
            running.abort();
        }
    }
}

/// What the sink at `place` is handed, where the disk refuses: it is asked as a worker asks, again after an error.
async fn read_patiently(spool: &Spool, place: usize) -> (Vec<u64>, u64) {
    let mut reader = spool.reader(place);
    let (mut seen, mut damaged) = (Vec::new(), 0);
    for _ in 0..100 {
        match reader.next(&Limits::new().with_max_events(3)).await {
            Ok(Some(window)) => {
                let numbers = window.events.iter().map(|event| event.resource_version());
                seen.extend(numbers.map(|number| number.parse::<u64>().unwrap()));
                damaged += window.damaged;
            }
            Ok(None) => return (seen, damaged),
            Err(_) => {}
        }
    }
    panic!("the reader never came to the end; it saw {seen:?}");
}

#[tokio::test]
async fn a_segment_that_the_disk_does_not_give_back_is_passed_over_and_counted() {
    let fs = SimFs::new(7);
    let (spool, committer) = open(&fs, &["a", "b"]);
    write(&spool, committer, 1..=10).await;
    let fs = fs.kill();
    let (spool, committer) = open(&fs, &["a", "b"]);
    write(&spool, committer, 11..=20).await;
    let fs = fs.kill();
    fs.spoil(&segment::name(1), 0);
    // The start is not refused, and the other segment is delivered.
    let (spool, committer) = open(&fs, &["a", "b"]);
    write(&spool, committer, 21..=22).await;
    let (seen, damaged) = read_patiently(&spool, 0).await;
    assert_eq!(seen, (11..=22).collect::<Vec<_>>());
    assert_eq!(damaged, 11, "ten events and the names");
}

#[tokio::test]
async fn a_newest_segment_that_the_disk_does_not_give_back_does_not_refuse_the_start() {
    let fs = SimFs::new(8);
    let (spool, committer) = open(&fs, &["a", "b"]);
    write(&spool, committer, 1..=10).await;
    spool.settle(0, 8).unwrap();
    let fs = fs.kill();
    fs.spoil(&segment::name(1), 0);
    let (spool, committer) = open(&fs, &["a", "b"]);
    write(&spool, committer, 21..=22).await;
    let (seen, damaged) = read_patiently(&spool, 1).await;
    assert_eq!(seen, [21, 22]);
    assert!(damaged > 0, "what was lost is told");
}

#[tokio::test(start_paused = true)]
#[expect(clippy::await_holding_lock, reason = "what waits for it is a thread of its own")]
async fn a_disk_that_does_not_answer_is_shown_before_it_answers() {
    let fs = SimFs::new(9);
    let health = Health::new();
    let clock = Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH));
    let sinks = vec!["a".to_owned()];
    let files = Arc::new(fs.clone());
    let (spool, committer) =
        Spool::open(files, SpoolConfig::default(), sinks, clock, Metrics::new(), &health).unwrap();
    let running = tokio::spawn(committer.run());
    let stalled = fs.stall();
    spool.register("s", &cluster()).unwrap();
    // A thread that blocks keeps paused time from running by itself.
    for _ in 0..60 {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(health.report().parts["spool"].state, "the disk has not answered for 10 s");
    drop(stalled);
    spool.finish();
    running.await.unwrap();
    assert!(health.report().ready);
}
