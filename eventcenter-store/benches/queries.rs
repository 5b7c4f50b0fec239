//! What it costs to ask: the questions of the pages, put to a store of made-up events.
//!
//! `cargo bench -p eventcenter-store --bench queries [-- EVENTS]`, of which 1,000,000 are the default. The store is made
//! once, and kept under `target/tmp`. Prints the median and the 95th percentile of each question, in milliseconds,
//! what it took of the CPU, and the peak of resident memory.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark is a program that prints"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eventcenter_core::{Batch, FixedClock, Health, Query, Sink};
use eventcenter_store::ask::{
    Bounds, CountsAsk, Dimension, EventsAsk, Grouping, Order, Range, TableAsk,
};
use eventcenter_store::lifecycle::{LifecycleAsk, PodChoice, lifecycle};
use eventcenter_store::nodes::{NodesAsk, nodes};
use eventcenter_store::overview::{OverviewAsk, overview};
use eventcenter_store::pods::{MOST, PodsAsk, pods};
use eventcenter_store::testing::Generator;
use eventcenter_store::{EventQuery, Store, StoreConfig};
use jiff::SignedDuration;

const ROUNDS: usize = 20;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let events = arguments.next().map_or(1_000_000, |text| text.parse().unwrap());
    let generator = Generator::new(1, events);
    let range = generator.range();
    let (namespace, name, _) = generator.pod_named(7).unwrap();
    let pod = PodChoice::Name { namespace: namespace.to_owned(), name: name.to_owned() };
    let store = filled(generator, events).await;
    println!("{events} events, {} MiB", store.state().await.unwrap().bytes >> 20);

    let asker = Asker { store: store.clone(), range };
    measure("overview of a week", || asker.overview()).await;
    measure("nodes of a week", || asker.nodes()).await;
    let life =
        LifecycleAsk { cluster: "cluster-1".to_owned(), pod, range, bounds: Bounds::default() };
    measure("a Pod's life", || async { lifecycle(&store, &life).await.unwrap().value.lives.len() })
        .await;
    for (query, text) in [("level >= Warning", ""), ("*", ""), ("*", "web"), ("*", "nobody")] {
        let ask = PodsAsk {
            query: Arc::new(Query::parse(query).unwrap()),
            text: text.to_owned(),
            range,
            limit: MOST,
            bounds: Bounds::default(),
        };
        let name = format!("Pods of {query} named {text:?}");
        measure(&name, || async { pods(&store, &ask).await.unwrap().value.pods.len() }).await;
    }
    for query in [
        "*",
        "level >= Warning",
        "\"Readiness probe failed\"",
        "certificate expired",
        "class : PodOOM",
        "reason : FailedWebhook",
        "namespace : team-3 and reason : BackOff",
        "probe and not readiness",
        "*web*",
    ] {
        measure(&format!("newest 50 of {query}"), || asker.newest(query)).await;
    }
    for query in
        ["*", "level : Warning", "namespace : team-3", "reason : BackOff", "\"probe failed\""]
    {
        measure(&format!("histogram and facets of {query}"), || asker.facets(query)).await;
    }
    for (query, select) in [
        ("*", "select level, sum(occurrences) group by 1"),
        ("level : Error", "select reason, count(1) as c group by 1 order by c desc limit 10"),
    ] {
        measure(&format!("SQL {query} | {select}"), || asker.table(query, select)).await;
    }
    together(&asker).await;
    println!("peak of resident memory {} MiB", peak_memory() >> 20);
}

