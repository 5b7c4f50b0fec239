//! The writing side: what is counted, what survives, and what is told.

mod conformance;
mod forget;
mod properties;
mod unusual;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use eventcenter_core::config::{ByteSize, HumanDuration};
use eventcenter_core::{Cluster, Event, FixedClock, Gap, Grade};
use jiff::Timestamp;
use rusqlite::Connection;

use super::*;
use crate::ask::{Answer, Bounds, EventQuery, EventsAsk, Order, Page, Range};
use crate::config::RetentionConfig;
use crate::store::rollup::Label;

/// 2026-11-25T00:00:00Z.
const MIDNIGHT: i64 = 1_795_564_800;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// An Event, as far as it matters here; times are seconds from midnight.
#[derive(Debug, Clone)]
struct Made {
    cluster: &'static str,
    uid: u32,
    count: u32,
    time: i64,
    first: i64,
    message: &'static str,
    version: u32,
}

impl Default for Made {
    fn default() -> Self {
        Self { cluster: "c1", uid: 1, count: 1, time: 0, first: 0, message: "Back-off", version: 1 }
    }
}

impl Made {
    fn event(&self) -> Arc<Event> {
        let id = self.cluster.to_owned();
        let cluster = Arc::new(Cluster { name: format!("name of {id}"), id });
        let document = serde_json::json!({
            "metadata": {
                "name": format!("web-{}.17", self.uid), "namespace": "shop",
                "uid": format!("00000000-0000-4000-8000-{:012x}", self.uid),
                "resourceVersion": self.version.to_string(),
                "creationTimestamp": at(MIDNIGHT + self.first),
            },
            "involvedObject": { "kind": "Pod", "namespace": "shop", "name": format!("web-{}", self.uid) },
            "type": "Warning", "reason": "BackOff", "message": self.message, "count": self.count,
            "source": { "component": "kubelet", "host": "node-1" },
            "firstTimestamp": at(MIDNIGHT + self.first),
            "lastTimestamp": at(MIDNIGHT + self.time),
        });
        let received = at(MIDNIGHT + self.time + 1);
        Arc::new(Event::from_kubernetes(&cluster, document.to_string().into(), received).unwrap())
    }
}

fn week() -> StoreConfig {
    kept(HumanDuration::from_secs(7 * 24 * 3600), None)
}

fn kept(age: HumanDuration, bytes: Option<ByteSize>) -> StoreConfig {
    StoreConfig { retention: RetentionConfig { age, bytes }, ..StoreConfig::default() }
}

fn open(folder: &Path, config: &StoreConfig) -> Result<Store> {
    let clock = Arc::new(FixedClock::new(at(MIDNIGHT + 3600)));
    Store::open_with(folder, config, clock, &Health::new())
}

/// A clock that can be set.
#[derive(Debug)]
struct Wound(Mutex<Timestamp>);

impl Clock for Wound {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn deliver(store: &Store, events: &[Made]) -> Receipt {
    let events: Vec<_> = events.iter().map(Made::event).collect();
    run(store.sink("store").deliver(&Batch::new(events).unwrap())).unwrap()
}

fn connection(file: &Path) -> Connection {
    Connection::open(file).unwrap()
}

fn partitions(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.extension() == Some("db".as_ref())).collect();
    files.sort();
    files
}

/// Every row of a query, as text.
fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let values = (0..columns).map(|place| format!("{:?}", row.get_ref(place).unwrap()));
        all.push(values.collect::<Vec<_>>().join(" "));
    }
    all
}

/// Everything in the store, but for when clusters were heard of.
fn dump(folder: &Path) -> BTreeMap<PathBuf, Vec<String>> {
    let tables = ["events", "documents", "occurrences", "objects", "words", "gaps"];
    let tables: Vec<_> =
        tables.into_iter().chain(rollup::TABLES.iter().map(|table| table.name)).collect();
    let all = |file: &PathBuf| {
        let connection = connection(file);
        tables
            .iter()
            .flat_map(|table| rows(&connection, &format!("SELECT * FROM {table}")))
            .collect()
    };
    partitions(folder).into_iter().map(|file| (file.clone(), all(&file))).collect()
}

