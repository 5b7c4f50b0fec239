//! What a reader of the pages waits for: `cargo bench -p eventcenter-tests --bench pages [-- EVENTS [NODES [PAGE]]]`.
//!
//! `event-center` over a store of made-up events (1,000,000 and 200 nodes, if nothing else is said; made once, and kept
//! under `target/tmp` for a week), and headless Chromium on the same processors, with a new context for each visit. For
//! each page, or those that have `PAGE` in their name, the middle of three visits, in ms from the navigation:
//!
//! - *first*: the first thing that a reader came for is painted, which the table of pages names by a selector;
//! - *whole*: the last answer to a question of the page is there;
//! - *click*: from a click to the second frame after it;
//! - *kB*: what was transferred, *asked*: questions to the API, *CPU*: ms that the program itself took for the visit.
//!
//! Under each, in the order in which they were asked, the questions of the middle visit: from when until when.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, waits, and fails by panicking"
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use eventcenter_core::{Batch, Sink};
use eventcenter_store::testing::Generator;
use eventcenter_store::{Store, StoreConfig};
use eventcenter_tests::browser::{Browser, Look, Page};
use eventcenter_tests::eventer::cpu_seconds;
use eventcenter_tests::{Eventer, Setup, eventually};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
const LONG: Duration = Duration::from_secs(90);
const VISITS: usize = 3;

/// Name, path with parameters, what a reader came for, and what is clicked then.
type Shown = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const PAGES: &[Shown] = &[
    ("overview", "/?", ".tiles b", ""),
    ("events", "/events?", ".rows .row", ".rows .row"),
    ("events of a level", "/events?query=level%20%3E%3D%20Warning", ".rows .row", ".rows .row"),
    ("events of a namespace", "/events?query=namespace%20:%20team-3", ".rows .row", ".rows .row"),
    ("events with a phrase", "/events?query=%22Readiness%20probe%20failed%22", ".rows .row", ".rows .row"),
    ("Pods", "/pods?", ".pod-list li", ""),
    ("a Pod", "/pods/cluster-1/{pod}?", ".verdict", ".plot-tools button"),
    ("nodes", "/nodes?", ".windowed-row", ".tiles button:nth-of-type(2)"),
    ("a node", "/nodes/cluster-1/worker-007?", ".verdict", ".plot button"),
    ("components", "/components?", ".card a", ""),
    ("query", "/query?", ".examples li", "#examples summary"),
    ("query, a SELECT", "/query?query=*%20%7C%20select%20reason,%20sum(occurrences)%20as%20n%20group%20by%20reason%20order%20by%20n%20desc", "#result td, #result svg", "#show-table"),
    ("status", "/status", ".card td, .card dd", ""),
];

