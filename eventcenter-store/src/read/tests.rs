//! The store answers what the naive engine answers; and what it does within bounds.

use std::collections::HashMap;

use eventcenter_core::query::Select;
use eventcenter_core::{Batch, Event, FixedClock, Health, Query, Sink};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::*;
use crate::ask::{Dimension, Grouping, Key, Mark, Order, Row};
use crate::config::{RetentionConfig, StoreConfig};
use crate::memory::MemoryStore;
use crate::testing::generate::{Generator, Random};

const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A store whose partitions are days.
pub(crate) fn store(folder: &std::path::Path) -> Store {
    let age = eventcenter_core::config::HumanDuration::from_secs(8 * 86_400);
    let config =
        StoreConfig { retention: RetentionConfig { age, bytes: None }, ..StoreConfig::default() };
    let clock = Arc::new(FixedClock::new(time("2026-11-26T00:00:00Z")));
    Store::open_with(folder, &config, clock, &Health::new()).unwrap()
}

pub(crate) async fn deliver(store: &Store, events: Vec<Arc<Event>>) {
    let batch = Batch::new(events).unwrap();
    let receipt = store.sink("store").deliver(&batch).await.unwrap();
    assert_eq!(receipt.rejected, []);
}

fn pick<'a, T: ?Sized>(random: &mut Random, of: &[&'a T]) -> &'a T {
    of[random.below(of.len())]
}

/// Updates of a few Events, within three days, each with a time of its own.
fn events(random: &mut Random, number: usize) -> Vec<Arc<Event>> {
    let mut seconds: Vec<i64> = (0..number).map(|n| i64::try_from(n).unwrap() * 6007).collect();
    let last = seconds.len() - 1;
    for _ in 0..number / 4 {
        // Some come late.
        seconds.swap(random.below(last), random.below(last));
    }
    let begin = time("2026-11-22T12:00:00Z");
    let updates: Vec<_> =
        seconds.into_iter().map(|at| (at, random.below(number / 2 + 1))).collect();
    let mut firsts: HashMap<usize, i64> = HashMap::new();
    for (at, event) in &updates {
        let first = firsts.entry(*event).or_insert(*at);
        *first = (*first).min(*at);
    }
    let make = |(at, event): (i64, usize)| {
        let mut of_event = Random(event as u64 + 100);
        let cluster = pick(&mut of_event, &["c1", "c2"]);
        let cluster = Arc::new(Cluster { id: cluster.to_owned(), name: format!("{cluster}-prod") });
        let name = pick(
            &mut of_event,
            &["web-0", "Web-7d4b9c6f5d-x2x4z", "api", "backup-29402340-x2x4z", "镜像"],
        );
        let kind = pick(&mut of_event, &["Pod", "Pod", "Node", "Job"]);
        let namespace =
            if kind == "Node" { "" } else { pick(&mut of_event, &["shop", "kube-system", "Dev"]) };
        let reason =
            pick(&mut of_event, &["BackOff", "Failed", "Started", "PodOOMKilling", "镜像失败"]);
        let message = pick(
            random,
            &[
                "Back-off restarting failed container web",
                "Error: ImagePullBackOff",
                "failed to pull image \"nginx:1.25\"",
                "拉取镜像失败 web-0 timeout",
                "pod was OOM killed. node:n1 pod:web-0 namespace:shop uuid:u-7",
                "",
            ],
        );
        let uid = match event % 3 {
            0 => format!("e-{event}"),
            1 => format!("00000000-0000-4000-8000-{event:012x}"),
            _ => format!("{event:08X}-0000-4000-8000-000000000000"),
        };
        let time = begin + SignedDuration::from_secs(at);
        // All that is said of an Event says the same of when it began; some began before they were first seen.
        let first = firsts[&event] / if event.is_multiple_of(2) { 1 } else { 3 };
        let first = begin + SignedDuration::from_secs(first);
        let document = json!({
            "metadata": {
                "name": format!("{name}.{event}"), "namespace": "default", "uid": uid,
                "resourceVersion": (at + 1).to_string(),
                "labels": {"app": pick(&mut of_event, &["Shop", "cart"])},
            },
            "type": pick(random, &["Normal", "Warning"]), "reason": reason, "message": message,
            "count": 1 + at / 40_000 + i64::try_from(random.below(3)).unwrap(),
            "involvedObject": {
                "kind": kind, "namespace": namespace, "name": name, "apiVersion": "v1",
                "uid": pick(&mut of_event, &["U-1", "7b0e2c1a-1111-4222-8333-444455556666", ""]),
                "fieldPath": pick(&mut of_event, &["", "spec.containers{web}"]),
            },
            "source": {"component": pick(&mut of_event, &["kubelet", ""]), "host": pick(&mut of_event, &["n1", "N2", ""])},
            "firstTimestamp": first.to_string(), "lastTimestamp": time.to_string(),
        });
        Arc::new(Event::from_kubernetes(&cluster, document.to_string().into(), time).unwrap())
    };
    updates.into_iter().map(make).collect()
}