/// The sums of a partition are those of a recount.
fn recount(file: &Path) {
    let connection = connection(file);
    let from =
        "FROM occurrences o JOIN events e ON e.id = o.event JOIN objects b ON b.id = e.object";
    for rollup::Table { name: table, unit, labels, .. } in rollup::TABLES {
        let column = |label: &Label| match label {
            Label::Namespace | Label::Kind | Label::Workload => format!("b.{}", label.name()),
            label => format!("e.{}", label.name()),
        };
        let columns = labels.iter().map(column).collect::<Vec<_>>().join(", ");
        let counted = rows(
            &connection,
            &format!(
                "SELECT o.time / {unit}, {columns}, sum(o.rise), sum(o.rise * o.estimated) {from}
                 GROUP BY o.time / {unit}, {columns} ORDER BY 1, 2, 3, 4, 5, 6"
            ),
        );
        let order = "1, 2, 3, 4, 5, 6";
        let kept =
            rows(&connection, &format!("SELECT * FROM {table} WHERE rise <> 0 ORDER BY {order}"));
        assert_eq!(kept, counted, "{table} of {}", file.display());
    }
    let wrong = rows(
        &connection,
        "SELECT e.id FROM events e WHERE e.occurrences <>
            (SELECT coalesce(sum(rise), 0) FROM occurrences WHERE event = e.id)",
    );
    assert_eq!(wrong, Vec::<String>::new(), "the sum of an event is that of its occurrences");
}

/// Occurrences in all partitions.
fn total(folder: &Path) -> i64 {
    let sum = |file: &PathBuf| -> i64 {
        let sql = "SELECT coalesce(sum(rise), 0) FROM occurrences";
        connection(file).query_row(sql, [], |row| row.get(0)).unwrap()
    };
    partitions(folder).iter().map(sum).sum()
}

#[test]
fn a_rise_is_counted_and_not_the_count() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    deliver(&store, &[Made { version: 1, ..Made::default() }]);
    deliver(&store, &[Made { count: 40, time: 600, version: 2, ..Made::default() }]);
    assert_eq!(total(folder.path()), 40);
    let file = &partitions(folder.path())[0];
    assert_eq!(
        rows(&connection(file), "SELECT rise, estimated FROM occurrences"),
        ["Integer(1) Integer(0)", "Integer(39) Integer(0)"]
    );
    recount(file);
}

#[test]
fn a_count_goes_on_across_midnight_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let before = Made { count: 3, time: -60, first: -60, ..Made::default() };
    deliver(
        &open(folder.path(), &week()).unwrap(),
        &[Made { count: 1, ..before.clone() }, before.clone()],
    );
    let store = open(folder.path(), &week()).unwrap();
    deliver(&store, &[Made { count: 5, time: 60, version: 2, ..before }]);
    let files = partitions(folder.path());
    assert_eq!(files.len(), 2, "a partition on each side of midnight");
    assert_eq!(total(folder.path()), 5);
    let newer = connection(&files[1]);
    assert_eq!(
        rows(&newer, "SELECT occurrences, estimated, continues FROM events"),
        ["Integer(2) Integer(0) Integer(1)"]
    );
    files.iter().for_each(|file| recount(file));
}

#[test]
fn what_was_counted_by_others_is_an_estimate_and_what_happened_before_our_eyes_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    // The first event tells since when the cluster is watched: from 1 s on.
    deliver(&store, &[Made::default()]);
    deliver(&store, &[Made { uid: 2, count: 7, time: 100, first: -500, ..Made::default() }]);
    deliver(&store, &[Made { uid: 3, count: 9, time: 100, first: 50, ..Made::default() }]);
    let file = &partitions(folder.path())[0];
    assert_eq!(
        rows(&connection(file), "SELECT rise, estimated FROM occurrences"),
        ["Integer(1) Integer(0)", "Integer(1) Integer(1)", "Integer(9) Integer(0)"]
    );
    // A gap ends what is known; what began before its end was not watched.
    let cluster = Arc::new(Cluster { id: "c1".to_owned(), name: "x".to_owned() });
    let gap = Gap {
        grade: Grade::Events,
        since: Some(at(MIDNIGHT + 100)),
        until: at(MIDNIGHT + 200),
        count: None,
        reason: "away".to_owned(),
    };
    let gap = Arc::new(gap.into_event("w", &cluster, at(MIDNIGHT + 200)).unwrap());
    run(store.sink("store").deliver(&Batch::from(gap))).unwrap();
    deliver(&store, &[Made { uid: 4, count: 4, time: 300, first: 150, ..Made::default() }]);
    let newest = "SELECT rise, estimated FROM occurrences ORDER BY mark DESC LIMIT 1";
    assert_eq!(rows(&connection(file), newest), ["Integer(1) Integer(1)"]);
    assert_eq!(rows(&connection(file), "SELECT grade FROM gaps"), ["Integer(1)"]);
}

