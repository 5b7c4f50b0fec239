//! The Pod finder, and a Pod's life: words, picture and list in step.

use std::fmt::Write as _;

use eventcenter_tests::browser::{Look, Page};
use eventcenter_tests::fake_api_server::EventSpec;
use eventcenter_tests::{FakeApiServer, eventually};

use crate::{LOADED, Shown, setup};

/// The path of the page of the only Pod that is found so.
fn life_of(shown: &Shown, text: &str) -> String {
    let found =
        shown.asked(&format!("/api/v1/pods?since=7d&query=level+%3E%3D+Warning&text={text}"));
    let pod = &found["pods"][0];
    let [cluster, namespace, name] =
        ["cluster", "namespace", "name"].map(|key| pod[key].as_str().unwrap());
    format!("/pods/{cluster}/{namespace}/{name}")
}

async fn rows(page: &Page) -> u64 {
    page.eval("document.querySelectorAll('.life-list tbody tr').length").await.as_u64().unwrap()
}

#[tokio::test]
async fn a_pod_is_found_by_a_part_of_its_name_and_its_page_says_what_is_wrong() {
    let shown = Shown::demo().await;
    let page = shown.open("/pods?since=24h", &Look::default()).await;
    page.wait_for("document.activeElement.id === 'text'").await;
    page.type_text("eckout").await;
    page.wait_for("document.querySelectorAll('a.pod').length === 1").await;
    page.wait_for("location.search === '?text=eckout'").await;
    page.press("ArrowDown", &[]).await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('.verdict') !== null").await;
    page.wait_for(LOADED).await;
    assert!(page.text("h1").await.starts_with("checkout-"));
    let told = shown.asked(&format!("/api/v1{}", life_of(&shown, "checkout")));
    let finding = &told["lives"][0]["findings"][0];
    assert_eq!(finding["kind"], "restarting");
    let words = page.text(".verdict-words").await;
    assert!(
        words.starts_with("Still going on Container checkout restarts again and again."),
        "{words}"
    );
    assert!(words.contains(&format!("{} times since", finding["count"])), "{words}");
    assert!(page.text(".verdict code").await.contains("logs checkout-"));
    let beginning = page.text(".beginning").await;
    assert!(beginning.contains("Scheduling"), "{beginning}");
    page.back().await;
    page.wait_for("document.querySelector('#text')?.value === 'eckout'").await;
    page.is_sound();
}

#[tokio::test]
async fn picture_and_list_are_in_step_and_a_link_shows_the_same() {
    let shown = Shown::demo().await;
    let page = shown.open(&life_of(&shown, "checkout"), &Look::default().sized(1280, 1400)).await;
    page.wait_for("document.querySelectorAll('.lanes .mark').length > 4").await;
    let all = rows(&page).await;
    // A row is pointed at: the picture shows which it is, and the other way round.
    page.hover(".life-list tbody tr", (0.5, 0.5)).await;
    page.wait_for("document.querySelectorAll('.lanes .mark:not(.dim)').length < document.querySelectorAll('.lanes .mark').length").await;
    page.hover(".lanes .mark", (0.5, 0.5)).await;
    page.wait_for("document.querySelectorAll('.life-list tr.hot').length === 1").await;
    page.wait_for("!document.querySelector('.lanes-tip').hidden").await;
    let pointed = page.text(".lanes-tip strong").await;
    assert_eq!(page.text(".life-list tr.hot .reason").await, pointed);
    // It is chosen: its row opens.
    page.click(".lanes .mark", &[]).await;
    page.wait_for("document.querySelector('.life-list tr.chosen + tr.detail') !== null").await;
    page.wait_for("location.search.includes('event=')").await;
    // A part of the time is brushed: the list has what lies in it.
    page.drag(".timeline .chart", (0.55, 0.5), (0.99, 0.5)).await;
    page.wait_for("location.search.includes('zoom=')").await;
    page.wait_for(&format!("document.querySelectorAll('.life-list tbody tr').length < {all}"))
        .await;
    let (zoomed, window, link) = (rows(&page).await, page.text("#window").await, page.url().await);
    let other = shown.browser.page(&Look::default().sized(1280, 1400)).await;
    other.goto(&link).await;
    other.wait_for("document.querySelector('#window') !== null").await;
    assert_eq!((rows(&other).await, other.text("#window").await), (zoomed, window));
    // The back button, and Escape, show all of it again.
    page.back().await;
    page.wait_for(&format!(
        "document.querySelectorAll('.life-list tbody tr:not(.detail)').length === {all}"
    ))
    .await;
    page.click("[data-level=Normal]", &[]).await;
    page.wait_for("!document.querySelector('.life-list tbody tr:not(.detail).level-normal')").await;
    page.wait_for("location.search.includes('levels=')").await;
    other.is_sound();
    page.is_sound();
}

