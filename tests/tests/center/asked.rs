//! What it answers, over HTTP and on the command line.

use std::collections::BTreeMap;

use eventcenter_tests::fake_api_server::EventSpec;
use eventcenter_tests::{Eventer, FakeApiServer, eventually};
use serde_json::Value;

use crate::{LONG, setup};

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
    assert_eq!(ask(&["import", "/nonexistent"]).0, 2, "the program that runs writes to the store");
}
