//! Events that were written to harm whoever looks at them are shown as text, on every page that shows them: scripts in every
//! field, a message of 1 MB, 10,000 labels, marks that turn the direction of writing, names with quotes.

use std::time::Duration;

use eventcenter_tests::browser::{Look, Page};
use serde_json::{Value, json};

use crate::{LOADED, Shown, setup};

/// Longer than an import takes on a busy machine.
const LONG: Duration = Duration::from_secs(90);

/// Each would show, were it markup: a picture that cannot be loaded runs its script, which opens a dialog.
const MARKUP: &str = "<img src=/x onerror=alert(1)>";
const SCRIPT: &str = "<script>alert(2)</script>";
/// What stands in the box turned round would be what follows it, too.
const TURNED: &str = "\u{202e}txet\u{2066}";
const POD: &str = "web-0\"'`><img src=/x onerror=alert(1)>";
const NODE: &str = "node\"'><img src=/x onerror=alert(1)>";
const NAMESPACE: &str = "shop\"'><img src=/x onerror=alert(1)>";

fn event(number: usize, about: &Value, reason: &str, message: &str) -> Value {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("hostile-{number}{MARKUP}"), "namespace": NAMESPACE,
            "uid": format!("uid-{number}"), "resourceVersion": (number + 1).to_string(),
            "labels": { format!("{MARKUP}{TURNED}"): SCRIPT, "__proto__": SCRIPT, "constructor": MARKUP },
        },
        "involvedObject": about,
        "type": "Warning",
        "reason": reason,
        "message": message,
        "source": { "component": format!("kubelet{MARKUP}"), "host": NODE },
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": number + 1,
    })
}

fn events() -> Vec<Value> {
    let pod = json!({ "kind": "Pod", "namespace": NAMESPACE, "name": POD, "uid": "u\"'<b>", "fieldPath": format!("spec.containers{{{MARKUP}}}") });
    let core = json!({ "kind": "Deployment", "namespace": "kube-system", "name": POD, "uid": "c" });
    let node = json!({ "kind": "Node", "name": NODE, "uid": NODE });
    let message = format!("{MARKUP}{SCRIPT}{TURNED} &quot; \"'`");
    let killed = format!(
        "Memory cgroup out of memory: Killed process 1234 ({MARKUP}) pod: {POD} namespace: {NAMESPACE} {message}"
    );
    let mut labelled = event(1, &pod, "Labelled", &message);
    for number in 0..10_000 {
        labelled["metadata"]["labels"][format!("label-{number}{MARKUP}")] = json!(SCRIPT);
    }
    let mut about = vec![
        event(0, &pod, &format!("Failed{MARKUP}"), &message),
        labelled,
        event(2, &pod, "Long", &format!("{message}{}{MARKUP}", "x ".repeat(500_000))),
        event(3, &pod, "PodOOMKilling", &killed),
        event(4, &pod, "FailedScheduling", &message),
        event(5, &pod, "Unhealthy", &format!("Readiness probe failed: {message}")),
        event(6, &core, "BackOff", &message),
    ];
    let condition = format!("Node condition {MARKUP} is now: True, reason: {message}");
    let xid = format!("NVRM: Xid (PCI:{MARKUP}): 79, {message}");
    for (number, (reason, message)) in
        [("NodeNotReady", &message), ("Odd", &condition), ("NodeHasNvidiaXidError", &xid)]
            .into_iter()
            .enumerate()
    {
        about.push(event(10 + number, &node, reason, message));
    }
    about
}

/// The program over these, which are of a cluster with a hostile name.
async fn imported() -> Shown {
    let setup = setup();
    let (file, state) = (setup.path("events.json"), setup.path("state").display().to_string());
    let lines: Vec<_> = events().iter().map(Value::to_string).collect();
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    let file = file.display().to_string();
    let import = ["--state-dir", &state, "import", &file, "--cluster", "<b>prod</b>"];
    let mut import = setup.run(&import);
    assert_eq!(import.exit_code(LONG), 0, "{}", import.stderr());
    Shown::well(&setup, "/healthz").await
}

/// `text` stands on the page, and nothing of what was imported has become more than text.
async fn is_text(page: &Page, path: &str, text: &str) {
    page.wait_for(&format!("document.body.textContent.includes({})", json!(text))).await;
    // The icon is the only picture of a page.
    let made = "document.querySelectorAll('img:not([src^=\"/assets/\"]), main b > b, main script, [onerror]').length";
    assert_eq!(page.eval(made).await, 0, "{path}");
    let turned = r"/[\u202a-\u202e\u2066-\u2069]/.test(document.querySelector('main').innerText + [...document.querySelectorAll('main *')].flatMap((one) => [...one.attributes]).map((one) => one.value).join())";
    assert_eq!(page.eval(turned).await, false, "{path}: the direction of writing is turned");
    assert!(
        page.eval("document.documentElement.scrollWidth - innerWidth").await.as_f64() <= Some(0.0),
        "{path} is too wide"
    );
    page.is_sound();
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn what_is_hostile_is_text_on_every_page() {
    let shown = imported().await;
    let life = format!("/pods/-/{}/{}?since=all", encoded(NAMESPACE), encoded(POD));
    let node = format!("/nodes/-/{}?since=all", encoded(NODE));
    let table = format!(
        "/query?since=all&show=table&query={}",
        encoded(
            "not reason : Long | select reason, namespace, name, node, message from log order by reason"
        )
    );
    let bars = format!(
        "/query?since=all&show=bar&query={}",
        encoded("* | select component, count(*) as n from log group by component")
    );
    let chosen = format!(
        "/events?since=all&query={}",
        encoded(&format!("namespace : \"{}\"", NAMESPACE.replace('"', "\\\"")))
    );
    let failed = format!("Failed{MARKUP}");
    for (path, text) in [
        ("/?since=all", MARKUP),
        ("/events?since=all", failed.as_str()),
        (&chosen, POD),
        ("/pods?since=all", POD),
        (&life, &failed),
        ("/nodes?since=all", NODE),
        (&node, MARKUP),
        ("/components?since=all", POD),
        (&table, SCRIPT),
        (&bars, MARKUP),
        ("/status", "<b>prod</b>"),
        ("/plain?since=all", SCRIPT),
    ] {
        for look in [Look::default(), Look::default().phone().in_chinese().dark()] {
            let page = shown.browser.page(&look).await;
            page.goto(&format!("{}{path}", shown.url)).await;
            page.wait_for(LOADED).await;
            is_text(&page, path, text).await;
            page.close().await;
        }
    }
}

#[tokio::test]
async fn a_megabyte_of_message_and_ten_thousand_labels_are_opened_as_text() {
    let shown = imported().await;
    for (reason, text) in [("Long", "x x x x"), ("Labelled", "label-0")] {
        let path = format!("/events?since=all&query=reason%20:%20{reason}");
        let page = shown.open(&path, &Look::default()).await;
        page.click(".rows .row", &[]).await;
        page.wait_for("document.querySelector('.panel .document') !== null").await;
        is_text(&page, reason, text).await;
        // All of it, when it is asked for.
        page.eval("document.querySelectorAll('.panel button').forEach((one) => /\\d{3}/.test(one.innerText) && one.click())").await;
        page.wait_for("document.querySelector('.panel').textContent.length > 500000").await;
        is_text(&page, reason, SCRIPT).await;
        assert_eq!(
            page.eval("({}).polluted ?? Object.prototype[\"constructor\"] === Object").await,
            true
        );
        page.close().await;
    }
}
