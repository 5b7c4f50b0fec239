//! Nodes, one node, and core components: what is wrong, since when, and where that leads.

use eventcenter_tests::browser::{Look, Page};
use eventcenter_tests::{FakeApiServer, eventually};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{LOADED, Shown, setup};

async fn rows(page: &Page) -> Value {
    page.eval("document.querySelectorAll('.windowed-row').length").await
}

/// An Event so many minutes ago.
fn event(number: usize, minutes: i64, object: &Value, reason: &str, message: &str) -> Value {
    let time = Timestamp::now() - SignedDuration::from_mins(minutes);
    let time = Timestamp::from_second(time.as_second()).unwrap().to_string();
    let namespace = object["namespace"].as_str().unwrap_or("default");
    json!({
        "metadata": {
            "name": format!("e.{number}"), "namespace": namespace, "uid": format!("e-{number}"),
            "resourceVersion": (1000 + number).to_string(), "creationTimestamp": time,
        },
        "involvedObject": object, "type": "Warning", "reason": reason, "message": message, "count": 1,
        "source": { "component": "kubelet", "host": object["name"] },
        "firstTimestamp": time, "lastTimestamp": time,
    })
}

fn node(name: &str) -> Value {
    json!({ "kind": "Node", "name": name, "uid": name })
}

/// The program over a cluster that has told these.
async fn told(events: &[Value]) -> (FakeApiServer, Shown) {
    let server = FakeApiServer::start();
    server.load(
        &json!({ "kind": "EventList", "metadata": { "resourceVersion": "9000" }, "items": events })
            .to_string(),
    );
    let shown = Shown::of(&setup().cluster(&server.kubeconfig_yaml())).await;
    eventually("all events", None, async || {
        let facets = shown.asked("/api/v1/facets?since=all&by=reason");
        (facets["facets"][0]["total"] == events.len()).then_some(())
    })
    .await;
    (server, shown)
}

#[tokio::test]
async fn the_bad_node_is_found_and_says_since_when() {
    let shown = Shown::demo().await;
    let page = shown.open("/nodes?since=24h", &Look::default()).await;
    assert_eq!(rows(&page).await, 4);
    // It is the first; the tile of nodes with problems leaves it.
    page.click(".tiles .tile:nth-child(3)", &[]).await;
    page.wait_for("location.search === '?fault=any'").await;
    page.wait_for("document.querySelectorAll('.windowed-row').length === 3").await;
    page.click(".windowed-row a", &[]).await;
    page.wait_for("document.querySelector('.verdict') !== null").await;
    assert_eq!(page.text("h1").await, "node-2");
    let verdict = page.text(".verdict .finding").await;
    assert!(verdict.contains("DiskPressure since "), "{verdict}");
    // Its own events, in the picture and beneath; a chosen one is part of the link.
    page.click(".life-list .reason", &[]).await;
    page.wait_for("location.search.includes('event=')").await;
    let (chosen, link) = (page.text(".life-list tr.chosen .reason").await, page.url().await);
    let other = shown.browser.page(&Look::default().in_chinese()).await;
    other.goto(&link).await;
    other.wait_for(LOADED).await;
    assert_eq!(other.text(".life-list tr.chosen .reason").await, chosen);
    page.back().await;
    page.wait_for("document.querySelectorAll('.windowed-row').length === 3").await;
    page.is_sound();
    other.is_sound();
    for path in ["/nodes?since=7d", "/nodes/-/node-2?since=7d", "/components?since=7d", "/status"] {
        for look in [Look::default(), Look::default().dark()] {
            let page = shown.open(path, &look).await;
            assert_eq!(page.axe().await, Vec::<String>::new(), "{path}");
        }
    }
}

