//! The list of Details, which is longer than what is held of it: walked by the wheel, by the bar and by the keys.

use std::collections::HashMap;

use eventcenter_tests::browser::{Look, Page};
use eventcenter_tests::fake_api_server::EventSpec;
use eventcenter_tests::{FakeApiServer, eventually};
use jiff::{SignedDuration, Timestamp};

use crate::{LOADED, Shown, setup};

/// More than the page holds, so that it forgets at one end what it reads at the other.
const EVENTS: usize = 2500;

/// Three events a second, every seven seconds: pages of the API end within seconds.
async fn shown() -> Shown {
    let server = FakeApiServer::start();
    let now = Timestamp::now();
    for number in 0..EVENTS {
        let mut spec = EventSpec::pod("shop", &format!("web-{number}"));
        let seconds = i64::try_from(number / 3).unwrap() * 7;
        spec.at = Some(now - SignedDuration::from_secs(seconds));
        server.create(spec);
    }
    let shown = Shown::of(&setup().cluster(&server.kubeconfig_yaml())).await;
    eventually("all events", None, async || {
        let facets = shown.asked("/api/v1/facets?since=all&by=level");
        (facets["facets"][0]["total"] == EVENTS).then_some(())
    })
    .await;
    shown
}

/// The names of the objects, in the order of the list.
fn listed(shown: &Shown) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = shown.asked(&format!("/api/v1/events?since=all&limit=1000{after}"));
        let events = page["events"].as_array().unwrap();
        names.extend(
            events.iter().map(|event| event["object"]["name"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return names,
        }
    }
}

/// Scrolls by so many pixels at a time until a row about this object is there, and returns the objects that were seen,
/// in their order, and the number of rows that were there at most.
async fn walked(page: &Page, by: i32, until: &str) -> (Vec<String>, u64) {
    let script = format!(
        "(async () => {{
            const box = document.querySelector('.rows');
            const seen = new Set();
            let most = 0;
            const end = Date.now() + 60000;
            // What is on its way is waited for, as somebody who reads would do.
            const isFull = (rows) => {{
                const [view, first, last] = [box, rows[0], rows.at(-1)].map((one) => one?.getBoundingClientRect());
                const isEnd = (row, place) => row.getAttribute('aria-posinset') === place;
                return first && (first.top <= view.top || isEnd(rows[0], '1'))
                    && (last.bottom >= view.bottom || isEnd(rows.at(-1), rows[0].getAttribute('aria-setsize')));
            }};
            while (!seen.has('{until}') && Date.now() < end) {{
                const rows = [...box.querySelectorAll('.row')];
                most = Math.max(most, rows.length);
                if (isFull(rows)) {{
                    const names = rows.map((row) => row.querySelector('.c-object').title.split('/').at(-1));
                    for (const name of {by} > 0 ? names : names.reverse()) seen.add(name);
                    box.scrollTop += {by};
                }}
                // Two frames: in the first it is scrolled and drawn.
                for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
            }}
            return {{ seen: [...seen], most }};
        }})()"
    );
    let answer = page.eval(&script).await;
    let seen = answer["seen"].as_array().unwrap().iter();
    (seen.map(|name| name.as_str().unwrap().to_owned()).collect(), answer["most"].as_u64().unwrap())
}

/// Fails with the first place where the two differ.
fn same(seen: &[String], listed: &[String]) {
    let differs = seen.iter().zip(listed).position(|(seen, listed)| seen != listed);
    let around = differs.map(|place| (place, &seen[place..], &listed[place..]));
    let around =
        around.map(|(place, seen, listed)| (place, seen.iter().take(5), listed.iter().take(5)));
    assert!(around.is_none(), "{around:?}");
    assert_eq!(seen.len(), listed.len(), "the last is {:?}", seen.last());
}

#[tokio::test]
async fn a_long_list_is_walked_down_and_up_without_a_seam_and_with_few_rows() {
    let shown = shown().await;
    let mut names = listed(&shown);
    let page = shown.open("/events?since=all", &Look::default()).await;
    let (down, most) = walked(&page, 240, names.last().unwrap()).await;
    same(&down, &names);
    let (mut up, _) = walked(&page, -240, names.first().unwrap()).await;
    up.reverse();
    // It begins with what was there at the end.
    same(&up, &names);
    assert!(most < 60, "{most} rows");
    // The other way round it is the same list.
    page.eval("document.querySelector('#order').value = 'oldest', document.querySelector('#order').dispatchEvent(new Event('change'))").await;
    page.wait_for("location.search.includes('order=oldest')").await;
    page.wait_for(LOADED).await;
    names.reverse();
    let (down, _) = walked(&page, 240, names.last().unwrap()).await;
    same(&down, &names);
    page.is_sound();
}

