//! `event-center`, the real program, against a fake API server: what it keeps, answers and survives.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use eventcenter_tests::fake_api_server::EventSpec;
use eventcenter_tests::{Eventer, FakeApiServer, Setup, eventually};
use serde_json::{Value, json};

/// Longer than the longest pause of the program between two tries, 30 s.
const LONG: Duration = Duration::from_secs(90);

fn setup() -> Setup {
    Setup::new(env!("CARGO_BIN_EXE_event-center-under-test"))
        .with("console", json!({ "listen": "127.0.0.1:0", "hosts": ["eventer"] }))
}

/// What the API answers; null while nobody listens.
fn asked(center: &Eventer, path: &str) -> Value {
    center.get(path).map(|answer| answer.json()).unwrap_or_default()
}

/// How often each reason occurred.
fn reasons(center: &Eventer) -> BTreeMap<String, u64> {
    let facets = asked(center, "/api/v1/facets?by=reason&since=all&top=1000");
    let groups = facets["facets"][0]["groups"].as_array().cloned().unwrap_or_default();
    let reason =
        |group: &Value| Some((group["values"][0].as_str()?.to_owned(), group["count"].as_u64()?));
    groups.iter().filter_map(reason).collect()
}

fn total(center: &Eventer) -> u64 {
    reasons(center).values().sum()
}

#[tokio::test]
async fn thirty_kills_while_it_takes_events_lose_none_and_count_none_twice() {
    let server = FakeApiServer::start();
    let setup = setup().cluster(&server.kubeconfig_yaml());
    let mut wanted = BTreeMap::new();
    let mut number = 0;
    for round in 0..30_u64 {
        let mut center = setup.start();
        for _ in 0..40 {
            let reason = format!("Reason{}", number % 7);
            let spec = EventSpec::pod("shop", "web").with_name(format!("e-{number:05}"));
            server.create(spec.with_reason(reason.as_str()));
            *wanted.entry(reason).or_insert(0) += 1;
            number += 1;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // At another moment each time: before the watch, while it lists, while it writes.
        tokio::time::sleep(Duration::from_millis(round * 17)).await;
        center.kill();
    }
    let mut center = setup.start();
    eventually("every event, by its reason", LONG, async || {
        (reasons(&center) == wanted).then_some(())
    })
    .await;
    // By the minute, by a search, and one by one it is the same number.
    let histogram = asked(&center, "/api/v1/histogram?since=all");
    assert_eq!(histogram["total"], number);
    let found = asked(&center, "/api/v1/facets?by=level&since=all&query=web");
    assert_eq!(found["facets"][0]["total"], number);
    let lines = center.get("/api/v1/export.ndjson?since=all").unwrap().body;
    assert_eq!(lines.matches("\"reason\":\"Reason").count(), number);
    center.terminate();
    assert_eq!(center.exit_code(LONG), 0);
}

#[tokio::test]
async fn a_repeated_event_counts_what_it_rose_by() {
    let server = FakeApiServer::start();
    server.create(EventSpec::pod("shop", "web").with_name("again").with_reason("BackOff"));
    let center = setup().cluster(&server.kubeconfig_yaml()).start();
    eventually("the first", LONG, async || (total(&center) == 1).then_some(())).await;
    for _ in 0..4 {
        server.update("shop", "again");
    }
    eventually("its repeats", LONG, async || (total(&center) == 5).then_some(())).await;
    let page = asked(&center, "/api/v1/events?since=all");
    assert_eq!(page["events"].as_array().map(Vec::len), Some(1), "one Event: {page}");
    assert_eq!(page["events"][0]["occurrences"], 5);
}

#[tokio::test]
async fn without_a_cluster_it_starts_all_the_same_and_says_so() {
    let center = setup().start();
    eventually("the page", LONG, async || {
        let page = center.get("/")?;
        (page.status == 200 && page.body.contains("There is no cluster yet")).then_some(())
    })
    .await;
    assert!(center.stderr().contains("cargo xtask testbed up"), "{}", center.stderr());
    assert_eq!(center.readyz().unwrap().status, 503);
    assert_eq!(asked(&center, "/api/v1/status")["store"]["events"], 0);
}

#[tokio::test]
async fn the_command_line_answers_while_the_program_runs() {
    let server = FakeApiServer::start();
    server.create(EventSpec::pod("shop", "web").with_name("one").with_message("\u{1b}[31mred"));
    let setup = setup().cluster(&server.kubeconfig_yaml());
    let center = setup.start();
    eventually("the event", LONG, async || (total(&center) == 1).then_some(())).await;
    let state = setup.path("state").display().to_string();
    let ask = |arguments: &[&str]| {
        let mut asked = setup.run(&[&["--state-dir", &state], arguments].concat());
        (asked.exit_code(LONG), asked.stdout(), asked.stderr())
    };
    let (code, out, _) = ask(&["query", "namespace : shop", "--since", "all"]);
    assert_eq!(code, 0);
    assert!(out.contains("Pod shop/web") && out.contains("␛[31mred"), "{out}");
    let (code, out, _) =
        ask(&["query", "* | select count(1) as n", "--since", "all", "--format", "csv"]);
    assert_eq!((code, out.as_str()), (0, "n\r\n1\r\n"));
    let (code, out, _) = ask(&["pod", "shop/web", "--since", "all"]);
    assert!(code == 0 && out.starts_with("shop/web\n"), "{code}: {out}");
    let (code, _, said) = ask(&["query", "a and reson : x"]);
    assert!(code == 1 && said.contains("      ^\nunknown key \"reson\""), "{code}: {said}");
    let copy = setup.path("copy").display().to_string();
    assert_eq!(ask(&["backup", &copy]).0, 0);
    assert_eq!(ask(&["import", "/nonexistent"]).0, 1, "the program that runs writes to the store");
}
