//! `cargo xtask screenshots`: pictures of the demo's pages, written to the folder that is given.
//!
//! Without more, those that the README shows. `cargo xtask screenshots -- --all FOLDER` photographs every page, from its top to
//! its end, in each language, theme and size: for people to look at, before and after a change of what is drawn. `FOLDER` is
//! best an absolute path.
//!
//! The demo shows events of "today", so two runs differ in their times.

#![expect(clippy::print_stdout, reason = "a command-line program talks on standard output")]
#![expect(clippy::unwrap_used, reason = "it fails by panicking, as tests do")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use eventcenter_tests::browser::{Browser, Look, Page};
use eventcenter_tests::{Eventer, Setup, eventually};

/// Longer than the program takes to start on a busy machine.
const LONG: Duration = Duration::from_secs(90);

/// The file's name, the page, who looks at it, and what is clicked before.
type Shot = (&'static str, &'static str, Look, Option<&'static str>);

/// The statement `* | select reason, sum(occurrences) as n group by reason order by n desc limit 12`, as bars.
const CHART: &str = "/query?since=7d&show=bar&query=*%20%7C%20select%20reason,%20sum(occurrences)%20as%20n%20group%20by%20reason%20order%20by%20n%20desc%20limit%2012";
const WARNINGS: &str = "/events?since=7d&query=level%20%3E%3D%20Warning";
const POD: &str = "/pods/demo/shop/checkout-7d8f44fb7d-m7vtx?since=24h";

/// What the README shows.
fn shots() -> Vec<Shot> {
    let look = Look::default;
    vec![
        ("overview", "/?since=7d", look(), None),
        ("overview-zh-dark", "/?since=7d", look().in_chinese().dark(), None),
        ("event", WARNINGS, look(), Some(".rows .row")),
        ("pod", POD, look(), None),
        ("nodes", "/nodes?since=7d", look(), None),
        ("query", CHART, look(), None),
    ]
}

/// Every page: the beginning of the file's name, its path, and what is clicked before.
#[rustfmt::skip]
const PAGES: &[(&str, &str, Option<&str>)] = &[
    ("overview", "/?since=7d", None),
    ("events", "/events?since=7d", None),
    ("event", WARNINGS, Some(".rows .row")),
    ("events-none", "/events?since=1h&query=reason%20:%20NobodySaysThis", None),
    ("events-mistake", "/events?since=7d&query=level%20%3A%20(", None),
    ("pods", "/pods?since=7d", None),
    ("pod", POD, None),
    ("pod-unknown", "/pods/demo/shop/nobody", None),
    ("nodes", "/nodes?since=7d", None),
    ("node", "/nodes/demo/node-2?since=7d", None),
    ("components", "/components?since=7d", None),
    ("query", "/query?since=7d", None),
    ("query-bars", CHART, None),
    ("query-table", "/query?since=7d&show=table&query=level%20%3E%3D%20Warning", None),
    ("status", "/status", None),
    ("no-such-page", "/no-such-page", None),
    ("plain", "/plain?since=7d", None),
];

/// Each language, theme and size.
fn looks() -> Vec<(String, Look)> {
    let mut looks = Vec::new();
    for language in ["en", "zh"] {
        for theme in ["light", "dark"] {
            for size in ["1280", "1920", "390"] {
                let look = match size {
                    "1280" => Look::default(),
                    "1920" => Look::default().sized(1920, 1080),
                    _ => Look::default().phone(),
                };
                let look = if language == "zh" { look.in_chinese() } else { look };
                let look = if theme == "dark" { look.dark() } else { look };
                looks.push((format!("{language}-{theme}-{size}"), look));
            }
        }
    }
    looks
}

/// No page is waiting for an answer.
const LOADED: &str = "!document.querySelector('main')?.hasAttribute('aria-busy') && ![...document.querySelectorAll('.skeleton')].some((one) => one.checkVisibility())";

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let all = arguments.iter().position(|argument| argument == "--all");
    let folder = arguments.get(all.map_or(0, |place| place + 1));
    let folder = PathBuf::from(folder.expect("the folder for the pictures"));
    std::fs::create_dir_all(&folder).unwrap();
    let center = Setup::center(env!("CARGO_BIN_EXE_event-center-under-test")).argument("--demo");
    let center = center.start();
    eventually("the program to answer", LONG, async || {
        center.get("/readyz").filter(|answer| answer.status == 200)
    })
    .await;
    let browser = Browser::start().await;
    if all.is_some() {
        for (about, look) in looks() {
            for (name, path, clicked) in PAGES {
                let page = opened(&browser, &center, path, &look, *clicked).await;
                page.screenshot_whole(&folder.join(format!("{name}-{about}.png"))).await;
                page.close().await;
            }
            println!("{about}: {} pictures in {}", PAGES.len(), folder.display());
        }
        return;
    }
    for (name, path, look, clicked) in shots() {
        let page = opened(&browser, &center, path, &look, clicked).await;
        let file = folder.join(format!("{name}.png"));
        page.screenshot(&file).await;
        page.is_sound();
        told(&file);
    }
}

async fn opened(
    browser: &Browser,
    center: &Eventer,
    path: &str,
    look: &Look,
    clicked: Option<&str>,
) -> Page {
    let page = browser.page(look).await;
    page.goto(&format!("{}{path}", center.url().unwrap())).await;
    page.wait_for(LOADED).await;
    if let Some(clicked) = clicked {
        page.click(clicked, &[]).await;
        page.wait_for("document.querySelector('.panel .document, .panel pre')").await;
    }
    page
}

fn told(file: &Path) {
    println!("{}, {} kB", file.display(), std::fs::metadata(file).unwrap().len() / 1000);
}
