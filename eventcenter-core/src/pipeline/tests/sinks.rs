//! Sinks in trouble: down, refusing, asking for patience. They hurt nobody else, and lose nothing that can be kept.

use super::*;
use crate::error::Action;

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_down_for_an_hour_delays_no_other_and_gets_everything_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(1);
    let (well, ill) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::<Mutex<Vec<u64>>>::default());
    let begun = tokio::time::Instant::now();
    let down = Keeper {
        answer: Box::new(move |_| {
            if begun.elapsed() < Duration::from_secs(3600) {
                Err(Error::new("ill", ErrorKind::Unavailable, "connection refused"))
            } else {
                Ok(Receipt::all())
            }
        }),
        ..Keeper::new("ill", &ill)
    };
    let pipeline = open(folder.path(), &fs, vec![Keeper::new("well", &well), down]);
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, 2000, Duration::from_millis(1)), cluster());
    let (health, stop) = (pipeline.plan.health.clone(), Stop::new());
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| well.lock().unwrap().len() == 2000).await;
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(ill.lock().unwrap().is_empty());
    assert!(health.report().parts["sink ill"].state.contains("connection refused"));
    assert!(health.report().ready);
    until(|| ill.lock().unwrap().len() == 2000).await;
    assert!(begun.elapsed() < Duration::from_secs(3600 + 120));
    assert_eq!(*ill.lock().unwrap(), (1..=2000).collect::<Vec<_>>());
    ending.begin();
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_receiver_will_never_take_becomes_a_dead_letter_and_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(4);
    let (kept, split) = (Arc::<Mutex<Vec<u64>>>::default(), Arc::<Mutex<Vec<u64>>>::default());
    let has =
        |batch: &Batch, n: &str| batch.events().iter().any(|event| event.resource_version() == n);
    let refusing = Keeper {
        answer: Box::new(move |batch| {
            if has(batch, "13") {
                return Err(Error::new(
                    "refusing",
                    ErrorKind::Refused,
                    "status 400: no such field",
                ));
            }
            let bad = batch.events().iter().position(|event| event.resource_version() == "27");
            let rejected = bad.map(|index| crate::Rejected { index, reason: "mapping".to_owned() });
            Ok(Receipt::all().with_rejected(rejected.into_iter().collect()))
        }),
        ..Keeper::new("refusing", &kept)
    };
    let narrow = Keeper {
        answer: Box::new(move |batch| {
            if batch.len() > 2 || has(batch, "5") {
                return Err(Error::new("narrow", ErrorKind::TooLarge, "status 413"));
            }
            Ok(Receipt::all())
        }),
        ..Keeper::new("narrow", &split)
    };
    let pipeline = open(folder.path(), &fs, vec![refusing, narrow]);
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, 40, Duration::ZERO), cluster());
    let stop = Stop::new();
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| kept.lock().unwrap().len() == 38 && split.lock().unwrap().len() == 39).await;
    ending.begin();
    running.await.unwrap().unwrap();
    let letters = |sink: &str| {
        let path = folder.path().join("dead-letters").join(format!("{sink}.ndjson"));
        let text = fs::read_to_string(path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<serde_json::Value>>()
    };
    let refused = letters("refusing");
    assert_eq!(refused.len(), 2);
    assert_eq!((&refused[0]["id"], &refused[0]["kind"]), (&"e-13".into(), &"refused".into()));
    assert!(refused[0]["reason"].as_str().unwrap().contains("no such field"));
    assert_eq!((&refused[1]["id"], &refused[1]["reason"]), (&"e-27".into(), &"mapping".into()));
    assert_eq!(refused[1]["event"]["reason"], "R27");
    let too_large = letters("narrow");
    assert_eq!((too_large.len(), &too_large[0]["id"]), (1, &"e-5".into()));
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_the_receiver_asks_for_is_kept_to() {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(5);
    let kept = Arc::<Mutex<Vec<u64>>>::default();
    let calls = Arc::<Mutex<Vec<Duration>>>::default();
    let (begun, seen) = (tokio::time::Instant::now(), Arc::clone(&calls));
    let busy = Keeper {
        answer: Box::new(move |_| {
            let mut calls = seen.lock().unwrap();
            calls.push(begun.elapsed());
            if calls.len() > 1 {
                return Ok(Receipt::all());
            }
            let wait = Action::RetryAfter(Duration::from_secs(120));
            Err(Error::new("busy", ErrorKind::Throttled, "patience").with_action(wait))
        }),
        max_events: 100,
        ..Keeper::new("busy", &kept)
    };
    let pipeline = open(folder.path(), &fs, vec![busy]);
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, 1, Duration::ZERO), cluster());
    let stop = Stop::new();
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| kept.lock().unwrap().len() == 1).await;
    let calls = calls.lock().unwrap().clone();
    let waited = calls[1] - calls[0];
    assert!(waited >= Duration::from_secs(120) && waited < Duration::from_secs(121), "{waited:?}");
    ending.begin();
    running.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_what_a_sink_in_trouble_did_not_take_in_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let fs = SimFs::new(6);
    let kept = Arc::<Mutex<Vec<u64>>>::default();
    let down = Keeper {
        answer: Box::new(|_| Err(Error::new("a", ErrorKind::Config, "gone"))),
        ..Keeper::new("a", &kept)
    };
    let pipeline = open(folder.path(), &fs, vec![down]);
    let attach = pipeline.attach();
    attach.source(Numbers::boxed(&attach, 10, Duration::ZERO), cluster());
    let (health, stop) = (pipeline.plan.health.clone(), Stop::new());
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| {
        let report = health.report();
        report.parts.get("sink a").is_some_and(|part| part.state.starts_with("suspended: a: gone"))
    })
    .await;
    ending.begin();
    let left = running.await.unwrap().unwrap().left;
    assert!(left.len() == 1 && left[0].1 >= 10, "{left:?}");
    // The next life delivers it, with no source at all.
    let pipeline = open(folder.path(), &fs.kill(), vec![Keeper::new("a", &kept)]);
    let stop = Stop::new();
    let ending = stop.clone();
    let running = tokio::spawn(async move { pipeline.run(&stop).await });
    until(|| kept.lock().unwrap().len() == 10).await;
    ending.begin();
    assert_eq!(running.await.unwrap().unwrap(), Summary::default());
}
