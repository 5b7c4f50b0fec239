//! `cargo xtask screenshots`: pictures of the demo's pages, written to the folder that is given.
//!
//! The demo shows events of "today", so two runs differ in their times.

#![expect(clippy::print_stdout, reason = "a command-line program talks on standard output")]
#![expect(clippy::unwrap_used, reason = "it fails by panicking, as tests do")]

use std::path::PathBuf;
use std::time::Duration;

use eventcenter_tests::browser::{Browser, Look};
use eventcenter_tests::{Setup, eventually};

/// Longer than the program takes to start on a busy machine.
const LONG: Duration = Duration::from_secs(90);

/// The file's name, the page, who looks at it, and what is clicked before.
type Shot = (&'static str, &'static str, Look, Option<&'static str>);

/// The statement `* | select reason, sum(occurrences) as n group by reason order by n desc limit 12`, as bars.
const CHART: &str = "/query?since=7d&show=bar&query=*%20%7C%20select%20reason,%20sum(occurrences)%20as%20n%20group%20by%20reason%20order%20by%20n%20desc%20limit%2012";

/// What is photographed.
fn shots() -> Vec<Shot> {
    let look = Look::default;
    vec![
        ("overview", "/?since=7d", look(), None),
        ("overview-zh-dark", "/?since=7d", look().in_chinese().dark(), None),
        ("event", "/events?since=7d&query=level%20%3E%3D%20Warning", look(), Some(".rows .row")),
        ("pod", "/pods/demo/shop/checkout-7d8f44fb7d-m7vtx?since=24h", look(), None),
        ("nodes", "/nodes?since=7d", look(), None),
        ("query", CHART, look(), None),
    ]
}

/// No page is waiting for an answer.
const LOADED: &str = "!document.querySelector('main').hasAttribute('aria-busy') && !document.querySelector('.skeleton')";

#[tokio::main]
async fn main() {
    let folder: PathBuf = std::env::args_os().nth(1).expect("the folder for the pictures").into();
    std::fs::create_dir_all(&folder).unwrap();
    let center = Setup::center(env!("CARGO_BIN_EXE_event-center-under-test")).argument("--demo");
    let center = center.start();
    eventually("the program to answer", LONG, async || {
        center.get("/readyz").filter(|answer| answer.status == 200)
    })
    .await;
    let browser = Browser::start().await;
    for (name, path, look, clicked) in shots() {
        let page = browser.page(&look).await;
        page.goto(&format!("{}{path}", center.url().unwrap())).await;
        page.wait_for(LOADED).await;
        if let Some(clicked) = clicked {
            page.click(clicked, &[]).await;
            page.wait_for("document.querySelector('.panel .document, .panel pre')").await;
        }
        let file = folder.join(format!("{name}.png"));
        page.screenshot(&file).await;
        page.is_sound();
        println!("{}, {} kB", file.display(), std::fs::metadata(&file).unwrap().len() / 1000);
    }
}
