//! The writing side: what is counted, what survives, and what is told.

mod clusters;
mod conformance;
mod counts;
mod damage;
mod forget;
mod properties;
mod retention;
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