#[tokio::test]
async fn the_time_line_is_walked_zoomed_and_left_by_keys() {
    let shown = Shown::demo().await;
    let page = shown.open(&life_of(&shown, "checkout"), &Look::default()).await;
    page.wait_for("document.querySelectorAll('.lanes .mark').length > 4").await;
    let whole = page.text("#window").await;
    page.eval("document.querySelector('.timeline .chart').focus()").await;
    page.press("ArrowRight", &[]).await;
    page.wait_for("document.querySelector('.lanes .focus') && document.querySelector('.lanes-tip strong').innerText === 'SuccessfulCreate'").await;
    page.press("ArrowDown", &[]).await;
    page.wait_for("document.querySelector('.lanes-tip strong').innerText === 'Scheduled'").await;
    page.press("+", &[]).await;
    page.wait_for("location.search.includes('zoom=')").await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('tr.chosen .reason').innerText === 'Scheduled'").await;
    // One thing less at a time.
    page.press("Escape", &[]).await;
    page.wait_for("!document.querySelector('.lanes .focus')").await;
    page.press("Escape", &[]).await;
    page.wait_for("!document.querySelector('tr.chosen')").await;
    page.press("Escape", &[]).await;
    page.wait_for(&format!("document.querySelector('#window').innerText === '{whole}'")).await;
    page.wait_for("!location.search.includes('zoom=') && !location.search.includes('event=')")
        .await;
    page.is_sound();
}

#[tokio::test]
async fn a_pod_that_is_gone_is_told_and_compared_with_a_sibling() {
    let shown = Shown::demo().await;
    let page = shown.open(&life_of(&shown, "cache"), &Look::default()).await;
    let words = page.text(".verdict-words").await;
    assert!(words.starts_with("Pod is gone It was removed: Evicted."), "{words}");
    page.wait_for("document.querySelectorAll('#siblings .compare').length > 1").await;
    page.click("#siblings .compare", &[]).await;
    page.wait_for("document.querySelectorAll('.verdict').length === 2").await;
    page.wait_for("location.search.includes('beside=cache-')").await;
    assert_eq!(page.eval("document.querySelectorAll('.timeline .lanes').length").await, 2);
    // Both look at the same time.
    page.click("[aria-label=Closer]", &[]).await;
    page.wait_for("new Set([...document.querySelectorAll('.timeline .lanes')].map((one) => one.querySelector('.tick').textContent)).size === 1").await;
    page.click("#alone", &[]).await;
    page.wait_for("document.querySelectorAll('.verdict').length === 1").await;
    page.is_sound();
}

#[tokio::test]
async fn another_time_is_offered_where_nothing_happened_in_this_one() {
    let shown = Shown::demo().await;
    let life = life_of(&shown, "checkout");
    let range = "from=2001-01-01T00:00:00Z&until=2001-01-02T00:00:00Z";
    let page = shown.open(&format!("{life}?{range}"), &Look::default()).await;
    page.click("#all-time", &[]).await;
    page.wait_for("document.querySelectorAll('#life option').length > 1").await;
    let page = shown.open(&format!("{life}-not"), &Look::default()).await;
    assert!(page.text("main").await.contains("No event of this Pod is kept."));
    let page = shown.open("/pods?text=nobody", &Look::default()).await;
    assert!(page.text(".pods").await.contains("No Pod found."));
    page.is_sound();
}

#[tokio::test]
async fn names_and_messages_of_others_are_text_and_a_long_one_is_shown_when_asked_for() {
    let server = FakeApiServer::start();
    let name = "we\"b<b>'&%2F";
    let mut long = "<img src=x onerror=alert(1)>\u{202e}gpj.exe ".to_owned();
    while long.len() < 1_000_000 {
        write!(long, "{} <script>document.title='owned'</script> ", long.len()).unwrap();
    }
    server.create(EventSpec::pod("shop", name).with_name("hostile").warning().with_message(&long));
    let shown = Shown::of(&setup().cluster(&server.kubeconfig_yaml())).await;
    eventually("the event", None, async || {
        (shown.asked("/api/v1/facets?since=all&by=reason")["facets"][0]["total"] == 1).then_some(())
    })
    .await;
    let page = shown.open("/pods", &Look::default()).await;
    page.wait_for("document.querySelectorAll('a.pod').length === 1").await;
    assert_eq!(page.text("a.pod").await, name);
    page.click("a.pod", &[]).await;
    page.wait_for("document.querySelector('.life-list .reason') !== null").await;
    assert_eq!(page.text("h1").await, name);
    page.click(".life-list .reason", &[]).await;
    page.wait_for("document.querySelector('.whole-message')?.innerText.startsWith('<img src=x onerror=alert(1)>\u{fffd}gpj.exe')").await;
    page.wait_for("document.querySelector('.whole-message').innerText.length < 4000").await;
    page.click(".whole-message button", &[]).await;
    page.wait_for("document.querySelector('.whole-message').innerText.length > 900000").await;
    assert_eq!(page.eval("document.querySelectorAll('main img, main script').length").await, 0);
    page.is_sound();
}

#[tokio::test]
async fn the_checker_of_accessibility_finds_no_serious_fault() {
    let shown = Shown::demo().await;
    let life = life_of(&shown, "cache");
    for look in [Look::default(), Look::default().phone().in_chinese().dark()] {
        let finder = shown.open("/pods?since=7d", &look).await;
        assert_eq!(finder.axe().await, Vec::<String>::new(), "{look:?}");
        let page = shown.open(&life, &look).await;
        page.wait_for("document.querySelector('#siblings .compare') !== null").await;
        page.click(".life-list .reason", &[]).await;
        assert_eq!(page.axe().await, Vec::<String>::new(), "{look:?}");
    }
}
