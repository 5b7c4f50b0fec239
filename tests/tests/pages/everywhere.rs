//! What holds on every page: no error, no request elsewhere, both languages, three sizes, tastes that stay.

use eventcenter_tests::browser::Look;

use crate::Shown;

const PAGES: [&str; 10] = [
    "/?since=7d",
    "/events?since=7d",
    "/pods?since=7d",
    "/pods/demo/shop/web?since=7d",
    "/nodes?since=7d",
    "/nodes/demo/node-1?since=7d",
    "/components?since=7d",
    "/query?since=7d",
    "/query?since=7d&show=bar&query=*%20%7C%20select%20reason,%20count(*)%20as%20n%20group%20by%20reason",
    "/status",
];

#[tokio::test]
async fn every_page_loads_in_both_languages_and_three_sizes_without_a_fault() {
    let shown = Shown::demo().await;
    let cluster = shown.asked("/api/v1/status")["store"]["clusters"][0]["cluster"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let looks = [
        Look::default(),
        Look::default().sized(1920, 1080).dark(),
        Look::default().phone().in_chinese(),
        Look::default().in_chinese().dark(),
    ];
    for look in looks {
        for path in PAGES {
            let path = path.replace("demo", &cluster);
            let page = shown.open(&path, &look).await;
            page.is_sound();
            let wide = page.eval("document.documentElement.scrollWidth - innerWidth").await;
            assert!(wide.as_f64().unwrap() <= 0.0, "{path} {look:?} is {wide} pixels too wide");
            let unsaid = page.eval(r"document.body.innerText.match(/\b[a-z]+\.[a-z_]+\b(?=\s|$)/g)?.filter((w) => /^(shell|page|parts|overview|events|event|pods|pod|lanes|lane|step|nodes|node|components|query|status|live|range|level|facet)\./.test(w)).join() ?? ''").await;
            assert_eq!(unsaid, "", "{path}: words that are not there");
        }
    }
}

/// Beside the pages: a statement that is none, and an address without a Pod.
const TROUBLE: [&str; 2] = ["/events?since=7d&query=level%20%3A%20(", "/pods/demo/shop/nobody"];

#[tokio::test]
async fn a_checker_of_accessibility_finds_no_serious_fault_in_either_theme() {
    let shown = Shown::demo().await;
    for look in [Look::default(), Look::default().dark().phone().in_chinese()] {
        for path in PAGES.iter().chain(&TROUBLE) {
            let page = shown.open(path, &look).await;
            assert_eq!(page.axe().await, Vec::<String>::new(), "{path} {look:?}");
        }
    }
}

#[tokio::test]
async fn what_a_reader_likes_stays() {
    let shown = Shown::demo().await;
    let page = shown.open("/?since=7d", &Look::default().zone("Asia/Shanghai")).await;
    assert_eq!(page.text("h1").await, "Overview");
    let local = page.text("time").await;
    page.eval("document.querySelector('#zone').value = 'utc', document.querySelector('#zone').dispatchEvent(new Event('change'))").await;
    page.wait_for(&format!("document.querySelector('time').innerText !== '{local}'")).await;
    page.eval("document.querySelector('#theme').value = 'dark', document.querySelector('#theme').dispatchEvent(new Event('change'))").await;
    let dark = page.eval("getComputedStyle(document.body).backgroundColor").await;
    page.eval("document.querySelector('#language').value = 'zh-CN', document.querySelector('#language').dispatchEvent(new Event('change'))").await;
    page.wait_for("document.querySelector('h1')?.innerText === '事件总览'").await;
    page.goto(&format!("{}/status", shown.url)).await;
    page.wait_for("document.documentElement.lang === 'zh-CN'").await;
    assert_eq!(
        page.eval("document.documentElement.dataset.theme + document.documentElement.dataset.zone")
            .await,
        "darkutc"
    );
    assert_eq!(page.eval("getComputedStyle(document.body).backgroundColor").await, dark);
    page.is_sound();
}
