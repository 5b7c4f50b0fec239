//! Disks in trouble: too small, full, damaged. What has to go is counted and declared.

use super::*;
use crate::source::Gap;

#[tokio::test(start_paused = true)]
async fn a_full_spool_drops_the_oldest_for_the_sink_that_lags_and_tells_it_how_many() {
    // 4 MiB fit; this is about 8 MiB.
    a_full_spool(30_000, Duration::ZERO, u64::MAX, 7).await;
}

/// What was declared lost at first is dropped itself in the end, and was once forgotten then.
#[tokio::test(start_paused = true)]
async fn a_spool_that_stays_full_tells_of_what_it_dropped_long_ago() {
    a_full_spool(60_000, Duration::from_micros(200), u64::MAX, 7).await;
}

/// A volume of 2 MiB below a spool that may have 4: one dead sink was once the end of all deliveries.
#[tokio::test(start_paused = true)]
async fn a_disk_smaller_than_the_spool_drops_for_the_sink_that_lags_and_the_other_goes_on() {
    a_full_spool(30_000, Duration::from_micros(200), 2 << 20, 7).await;
}

/// A batch in hand that ends where the dropped segment ends: what comes next is there, so that nothing seems to be
/// missing, and the loss was once never told.
#[tokio::test(start_paused = true)]
async fn a_loss_that_ends_with_the_batch_in_hand_is_told() {
    a_full_spool(30_000, Duration::from_micros(200), 2 << 20, 1_000_000).await;
}

async fn a_full_spool(last: u64, pause: Duration, room: u64, max_events: usize) {
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
        max_events,
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