/// 50 readers, each with a question of the pages, while 1,000 events a second arrive.
async fn together(asker: &Asker) {
    let is_over = Arc::new(AtomicBool::new(false));
    let arriving = {
        let (is_over, store) = (is_over.clone(), asker.store.clone());
        let begin = asker.range.until;
        tokio::spawn(async move {
            let sink = store.sink("store");
            let mut generator = Generator::new(2, 60_000)
                .with_begin(begin)
                .with_span(SignedDuration::from_secs(60));
            while !is_over.load(Ordering::Relaxed) {
                let Some(batch) = Batch::new(generator.by_ref().take(100).collect::<Vec<_>>())
                else {
                    break;
                };
                sink.deliver(&batch).await.unwrap();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
    };
    let readers = (0..50).map(|number: usize| {
        let asker = asker.clone();
        tokio::spawn(async move {
            let mut times = Vec::new();
            for round in 0..10 {
                let begun = Instant::now();
                match (number + round) % 4 {
                    0 => asker.newest("level >= Warning").await,
                    1 => asker.facets("namespace : team-3 and level >= Warning").await,
                    2 => asker.newest("certificate expired").await,
                    _ => asker.newest("*").await,
                };
                times.push(begun.elapsed());
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            times
        })
    });
    let mut times = Vec::new();
    for reader in readers.collect::<Vec<_>>() {
        times.extend(reader.await.unwrap());
    }
    is_over.store(true, Ordering::Relaxed);
    arriving.await.unwrap();
    print("50 readers while 1,000 events/s arrive", times, 0);
}

#[derive(Clone)]
struct Asker {
    store: Store,
    range: Range,
}

impl Asker {
    async fn overview(&self) -> usize {
        let ask = OverviewAsk {
            query: Arc::new(Query::all()),
            range: self.range,
            now: self.range.until,
            offset_seconds: 8 * 3600,
            bounds: Bounds::default(),
        };
        overview(&self.store, &ask).await.unwrap().value.classes.len()
    }

    async fn nodes(&self) -> usize {
        let ask = NodesAsk {
            query: Arc::new(Query::all()),
            range: self.range,
            offset_seconds: 0,
            bounds: Bounds::default(),
        };
        nodes(&self.store, &ask).await.unwrap().value.nodes.len()
    }

    async fn newest(&self, query: &str) -> usize {
        let ask = EventsAsk {
            query: Arc::new(Query::parse(query).unwrap()),
            range: self.range,
            order: Order::Newest,
            after: None,
            limit: 50,
            bounds: Bounds::default(),
        };
        self.store.events(&ask).await.unwrap().value.rows.len()
    }

    async fn facets(&self, query: &str) -> usize {
        let facets = [
            Dimension::Level,
            Dimension::Class,
            Dimension::Reason,
            Dimension::Namespace,
            Dimension::Cluster,
        ];
        let mut groupings = facets.map(|by| Grouping::top(by, 10)).to_vec();
        groupings.push(Grouping::over_time(Dimension::Level, Duration::from_secs(3600 * 3)));
        let ask = CountsAsk {
            query: Arc::new(Query::parse(query).unwrap()),
            range: self.range,
            groupings,
            bounds: Bounds::default(),
        };
        self.store.counts(&ask).await.unwrap().value.len()
    }

    async fn table(&self, query: &str, select: &str) -> usize {
        let ask = TableAsk {
            query: Arc::new(Query::parse(query).unwrap()),
            range: self.range,
            select: select.to_owned(),
            bounds: Bounds { deadline: Duration::from_secs(60), ..Bounds::default() },
        };
        self.store.table(&ask).await.unwrap().value.rows.len()
    }
}

async fn measure<F: Future<Output = usize>>(what: &str, question: impl Fn() -> F) {
    let mut times = Vec::new();
    let mut rows = 0;
    // What takes long is asked less often.
    let (begun, cpu) = (Instant::now(), cpu_time());
    while times.len() < ROUNDS && begun.elapsed() < Duration::from_secs(10) {
        let begun = Instant::now();
        rows = question().await;
        times.push(begun.elapsed());
    }
    let cpu = (cpu_time() - cpu).as_secs_f64() * 1e3 / times.len() as f64;
    print(what, times, rows);
    println!("{cpu:26.1} ms of CPU each");
}

/// User and system time of the process, in hundredths of a second.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |place: usize| fields[place].parse::<u64>().unwrap();
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

fn print(what: &str, mut times: Vec<Duration>, rows: usize) {
    times.sort_unstable();
    let at =
        |part: usize| times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!("{:8.2} {:8.2} ms  {what} ({rows})", at(50), at(95));
}

/// The store, made if it is not there.
async fn filled(mut generator: Generator, events: u64) -> Store {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("queries-{events}"));
    let is_there = folder.join("whole").exists();
    if !is_there {
        std::fs::remove_dir_all(&folder).ok();
    }
    let clock = Arc::new(FixedClock::new(generator.range().until));
    let store = Store::open_with(&folder, &StoreConfig::default(), clock, &Health::new()).unwrap();
    if !is_there {
        let sink = store.sink("store");
        while let Some(batch) = Batch::new(generator.by_ref().take(5000).collect::<Vec<_>>()) {
            sink.deliver(&batch).await.unwrap();
        }
        std::fs::write(folder.join("whole"), b"").unwrap();
    }
    store
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