const TERMS: &[&str] = &[
    "*",
    "failed",
    "back",
    "\"failed to pull\"",
    "web-0",
    "镜像",
    "拉取镜",
    "fail*",
    "f*led",
    "*off",
    "web-0*",
    "w?b",
    "b*-restarting",
    "message : failed",
    "message : im*",
    "message : \"镜像失败\"",
    "reason : backoff",
    "reason : Pod*",
    "reason : \"镜像失败\"",
    "reason : *",
    "class : PodOOM",
    "class : Pod*",
    "class : *",
    "level : Warning",
    "level >= Warning",
    "level : Error",
    "type : warning",
    "namespace : SHOP",
    "namespace : *",
    "namespace : d?v",
    "kind : pod",
    "kind : Node",
    "name : web-0",
    "name : web-7D4b9c6f5d-x2x4z",
    "name : Web*",
    "name : 镜像",
    "node : n2",
    "node : *",
    "component : kubelet",
    "cluster : c1",
    "cluster : *-prod",
    "cluster : c2-prod",
    "uid : u-1",
    "uid : e-3",
    "uid : e*",
    "uid : \"7b0e2c1a-1111-4222-8333-444455556666\"",
    "uid : \"00000000-0000-4000-8000-000000000001\"",
    "uid : *",
    "workload : web",
    "workload : \"Deployment/Web\"",
    "workload : *",
    "pod : web-0",
    "pod : \"shop/web-0\"",
    "pod : *eb*",
    "pod_uid : u-7",
    "pod_uid : u-1",
    "pod_uid : *",
    "count >= 2",
    "count in (1 3]",
    "count : 1",
    "labels.app : shop",
    "labels.none : *",
    "field_path : *web*",
    "event_name : web*",
    "action : *",
    "event_namespace : default",
];

fn statement(random: &mut Random, depth: usize) -> String {
    if depth == 0 || random.below(3) == 0 {
        return pick(random, TERMS).to_owned();
    }
    let (left, right) = (statement(random, depth - 1), statement(random, depth - 1));
    match random.below(5) {
        0 => format!("not ({left})"),
        1 | 2 => format!("({left}) or ({right})"),
        _ => format!("({left}) and ({right})"),
    }
}

fn range(random: &mut Random) -> Range {
    let edge = |random: &mut Random| {
        let step = [1, 60, 3600][random.below(3)];
        let second = i64::try_from(random.below(4 * 86_400) / step * step).unwrap();
        time("2026-11-22T00:00:00Z") + SignedDuration::from_secs(second)
    };
    let (a, b) = (edge(random), edge(random));
    if random.below(4) == 0 { Range::ALL } else { Range { from: a.min(b), until: a.max(b) } }
}

fn shown(row: &Row) -> String {
    let Row { event, occurrences, estimated, workload, pod, .. } = row;
    let pod = pod.as_ref().map(|pod| (&pod.namespace, &pod.name, &pod.uid));
    format!(
        "{} {} {} of {} {occurrences} {estimated} {workload:?} {pod:?} {}",
        event.cluster().id,
        event.uid(),
        event.time(),
        event.count(),
        event.message(),
    )
}

/// All pages of a list, one after another.
async fn all(engine: &dyn EventQuery, ask: &EventsAsk) -> (Vec<String>, Vec<Row>) {
    let (mut ask, mut rows) = (ask.clone(), Vec::new());
    loop {
        let page = engine.events(&ask).await.unwrap().value;
        assert!(page.rows.len() <= ask.limit);
        rows.extend(page.rows);
        match page.next {
            Some(next) => ask.after = Some(next),
            None => return (rows.iter().map(shown).collect(), rows),
        }
    }
}