#[test]
fn an_event_that_a_recorder_makes_anew_goes_on_counting() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let expired = Made { uid: 5, count: 1, ..Made::default() };
    deliver(&store, std::slice::from_ref(&expired));
    deliver(&store, &[Made { count: 30, time: 60, version: 2, ..expired }]);
    // The same object, reason and first time under another uid, with the old count plus one.
    let mut again = serde_json::to_value(
        serde_json::from_slice::<serde_json::Value>(expired.event().raw()).unwrap(),
    )
    .unwrap();
    again["metadata"]["uid"] = "00000000-0000-4000-8000-00000000ffff".into();
    again["count"] = 31.into();
    again["lastTimestamp"] = serde_json::json!(at(MIDNIGHT + 7200));
    let cluster = expired.event().cluster().clone();
    let again =
        Event::from_kubernetes(&cluster, again.to_string().into(), at(MIDNIGHT + 7200)).unwrap();
    run(store.sink("store").deliver(&Batch::from(Arc::new(again)))).unwrap();
    assert_eq!(total(folder.path()), 31);
}

#[test]
fn a_message_that_changes_the_class_takes_its_past_along() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    deliver(&store, &[Made { message: "Back-off pulling image \"x\"", ..Made::default() }]);
    let crash = "Back-off restarting failed container web";
    deliver(&store, &[Made { message: crash, count: 3, time: 60, version: 2, ..Made::default() }]);
    let file = &partitions(folder.path())[0];
    recount(file);
    let found = |word: &str| {
        rows(&connection(file), &format!("SELECT rowid FROM found WHERE found MATCH '{word}'"))
            .len()
    };
    assert_eq!((found("pulling"), found("restarting"), found("web")), (0, 1, 1));
}

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

fn a_partition_is_damaged_before_the_start(damage: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let yesterday = Made { uid: 9, time: -3600, first: -3600, ..Made::default() };
    deliver(&open(folder.path(), &week()).unwrap(), &[yesterday.clone(), Made::default()]);
    damage(&partitions(folder.path())[0]);
    let health = Health::new();
    let clock = Arc::new(FixedClock::new(at(MIDNIGHT + 3600)));
    let store = Store::open_with(folder.path(), &week(), clock, &health).unwrap();
    assert!(health.report().parts["store"].state.contains("events-2026-11-24.db is damaged"));
    assert_eq!(total(folder.path()), 1, "today is there");
    deliver(&store, &[yesterday]);
    assert_eq!(total(folder.path()), 2, "yesterday began anew");
    assert!(folder.path().join("events-2026-11-24.db.damaged").exists());
}

#[test]
fn a_file_that_is_no_database_is_set_aside_and_the_rest_goes_on() {
    a_partition_is_damaged_before_the_start(|file| {
        std::fs::write(file, b"this is no database, whatever its name says").unwrap();
    });
}

