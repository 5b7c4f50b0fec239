//! The overview: its numbers are the API's, and each leads to the events behind it.

use eventcenter_tests::browser::Look;

use crate::{LOADED, Shown};

#[tokio::test]
async fn its_numbers_are_those_of_the_api_and_lead_to_their_events() {
    let shown = Shown::demo().await;
    let told = shown.asked("/api/v1/overview?since=7d");
    let page = shown.open("/?since=7d", &Look::default()).await;
    for (tile, number) in
        [(1, &told["total"]), (2, &told["levels"]["error"]), (3, &told["levels"]["warning"])]
    {
        let text = page.text(&format!(".tiles .tile:nth-child({tile}) b")).await;
        assert_eq!(text, number.to_string(), "tile {tile}");
    }
    let reason = told["reasons"]["groups"][0]["values"][0].as_str().unwrap();
    let count = &told["reasons"]["groups"][0]["count"];
    page.click(&format!(".ranking a[title='{reason}']"), &[]).await;
    page.wait_for("location.pathname === '/events'").await;
    page.wait_for(LOADED).await;
    page.wait_for("document.querySelectorAll('.rows .row').length > 0").await;
    assert!(page.url().await.contains("since=7d"), "the range comes along");
    assert_eq!(page.text(".results-bar p").await, format!("{count} events"));
    page.is_sound();
}

#[tokio::test]
async fn a_brush_looks_closer_and_back_looks_at_all_again() {
    let shown = Shown::demo().await;
    let page = shown.open("/?since=7d", &Look::default()).await;
    let whole = page.text(".tiles .tile b").await;
    page.drag(".chart", (0.75, 0.5), (0.99, 0.5)).await;
    page.wait_for("location.search.includes('from=')").await;
    page.wait_for(&format!("document.querySelector('.tiles .tile b').innerText !== '{whole}'"))
        .await;
    let (closer, link) = (page.text(".tiles .tile b").await, page.url().await);
    page.back().await;
    page.wait_for(&format!("document.querySelector('.tiles .tile b').innerText === '{whole}'"))
        .await;
    // Whoever is given the link sees the same.
    let other = shown.browser.page(&Look::default().in_chinese()).await;
    other.goto(&link).await;
    other.wait_for(LOADED).await;
    assert_eq!(other.text(".tiles .tile b").await, closer);
    // With the keyboard: the last bars, chosen with Shift.
    page.eval("document.querySelector('.chart').focus()").await;
    for _ in 0..4 {
        page.press("ArrowLeft", &["Shift"]).await;
    }
    page.press("Enter", &[]).await;
    page.wait_for("location.search.includes('from=')").await;
    page.is_sound();
}