async fn agree(store: &Store, naive: &MemoryStore, random: &mut Random) {
    let text = statement(random, 3);
    let query = Arc::new(Query::parse(&text).unwrap());
    let range = range(random);
    let (bounds, limit) = (Bounds::default(), 1 + random.below(20));
    let order = [Order::Newest, Order::Oldest, Order::Arrival][random.below(3)];
    let after = (order == Order::Arrival).then(|| Key::Mark(Mark(random.below(30) as u64)));
    let ask = EventsAsk { query: query.clone(), range, order, after, limit, bounds };
    let (here, rows) = all(store, &ask).await;
    let (there, naive_rows) = all(naive, &ask).await;
    assert_eq!(here, there, "{order:?} {range:?} {text}");
    if order != Order::Arrival && random.below(8) == 0 {
        agrees_as_a_table(store, &ask, &naive_rows).await;
    }

    let ids = |rows: &[Row]| rows.iter().take(3).map(|row| row.id).collect::<Vec<_>>();
    let moments = |ids| OccurrencesAsk { ids, range, bounds };
    let here = store.occurrences(&moments(ids(&rows))).await.unwrap().value;
    let there = naive.occurrences(&moments(ids(&naive_rows))).await.unwrap().value;
    let plain = |all: Vec<Occurrence>| {
        all.into_iter().map(|o| (o.at, o.rise, o.estimated)).collect::<Vec<_>>()
    };
    assert_eq!(plain(here), plain(there), "{range:?} {text}");

    let dimensions = [
        Dimension::Cluster,
        Dimension::Level,
        Dimension::Class,
        Dimension::Reason,
        Dimension::Namespace,
        Dimension::Kind,
        Dimension::Object,
        Dimension::Node,
        Dimension::Component,
        Dimension::Workload,
    ];
    let groupings = (0..3).map(|_| {
        let by = (0..random.below(3)).map(|_| dimensions[random.below(10)]).collect();
        let step = [None, Some(7), Some(60), Some(3600), Some(86_400)][random.below(5)];
        let offset_seconds = [0, 28_800, -5400, 20][random.below(4)];
        let step = step.map(Duration::from_secs);
        Grouping { by, step, offset_seconds, top: [usize::MAX, 2][random.below(2)] }
    });
    let ask = CountsAsk { query, range, groupings: groupings.collect(), bounds };
    let here = store.counts(&ask).await.unwrap().value;
    let there = naive.counts(&ask).await.unwrap().value;
    assert_eq!(here, there, "{ask:?} {text}");
}