#[test]
fn a_file_that_lost_its_end_is_set_aside_and_the_rest_goes_on() {
    a_partition_is_damaged_before_the_start(|file| {
        let file = std::fs::File::options().write(true).open(file).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
}

#[test]
fn damage_that_shows_while_writing_costs_the_partition_and_not_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let made: Vec<Made> = (0..2000).map(|uid| Made { uid, ..Made::default() }).collect();
    deliver(&open(folder.path(), &week()).unwrap(), &made);
    let store = open(folder.path(), &week()).unwrap();
    // Who has read it keeps the file open, under whatever name.
    assert!(found(&store).is_ok());
    let file = partitions(folder.path())[0].clone();
    let mut bytes = std::fs::read(&file).unwrap();
    let len = bytes.len();
    // Everything but the first pages, where the schema is.
    bytes[16 * 4096..len].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    deliver(&store, &made);
    assert_eq!(total(folder.path()), 2000);
    assert!(!store.shared().set_aside().is_empty());
    deliver(&store, &[Made { uid: 5000, time: 60, ..Made::default() }]);
    let newest = found(&store).unwrap().value.rows.swap_remove(0);
    assert_eq!(newest.event.object().name, "web-5000", "it is the new file that is read");
}

/// The newest thousand.
fn found(store: &Store) -> Result<Answer<Page>> {
    let ask = EventsAsk {
        query: Arc::new("*".parse().unwrap()),
        range: Range::ALL,
        order: Order::Newest,
        after: None,
        limit: 1000,
        bounds: Bounds::default(),
    };
    run(store.events(&ask))
}

#[test]
fn a_file_of_a_newer_version_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    deliver(&open(folder.path(), &week()).unwrap(), &[Made::default()]);
    let file = partitions(folder.path())[0].clone();
    connection(&file).pragma_update(None, "user_version", 99).unwrap();
    let error = open(folder.path(), &week()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let said = format!("{error:?}");
    assert!(said.contains("events-2026-11-25.db") && said.contains("its format is 99"), "{said}");
}

#[test]
fn a_second_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path(), &week()).unwrap();
    let error = open(folder.path(), &week()).unwrap_err();
    assert!(error.to_string().contains("another program writes"), "{error}");
}

#[test]
fn a_backup_is_the_store_while_it_is_written() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path(), &week()).unwrap();
    let made: Vec<Made> =
        (0..50).map(|uid| Made { uid, time: i64::from(uid) - 25, ..Made::default() }).collect();
    deliver(&store, &made);
    run(store.backup(copy.path())).unwrap();
    let names = |dump: BTreeMap<PathBuf, Vec<String>>| -> Vec<_> {
        dump.into_iter().map(|(file, rows)| (file.file_name().unwrap().to_owned(), rows)).collect()
    };
    assert_eq!(names(dump(copy.path())), names(dump(folder.path())));
    let error = run(store.backup(copy.path())).unwrap_err();
    assert!(error.to_string().contains("must be empty"), "{error}");
    let error = backup(&copy.path().join(".."), &copy.path().join("x")).unwrap_err();
    assert!(error.to_string().contains("not the folder of a store"), "{error}");
    // Copied back, it goes on.
    let restored = open(copy.path(), &week()).unwrap();
    let receipt = deliver(&restored, &made);
    assert_eq!(receipt.duplicates, 50);
}

#[test]
fn events_without_a_uid_are_known_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let cluster = Arc::new(Cluster { id: "c".to_owned(), name: "c".to_owned() });
    let event = |name: &str| {
        let document =
            format!(r#"{{"metadata":{{"name":"{name}","namespace":"n"}},"reason":"R"}}"#);
        Arc::new(Event::from_kubernetes(&cluster, document.into(), at(MIDNIGHT)).unwrap())
    };
    let batch = Batch::new(vec![event("a"), event("b"), event("a")]).unwrap();
    assert_eq!(run(store.sink("s").deliver(&batch)).unwrap().duplicates, 1);
}

