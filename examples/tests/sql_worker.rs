//! A `SELECT` has a process of its own: what it cannot do there.

#![expect(clippy::unwrap_used, reason = "that is how a test fails")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use eventcenter_core::query::Statement;
use eventcenter_core::{Batch, Cluster, ErrorKind, Event, Result, Sink};
use eventcenter_store::ask::{Bounds, Range, Table, TableAsk};
use eventcenter_store::config::RetentionConfig;
use eventcenter_store::{EventQuery, SqlWorker, Store, StoreConfig};
use serde_json::json;

/// What the most hostile statement may take: the limit of the heap, and the program itself.
const MOST: u64 = 420 << 20;

fn worker() -> SqlWorker {
    SqlWorker::new(env!("CARGO_BIN_EXE_event-center"), ["sql-worker"])
}

/// With so many Events.
async fn filled(folder: &Path, events: usize) -> Store {
    let age = "36500d".parse().unwrap();
    let retention = RetentionConfig { age, bytes: None };
    let config = StoreConfig { retention, ..StoreConfig::default() };
    let store = Store::open(folder, &config).unwrap();
    let cluster = Arc::new(Cluster { id: "c1".to_owned(), name: "prod".to_owned() });
    let event = |number: usize| {
        let document = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": { "name": format!("web.{number}"), "namespace": "shop", "uid": format!("u{number}"),
                "resourceVersion": number.to_string() },
            "involvedObject": { "kind": "Pod", "namespace": "shop", "name": format!("web-{}", number % 100) },
            "reason": "BackOff", "message": format!("back-off {number} {}", "x".repeat(200)), "type": "Warning",
            "count": 1, "lastTimestamp": "2026-11-25T01:02:03Z",
        });
        let received = "2026-11-25T01:02:03Z".parse().unwrap();
        Arc::new(
            Event::from_kubernetes(&cluster, document.to_string().into_bytes().into(), received)
                .unwrap(),
        )
    };
    let events: Vec<_> = (1..=events).map(event).collect();
    for events in events.chunks(5000) {
        store.sink("store").deliver(&Batch::new(events.to_vec()).unwrap()).await.unwrap();
    }
    store.with_sql_worker(worker())
}

async fn asked(store: &Store, statement: &str, deadline: Duration) -> Result<Table> {
    let Statement { query, select } = Statement::parse(statement).unwrap();
    let bounds = Bounds { deadline, rows: 1000 };
    let ask =
        TableAsk { query: Arc::new(query), range: Range::ALL, select: select.unwrap(), bounds };
    store.table(&ask).await.map(|answer| answer.value)
}

/// The peak of resident memory of our children, in bytes, as long as it is watched.
struct Watch(Arc<AtomicU64>, tokio::task::JoinHandle<()>);

