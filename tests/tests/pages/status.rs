//! Status: what goes on, what was delivered, what was lost, and the configuration without its secrets.

use eventcenter_tests::browser::Look;
use eventcenter_tests::fake_api_server::EventSpec;
use eventcenter_tests::{FakeApiServer, eventually};

use crate::{LOADED, Shown, setup};

#[tokio::test]
async fn it_tells_what_is_behind_and_what_was_delivered() {
    let server = FakeApiServer::start();
    for name in ["one", "two", "three"] {
        server.create(EventSpec::pod("shop", "web").with_name(name));
    }
    let shown = Shown::of(&setup().cluster(&server.kubeconfig_yaml())).await;
    eventually("three events", None, async || {
        (shown.asked("/api/v1/status")["store"]["events"] == 3).then_some(())
    })
    .await;
    let page = shown.open("/status", &Look::default()).await;
    assert_eq!(page.text(".tiles .tile b").await, "well");
    // The sixth column of the only sink.
    let delivered = "[...document.querySelectorAll('section')].find((one) => one.querySelector('h2').innerText.startsWith('Sinks')).querySelector('tbody tr').cells[5].innerText";
    assert_eq!(page.eval(delivered).await, "3");
    page.click("details:has(.settings) summary", &[]).await;
    let settings = page.text(".settings").await;
    assert!(settings.contains("state_dir: ") && settings.contains("clusters: "), "{settings}");
    // The server goes: the page says so when it is asked again.
    server.stop();
    eventually("trouble", None, async || {
        (shown.asked("/api/v1/status")["health"]["ready"] == false).then_some(())
    })
    .await;
    let page = shown.open("/status", &Look::default().in_chinese()).await;
    page.wait_for(LOADED).await;
    assert_eq!(page.text(".tiles .tile b").await, "异常");
    page.is_sound();
}
