//! Clusters: another name, and a watch that is paused and goes on.

use eventcenter_tests::browser::Look;
use eventcenter_tests::fake_api_server::EventSpec;
use eventcenter_tests::{FakeApiServer, eventually};
use serde_json::Value;

use crate::{Shown, setup};

fn reasons(shown: &Shown) -> Vec<String> {
    let asked = shown.asked("/api/v1/facets?since=all&by=reason");
    let groups = asked["facets"][0]["groups"].as_array().unwrap().clone();
    groups.iter().map(|group| group["values"][0].as_str().unwrap().to_owned()).collect()
}

async fn wait_for(shown: &Shown, reason: &str) {
    eventually(reason, None, async || {
        reasons(shown).iter().any(|known| known == reason).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cluster_is_renamed_and_what_happened_in_a_pause_comes_when_it_goes_on() {
    let server = FakeApiServer::start();
    server.create(EventSpec::pod("shop", "web").with_name("a").with_reason("Before"));
    let shown = Shown::of(&setup().cluster(&server.kubeconfig_yaml())).await;
    wait_for(&shown, "Before").await;
    let page = shown.open("/status", &Look::default()).await;
    page.wait_for("document.querySelector('#clusters td button') !== null").await;
    page.click("#clusters td button", &[]).await;
    page.wait_for("document.activeElement.id === 'cluster-name'").await;
    page.type_text("Shop <i>north</i>").await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('#clusters td a')?.innerText === 'Shop <i>north</i>'")
        .await;
    let named =
        shown.asked("/api/v1/events?since=all&query=cluster+:+%22Shop+%3Ci%3Enorth%3C/i%3E%22");
    assert_eq!(named["events"][0]["cluster"]["name"], "Shop <i>north</i>");

    page.click("#clusters td button:last-child", &[]).await;
    page.wait_for("document.querySelector('dialog')?.innerText.includes('about an hour')").await;
    page.click("dialog .primary", &[]).await;
    page.wait_for("document.querySelector('#clusters .badge')?.innerText === 'paused'").await;
    server.create(EventSpec::pod("shop", "web").with_name("b").with_reason("Meanwhile"));
    let status = shown.asked("/api/v1/status");
    assert_eq!(status["health"]["ready"], true, "{status}");
    let parts = status["health"]["parts"].as_object().unwrap();
    assert!(parts.values().any(|part| part["state"] == "paused"), "{status}");
    assert_eq!(reasons(&shown), ["Before"]);
    page.wait_for(
        "document.querySelector('#clusters td button:last-child')?.innerText === 'Resume'",
    )
    .await;
    page.click("#clusters td button:last-child", &[]).await;
    wait_for(&shown, "Meanwhile").await;
    page.wait_for("document.querySelector('#clusters .badge')?.innerText === 'watched'").await;
    let clusters = shown.asked("/api/v1/clusters");
    assert_eq!(clusters["clusters"][0]["paused"], Value::Bool(false));
    page.is_sound();
}