/// Notes when what it is told to look for is painted, and how long a click takes.
const WATCH: &str = r"(() => {
    const painted = (then) => requestAnimationFrame(() => requestAnimationFrame(() => then(performance.now())));
    const seen = () => {
        if (!window.wanted || !document.querySelector('main')?.querySelector(window.wanted)) return;
        watch.disconnect();
        requestAnimationFrame(() => setTimeout(() => { window.first = performance.now(); }));
    };
    const watch = new MutationObserver(seen);
    watch.observe(document, { childList: true, subtree: true });
    addEventListener('click', ({ timeStamp }) => painted((now) => { window.click = now - timeStamp; }), { capture: true });
})()";

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` starts it too, without this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let events = arguments.next().map_or(1_000_000, |text| text.parse().unwrap());
    let nodes = arguments.next().map_or(200, |text| text.parse().unwrap());
    let only = arguments.next().unwrap_or_default();
    let made = Made::new(events, nodes).await;
    let setup = Setup::center(env!("CARGO_BIN_EXE_event-center-under-test"))
        .with("store", json!({ "path": made.folder }));
    let center = setup.start();
    // Without a cluster nothing is ever ready.
    eventually("the program to answer", LONG, async || {
        center.get("/healthz").filter(|answer| answer.status == 200)
    })
    .await;
    let browser = Browser::start().await;
    println!("{events} events of {nodes} nodes; load {}", load());
    println!(
        "{:26} {:>6} {:>6} {:>6} {:>5} {:>5} {:>5}",
        "", "first", "whole", "click", "kB", "asked", "CPU"
    );
    for shown in PAGES.iter().filter(|(name, ..)| name.contains(&only)) {
        let mut visits = Vec::new();
        for _ in 0..VISITS {
            visits.push(visit(&browser, &center, &made, shown).await);
        }
        visits.sort_by(|a, b| a.first.total_cmp(&b.first));
        visits[VISITS / 2].print(shown.0);
    }
}

/// The store, and where something is in it.
struct Made {
    folder: PathBuf,
    begin: Timestamp,
    pod: String,
}

impl Made {
    async fn new(events: u64, nodes: usize) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pages-{events}-{nodes}"));
        let noted = folder.join("begin");
        let known = std::fs::read_to_string(&noted).ok().and_then(|text| text.trim().parse().ok());
        let now = Timestamp::now();
        // What is older than a month is not kept.
        let known = known.filter(|begin: &Timestamp| now.duration_since(*begin) < WEEK * 2);
        let begin = known.unwrap_or(now - WEEK);
        let generator = Generator::new(1, events).with_nodes(nodes).with_begin(begin);
        let (namespace, name, _) = generator.pod_named(7).unwrap();
        let pod = format!("{namespace}/{name}");
        let store = folder.join("store");
        if known.is_none() {
            std::fs::remove_dir_all(&folder).ok();
            std::fs::create_dir_all(&folder).unwrap();
            fill(generator, &store).await;
            std::fs::write(noted, begin.to_string()).unwrap();
        }
        Self { folder: store, begin, pod }
    }

    fn url(&self, center: &Eventer, path: &str) -> String {
        let range = format!("&from={}&until={}", self.begin, self.begin + WEEK);
        let path = path.replace("{pod}", &self.pod);
        format!("{}{path}{range}", center.url().unwrap())
    }
}

async fn fill(mut generator: Generator, folder: &Path) {
    let store = Store::open(folder, &StoreConfig::default()).unwrap();
    let sink = store.sink("store");
    while let Some(batch) = Batch::new(generator.by_ref().take(5000).collect::<Vec<_>>()) {
        sink.deliver(&batch).await.unwrap();
    }
    sink.close().await.unwrap();
}

/// What one visit took.
struct Visit {
    first: f64,
    whole: f64,
    click: Option<f64>,
    bytes: u64,
    cpu: f64,
    /// Address, begin and end.
    asked: Vec<(String, f64, f64)>,
}

async fn visit(browser: &Browser, center: &Eventer, made: &Made, shown: &Shown) -> Visit {
    let (name, path, wanted, clicked) = shown;
    let page = browser.page(&Look::default()).await;
    page.before_each_document(&format!("window.wanted = {};{WATCH}", json!(wanted))).await;
    let before = cpu_seconds(center.pid()).unwrap();
    page.goto(&made.url(center, path)).await;
    page.wait_for("window.first").await;
    page.wait_for("!document.querySelector('main').hasAttribute('aria-busy')").await;
    let asked = settled(&page).await;
    let cpu = (cpu_seconds(center.pid()).unwrap() - before) * 1e3;
    let click = if clicked.is_empty() {
        None
    } else {
        page.click(clicked, &[]).await;
        page.wait_for("window.click").await;
        page.eval("window.click").await.as_f64()
    };
    let first = page.eval("window.first").await.as_f64().unwrap();
    let whole = asked.iter().map(|(_, _, end)| *end).fold(first, f64::max);
    let bytes = page.requests().iter().map(|request| request.bytes).sum();
    assert!(page.problems().is_empty(), "{name}: {:?}", page.problems());
    Visit { first, whole, click, bytes, cpu, asked }
}

/// The questions, when none has been added for a while.
async fn settled(page: &Page) -> Vec<(String, f64, f64)> {
    let list = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/api/'))
        .map(({ name, startTime, responseEnd }) => [name.replace(/.*\\/api\\/v1\\//, ''), startTime, responseEnd])";
    let mut before = Value::Null;
    loop {
        let now = page.eval(list).await;
        if now == before {
            return serde_json::from_value(now).unwrap();
        }
        before = now;
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
}

impl Visit {
    fn print(&self, name: &str) {
        let click = self.click.map_or(String::new(), |click| format!("{click:.0}"));
        println!(
            "{name:26} {:6.0} {:6.0} {click:>6} {:5} {:5} {:5.0}",
            self.first,
            self.whole,
            self.bytes / 1000,
            self.asked.len(),
            self.cpu,
        );
        for (address, begin, end) in &self.asked {
            let address: String = address.chars().take(90).collect();
            println!("{begin:>33.0} {end:>6.0}  {address}");
        }
    }
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
