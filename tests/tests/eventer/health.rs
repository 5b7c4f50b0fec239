//! `/readyz` and `/metrics`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eventcenter_tests::eventually;
use eventcenter_tests::fake_api_server::{EventSpec, Fault, On};

use crate::world::{LONG, World, ready};

#[tokio::test]
async fn it_is_not_ready_before_the_first_list_is_through() {
    let world = World::new();
    world.create((0..30).map(|number| format!("early-{number}")));
    let slow = Fault::SlowBytes { per_chunk: 200, pause: Duration::from_millis(20) };
    world.server.inject(On::List, 100, slow);
    let eventer = world.setup.start();
    eventually("a part of the list", None, async || (world.receiver.count() > 3).then_some(()))
        .await;
    let answer = eventer.readyz().unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(eventer.get("/healthz").unwrap().status, 200);
    world.server.clear_faults();
    ready(&eventer).await;
    world.all_delivered().await;
}

#[tokio::test]
async fn it_is_not_ready_while_the_api_server_never_answers() {
    let world = World::new();
    world.server.inject(On::Any, u32::MAX, Fault::HangBeforeHeaders);
    let eventer = world.setup.start();
    // Two requests that were given up: it goes on trying.
    eventually("two requests", None, async || (world.server.requests().len() >= 2).then_some(()))
        .await;
    let answer = eventer.readyz().unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    world.server.clear_faults();
    eventually("200", LONG, async || {
        let answer = eventer.readyz().unwrap();
        if answer.status == 200 { Ok(()) } else { Err(answer) }
    })
    .await;
}

#[tokio::test]
async fn metrics_are_well_formed_count_right_and_name_no_object() {
    let world = World::new();
    world.server.inject(On::Watch, 1, Fault::bad_object());
    let (namespace, pod, name) = ("ns-hwqzv", "pod-ktmxj", "ev-fbrpd");
    for number in 0..20 {
        let spec = EventSpec::pod(namespace, &format!("{pod}-{number}"))
            .with_name(format!("{name}-{number}"))
            .with_reason("ReasonWsgcl")
            .with_message("message-yudnv")
            .with_label("label-tzolk", "value-mqehb");
        world.server.create(spec);
    }
    let eventer = world.setup.start();
    ready(&eventer).await;
    world.server.create(EventSpec::node("node-vxprf").with_name("ev-fbrpd-node"));
    world.all_delivered().await;
    for sink in ["hook", "archive"] {
        let delivered = format!(r#"eventcenter_events_delivered_total{{sink="{sink}"}}"#);
        eventually("21 events", None, async || {
            let count = eventer.metric(&delivered);
            if count == Some(21.0) { Ok(()) } else { Err(count) }
        })
        .await;
    }
    let metrics = eventer.metrics();
    let families = check_syntax(&metrics);
    let source = crate::world::source();
    for (sample, wanted) in [
        (format!(r#"eventcenter_events_received_total{{source="{source}"}}"#), 21.0),
        (r#"eventcenter_events_delivered_total{sink="archive"}"#.to_owned(), 21.0),
        (format!(r#"eventcenter_unreadable_total{{source="{source}"}}"#), 1.0),
    ] {
        assert_eq!(eventer.metric(&sample), Some(wanted), "{sample} in\n{metrics}");
    }
    for family in ["eventcenter_spool_bytes", "eventcenter_backlog"] {
        assert!(families.contains(family), "{family} in\n{metrics}");
    }
    for word in ["hwqzv", "ktmxj", "fbrpd", "Wsgcl", "yudnv", "tzolk", "mqehb", "vxprf"] {
        assert!(!metrics.contains(word), "{word} in\n{metrics}");
    }
}

/// Checks that it is OpenMetrics text, as far as we write it, and returns the names of the families.
///
/// See <https://prometheus.io/docs/specs/om/open_metrics_spec/>: a family's HELP, TYPE and UNIT stand before its
/// samples and only once; a counter's samples end in `_total`; no sample comes twice; the last line is `# EOF`.
fn check_syntax(text: &str) -> BTreeSet<String> {
    let mut kinds = BTreeMap::new();
    let mut described = BTreeSet::new();
    let mut samples = BTreeSet::new();
    let lines = text.strip_suffix("# EOF\n").unwrap().lines();
    for line in lines {
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').unwrap();
            let (family, what) = rest.split_once(' ').unwrap();
            assert!(is_name(family), "{line}");
            assert!(described.insert((word.to_owned(), family.to_owned())), "twice: {line}");
            match word {
                "TYPE" => {
                    assert!(["counter", "gauge", "histogram"].contains(&what), "{line}");
                    kinds.insert(family.to_owned(), what.to_owned());
                }
                "HELP" => assert!(what.ends_with('.') && what.len() > 5, "{line}"),
                _ => assert_eq!(word, "UNIT", "{line}"),
            }
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
        let (name, labels) = match sample.split_once('{') {
            Some((name, rest)) => (name, rest.strip_suffix('}').unwrap()),
            None => (sample, ""),
        };
        let parts = ["_total", "_bucket", "_count", "_sum"];
        let family = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        let kind = kinds.get(family);
        let is_counter = kind.is_some_and(|kind| kind == "counter");
        assert!(kind.is_some() && is_counter == name.ends_with("_total"), "{line}");
        for label in labels.split_terminator("\",") {
            let (key, value) = label.split_once("=\"").unwrap();
            let value = value.strip_suffix('"').unwrap_or(value);
            assert!(is_name(key) && !value.contains(['"', '\n']), "{line}");
        }
        assert!(samples.insert(sample.to_owned()), "twice: {line}");
    }
    assert!(samples.len() > 5, "{text}");
    kinds.into_keys().collect()
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}
