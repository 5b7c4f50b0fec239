//! Custom query: a statement as table, line, bars and number; mistakes; saved queries from one reader to another.

use eventcenter_tests::browser::{Look, Page};

use crate::{LOADED, Shown};

async fn run(page: &Page, statement: &str) {
    page.eval(
        "document.querySelector('#query').focus(), document.querySelector('#query').select()",
    )
    .await;
    page.type_text(statement).await;
    page.press("Escape", &[]).await;
    page.press("Enter", &["Control"]).await;
}

fn column(place: usize) -> String {
    format!(
        "[...document.querySelectorAll('.result td:nth-child({place})')].map((one) => one.innerText)"
    )
}

const BY_REASON: &str =
    "level >= Warning | select reason, sum(occurrences) as n group by reason order by reason";

#[tokio::test]
async fn a_statement_is_a_table_that_sorts_and_a_picture_that_its_link_shows_again() {
    let shown = Shown::demo().await;
    let page = shown.open("/query?since=7d", &Look::default()).await;
    run(&page, BY_REASON).await;
    page.wait_for("document.querySelectorAll('.result tbody tr').length > 5").await;
    let asked = shown.asked(&format!(
        "/api/v1/query?since=7d&query={}",
        BY_REASON.replace(' ', "+").replace('|', "%7C").replace(">=", "%3E%3D")
    ));
    let reasons: Vec<_> =
        asked["rows"].as_array().unwrap().iter().map(|row| row[0].clone()).collect();
    assert_eq!(page.eval(&column(1)).await, serde_json::Value::from(reasons));
    page.click(".result th:nth-child(2) button", &[]).await;
    page.wait_for("new URLSearchParams(location.search).get('sort') === '-2'").await;
    let falls = "((n) => n.every((one, at) => !at || one <= n[at - 1]))([...document.querySelectorAll('.result td:nth-child(2)')].map((one) => Number(one.innerText)))";
    assert_eq!(page.eval(falls).await, true);
    page.click("#show-bar", &[]).await;
    page.wait_for("document.querySelectorAll('.named-bars li').length > 5").await;
    let bars = page.text(".named-bars").await;
    let other = shown.browser.page(&Look::default()).await;
    other.goto(&page.url().await).await;
    other.wait_for("document.querySelector('.named-bars') !== null").await;
    assert_eq!(other.text(".named-bars").await, bars);
    assert_eq!(other.eval("document.querySelector('#query').value").await, BY_REASON);
    // From a value to its events.
    page.click("#show-table", &[]).await;
    page.click(".result td a", &[]).await;
    page.wait_for("location.pathname === '/events' && new URLSearchParams(location.search).get('query').startsWith('level >= Warning and reason : ')").await;
    page.back().await;
    page.wait_for("document.querySelectorAll('.result tbody tr').length > 5").await;
    page.is_sound();
    other.is_sound();
}

#[tokio::test]
async fn what_suits_a_result_is_shown_and_what_does_not_is_not_offered() {
    let shown = Shown::demo().await;
    let page = shown.open("/query?since=7d", &Look::default()).await;
    run(&page, "* | select date_trunc('minute', __time__) as t, level, sum(rise) as n from occurrences group by t, level").await;
    page.wait_for("document.querySelectorAll('#result .line').length === 3").await;
    assert_eq!(page.eval("document.querySelector('#show-number').disabled").await, true);
    page.click("#show-bar", &[]).await;
    page.wait_for("document.querySelectorAll('#result .fill').length === 3").await;
    page.drag("#result .chart", (0.3, 0.5), (0.9, 0.5)).await;
    page.wait_for("location.search.includes('from=')").await;
    page.back().await;
    run(&page, "reason : BackOff | select count(distinct name) as pods, sum(occurrences) as n")
        .await;
    page.wait_for("document.querySelectorAll('.big-numbers dd').length === 2").await;
    let asked = shown.asked("/api/v1/facets?since=7d&query=reason+:+BackOff&by=level");
    assert_eq!(
        page.text(".big-numbers div:nth-child(2) dd").await,
        asked["facets"][0]["total"].to_string()
    );
    // A search alone: its events, and how often.
    run(&page, "reason : BackOff").await;
    page.wait_for("document.querySelectorAll('.result tbody tr').length > 1").await;
    let event = &shown.asked("/api/v1/events?since=7d&query=reason+:+BackOff&limit=1")["events"][0];
    assert_eq!(page.text(".result td:nth-child(8)").await, event["node"].as_str().unwrap());
    page.click("#show-number", &[]).await;
    page.wait_for(&format!(
        "document.querySelector('.big-numbers dd')?.innerText === '{}'",
        asked["facets"][0]["total"]
    ))
    .await;
    page.is_sound();
}

