//! Details: statement, facets, list, opened event, live tail, export.

use eventcenter_tests::browser::{Look, Page};
use eventcenter_tests::fake_api_server::EventSpec;
use eventcenter_tests::{FakeApiServer, eventually};

use crate::{LOADED, Shown, setup};

async fn search(page: &Page, statement: &str) {
    page.eval(
        "document.querySelector('#query').focus(), document.querySelector('#query').select()",
    )
    .await;
    page.type_text(statement).await;
    page.press("Enter", &[]).await;
}

#[tokio::test]
async fn facets_add_and_exclude_and_chips_take_away() {
    let shown = Shown::demo().await;
    let page = shown.open("/events?since=7d", &Look::default()).await;
    let facet = ".facets .only[title^='Only BackOff']";
    page.click(facet, &[]).await;
    page.wait_for("new URLSearchParams(location.search).get('query') === 'reason : BackOff'").await;
    let found = shown.asked("/api/v1/facets?since=7d&query=reason+:+BackOff&by=level");
    let events = shown.asked("/api/v1/events?since=7d&query=reason+:+BackOff&limit=100");
    let events = events["events"].as_array().unwrap().len();
    page.wait_for(LOADED).await;
    assert_eq!(
        page.text(".results-bar p").await,
        format!("{} occurrences · {events} events", found["facets"][0]["total"])
    );
    page.click(".chip button", &[]).await;
    page.wait_for("!location.search.includes('query=')").await;
    page.wait_for(LOADED).await;
    page.click(facet, &["Alt"]).await;
    page.wait_for("new URLSearchParams(location.search).get('query') === 'not reason : BackOff'")
        .await;
    page.wait_for("![...document.querySelectorAll('.facets .only')].some((one) => one.title.startsWith('Only BackOff'))").await;
    page.back().await;
    page.wait_for("!location.search.includes('query=')").await;
    page.is_sound();
}

#[tokio::test]
async fn a_statement_is_completed_and_its_mistake_is_pointed_at() {
    let shown = Shown::demo().await;
    let page = shown.open("/events?since=7d", &Look::default()).await;
    page.press("/", &[]).await;
    page.wait_for("document.activeElement.id === 'query'").await;
    page.type_text("reas").await;
    page.wait_for("document.querySelector('.completion li')?.innerText.startsWith('reason :')")
        .await;
    page.press("ArrowDown", &[]).await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('#query').value === 'reason : '").await;
    page.type_text("Fail").await;
    page.wait_for("[...document.querySelectorAll('.completion li')].some((one) => one.innerText.startsWith('FailedScheduling'))").await;
    page.press("Escape", &[]).await;
    search(&page, "reson : x").await;
    page.wait_for("document.querySelector('.mistake pre')?.innerText === 'reson : x'").await;
    assert_eq!(page.text(".mistake mark").await, "r");
    assert!(page.text(".mistake").await.contains("did you mean reason?"));
    search(&page, "reason : FailedScheduling").await;
    page.wait_for("document.querySelector('.mistake').hidden").await;
    page.wait_for("[...document.querySelectorAll('.rows .c-reason')].every((one) => one.innerText === 'FailedScheduling')").await;
    // The refused statement is told by the browser as well.
    let problems: Vec<_> =
        page.problems().into_iter().filter(|problem| !problem.contains("422")).collect();
    assert!(problems.is_empty(), "{problems:?}");
}

#[tokio::test]
async fn an_opened_event_shows_all_of_it_and_its_link_opens_it_again() {
    let shown = Shown::demo().await;
    let page = shown.open("/events?since=7d&query=reason+%3A+BackOff", &Look::default()).await;
    page.click(".rows .row", &[]).await;
    page.wait_for(
        "document.querySelector('.panel .document')?.innerText.includes('\"reason\": \"BackOff\"')",
    )
    .await;
    let message = page.text(".panel-message").await;
    let link = page.url().await;
    page.press("Escape", &[]).await;
    page.wait_for("document.querySelector('.panel').hidden").await;
    let other = shown.browser.page(&Look::default()).await;
    other.goto(&link).await;
    other.wait_for("document.querySelector('.panel-message') !== null").await;
    assert_eq!(other.text(".panel-message").await, message);
    other.click(".around a", &[]).await;
    other.wait_for("location.search.includes('from=') && location.search.includes('kind')").await;
    other.wait_for(LOADED).await;
    other.is_sound();
    page.is_sound();
}

