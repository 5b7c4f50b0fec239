//! What the worker does with a batch beyond handing it over: several at a time, shortened, given up.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::layer::{self, LayerConfig};
use crate::metrics::Metrics;
use crate::testing::{FlakySink, VecSource, events};

/// Runs these events through a pipeline with this one sink until `done`, and gives its dead letters and its metrics.
async fn run(
    sink: Arc<dyn Sink>,
    events: Vec<Event>,
    done: impl Fn() -> bool,
) -> (Vec<serde_json::Value>, Metrics) {
    let folder = tempfile::tempdir().unwrap();
    let name = sink.name().to_owned();
    let plan = Plan::new(folder.path(), vec![sink]).unwrap().with_fs(Arc::new(SimFs::new(7)));
    let pipeline = plan.open().unwrap();
    let metrics = pipeline.plan.metrics.clone();
    let script = events.into_iter().enumerate().map(|(n, event)| {
        let position = Position::new(n.to_string(), Timestamp::UNIX_EPOCH);
        Ok(Observed::Event(Box::new(event), position))
    });
    pipeline
        .attach()
        .source(Box::new(VecSource::new("vec", script.collect::<Vec<_>>())), cluster());
    let stop = Stop::new();
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    let letters = || {
        let path = folder.path().join("dead-letters").join(format!("{name}.ndjson"));
        fs::read_to_string(path).unwrap_or_default()
    };
    until(|| done() || !letters().is_empty()).await;
    ending.begin();
    running.await.unwrap().unwrap();
    let lines = letters();
    (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), metrics)
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_taken_is_set_aside_whole_after_three_times() {
    let lost = || Err(Error::new("flaky", ErrorKind::Timeout, "no answer in time").ambiguous());
    let flaky = Arc::new(FlakySink::new([lost(), lost(), lost()]));
    let sink = layer::stack(
        Arc::clone(&flaky) as Arc<dyn Sink>,
        &LayerConfig::default(),
        &layer::Shared::default(),
    );
    let (letters, metrics) = run(sink, (1..=3).map(number).collect(), || false).await;
    let sent: Vec<usize> = flaky.deliveries().iter().map(Batch::len).collect();
    assert_eq!(&sent[..3], [sent[0]; 3], "no part of it is sent again");
    assert_eq!(letters.len(), sent[0]);
    let letter = &letters[0];
    assert_eq!((&letter["kind"], &letter["attempts"]), (&"outcome_unknown".into(), &3.into()));
    assert!(letter["reason"].as_str().unwrap().contains("no answer in time"), "{letter}");
    let dead = "eventcenter_events_dead_total{sink=\"flaky\",kind=\"outcome_unknown\"}";
    assert!(metrics.encode().contains(dead));
}

/// Takes events of at most so many bytes.
fn narrow(most: usize, kept: &Arc<Mutex<Vec<u64>>>) -> Arc<dyn Sink> {
    let answer = move |batch: &Batch| {
        if batch.events().iter().all(|event| event.raw().len() <= most) {
            return Ok(Receipt::all());
        }
        Err(Error::new("narrow", ErrorKind::TooLarge, "status 413"))
    };
    Arc::new(Keeper { answer: Box::new(answer), ..Keeper::new("narrow", kept) })
}

fn large() -> Event {
    Event::clone(&events::huge())
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_too_large_arrives_shortened_and_its_neighbours_whole() {
    let kept = Arc::<Mutex<Vec<u64>>>::default();
    let sink = narrow(4096, &kept);
    let events = vec![number(1), large(), number(2)];
    let (letters, metrics) = run(sink, events, || kept.lock().unwrap().len() == 3).await;
    assert!(letters.is_empty(), "{letters:?}");
    let taken = "eventcenter_events_shortened_total{sink=\"narrow\"} 1";
    assert!(metrics.encode().contains(taken));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_even_shortened_is_set_aside_as_it_was() {
    let sink = narrow(10, &Arc::default());
    let (letters, _) = run(sink, vec![large()], || false).await;
    assert_eq!((letters.len(), &letters[0]["kind"]), (1, &"too_large".into()));
    assert_eq!(letters[0]["event"]["message"], large().message());
}

/// Takes a while for each batch, and notes how many it has at a time.
#[derive(Debug, Default)]
struct Wide {
    now: AtomicUsize,
    most: AtomicUsize,
    taken: Mutex<Vec<(String, u64)>>,
}

#[async_trait]
impl Sink for Wide {
    fn name(&self) -> &str {
        "wide"
    }

    fn limits(&self) -> Limits {
        Limits::new().with_max_events(5).with_in_flight(4)
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        assert!(batch.len() <= 5);
        // Later ones are quicker, so that what is not kept in order comes out of order.
        let first: u64 = batch.events()[0].resource_version().parse().unwrap();
        tokio::time::sleep(Duration::from_millis(200 - first % 200)).await;
        self.now.fetch_sub(1, Ordering::Relaxed);
        let mut taken = self.taken.lock().unwrap();
        for event in batch.events() {
            let number = event.resource_version().parse().unwrap();
            taken.push((event.object().name.to_owned(), number));
        }
        Ok(Receipt::all())
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn several_batches_are_under_way_and_events_of_one_object_stay_in_order() {
    let wide = Arc::new(Wide::default());
    let events = (1..=500).map(|n| {
        let document = format!(
            r#"{{"metadata":{{"uid":"e{n}","resourceVersion":"{n}"}},"involvedObject":{{"kind":"Pod","name":"p{}"}}}}"#,
            n * 7 % 23
        );
        Event::from_kubernetes(&cluster(), document.into(), Timestamp::UNIX_EPOCH).unwrap()
    });
    let sink = Arc::clone(&wide) as Arc<dyn Sink>;
    run(sink, events.collect(), || wide.taken.lock().unwrap().len() == 500).await;
    assert_eq!(wide.most.load(Ordering::Relaxed), 4);
    let taken = wide.taken.lock().unwrap();
    for pod in 0..23 {
        let own: Vec<u64> = (taken.iter())
            .filter(|(name, _)| *name == format!("p{pod}"))
            .map(|(_, number)| *number)
            .collect();
        assert!(own.is_sorted() && !own.is_empty(), "p{pod}: {own:?}");
    }
    assert!(!taken.iter().map(|(_, number)| *number).is_sorted(), "nothing was side by side");
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_sink_is_known_by_records_bytes_and_age() {
    let folder = tempfile::tempdir().unwrap();
    let down = Keeper {
        answer: Box::new(|_| Err(Error::new("a", ErrorKind::Unavailable, "down"))),
        ..Keeper::new("a", &Arc::default())
    };
    let clock = Arc::new(FixedClock::new("1970-01-01T00:01:30Z".parse().unwrap()));
    let plan = Plan::new(folder.path(), vec![Arc::new(down)]).unwrap();
    let pipeline = plan.with_fs(Arc::new(SimFs::new(8))).with_clock(clock).open().unwrap();
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, 50, Duration::ZERO), cluster());
    let (metrics, stop) = (pipeline.plan.metrics.clone(), Stop::new());
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| metrics.encode().contains("eventcenter_backlog_age_seconds{sink=\"a\"} 90")).await;
    let value = |name: &str| -> u64 {
        let text = metrics.encode();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!((50..60).contains(&value("eventcenter_backlog{")), "{}", metrics.encode());
    assert!((5_000..50_000).contains(&value("eventcenter_backlog_bytes{")), "{}", metrics.encode());
    ending.begin();
    running.await.unwrap().unwrap();
}