impl Watch {
    fn begin() -> Self {
        let peak = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&peak);
        let watching = tokio::spawn(async move {
            loop {
                for resident in children() {
                    seen.fetch_max(resident, Ordering::Relaxed);
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        Self(peak, watching)
    }

    fn peak(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.1.abort();
    }
}

fn children() -> Vec<u64> {
    let us = std::process::id().to_string();
    let statuses = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let text = fs::read_to_string(entry.path().join("status")).ok()?;
        let facts: HashMap<_, _> = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
            .collect();
        Some(facts)
    });
    let ours = statuses.filter(|facts| facts.get("PPid") == Some(&us));
    let peaks = ours.filter_map(|facts| {
        facts.get("VmHWM")?.strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kb| kb << 10)
    });
    peaks.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_answers_as_the_store_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 200).await;
    let sql =
        "reason : BackOff | select name, count(1) as n, max(message) group by 1 order by 1 limit 3";
    let by_worker = asked(&store, sql, Duration::from_secs(30)).await.unwrap();
    assert_eq!(by_worker.rows.len(), 3);
    let here = Store::open_to_read(folder.path()).unwrap();
    assert_eq!(asked(&here, sql, Duration::from_secs(30)).await.unwrap(), by_worker);
    let wrong =
        asked(&store, "reason : x | select nope", Duration::from_secs(30)).await.unwrap_err();
    assert_eq!(wrong.to_string(), "sql: no such column: nope (column=21)");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wants_all_memory_is_refused_and_the_program_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 20_000).await;
    let watch = Watch::begin();
    let nested = format!("* | select {}x{}", "upper(".repeat(5000), ")".repeat(5000));
    let endless = "with recursive x(n) as (select 1 union all select n + 1 from x)";
    let text = "printf('%.*c%d', 900000, 'x', n)";
    let sorted = format!("* | {endless} select {text} as t from x order by t desc");
    let distinct = format!("* | {endless} select count(distinct {text}) from x");
    let grouped = format!("* | {endless} select {text} as t, count(1) from x group by t");
    let ranked = format!("* | {endless} select sum(n) over (order by {text}) from x");
    let queued = "* | with recursive x(n, t) as (select 1, printf('%.*c', 900000, 'x')
                  union select n + 1, t from x) select count(*) from x";
    let joined =
        "* | select a.message, b.message from log a, log b order by a.message || b.message";
    let doubled =
        "* | with recursive x(t) as (select 'xy' union all select replace(t, 'x', t || t) from x)
                   select max(length(t)) from x";
    let (memory, some) = (
        &[ErrorKind::TooLarge][..],
        &[ErrorKind::TooLarge, ErrorKind::Timeout, ErrorKind::Refused][..],
    );
    for (statement, kinds) in [
        (sorted.as_str(), memory),
        (&distinct, memory),
        (&grouped, memory),
        (&ranked, memory),
        (queued, memory),
        (doubled, memory),
        ("* | select printf('%.*c', 2000000000, 'x')", memory),
        (
            "* | select hex(replace(printf('%.*c', 900000, 'x'), 'x', printf('%.*c', 900000, 'y')))",
            memory,
        ),
        (joined, some),
        (
            "* | select group_concat(a.message || b.message || c.message) from log a, log b, log c",
            some,
        ),
        ("* | select json_group_array(a.document) from log a, log b", some),
        (
            "* | select max_by(document, message || b.n) from log, (select message as n from log) b",
            some,
        ),
        (&nested, some),
    ] {
        let shown: String = statement.chars().take(100).collect();
        let deadline = Duration::from_secs(if kinds == memory { 60 } else { 2 });
        let error = asked(&store, statement, deadline).await.expect_err(&shown);
        assert!(kinds.contains(&error.kind()), "{shown}: {error:?}");
    }
    let peak = watch.peak();
    assert!((1..MOST).contains(&peak), "{} MiB", peak >> 20);
    let sorted = "* | select message from log order by message desc limit 1";
    let last = asked(&store, sorted, Duration::from_secs(30)).await.unwrap();
    assert!(last.rows[0][0].as_str().unwrap().starts_with("back-off 9999 "), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_killed_at_the_deadline_and_when_nobody_waits() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 2).await;
    let sleeps = store.clone().with_sql_worker(SqlWorker::new("sleep", ["3600"]));
    let error = asked(&sleeps, "* | select 1", Duration::from_millis(10)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let left = tokio::time::timeout(
        Duration::from_millis(300),
        asked(&sleeps, "* | select 1", Duration::from_secs(3600)),
    );
    left.await.unwrap_err();
    for _ in 0..3000 {
        if children().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a worker is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path(), 2).await;
    for (program, arguments, kind) in [
        ("sh", &["-c", "kill -KILL $$"][..], ErrorKind::TooLarge),
        ("sh", &["-c", "kill -ABRT $$"], ErrorKind::TooLarge),
        ("sh", &["-c", "kill -XCPU $$"], ErrorKind::Timeout),
        ("false", &[], ErrorKind::Storage),
        ("/nonexistent", &[], ErrorKind::Storage),
    ] {
        let store =
            store.clone().with_sql_worker(SqlWorker::new(program, arguments.iter().copied()));
        let error = asked(&store, "* | select 1", Duration::from_secs(30)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{program} {arguments:?}: {error}");
    }
    assert_eq!(asked(&store, "* | select 1", Duration::from_secs(30)).await.unwrap().rows.len(), 2);
}