#[tokio::test]
async fn the_live_tail_shows_an_event_that_happens_now_and_holds_it_back_while_paused() {
    let server = FakeApiServer::start();
    server.create(EventSpec::pod("shop", "web").with_name("old"));
    let shown = Shown::of(&setup().cluster(&server.kubeconfig_yaml())).await;
    eventually("the first event", None, async || {
        (shown.asked("/api/v1/facets?since=all&by=reason")["facets"][0]["total"] == 1).then_some(())
    })
    .await;
    let page = shown.open("/events", &Look::default()).await;
    page.click("#live", &[]).await;
    page.wait_for("document.querySelector('#live-note').innerText === 'waiting for events'").await;
    server.create(EventSpec::pod("shop", "web").with_name("new").with_reason("JustNow"));
    page.wait_for("document.querySelector('.rows .c-reason')?.innerText === 'JustNow'").await;
    assert!(page.text("#live-note").await.ends_with("ms after it was received"));
    page.click("#pause", &[]).await;
    server.create(EventSpec::pod("shop", "web").with_name("held").with_reason("HeldBack"));
    page.wait_for("document.querySelector('#live-more').innerText === 'Show 1 new'").await;
    assert_eq!(page.eval("document.querySelectorAll('.rows .row').length").await, 2);
    page.click("#live-more", &[]).await;
    page.wait_for("document.querySelector('.rows .c-reason')?.innerText === 'HeldBack'").await;
    page.is_sound();
}

#[tokio::test]
async fn what_arrives_while_the_reader_looks_further_down_waits_however_much_it_is() {
    let server = FakeApiServer::start();
    for number in 0..60 {
        server.create(EventSpec::pod("shop", &format!("old-{number}")));
    }
    let shown = Shown::of(&setup().cluster(&server.kubeconfig_yaml())).await;
    eventually("the first events", None, async || {
        (shown.asked("/api/v1/facets?since=all&by=reason")["facets"][0]["total"] == 60)
            .then_some(())
    })
    .await;
    let page = shown.open("/events?live=1", &Look::default()).await;
    page.wait_for("document.querySelector('#live-note').innerText === 'waiting for events'").await;
    // The first waits, and so do more than the page keeps for later.
    for (number, said) in [(1, "Show 1 new"), (600, "Show 600 new")] {
        page.eval("document.querySelector('.rows').scrollTop = 600").await;
        page.wait_for("document.querySelector('.rows .row')?.getAttribute('aria-posinset') > 1")
            .await;
        let first = page.text(".rows .c-object").await;
        for one in 0..number {
            let name = format!("new-{number}-{one}");
            server.create(EventSpec::pod("shop", &name).with_reason(format!("New{number}")));
        }
        page.wait_for(&format!("document.querySelector('#live-more').innerText === '{said}'"))
            .await;
        assert_eq!(page.text(".rows .c-object").await, first, "nothing moves under the reader");
        page.click("#live-more", &[]).await;
        page.wait_for(&format!(
            "document.querySelector('.rows .c-reason')?.innerText === 'New{number}'"
        ))
        .await;
        assert_eq!(page.eval("document.querySelector('.rows').scrollTop").await, 0);
    }
    // What was not kept is read: the list has no hole where it was.
    let reasons = "[...document.querySelectorAll('.rows .row')].map((row) => row.querySelector('.c-object').title)";
    let held = page
        .eval(&format!(
            "(async () => {{
        const box = document.querySelector('.rows');
        const seen = new Set();
        while (!seen.has('Pod shop/new-600-0')) {{
            {reasons}.forEach((title) => seen.add(title));
            box.scrollTop += 150;
            await new Promise((then) => setTimeout(then, 30));
        }}
        return [...seen].filter((title) => title.startsWith('Pod shop/new-600-')).length;
    }})()"
        ))
        .await;
    assert!(held.as_u64().unwrap() > 550, "{held}");
    page.wait_for("document.querySelector('#summary').innerText.startsWith('661 occurrences')")
        .await;
    page.is_sound();
}

