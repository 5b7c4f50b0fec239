//! Events that were written to harm whoever looks at them are shown as text.

use std::time::Duration;

use eventcenter_tests::browser::{Browser, Look};
use eventcenter_tests::eventually;
use serde_json::json;

use crate::setup;

/// Longer than an import takes on a busy machine.
const LONG: Duration = Duration::from_secs(90);

/// Each would show, were it markup: a picture that cannot be loaded runs its script, which opens a dialog.
const MARKUP: &str = "<img src=/x onerror=alert(1)>";

#[tokio::test]
async fn markup_in_an_event_is_text_on_the_page() {
    let message = format!("{MARKUP}<script>alert(2)</script> \u{202e}txet&quot; \"'`");
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": "hostile", "namespace": "shop", "uid": "1", "resourceVersion": "1",
        },
        "involvedObject": {
            "kind": "Pod", "namespace": "shop", "name": format!("web-0\"'>{MARKUP}"), "uid": "2",
        },
        "type": "Warning",
        "reason": format!("Failed{MARKUP}"),
        "message": message,
        "source": { "component": format!("kubelet{MARKUP}"), "host": format!("node{MARKUP}") },
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    });
    let setup = setup();
    let (file, state) = (setup.path("events.json"), setup.path("state").display().to_string());
    std::fs::write(&file, format!("{event}\n")).unwrap();
    let file = file.display().to_string();
    let import = ["--state-dir", &state, "import", &file, "--cluster", "<b>prod</b>"];
    let mut import = setup.run(&import);
    assert_eq!(import.exit_code(LONG), 0, "{}", import.stderr());

    let center = setup.start();
    eventually("the program to answer", LONG, async || center.get("/healthz")).await;
    let browser = Browser::start().await;
    let page = browser.page(&Look::default()).await;
    page.goto(&format!("{}/plain?since=all", center.url().unwrap())).await;
    let shown = page.text("body").await;
    for text in [&format!("{MARKUP}<script>alert(2)</script>"), &format!("web-0\"'>{MARKUP}")] {
        assert!(shown.contains(text.as_str()), "{text} in {shown}");
    }
    assert_eq!(page.eval("document.querySelectorAll('img, script:not([src])').length").await, 0);
    // That in the box turned round would be what follows it, too.
    assert!(!shown.contains('\u{202e}'), "{shown}");
    page.is_sound();
}
