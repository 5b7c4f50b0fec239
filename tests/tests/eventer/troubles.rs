//! A receiver in trouble hurts itself only, and gets everything when it is back.

use std::collections::BTreeSet;
use std::time::Duration;

use eventcenter_tests::fake_api_server::Bulk;
use eventcenter_tests::receiver::Reply;
use eventcenter_tests::{Eventer, FakeApiServer, Receiver, Setup, eventually};
use serde_json::{Value, json};

use crate::world::{LONG, identities, is_gap, setup, source, taken};

const SOME: u64 = 20_000;
const MANY: u64 = 100_000;

/// The version of the last of [`SOME`] generated events.
const LAST: &str = "1000020000";

/// What measurements of memory may differ by, in KiB: much less than the 128 MB of events in between.
const SLACK_KIB: u64 = 24 * 1024;

/// How long a debug build on a busy machine may take for the many events.
const PATIENCE: Duration = Duration::from_secs(240);

fn setup_of(server: &FakeApiServer, url: &str) -> Setup {
    setup()
        .cluster(&server.kubeconfig_yaml())
        .with("spool", json!({ "memory": "4MiB" }))
        .sink(
            "hook",
            json!({
                "webhook": { "url": url, "batch": "ndjson", "timeout": "1s", "idempotent": true },
                "layers": { "retry": { "cap": "500ms" } },
            }),
        )
        .file("archive")
}

async fn archived(eventer: &Eventer, wanted: u64) {
    eventually("events in the file", PATIENCE, async || {
        let delivered = eventer.metric(r#"eventcenter_events_delivered_total{sink="archive"}"#);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let enough = delivered.unwrap_or_default() >= wanted as f64;
        if enough { Ok(()) } else { Err(delivered) }
    })
    .await;
}

/// While the webhook is in trouble everything reaches the file, in the memory that a fifth of it took; afterwards
/// everything reaches the webhook, in order.
async fn hurts_itself_only(receiver: Receiver) {
    receiver.keep_bodies(false);
    let server = FakeApiServer::start();
    server.set_bulk(Bulk::stream(MANY).with_rate(20_000.0));
    let setup = setup_of(&server, &receiver.url());
    let eventer = setup.start();
    archived(&eventer, SOME).await;
    let some = eventer.rss_kib();
    archived(&eventer, MANY).await;
    let many = eventer.rss_kib();
    eprintln!("resident after {SOME} events: {some} KiB, after {MANY}: {many} KiB");
    assert!(some > 0 && many < some + SLACK_KIB, "{some} KiB grew to {many} KiB");
    assert_eq!(receiver.count(), 0);
    assert_eq!(eventer.readyz().unwrap().status, 200);
    let report = eventer.readyz().unwrap().json();
    assert_eq!(report["parts"]["sink archive"]["ready"], true, "{report}");
    assert_eq!(report["parts"]["sink hook"]["ready"], false, "{report}");

    receiver.restart_on_same_port();
    receiver.reply(Reply::Ok);
    eventually("everything at the webhook", PATIENCE, async || {
        let count = receiver.count() - receiver.duplicates();
        if count == usize::try_from(MANY).unwrap() { Ok(()) } else { Err(count) }
    })
    .await;
    // An answer that came too late has its batch sent again; nothing else is.
    let mut newest = 0;
    let mut repeated = 0;
    for arrival in receiver.received() {
        let version: u64 = arrival.resource_version.parse().unwrap();
        if version <= newest {
            repeated += 1;
        } else {
            assert!(newest == 0 || version == newest + 1, "{version} came after {newest}");
            newest = version;
        }
    }
    assert_eq!(repeated, receiver.duplicates());
    eventually("an empty backlog", LONG, async || {
        let backlog = eventer.readyz().unwrap().json()["parts"]["sink hook"]["ready"] == true;
        backlog.then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_webhook_that_is_down_hurts_itself_only() {
    let receiver = Receiver::start();
    receiver.stop();
    hurts_itself_only(receiver).await;
}

#[tokio::test]
async fn a_webhook_that_hangs_hurts_itself_only() {
    let receiver = Receiver::start();
    receiver.reply(Reply::Hang);
    hurts_itself_only(receiver).await;
}

#[tokio::test]
async fn a_webhook_that_answers_500_hurts_itself_only() {
    let receiver = Receiver::start();
    receiver.reply(Reply::status(500));
    hurts_itself_only(receiver).await;
}

#[tokio::test]
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
async fn a_spool_that_is_full_drops_the_oldest_and_says_how_many_to_whom() {
    let (server, receiver) = (FakeApiServer::start(), Receiver::start());
    receiver.stop();
    server.set_bulk(Bulk::stream(SOME));
    let setup = setup_of(&server, &receiver.url()).with("spool", json!({ "max_bytes": "8MiB" }));
    let eventer = setup.start();
    eventually("a drop", PATIENCE, async || {
        let name = r#"eventcenter_events_dropped_total{sink="hook"}"#;
        eventer.metric(name).filter(|dropped| *dropped > 0.0)
    })
    .await;
    eventually("everything in the spool", PATIENCE, async || {
        let received = format!(r#"eventcenter_events_received_total{{source="{}"}}"#, source());
        eventer.metric(&received).filter(|received| *received >= SOME as f64)
    })
    .await;
    receiver.restart_on_same_port();
    let file = || {
        let lines = setup.lines("archive.ndjson");
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    // The file is dropped for as well, where the machine is slow.
    let missing = accounted_for("hook", || taken(&receiver)).await;
    accounted_for("archive", file).await;
    assert!(missing > 0 && missing < SOME, "{missing}");
}

/// Waits until each event has either arrived or was declared missing; returns how many did not arrive. A batch that
/// was under way when its segment was dropped may do both.
async fn accounted_for(sink: &str, arrived: impl Fn() -> Vec<Value>) -> u64 {
    let (missing, declared) = eventually("the rest and the gaps", PATIENCE, async || {
        let (mut declared, mut there) = (0, BTreeSet::new());
        for envelope in arrived() {
            let event = &envelope["event"];
            if is_gap(&envelope) {
                let annotations = &event["metadata"]["annotations"];
                let count = annotations["eventcenter/gap-count"].as_str().unwrap();
                declared += count.parse::<u64>().unwrap();
                let message = event["message"].as_str().unwrap();
                assert!(message.contains(&format!("sink {sink} lagged")), "{message}");
            } else {
                there.extend(identities(&[envelope]));
            }
        }
        let missing = SOME - there.len() as u64;
        // Events come in order: the last one says that nothing is still to come.
        let is_over = there.iter().any(|one| one.1 == LAST);
        if is_over && declared >= missing {
            Ok((missing, declared))
        } else {
            Err((missing, declared))
        }
    })
    .await;
    eprintln!("{sink}: {missing} of {SOME} events were dropped, {declared} declared");
    missing
}