#[tokio::test]
async fn an_export_is_what_the_api_gives_for_the_same_view() {
    let shown = Shown::demo().await;
    let page = shown.open("/events?since=7d&query=level+%3A+Error", &Look::default()).await;
    let lines = "fetch(document.querySelector('.results-bar a[download$=csv]').href).then((answer) => answer.text())";
    let export = page.eval(lines).await;
    let listed = shown.asked("/api/v1/events?since=7d&query=level+:+Error&limit=1000");
    let listed = listed["events"].as_array().unwrap();
    let export: Vec<_> = export.as_str().unwrap().lines().map(str::to_owned).collect();
    assert_eq!(export.len(), listed.len() + 1);
    for (line, event) in export.iter().skip(1).zip(listed) {
        assert!(line.starts_with(event["time"].as_str().unwrap()), "{line}: {event}");
    }
    page.is_sound();
}

#[tokio::test]
async fn text_of_others_is_shown_as_text() {
    let server = FakeApiServer::start();
    let script = "<img src=x onerror=alert(1)><script>document.title='owned'</script>\u{202e}gpj.exe \u{1b}[31m";
    server.create(
        EventSpec::pod("shop", "web")
            .with_name("hostile")
            .with_message(script)
            .with_reason("<b>Reason</b>"),
    );
    server
        .create(EventSpec::pod("shop", "web").with_name("huge").with_message("x ".repeat(500_000)));
    let mut labelled =
        EventSpec::pod("shop", "\"quoted'name").with_name("labels").with_reason("Labelled");
    for number in 0..10_000 {
        labelled = labelled.with_label(&format!("key-{number}"), "<i>value</i>");
    }
    server.create(labelled);
    let shown = Shown::of(&setup().cluster(&server.kubeconfig_yaml())).await;
    eventually("three events", None, async || {
        (shown.asked("/api/v1/facets?since=all&by=reason")["facets"][0]["total"] == 3).then_some(())
    })
    .await;
    for path in ["/?since=all", "/events?since=all", "/pods?since=all", "/components?since=all"] {
        let page = shown.open(path, &Look::default()).await;
        assert_eq!(
            page.eval("document.querySelectorAll('main img, main script, main b > b').length")
                .await,
            0,
            "{path}"
        );
        page.is_sound();
    }
    let page = shown.open("/events?since=all&query=name+%3A+web", &Look::default()).await;
    page.click(".rows .row:nth-child(1)", &[]).await;
    page.wait_for("document.querySelector('.panel .document') !== null").await;
    assert!(page.eval("document.body.innerText.includes('\\u202e')").await == false);
    let page = shown.open("/events?since=all&query=reason+%3A+Labelled", &Look::default()).await;
    page.click(".rows .row", &[]).await;
    page.wait_for("document.querySelector('.panel .document')?.innerText.includes('<i>value</i>')")
        .await;
    assert!(page.text(".panel .document").await.len() < 30_000, "the rest when it is asked for");
    page.click(".panel .document + button", &[]).await;
    page.wait_for("document.querySelector('.panel .document').innerText.includes('quoted')").await;
    page.is_sound();
}

#[tokio::test]
async fn whoever_does_not_see_or_point_finds_no_serious_fault() {
    let shown = Shown::demo().await;
    for look in [Look::default(), Look::default().dark(), Look::default().phone().in_chinese()] {
        for path in
            ["/events?since=7d&live=1", "/events?query=nothing-like-this", "/events?query=reson:x"]
        {
            let page = shown.open(path, &look).await;
            assert_eq!(page.axe().await, Vec::<String>::new(), "{path} {look:?}");
        }
        let page = shown.open("/events?since=7d&query=level+:+Error", &look).await;
        page.click(".rows .row", &[]).await;
        page.wait_for("document.querySelector('.panel .document') !== null").await;
        page.eval("document.querySelector('#query').focus()").await;
        page.type_text(" and r").await;
        page.wait_for("!document.querySelector('.completion').hidden").await;
        page.press("ArrowDown", &[]).await;
        assert_eq!(page.axe().await, Vec::<String>::new(), "{look:?}");
    }
}