#[tokio::test]
async fn the_bar_leads_to_a_time_and_from_there_the_list_goes_on_both_ways() {
    let shown = shown().await;
    let names = listed(&shown);
    let places: HashMap<_, _> =
        names.iter().zip(0..).map(|(name, place)| (name.as_str(), place)).collect();
    let page = shown.open("/events?since=all", &Look::default()).await;
    for (part, about) in [(0.5, 0.5), (0.9, 0.9), (0.2, 0.2), (1.0, 1.0)] {
        page.eval(&format!(
            "(() => {{ const box = document.querySelector('.rows'); box.scrollTop = box.scrollHeight * {part}; }})()"
        ))
        .await;
        page.wait_for(
            "(() => {
                const view = document.querySelector('.rows').getBoundingClientRect();
                const tops = [...document.querySelectorAll('.rows .row')].map((row) => row.getBoundingClientRect().top);
                return tops.some((top) => top >= view.top && top < view.bottom);
            })()",
        )
        .await;
        // A row that is somewhat further up, so that the list is read against its order.
        let first = "document.querySelector('.rows .c-object').title.split('/').at(-1)";
        let first = page.eval(first).await;
        let place: i32 = places[first.as_str().unwrap()];
        let wanted = about * f64::from(u32::try_from(EVENTS).unwrap());
        assert!((f64::from(place) - wanted).abs() < 100.0, "{part}: {place}");
        let further = usize::try_from(place - 300).unwrap_or(0);
        let (mut up, _) = walked(&page, -150, &names[further]).await;
        up.reverse();
        let begin = usize::try_from(places[up[0].as_str()]).unwrap();
        same(&up, &names[begin..begin + up.len()]);
    }
    // Whoever comes back to the beginning is at the beginning.
    page.eval("document.querySelector('.rows').focus()").await;
    page.press("Home", &[]).await;
    page.wait_for(&format!(
        "document.querySelector('.rows .c-object')?.title === 'Pod shop/{}'",
        names[0]
    ))
    .await;
    assert_eq!(page.eval("document.querySelector('.rows').scrollTop").await, 0);
    page.is_sound();
}

#[tokio::test]
async fn the_keys_lead_through_facets_and_rows() {
    let shown = Shown::demo().await;
    let page = shown.open("/events?since=7d", &Look::default()).await;
    // One stop for all facets; the arrows go on from there, to the value below and to what excludes it.
    assert_eq!(page.eval("document.querySelectorAll('.facets [tabindex=\"0\"]').length").await, 1);
    page.eval("document.querySelector('.facets [tabindex=\"0\"]').focus()").await;
    page.press("ArrowDown", &[]).await;
    page.press("ArrowRight", &[]).await;
    page.press("Enter", &[]).await;
    page.wait_for("new URLSearchParams(location.search).get('query') === 'not level : Warning'")
        .await;
    page.wait_for(LOADED).await;
    page.wait_for("document.querySelector('.facets').contains(document.activeElement)").await;
    // The same in the list; with an event open the arrows open the next.
    page.eval("document.querySelector('.rows').focus()").await;
    page.press("ArrowDown", &[]).await;
    page.press("ArrowDown", &[]).await;
    let chosen = "document.getElementById(document.querySelector('.rows').getAttribute('aria-activedescendant'))";
    page.wait_for(&format!("{chosen}.getAttribute('aria-posinset') === '2'")).await;
    page.press("Enter", &[]).await;
    page.wait_for("document.querySelector('.panel .document') !== null").await;
    let opened = page.url().await;
    page.press("ArrowDown", &[]).await;
    page.wait_for(&format!("location.href !== {opened:?} && location.search.includes('open=')"))
        .await;
    page.press("Escape", &[]).await;
    page.wait_for("document.querySelector('.panel').hidden").await;
    page.press("End", &[]).await;
    let last = "[...document.querySelectorAll('.rows .row')].at(-1)";
    page.wait_for(&format!(
        "{last}.getAttribute('aria-posinset') === {last}.getAttribute('aria-setsize')"
    ))
    .await;
    page.is_sound();
}