/// `log` has the rows of the list, and `occurrences` what is summed up in them.
async fn agrees_as_a_table(store: &Store, ask: &EventsAsk, rows: &[Row]) {
    let table = async |select: &str| {
        let select = Select { text: select.to_owned(), column: 1 };
        let (query, range) = (Arc::clone(&ask.query), ask.range);
        let ask = TableAsk { query, range, select, bounds: ask.bounds };
        store.table(&ask).await.unwrap().value.rows
    };
    let mut here =
        table("select cluster, event_uid, occurrences, estimated, count, message, workload, pod")
            .await;
    let mut there: Vec<_> = rows
        .iter()
        .map(|row| {
            let Row { event, occurrences, estimated, workload, pod, .. } = row;
            let of_pod = (event.object().kind == "Pod").then(|| event.object().name.to_owned());
            let pod = of_pod.or(pod.as_ref().map(|pod| pod.name.clone()));
            let workload = workload.clone().unwrap_or_default();
            let Value::Array(row) = json!([
                event.cluster().id,
                event.uid(),
                occurrences,
                i64::from(*estimated),
                event.count(),
                event.message(),
                workload,
                pod,
            ]) else {
                unreachable!("an array")
            };
            row
        })
        .collect();
    here.sort_by_key(|row| format!("{row:?}"));
    there.sort_by_key(|row| format!("{row:?}"));
    assert_eq!(here, there, "{:?} {}", ask.range, ask.query);
    assert_eq!(
        table("select count(*)").await,
        [[json!(rows.len())]],
        "{:?} {}",
        ask.range,
        ask.query
    );

    let groupings = vec![Grouping::total()];
    let (query, range, bounds) = (Arc::clone(&ask.query), ask.range, ask.bounds);
    let counted = store.counts(&CountsAsk { query, range, groupings, bounds }).await.unwrap().value;
    let risen = table("select coalesce(sum(rise), 0) from occurrences").await;
    assert_eq!(risen, [[json!(counted[0].total)]], "{:?} {}", ask.range, ask.query);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_answers_what_the_naive_engine_answers() {
    // `SEEDS=1000` for a night's worth.
    let seeds = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(20);
    for seed in 0..seeds {
        let random = &mut Random(seed);
        let folder = tempfile::tempdir().unwrap();
        let (store, naive) = (store(folder.path()), MemoryStore::with_span(DAY));
        let mut events = events(random, 40);
        let later = events.split_off(20);
        for mut events in [events, later] {
            deliver(&store, events.clone()).await;
            // The store takes a batch partition by partition.
            events.sort_by_key(|event| event.time().as_second().div_euclid(86_400));
            for event in events {
                naive.take(&event);
            }
            for _ in 0..40 {
                agree(&store, &naive, random).await;
            }
        }
    }
}

/// A question about all events.
fn everything(order: Order) -> EventsAsk {
    EventsAsk {
        query: Arc::new(Query::all()),
        range: Range::ALL,
        order,
        after: None,
        limit: 10,
        bounds: Bounds::default(),
    }
}

/// A condition that takes long: no index helps, and every document is read.
fn slow(deadline: Duration) -> CountsAsk {
    CountsAsk {
        query: Arc::new(Query::parse("labels.x : y or annotations.x : y or action : *z").unwrap()),
        range: Range::ALL,
        groupings: vec![Grouping::total()],
        bounds: Bounds { deadline, ..Bounds::default() },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_the_work_and_not_only_the_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let begin = time("2026-11-24T12:00:00Z");
    let made =
        Generator::new(1, 20_000).with_begin(begin).with_span(SignedDuration::from_hours(20));
    let made: Vec<_> = made.collect();
    for events in made.chunks(5000) {
        deliver(&store, events.to_vec()).await;
    }
    let ask = slow(Duration::from_millis(5));
    let error = store.counts(&ask).await.expect_err("20,000 documents in 5 ms");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");

    // Who goes away leaves no work behind: all turns are free again at once, although the work takes long.
    let turns = Arc::clone(store.readers().turns());
    let ask = slow(Duration::from_secs(600));
    let abandoned = async {
        let asked = store.counts(&ask);
        tokio::time::timeout(Duration::from_millis(1), asked).await.is_err()
    };
    let was_abandoned = abandoned.await;
    let all = turns.acquire_many(u32::try_from(at_a_time()).unwrap());
    let _all = tokio::time::timeout(Duration::from_secs(30), all).await.expect("turns").unwrap();
    assert!(was_abandoned, "20,000 documents in 1 ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_partition_is_named_and_the_others_answer() {
    let folder = tempfile::tempdir().unwrap();
    let random = &mut Random(1);
    {
        let store = store(folder.path());
        deliver(&store, events(random, 40)).await;
    }
    let store = store(folder.path());
    let whole = store.events(&everything(Order::Newest)).await.unwrap();
    assert_eq!(whole.unread, [] as [String; 0]);
    let victim = store.shared().partitions()[0].path.clone();
    // Fresh connections read the file again.
    *store.readers().idle() = Vec::new();
    let len = std::fs::metadata(&victim).unwrap().len();
    let garbage = vec![0x5a; usize::try_from(len).unwrap() - 100];
    let mut file = std::fs::File::options().write(true).open(&victim).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(100)).unwrap();
    std::io::Write::write_all(&mut file, &garbage).unwrap();
    let mut ask = everything(Order::Oldest);
    ask.limit = 1000;
    let answer = store.events(&ask).await.unwrap();
    let name = victim.file_name().unwrap().to_str().unwrap();
    assert!(answer.unread.iter().any(|unread| unread.contains(name)), "{:?}", answer.unread);
    assert!(!answer.value.rows.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_losses_come_with_every_answer_that_they_touch() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let cluster = Arc::new(Cluster { id: "c1".to_owned(), name: "prod".to_owned() });
    let gap = eventcenter_core::Gap {
        grade: eventcenter_core::Grade::Events,
        since: Some(time("2026-11-24T10:00:00Z")),
        until: time("2026-11-24T11:00:00Z"),
        count: Some(7),
        reason: "the watch was compacted".to_owned(),
    };
    // It is declared a day later, in another partition.
    let declared = gap.into_event("watch", &cluster, time("2026-11-25T09:00:00Z")).unwrap();
    deliver(&store, vec![Arc::new(declared)]).await;
    let made = Generator::new(1, 10).with_begin(time("2026-11-24T00:00:00Z"));
    let made: Vec<_> = made.with_span(SignedDuration::from_hours(20)).collect();
    let uids: std::collections::HashSet<_> = made.iter().map(|made| made.uid()).collect();
    let kept = 1 + uids.len() as u64;
    deliver(&store, made).await;
    for (from, until, touched) in
        [("09:00", "10:30", 1), ("10:30", "10:40", 1), ("11:30", "12:00", 0)]
    {
        let at = |clock| time(&format!("2026-11-24T{clock}:00Z"));
        let ask = EventsAsk {
            range: Range { from: at(from), until: at(until) },
            ..everything(Order::Newest)
        };
        let gaps = store.events(&ask).await.unwrap().gaps;
        assert_eq!(gaps.len(), touched, "{from}");
        assert!(gaps.iter().all(|gap| gap.count == Some(7) && gap.grade == GapGrade::Events));
    }
    let state = store.state().await.unwrap();
    assert_eq!((state.gaps.len(), state.events, state.clusters.len()), (1, kept, 2));
}
