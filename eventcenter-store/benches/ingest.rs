//! What it costs to keep events: made up, delivered as the pipeline does, durable when confirmed.
//!
//! `cargo bench -p eventcenter-store --bench ingest [-- EVENTS [DAYS [OVERVIEWS]]]`, of which 1,000,000, 90 (kept) and 0
//! are the default; so many overviews of everything are asked for each second meanwhile. Prints events a second, CPU
//! seconds of the writing (user and system, all threads), the peak of resident memory, and bytes an event by table and
//! index.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark is a program that prints"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eventcenter_core::{Batch, FixedClock, Health, Query, Sink};
use eventcenter_store::ask::{Bounds, Range};
use eventcenter_store::overview::{OverviewAsk, overview};
use eventcenter_store::testing::Generator;
use eventcenter_store::{Store, StoreConfig};
use jiff::Timestamp;
use rusqlite::Connection;

/// Events in a delivery: what a worker of the pipeline hands on when it lags.
const BATCH: usize = 5_000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let mut number = |default| arguments.next().map_or(default, |text| text.parse().unwrap());
    let (events, days, overviews) = (number(1_000_000), number(90), number(0));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ingest");
    std::fs::remove_dir_all(&folder).ok();

    let mut generator = Generator::new(1, events);
    let clock = Arc::new(FixedClock::new(generator.range().until));
    let config = serde_json::json!({ "retention": { "age": format!("{days}d") } });
    let config: StoreConfig = serde_json::from_value(config).unwrap();
    let store = Store::open_with(&folder, &config, clock, &Health::new()).unwrap();
    let sink = store.sink("store");
    let is_over = Arc::new(AtomicBool::new(false));
    let asking = (overviews > 0).then(|| {
        let (store, is_over) = (store.clone(), is_over.clone());
        let (now, pause) = (generator.range().until, Duration::from_micros(1_000_000 / overviews));
        std::thread::spawn(move || ask(&store, now, pause, &is_over))
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();

    let (mut wall, mut cpu, mut slowest) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut last = None;
    loop {
        let batch: Vec<_> = generator.by_ref().take(BATCH).collect();
        let Some(batch) = Batch::new(batch) else { break };
        let (began, cpu_before) = (Instant::now(), cpu_time());
        let receipt = runtime.block_on(sink.deliver(&batch)).unwrap();
        let took = began.elapsed();
        assert_eq!((receipt.duplicates, receipt.rejected.len()), (0, 0));
        (wall, cpu, slowest) = (wall + took, cpu + (cpu_time() - cpu_before), slowest.max(took));
        last = Some(batch);
    }
    is_over.store(true, Ordering::Relaxed);
    if let Some(times) = asking.map(|asking| asking.join().unwrap()) {
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        println!("{} overviews meanwhile, half of them within {median:.1?}", times.len());
    }
    let per_second = events as f64 / wall.as_secs_f64();
    println!(
        "{events} events in {wall:.1?}, {per_second:.0}/s; {cpu:.1?} of CPU; slowest batch {slowest:.0?}"
    );
    if let Some(batch) = last {
        let began = Instant::now();
        let receipt = runtime.block_on(sink.deliver(&batch)).unwrap();
        assert_eq!(receipt.duplicates, batch.events().len());
        println!("a replay of {} in {:.0?}", receipt.duplicates, began.elapsed());
    }
    println!("peak of resident memory {} MiB", peak_memory() >> 20);
    drop((sink, store));
    sizes(&folder, events as f64);
}

/// Bytes an event, by table and index.
/// Asks for overviews until it is over; how long each took, in order of that.
fn ask(store: &Store, now: Timestamp, pause: Duration, is_over: &AtomicBool) -> Vec<Duration> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ask = OverviewAsk {
        query: Arc::new(Query::all()),
        range: Range::ALL,
        now,
        offset_seconds: 8 * 3600,
        bounds: Bounds::default(),
    };
    let mut times = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        runtime.block_on(overview(store, &ask)).unwrap();
        times.push(began.elapsed());
        runtime.block_on(async { tokio::time::sleep(pause.saturating_sub(began.elapsed())).await });
    }
    times.sort_unstable();
    times
}

fn sizes(folder: &Path, events: f64) {
    let mut sizes = BTreeMap::<String, (i64, i64)>::new();
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension() != Some("db".as_ref()) {
            continue;
        }
        files += 1;
        let connection = Connection::open(path).unwrap();
        let sql = "SELECT name, sum(pgsize), sum(unused) FROM dbstat GROUP BY name";
        let mut statement = connection.prepare(sql).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let size = sizes.entry(row.get(0).unwrap()).or_default();
            size.0 += row.get::<_, i64>(1).unwrap();
            size.1 += row.get::<_, i64>(2).unwrap();
        }
        let sql = "SELECT sum(length(document)) FROM documents";
        let documents: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        sizes.entry("(of documents: what was compressed)".to_owned()).or_default().0 += documents;
    }
    let mut sizes: Vec<_> = sizes.into_iter().collect();
    sizes.sort_by_key(|(_, (bytes, _))| std::cmp::Reverse(*bytes));
    let whole: i64 =
        sizes.iter().filter(|(name, _)| !name.starts_with('(')).map(|(_, s)| s.0).sum();
    println!("{files} files, {:.1} bytes an event:", whole as f64 / events);
    for (name, (bytes, unused)) in sizes {
        println!("{:9.1} ({:.1} unused) {name}", bytes as f64 / events, unused as f64 / events);
    }
}

/// User and system time of the process, in hundredths of a second.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |place: usize| fields[place].parse::<u64>().unwrap();
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