#[tokio::test]
async fn a_mistake_is_marked_where_it_is_and_columns_are_completed() {
    let shown = Shown::demo().await;
    let page = shown.open("/query?since=7d", &Look::default()).await;
    run(&page, "level : Error | select reson from log").await;
    page.wait_for("document.querySelector('.mistake mark')?.nextSibling.data.startsWith('eson')")
        .await;
    assert!(page.text(".mistake").await.contains("no such column: reson"));
    page.eval(
        "document.querySelector('#query').focus(), document.querySelector('#query').select()",
    )
    .await;
    page.type_text("* | select occ").await;
    page.wait_for("[...document.querySelectorAll('.completion li')].some((one) => one.innerText.startsWith('occurrences'))").await;
    page.press("ArrowDown", &[]).await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('#query').value === '* | select occurrences '").await;
    page.press("Enter", &["Control"]).await;
    page.wait_for("document.querySelectorAll('.result tbody tr').length > 5").await;
    let problems: Vec<_> =
        page.problems().into_iter().filter(|problem| !problem.contains("422")).collect();
    assert!(problems.is_empty(), "{problems:?}");
}

#[tokio::test]
async fn text_of_others_in_a_result_stays_text_and_long_text_is_shown_when_asked_for() {
    let shown = Shown::demo().await;
    let page = shown.open("/query?since=7d", &Look::default()).await;
    run(&page, "* | select '<img src=x onerror=alert(1)>' || char(8238) || 'x' as \"<b>n</b>\", replace(replace(replace('aaaaaaaaaa', 'a', 'bbbbbbbbbb'), 'b', 'cccccccccc'), 'c', 'dddddddddd') as l limit 300").await;
    page.wait_for("document.querySelectorAll('.result tbody tr').length === 200").await;
    assert_eq!(page.text(".result td").await, "<img src=x onerror=alert(1)>\u{fffd}x");
    assert_eq!(page.eval("document.querySelectorAll('#result img, #result b').length").await, 0);
    assert_eq!(
        page.eval("document.querySelector('.result td.long').innerText.length < 200").await,
        true
    );
    page.click(".result .whole", &[]).await;
    page.wait_for("document.querySelector('.result td.long').innerText.length === 10000").await;
    page.is_sound();
}

