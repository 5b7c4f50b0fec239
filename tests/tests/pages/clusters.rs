//! Clusters: another name, a watch that is paused and goes on, and one that is added and removed while it runs.

use eventcenter_tests::browser::Look;
use eventcenter_tests::fake_api_server::{EventSpec, KubeSystem};
use eventcenter_tests::{FakeApiServer, eventually};
use serde_json::{Value, json};

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

    page.click("#clusters td button:nth-child(2)", &[]).await;
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
        "document.querySelector('#clusters td button:nth-child(2)')?.innerText === 'Resume'",
    )
    .await;
    page.click("#clusters td button:nth-child(2)", &[]).await;
    wait_for(&shown, "Meanwhile").await;
    page.wait_for("document.querySelector('#clusters .badge')?.innerText === 'watched'").await;
    let clusters = shown.asked("/api/v1/clusters");
    assert_eq!(clusters["clusters"][0]["paused"], Value::Bool(false));
    page.is_sound();
}

/// The second cluster's id.
const OTHER: &str = "00000000-0000-4000-8000-00000000beef";

/// What is in a field of a dialog, without the tedium of typing a kubeconfig.
fn paste(text: &str) -> String {
    format!("document.querySelector('#cluster-kubeconfig').value = {}; true", json!(text))
}

#[tokio::test]
async fn a_cluster_is_added_by_pasting_its_kubeconfig_and_removed_with_its_events() {
    let (server, other) = (FakeApiServer::start(), FakeApiServer::start());
    other.set_kube_system(KubeSystem::Uid(OTHER.to_owned()));
    server.create(EventSpec::pod("shop", "web").with_name("a").with_reason("Here"));
    other.create(EventSpec::pod("shop", "web").with_name("b").with_reason("There"));
    let setup = setup().cluster(&server.kubeconfig_yaml());
    let mut shown = Shown::of(&setup).await;
    wait_for(&shown, "Here").await;
    let page = shown.open("/status", &Look::default()).await;
    page.wait_for("document.querySelector('#clusters td button') !== null").await;

    page.click("#cluster-add", &[]).await;
    page.wait_for("document.activeElement.id === 'cluster-kubeconfig'").await;
    // What is wrong is said where it was pasted.
    let with_file = other.kubeconfig_yaml().replace("token: ", "tokenFile: /etc/");
    page.eval(&paste(&with_file)).await;
    page.click("dialog .primary", &[]).await;
    page.wait_for("document.querySelector('dialog .bad')?.innerText.includes('tokenFile')").await;
    page.eval(&paste(&server.kubeconfig_yaml())).await;
    page.click("dialog .primary", &[]).await;
    page.wait_for("document.querySelector('dialog .bad')?.innerText.includes('watched already')")
        .await;
    page.eval(&paste(&other.kubeconfig_yaml())).await;
    page.click("#cluster-new-name", &[]).await;
    page.type_text("Elsewhere").await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('dialog') === null").await;
    page.wait_for("document.querySelector('#clusters').innerText.includes('Elsewhere')").await;
    wait_for(&shown, "There").await;
    let file = setup.path("state/clusters").join(format!("{OTHER}.kubeconfig"));
    assert!(file.exists());

    // It is there after a restart, and its events under the name.
    drop(page);
    drop(shown);
    other.create(EventSpec::pod("shop", "web").with_name("c").with_reason("Again"));
    shown = Shown::of(&setup).await;
    wait_for(&shown, "Again").await;
    let page = shown.open("/status", &Look::default()).await;
    let removing = "[aria-label='Remove: Elsewhere']";
    page.wait_for(&format!("document.querySelector(\"{removing}\") !== null")).await;
    page.click(removing, &[]).await;
    page.wait_for("document.querySelector('dialog')?.innerText.includes('credentials')").await;
    page.click("#cluster-events", &[]).await;
    page.click("dialog .primary", &[]).await;
    page.wait_for("document.querySelector('dialog .bad')?.innerText.includes('not its name')")
        .await;
    page.click("#cluster-sure", &[]).await;
    page.type_text("Elsewhere").await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('dialog') === null").await;
    page.wait_for("!document.querySelector('#clusters').innerText.includes('Elsewhere')").await;
    assert_eq!(reasons(&shown), ["Here"]);
    assert!(!file.exists());
    eventually("the other's watch to end", None, async || {
        (other.open_watches() == 0).then_some(())
    })
    .await;
    let clusters = shown.asked("/api/v1/clusters");
    assert_eq!(clusters["clusters"].as_array().unwrap().len(), 1, "{clusters}");
    let said = shown.center.stderr();
    assert!(!said.contains(eventcenter_tests::fake_api_server::TOKEN), "{said}");
}