#[tokio::test]
async fn a_node_that_was_removed_is_not_said_to_be_ready() {
    let worker = node("worker-1");
    let events = [
        event(1, 30, &worker, "NodeReady", "Node worker-1 status is now: NodeReady"),
        event(2, 20, &worker, "NodeHasDiskPressure", "Node worker-1 status is now"),
        event(3, 10, &worker, "RemovingNode", "Removing Node worker-1 from Controller"),
    ];
    let (_server, shown) = told(&events).await;
    let page = shown.open("/nodes", &Look::default()).await;
    assert_eq!(page.text(".windowed-row .n-state").await, "Removed");
    page.click(".windowed-row a", &[]).await;
    let verdict = page.text(".verdict .verdict-words").await;
    assert!(verdict.trim_start().starts_with("Removed from the cluster since "), "{verdict}");
    assert_eq!(page.text(".facts .badge").await, "Removed");
    page.is_sound();
}

#[tokio::test]
async fn of_thousands_of_nodes_those_in_sight_are_drawn() {
    let mut events: Vec<_> = (0..3000)
        .map(|number| event(number, 10, &node(&format!("worker-{number}")), "Starting", "m"))
        .collect();
    events.push(event(
        3000,
        5,
        &node("worker-77"),
        "NodeNotReady",
        "Node worker-77 status is now: NodeNotReady",
    ));
    let (_server, shown) = told(&events).await;
    let page = shown.open("/nodes", &Look::default()).await;
    assert!(rows(&page).await.as_u64().unwrap() < 40);
    assert_eq!(page.text(".n-node a").await, "worker-77", "what is down comes first");
    // The keyboard walks, also to what is not drawn yet.
    page.eval("document.querySelector('.windowed-row a').focus()").await;
    page.press("End", &[]).await;
    page.wait_for(
        "document.activeElement.closest('.windowed-row')?.getAttribute('aria-posinset') === '3000'",
    )
    .await;
    assert!(rows(&page).await.as_u64().unwrap() < 60);
    // Typing narrows without asking again.
    page.forget_requests();
    page.eval("scrollTo(0, 0), document.querySelector('#name').focus()").await;
    page.type_text("WORKER-299").await;
    page.wait_for("document.querySelectorAll('.windowed-row').length === 11").await;
    page.wait_for("location.search === '?name=WORKER-299'").await;
    let asked: Vec<_> =
        page.requests().into_iter().filter(|one| one.url.contains("/api/v1/nodes")).collect();
    assert!(asked.is_empty(), "{asked:?}");
    page.is_sound();
}

#[tokio::test]
async fn core_components_lead_to_their_events() {
    let pod =
        |name| json!({ "kind": "Pod", "namespace": "kube-system", "name": name, "uid": name });
    let coredns = pod("coredns-7d4b8c6f9d-x2x4z");
    let events = [
        event(1, 5, &coredns, "Unhealthy", "Readiness probe failed"),
        event(2, 4, &coredns, "Unhealthy", "Readiness probe failed <b>again</b>"),
        event(3, 3, &pod("csi-plugin-x2x4z"), "FailedMount", "no volume"),
        event(4, 2, &node("worker-1"), "NLC.Task.RestartECS.Fail", "the instance is locked"),
        event(5, 2, &node("worker-1"), "Starting", "not core"),
    ];
    let (_server, shown) = told(&events).await;
    let page = shown.open("/components", &Look::default()).await;
    let first = page.text(".components tbody tr").await;
    assert!(first.contains("FailedMount VolumeFailMount"), "a known fault comes first: {first}");
    assert_eq!(page.eval("document.querySelectorAll('.components tbody tr').length").await, 3);
    page.eval("[...document.querySelectorAll('.quick button')].find((one) => one.innerText === 'By reason').click()").await;
    page.wait_for("location.search === '?by=reason'").await;
    page.wait_for("document.querySelector('.legend')?.innerText.includes('Unhealthy')").await;
    page.eval("[...document.querySelectorAll('.components a')].find((one) => one.innerText === 'Unhealthy').click()").await;
    page.wait_for("location.pathname === '/events'").await;
    page.wait_for("document.querySelectorAll('.rows .row').length === 2").await;
    page.is_sound();
}
