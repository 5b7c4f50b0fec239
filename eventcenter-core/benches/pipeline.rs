//! What an event costs between the byte and the sink, without the network: parse, route, spool, deliver.
//!
//! `cargo bench -p eventcenter-core --bench pipeline [-- EVENTS]`. Prints events per CPU second (user and system, all
//! threads) and the peak of resident memory; `parse` alone runs first, as the floor. Between the two stands what a route
//! pays for its `query:`, in nanoseconds an event, and what a sink's layers cost, in nanoseconds a batch.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark is a program that prints"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;
use eventcenter_core::layer::{self, ObserveLayer};
use eventcenter_core::{
    Batch, Cluster, Event, Layer as _, LayerConfig, Limits, Metrics, Observed, Plan, Position,
    Query, Receipt, Result, Sink, Source, Stop, SystemClock,
};
use jiff::Timestamp;

/// An event as Kubernetes 1.37 writes it: about 1.6 kB with managedFields.
const DOCUMENT: &str = include_str!("event.json");

#[derive(Debug)]
struct Generator {
    cluster: Arc<Cluster>,
    document: Bytes,
    next: u64,
    count: u64,
}

#[async_trait]
impl Source for Generator {
    fn name(&self) -> &str {
        "events/bench/*"
    }

    async fn next(&mut self) -> Result<Observed> {
        if self.next == self.count {
            std::future::pending::<()>().await;
        }
        self.next += 1;
        if self.next.is_multiple_of(64) {
            tokio::task::yield_now().await;
        }
        let now = Timestamp::from_second(1_764_000_000).unwrap();
        let document = Bytes::copy_from_slice(&self.document);
        let event = Event::from_kubernetes(&self.cluster, document, now)?;
        let position = Position::new(self.next.to_string(), now);
        Ok(Observed::Event(Box::new(event), position))
    }
}

#[derive(Debug, Default)]
struct Discard(AtomicU64);

#[async_trait]
impl Sink for Discard {
    fn name(&self) -> &str {
        "discard"
    }

    fn limits(&self) -> Limits {
        Limits::new().with_max_events(1000).with_max_bytes(2 << 20)
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        self.0.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Ok(Receipt::all())
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// User and system seconds of this process, and the peak of its resident memory in MiB.
fn usage() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    let kib: f64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    (ticks / 100.0, kib / 1024.0)
}

/// Statements as routes have them, from the cheap to the dear.
const STATEMENTS: &[&str] = &[
    "level >= Warning",
    "reason : Back* and not namespace : kube-system",
    "pod : default/web-* or workload : Deployment/web",
    "unheard",
    "\"failed to pull\" or oom*",
    "not (*magepul* or \"镜像\") and count in [1 10]",
];

fn queries(event: &Event) {
    const TIMES: u32 = 200_000;
    for statement in STATEMENTS {
        let begun = Instant::now();
        for _ in 0..TIMES / 10 {
            std::hint::black_box(Query::parse(std::hint::black_box(statement)).unwrap());
        }
        let read = begun.elapsed() / (TIMES / 10);
        let query = Query::parse(statement).unwrap();
        let begun = Instant::now();
        for _ in 0..TIMES {
            std::hint::black_box(query.matches(std::hint::black_box(event)));
        }
        let asked = begun.elapsed() / TIMES;
        println!(
            "query: {:>5} ns an event, {:>5} ns to read: {statement}",
            asked.as_nanos(),
            read.as_nanos()
        );
    }
}

/// What a delivery costs without layers, with those that a configuration gives it, and with a rate limit as well.
fn layers(event: &Event) {
    const TIMES: u32 = 1_000_000;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let bare = || Arc::new(Discard::default()) as Arc<dyn Sink>;
    let (shared, plain) = (layer::Shared::default(), LayerConfig::default());
    let limited: LayerConfig =
        serde_json::from_str(r#"{"rate_limit": {"deliveries": 4000000, "per": "1s"}}"#).unwrap();
    let observe = ObserveLayer::new(Metrics::new(), Arc::new(SystemClock));
    let batch: Batch = Arc::new(event.clone()).into();
    let mut floor = 0;
    for (name, sink) in [
        ("none", bare()),
        ("breaker, retry, timeout", layer::stack(bare(), &plain, &shared)),
        ("and a rate limit", layer::stack(bare(), &limited, &shared)),
        ("and observe: all", observe.layer(layer::stack(bare(), &limited, &shared))),
    ] {
        let delivered = runtime.block_on(async {
            let begun = Instant::now();
            for _ in 0..TIMES {
                sink.deliver(std::hint::black_box(&batch)).await.unwrap();
            }
            (begun.elapsed() / TIMES).as_nanos()
        });
        floor = if floor == 0 { delivered } else { floor };
        println!("layers: {:>4} ns a batch more: {name}", delivered.saturating_sub(floor));
    }
}

fn main() {
    let count = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(500_000);
    let cluster = Arc::new(Cluster { id: "bench".to_owned(), name: "bench".to_owned() });
    let document = Bytes::from_static(DOCUMENT.trim_end().as_bytes());
    println!("cores: {}", std::thread::available_parallelism().unwrap());
    println!("document: {} bytes", document.len());

    let (before, _) = usage();
    for _ in 0..count {
        let copy = Bytes::copy_from_slice(&document);
        let event = Event::from_kubernetes(&cluster, copy, Timestamp::UNIX_EPOCH).unwrap();
        std::hint::black_box(&event);
    }
    let cpu = usage().0 - before;
    println!("parse: {:.0} events per CPU second", count as f64 / cpu);
    let event = Event::from_kubernetes(&cluster, document.clone(), Timestamp::UNIX_EPOCH).unwrap();
    queries(&event);
    layers(&event);

    let folder = std::env::temp_dir().join(format!("eventcenter-bench-{}", std::process::id()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let sink = Arc::new(Discard::default());
        let plan = Plan::new(&folder, vec![Arc::clone(&sink) as Arc<dyn Sink>]).unwrap();
        let pipeline = plan.open().unwrap();
        let source = Generator { cluster: Arc::clone(&cluster), document, next: 0, count };
        pipeline.attach().source(Box::new(source), cluster);
        let stop = Stop::new();
        let ending = stop.clone();
        let (begun, (before, _)) = (Instant::now(), usage());
        let delivered = async {
            while sink.0.load(Ordering::Relaxed) < count {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            ending.begin();
        };
        let (summary, ()) = tokio::join!(pipeline.run(&stop), delivered);
        let (after, peak) = usage();
        let cpu = after - before;
        println!(
            "pipeline: {:.0} events per CPU second, {:.0} a second, peak {peak:.0} MiB, {:?}",
            count as f64 / cpu,
            count as f64 / begun.elapsed().as_secs_f64(),
            summary.unwrap()
        );
    });
    std::fs::remove_dir_all(&folder).unwrap();
}
