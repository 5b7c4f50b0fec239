//! What goes when there is too much or it is too old, and what never does.

use super::*;

#[test]
fn what_is_older_than_all_that_is_kept_is_dropped_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let receipt =
        deliver(&store, &[Made { time: -8 * 24 * 3600, ..Made::default() }, Made::default()]);
    assert_eq!(receipt, Receipt::all());
    let metrics = Metrics::new();
    store.measure(&metrics);
    let shown = metrics.encode();
    for line in ["store_expired_total 1", "store_partitions 1", "store_damaged 0"] {
        assert!(shown.contains(&format!("eventcenter_{line}\n")), "{line} in {shown}");
    }
    assert_eq!(total(folder.path()), 1);
}

#[test]
fn retention_removes_whole_files_oldest_first_and_never_the_newest() {
    let folder = tempfile::tempdir().unwrap();
    let day = 24 * 3600;
    let clock = Arc::new(Wound(Mutex::new(at(MIDNIGHT + 3600))));
    let days = kept(HumanDuration::from_secs(3 * 24 * 3600), None);
    let store = Store::open_with(folder.path(), &days, clock.clone(), &Health::new()).unwrap();
    for ago in 0..3 {
        deliver(&store, &[Made { uid: ago, time: -i64::from(ago) * day, ..Made::default() }]);
    }
    assert_eq!(partitions(folder.path()).len(), 3);
    *clock.0.lock().unwrap() = at(MIDNIGHT + 2 * day + 3600);
    run(store.expire()).unwrap();
    assert_eq!(partitions(folder.path()).len(), 3, "nothing new has happened");
    deliver(&store, &[Made { uid: 9, time: 2 * day, ..Made::default() }]);
    run(store.expire()).unwrap();
    assert_eq!(partitions(folder.path()).len(), 3, "the oldest ended more than three days ago");
    *clock.0.lock().unwrap() = at(MIDNIGHT + 100 * day);
    deliver(&store, &[Made { uid: 10, time: 100 * day, ..Made::default() }]);
    run(store.expire()).unwrap();
    assert_eq!(partitions(folder.path()).len(), 1, "the newest stays");
}

#[test]
fn a_clock_that_jumps_ahead_removes_nothing_and_refuses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let day = 24 * 3600;
    let clock = Arc::new(Wound(Mutex::new(at(MIDNIGHT + 3600))));
    let days = kept(HumanDuration::from_secs(3 * 24 * 3600), None);
    let open = || Store::open_with(folder.path(), &days, clock.clone(), &Health::new()).unwrap();
    let store = open();
    for ago in 0..3 {
        deliver(&store, &[Made { uid: ago, time: -i64::from(ago) * day, ..Made::default() }]);
    }
    *clock.0.lock().unwrap() = at(MIDNIGHT + 3650 * day);
    run(store.expire()).unwrap();
    assert_eq!(partitions(folder.path()).len(), 3);
    drop(store);
    let store = open();
    run(store.expire()).unwrap();
    assert_eq!(partitions(folder.path()).len(), 3, "after a restart, too");
    deliver(&store, &[Made { uid: 7, time: 60, ..Made::default() }]);
    assert_eq!((store.expired(), total(folder.path())), (0, 4));
}

#[test]
fn a_mark_is_never_given_again_though_its_partition_goes() {
    let folder = tempfile::tempdir().unwrap();
    let yesterday = Made { uid: 1, time: -3600, first: -3600, ..Made::default() };
    let store = open(folder.path(), &week()).unwrap();
    deliver(&store, &[yesterday, Made::default()]);
    assert_eq!(*store.mark().borrow(), Mark(2));
    drop(store);
    assert_eq!(*open(folder.path(), &week()).unwrap().mark().borrow(), Mark(2), "none is skipped");
    std::fs::remove_file(partitions(folder.path()).last().unwrap()).unwrap();
    let store = open(folder.path(), &week()).unwrap();
    assert_eq!(*store.mark().borrow(), Mark(2));
    deliver(&store, &[Made { uid: 2, ..Made::default() }]);
    assert_eq!(*store.mark().borrow(), Mark(3));
}

#[test]
fn a_log_that_was_not_moved_yet_is_no_reason_to_remove() {
    let folder = tempfile::tempdir().unwrap();
    let mebi = kept(HumanDuration::from_secs(7 * 24 * 3600), Some(ByteSize::new(1 << 20)));
    let store = open(folder.path(), &mebi).unwrap();
    // Each delivery writes pages to the log anew, that are few in the file.
    for time in 0..100_i64 {
        for ago in [0, 1_i64] {
            let time = time - ago * 24 * 3600;
            let uid = u32::try_from(ago).unwrap();
            let count = u32::try_from(time.rem_euclid(24 * 3600)).unwrap() + 1;
            deliver(&store, &[Made { uid, count, time, ..Made::default() }]);
        }
    }
    run(store.expire()).unwrap();
    assert_eq!(partitions(folder.path()).len(), 2);
    assert!(run(store.state()).unwrap().bytes < 1 << 20);
}

#[test]
fn too_many_bytes_go_oldest_first() {
    let folder = tempfile::tempdir().unwrap();
    let one_byte = kept(HumanDuration::from_secs(7 * 24 * 3600), Some(ByteSize::new(1)));
    let store = open(folder.path(), &one_byte).unwrap();
    for ago in 0..3 {
        deliver(&store, &[Made { uid: ago, time: -i64::from(ago) * 24 * 3600, ..Made::default() }]);
    }
    run(store.expire()).unwrap();
    let files = partitions(folder.path());
    assert_eq!(files.len(), 1);
    assert!(files[0].ends_with("events-2026-11-25.db"));
}

#[test]
fn a_partition_that_is_too_large_ends_and_another_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    // An eighth of it is less than an empty partition.
    let config = kept(HumanDuration::from_secs(7 * 24 * 3600), Some(ByteSize::new(64 << 10)));
    let clock = Arc::new(FixedClock::new(at(MIDNIGHT + 3600)));
    let store = Store::open_with(folder.path(), &config, clock.clone(), &Health::new()).unwrap();
    let early = Made { count: 2, time: 600, ..Made::default() };
    deliver(&store, &[Made::default(), early.clone()]);
    let late = Made { count: 5, time: 2 * 3600, version: 2, ..early };
    deliver(&store, std::slice::from_ref(&late));
    let files = partitions(folder.path());
    assert!(files[1].ends_with("events-2026-11-25T01.db"), "{files:?}");
    assert_eq!(total(folder.path()), 5);
    // The same ones are found again, after a restart too.
    drop(store);
    let store = Store::open_with(folder.path(), &config, clock, &Health::new()).unwrap();
    assert_eq!(deliver(&store, &[early, late]).duplicates, 2);
    run(store.expire()).unwrap();
    assert_eq!(partitions(folder.path()), files[1..], "what is too much goes, oldest first");
}
