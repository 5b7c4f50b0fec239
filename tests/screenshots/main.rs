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

/// The file's name, the page, and who looks at it.
type Shot = (&'static str, &'static str, Look);

/// What is photographed.
fn shots() -> Vec<Shot> {
    let look = Look::default;
    vec![
        ("overview", "/?since=7d", look()),
        ("overview-zh-dark", "/?since=7d", look().in_chinese().dark()),
        ("details", "/events?since=7d", look()),
        ("plain", "/plain?since=24h", look()),
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
    for (name, path, look) in shots() {
        let page = browser.page(&look).await;
        page.goto(&format!("{}{path}", center.url().unwrap())).await;
        page.wait_for(LOADED).await;
        let file = folder.join(format!("{name}.png"));
        page.screenshot(&file).await;
        page.is_sound();
        println!("{}, {} kB", file.display(), std::fs::metadata(&file).unwrap().len() / 1000);
    }
}