#[test]
fn an_event_made_anew_after_midnight_goes_on_counting() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    // Estimated at first, since nobody watched.
    let expired = Made { uid: 5, count: 30, time: -7000, first: -90_000, ..Made::default() };
    deliver(&store, std::slice::from_ref(&expired));
    let mut again: serde_json::Value = serde_json::from_slice(expired.event().raw()).unwrap();
    again["metadata"]["uid"] = "00000000-0000-4000-8000-00000000ffff".into();
    again["count"] = 31.into();
    again["lastTimestamp"] = serde_json::json!(at(MIDNIGHT + 60));
    let cluster = expired.event().cluster().clone();
    for (message, worth) in
        [("Back-off", "Integer(1) Integer(0)"), ("another", "Integer(1) Integer(1)")]
    {
        again["message"] = message.into();
        again["metadata"]["uid"] = format!("uid of {message}").into();
        let event = Event::from_kubernetes(&cluster, again.to_string().into(), at(MIDNIGHT + 61));
        run(store.sink("store").deliver(&Batch::from(Arc::new(event.unwrap())))).unwrap();
        let newest = "SELECT rise, estimated FROM occurrences ORDER BY mark DESC LIMIT 1";
        assert_eq!(rows(&connection(&partitions(folder.path())[1]), newest), [worth], "{message}");
    }
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

#[test]
fn an_import_marks_only_a_cluster_that_was_never_watched() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let import = |uid, cluster| {
        let event = Made { uid, cluster, ..Made::default() }.event();
        run(store.recorder("import").deliver(&Batch::from(event))).unwrap();
    };
    import(1, "c1");
    import(2, "c2");
    deliver(&store, &[Made { uid: 3, cluster: "c1", time: 60, ..Made::default() }]);
    import(4, "c1");
    let sql = "SELECT uid, recorded, watched_since IS NULL FROM clusters ORDER BY uid";
    let file = &partitions(folder.path())[0];
    assert_eq!(
        rows(&connection(file), sql),
        ["Text([99, 49]) Integer(0) Integer(0)", "Text([99, 50]) Integer(1) Integer(1)"]
    );
}

#[test]
fn damage_in_another_partition_is_not_blamed_on_the_one_that_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let yesterday: Vec<_> =
        (0..500).map(|uid| Made { uid, time: -3600, first: -3600, ..Made::default() }).collect();
    deliver(&store, &yesterday);
    drop(store);
    let store = open(folder.path(), &week()).unwrap();
    let file = partitions(folder.path())[0].clone();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[16 * 4096..].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    deliver(&store, &[Made { count: 2, time: 60, first: -3600, version: 2, ..Made::default() }]);
    assert_eq!(total(folder.path()), 1);
    let names = partitions(folder.path());
    assert!(names.len() == 1 && names[0].ends_with("events-2026-11-25.db"), "{names:?}");
    assert!(store.shared().set_aside()[0].contains("events-2026-11-24.db"));
}

#[test]
fn a_renamed_cluster_is_called_so_in_every_partition_and_by_whatever_comes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let days = [0, 20 * 86_400];
    let made: Vec<Made> = days
        .iter()
        .zip(1..)
        .map(|(&time, uid)| Made { uid, time, first: time, ..Made::default() })
        .collect();
    let other = Made { uid: 9, cluster: "c2", ..Made::default() };
    deliver(&store, &[made[0].clone(), made[1].clone(), other]);
    run(store.rename("c1", "Production")).unwrap();
    let names = |statement: &str| -> Vec<String> {
        let query = Arc::new(eventcenter_core::Query::parse(statement).unwrap());
        let ask = EventsAsk {
            query,
            range: Range::ALL,
            order: Order::Oldest,
            after: None,
            limit: 100,
            bounds: Bounds::default(),
        };
        let rows = run(store.events(&ask)).unwrap().value.rows;
        rows.iter().map(|row| row.event.cluster().name.clone()).collect()
    };
    assert_eq!(names("cluster : Production"), ["Production", "Production"]);
    assert_eq!(names("cluster : \"name of c1\""), Vec::<String>::new());
    // Into a partition that is not there yet, and by a store that was opened again.
    deliver(&store, &[Made { uid: 3, time: 40 * 86_400, first: 40 * 86_400, ..Made::default() }]);
    assert_eq!(names("cluster : c1"), ["Production", "Production", "Production"]);
    let names = |store: &Store| -> Vec<String> {
        let clusters = run(store.state()).unwrap().clusters;
        clusters.into_iter().map(|one| one.cluster.name).collect()
    };
    assert_eq!(names(&store), ["Production", "name of c2"]);
    drop(store);
    assert_eq!(names(&open(folder.path(), &week()).unwrap()), ["Production", "name of c2"]);
}