#[tokio::test]
async fn a_query_is_saved_and_of_two_who_change_it_neither_overwrites_the_other_unseen() {
    let shown = Shown::demo().await;
    let page = shown.open("/query?since=7d", &Look::default()).await;
    // That this is a recording is said a little later, and moves what is beneath.
    page.wait_for("document.querySelector('.notice') !== null").await;
    run(&page, BY_REASON).await;
    page.wait_for(LOADED).await;
    page.click("#show-bar", &[]).await;
    page.click("#saved summary", &[]).await;
    page.wait_for("document.querySelector('#save-new') !== null").await;
    page.click("#save-new", &[]).await;
    page.wait_for("document.activeElement.id === 'saved-name'").await;
    page.type_text("Bad \"reasons\" <1>").await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('#saved summary').innerText === 'Bad \"reasons\" <1>'")
        .await;
    page.is_sound();

    // Another reader opens it.
    let other = shown.open("/query?since=7d", &Look::default()).await;
    other.wait_for("document.querySelector('.notice') !== null").await;
    other.click("#saved summary", &[]).await;
    other.wait_for("document.querySelector('.saved li a') !== null").await;
    other.click(".saved li a", &[]).await;
    other.wait_for("document.querySelectorAll('.named-bars li').length > 5").await;
    assert_eq!(other.eval("document.querySelector('#query').value").await, BY_REASON);
    // ... and the first renames it meanwhile.
    page.click("#saved summary", &[]).await;
    page.wait_for("document.querySelector('.saved li button') !== null").await;
    page.click(".saved li button", &[]).await;
    page.wait_for("document.activeElement.id === 'saved-name'").await;
    page.type_text("Ours").await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('#saved summary').innerText === 'Ours'").await;

    // The other, who has the menu open with what it was before, changes it, and is told.
    other.click("#show-table", &[]).await;
    other.wait_for("document.querySelector('#saved summary').innerText.endsWith('•')").await;
    other.click("#saved summary", &[]).await;
    other.wait_for("document.querySelector('.saved li a')?.innerText === 'Ours'").await;
    let saved = shown.asked("/api/v1/saved")["saved"][0].clone();
    assert_eq!((&saved["revision"], &saved["body"]["show"]), (&2.into(), &"bar".into()));
    page.click("#saved summary", &[]).await;
    page.wait_for("document.querySelector('.saved li button') !== null").await;
    page.click(".saved li button", &[]).await;
    page.wait_for("document.activeElement.id === 'saved-name'").await;
    page.type_text("Mine").await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('#saved summary').innerText === 'Mine'").await;
    other.click(".saved .primary", &[]).await;
    other
        .wait_for("document.querySelector('dialog')?.innerText.includes('changed it meanwhile')")
        .await;
    other.click("dialog .primary", &[]).await;
    other.wait_for("document.querySelector('dialog') === null").await;
    other.wait_for("!document.querySelector('#saved summary').innerText.endsWith('•')").await;
    let saved = shown.asked("/api/v1/saved")["saved"][0].clone();
    assert_eq!((&saved["revision"], &saved["body"]["show"]), (&4.into(), &"table".into()));
    let problems: Vec<_> =
        other.problems().into_iter().filter(|problem| !problem.contains("412")).collect();
    assert!(problems.is_empty(), "{problems:?}");

    // Whoever hesitates loses nothing.
    page.click("#saved summary", &[]).await;
    page.wait_for("document.querySelector('#saved summary').innerText.endsWith('•')").await;
    page.click(".saved li button:last-child", &[]).await;
    page.wait_for("document.querySelector('dialog') !== null").await;
    assert!(page.text("dialog").await.contains("gone for everyone"));
    page.press("Escape", &[]).await;
    page.wait_for("document.querySelector('dialog') === null").await;
    assert_eq!(shown.asked("/api/v1/saved")["saved"].as_array().unwrap().len(), 1);
    page.wait_for("document.activeElement === document.querySelector('#saved summary')").await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('#saved').open").await;
    page.click(".saved li button:last-child", &[]).await;
    page.wait_for("document.querySelector('dialog') !== null").await;
    page.click("dialog .primary", &[]).await;
    page.wait_for("document.querySelector('#saved summary').innerText === 'Saved' && !location.search.includes('saved=')").await;
    assert_eq!(shown.asked("/api/v1/saved")["saved"].as_array().unwrap().len(), 0);
    page.is_sound();
}

#[tokio::test]
async fn an_example_is_run_by_a_click_and_its_files_are_what_the_api_gives() {
    let shown = Shown::demo().await;
    let page = shown.open("/query?since=7d", &Look::default()).await;
    // What is told above the page moves it.
    page.wait_for("document.querySelector('#notices .notice') !== null").await;
    let names = page
        .eval("document.querySelectorAll('#result .examples a').length")
        .await
        .as_u64()
        .unwrap();
    for place in 1..=names {
        page.wait_for("document.querySelectorAll('#result .examples a').length > 0").await;
        page.click(&format!("#result .examples li:nth-child({place}) a"), &[]).await;
        page.wait_for("document.querySelector('#rows') !== null").await;
        page.wait_for(LOADED).await;
        assert_eq!(
            page.eval("document.querySelector('#result .nothing') === null").await,
            true,
            "example {place}"
        );
        page.back().await;
    }
    run(&page, BY_REASON).await;
    page.wait_for("document.querySelector('a[download=\"result.csv\"]') !== null").await;
    let csv = "fetch(document.querySelector('a[download=\"result.csv\"]').href).then((one) => one.text())";
    let csv = page.eval(csv).await;
    let lines: Vec<_> = csv.as_str().unwrap().lines().collect();
    assert_eq!(lines[0], "reason,n");
    assert_eq!(
        lines.len() as u64,
        1 + page
            .eval("document.querySelectorAll('.result tbody tr').length")
            .await
            .as_u64()
            .unwrap()
    );
    page.is_sound();
}
