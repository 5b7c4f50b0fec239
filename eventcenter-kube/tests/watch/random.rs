//! Random faults, from seeds: whatever the server still has is handed out, and what is missing was declared.

use std::collections::HashSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use crate::model::consumer::Consumer;
use crate::model::{Fault, Op, Server};

/// One fault or another.
fn fault(random: &mut StdRng, op: Op) -> Fault {
    match (random.random_range(0..6), op) {
        (0, _) => Fault::Refused,
        (1, _) => Fault::Status(503, "2", ""),
        (2, _) => Fault::Status(429, "", r#"{"details":{"retryAfterSeconds":1},"code":429}"#),
        (3, Op::Watch) => Fault::HalfOpen,
        (3, _) => Fault::Silent,
        (4, Op::Watch) => Fault::Sends("{\"type\":\"ADDED\",\"obj".to_owned()),
        _ => Fault::Cut(random.random_range(1..6000)),
    }
}

/// What the cluster and the network do.
async fn disturb(server: Server, seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let namespaces = ["a", "a-b", "b"];
    for _ in 0..400 {
        sleep(Duration::from_millis(random.random_range(0..4000))).await;
        let namespace = namespaces[random.random_range(0..namespaces.len())];
        let name = format!("e{}", random.random_range(0..60));
        match random.random_range(0..100) {
            0..60 => drop(server.put(namespace, &name)),
            60..70 => server.delete(namespace, &name),
            70..80 => server.tick(),
            80..84 => server.cut(),
            84..88 => server.compact(),
            88..90 => {
                let mut model = server.lock();
                model.gives_fresh_tokens = !model.gives_fresh_tokens;
                model.refuses_by_status = !model.refuses_by_status;
            }
            _ => {
                let op = [Op::Probe, Op::List, Op::Watch][random.random_range(0..3)];
                server.fault(op, fault(&mut random, op));
            }
        }
    }
    server.lock().faults.clear();
}

async fn run(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed ^ 0xfeed);
    let server = Server::new();
    for n in 0..40 {
        server.put("a", &format!("e{n}"));
    }
    let mut consumer = Consumer::new(&server, r#"{"page_size": 9}"#, None);
    let disturbing = tokio::spawn(disturb(server.clone(), seed));
    while !disturbing.is_finished() {
        consumer.one(Duration::from_millis(random.random_range(1..20_000))).await;
        match random.random_range(0..100) {
            0..3 => consumer.crash(),
            3..6 => sleep(Duration::from_secs(random.random_range(0..90))).await,
            _ => {}
        }
    }
    consumer.drain(Duration::from_secs(700)).await;

    let delivered: HashSet<_> = consumer.events.iter().cloned().collect();
    for identity in server.lock().stock() {
        assert!(delivered.contains(&identity), "seed {seed}: lost {identity:?}");
    }
    let mut every = HashSet::new();
    for change in server.lock().log.iter().filter(|change| change.kind != "DELETED") {
        let identity = crate::model::identity(&change.document);
        // A revision is only missing where a gap says so, or from before the first list was complete.
        let is_unsure = consumer.unsure.iter().any(|(since, until)| {
            let number = |text: &str| text.parse::<u64>().unwrap();
            change.revision > number(since) && change.revision <= number(until.as_ref().unwrap())
        });
        assert!(is_unsure || delivered.contains(&identity), "seed {seed}: {identity:?} is missing");
        every.insert(identity);
    }
    assert!(delivered.is_subset(&every), "seed {seed}: invented");
    assert!(consumer.unreadable.is_empty(), "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_nothing_is_lost_that_the_server_still_has() {
    // `SEEDS=5000` for a night's worth.
    let seeds = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(40);
    for seed in 0..seeds {
        run(seed).await;
    }
}
