//! What somebody on call wants to know, by a reader who sees the pages for the first time: the way there, click by click.

use eventcenter_tests::browser::{Look, Page};

use crate::{LOADED, Shown};

/// A reader who counts.
struct Reader {
    page: Page,
    clicks: usize,
}

impl Reader {
    /// At the first page, as it opens.
    async fn new(shown: &Shown) -> Self {
        Self { page: shown.open("/", &Look::default()).await, clicks: 0 }
    }

    /// Clicks on what is called so.
    async fn click(&mut self, text: &str) {
        let find = format!(
            "[...document.querySelectorAll('a, button, summary')].find((one) => one.checkVisibility() && one.innerText.trim().startsWith('{text}'))"
        );
        self.page.wait_for(&find).await;
        self.page.eval(&format!("document.querySelectorAll('#here').forEach((one) => one.removeAttribute('id')), ({find}).id = 'here'")).await;
        self.page.click("#here", &[]).await;
        self.clicks += 1;
        self.page.wait_for(LOADED).await;
    }
}

#[tokio::test]
async fn why_a_pod_restarts_is_two_clicks_away() {
    let shown = Shown::demo().await;
    let mut reader = Reader::new(&shown).await;
    reader.click("Pods").await;
    reader.click("checkout-").await;
    let verdict = reader.page.text(".verdict").await;
    assert!(verdict.contains("restarts again and again"), "{verdict}");
    assert!(
        verdict.contains("logs checkout-") && verdict.contains("--previous"),
        "what to do next"
    );
    assert_eq!(reader.clicks, 2);
    reader.page.is_sound();
}

#[tokio::test]
async fn which_node_is_bad_and_why_is_two_clicks_away() {
    let shown = Shown::demo().await;
    let mut reader = Reader::new(&shown).await;
    reader.click("Nodes").await;
    let first = reader.page.text(".windowed-row").await;
    assert!(first.contains("node-2") && first.contains("DiskPressure"), "{first}");
    reader.click("node-2").await;
    let verdict = reader.page.text(".verdict .finding").await;
    assert!(verdict.contains("DiskPressure since "), "{verdict}");
    assert_eq!(reader.clicks, 2);
    reader.page.is_sound();
}

#[tokio::test]
async fn since_when_a_reason_rises_is_three_clicks_away() {
    let shown = Shown::demo().await;
    let mut reader = Reader::new(&shown).await;
    reader.click("BackOff").await;
    reader.click("24 hours").await;
    reader.click("7 days").await;
    // Its picture as a table: each day has more of them than the day before.
    reader.page.wait_for("document.querySelector('#histogram .as-table')").await;
    reader.page.eval("document.querySelector('#histogram .as-table').open = true").await;
    let counts = "[...document.querySelectorAll('#histogram tbody tr')].map((row) => [...row.querySelectorAll('td')].slice(1).reduce((sum, one) => sum + Number(one.innerText || 0), 0)).filter((count) => count > 0)";
    reader.page.wait_for(&format!("({counts}).length > 2")).await;
    let counts = reader.page.eval(counts).await;
    let counts: Vec<u64> = serde_json::from_value(counts).unwrap();
    assert!(counts.first() < counts.last(), "{counts:?}");
    assert_eq!(reader.clicks, 3);
    reader.page.is_sound();
}
