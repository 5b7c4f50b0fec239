//! The browser does what it is told, and tells what it has seen.

use std::time::Duration;

use eventcenter_tests::browser::{Browser, Look, Page};
use serde_json::json;

/// A page that is given up soon, for tests that wait in vain.
async fn hasty(browser: &Browser) -> Page {
    browser.page(&Look::default()).await.with_patience(Duration::from_secs(1))
}

#[tokio::test]
async fn a_page_is_looked_at_as_the_look_says() {
    let browser = Browser::start().await;
    let seen = "[screen.width, screen.height, navigator.maxTouchPoints > 0, navigator.language,
        matchMedia('(prefers-color-scheme: dark)').matches,
        Intl.DateTimeFormat().resolvedOptions().timeZone]";
    let look = Look::default().phone().in_chinese().dark().zone("Asia/Shanghai");
    let page = browser.page(&look).await;
    assert_eq!(page.eval(seen).await, json!([390, 844, true, "zh-CN", true, "Asia/Shanghai"]));
    let other = browser.page(&Look::default()).await;
    assert_eq!(other.eval(seen).await, json!([1280, 800, false, "en-US", false, "UTC"]));
    assert_eq!(other.eval("[innerWidth, innerHeight]").await, json!([1280, 800]));
}

#[tokio::test]
async fn mouse_and_keys_arrive_as_a_person_would_send_them() {
    let browser = Browser::start().await;
    let page = browser.page(&Look::default()).await;
    page.eval(
        "document.body.innerHTML = `<div style='height: 3000px'></div>
            <input id=i><button id=b>b</button><div id=d style='width: 200px; height: 50px'></div>`;
        window.log = [];
        const say = (...words) => log.push(words.join(' '));
        b.onclick = e => say('click', e.altKey, e.shiftKey);
        i.onkeydown = e => say('key', e.key, e.shiftKey);
        for (const name of ['mousedown', 'mousemove', 'mouseup'])
            d['on' + name] = e => say(name, e.offsetX, e.offsetY, e.buttons);
        0",
    )
    .await;
    page.click("#b", &["Alt", "Shift"]).await;
    page.click("#i", &[]).await;
    page.type_text("a中").await;
    page.press("Tab", &["Shift"]).await;
    page.drag("#d", (0.25, 0.5), (0.75, 0.5)).await;
    page.hover("#d", (0.1, 0.1)).await;
    let log = page.eval("log").await;
    let log: Vec<&str> = log.as_array().unwrap().iter().filter_map(|line| line.as_str()).collect();
    let (keys, mouse) = log.split_at(4);
    assert_eq!(keys, ["click true true", "key a false", "key 中 false", "key Tab true"]);
    assert_eq!(mouse[..2], ["mousemove 50 25 0", "mousedown 50 25 1"]);
    assert_eq!(
        mouse[mouse.len() - 3..],
        ["mousemove 150 25 1", "mouseup 150 25 0", "mousemove 20 5 0"]
    );
    assert_eq!(page.eval("i.value").await, "a中");
}

#[tokio::test]
#[should_panic(expected = "covered by <div id=")]
async fn a_click_does_not_reach_what_is_covered() {
    let browser = Browser::start().await;
    let page = hasty(&browser).await;
    page.eval(
        "document.body.innerHTML = `<button>b</button>
            <div id=cover style='position: fixed; inset: 0'></div>`",
    )
    .await;
    page.click("button", &[]).await;
}

#[tokio::test]
#[should_panic(expected = "which shows: a sad page")]
async fn a_wait_in_vain_shows_what_was_there_instead() {
    let browser = Browser::start().await;
    let page = hasty(&browser).await;
    page.eval("document.body.textContent = 'a sad page'").await;
    page.wait_for("document.querySelector('table')").await;
}

#[tokio::test]
async fn whatever_is_wrong_with_a_page_is_a_problem() {
    let shown = crate::Shown::demo().await;
    let page = shown.browser.page(&Look::default()).await;
    page.goto(&format!("{}/no-such-page", shown.url)).await;
    page.goto("about:blank").await; // where no policy forbids to ask
    let elsewhere = "http://192.0.2.1/x.png";
    page.eval(&format!(
        "console.error('said', 7); console.log('fine'); console.warn('careful');
        setTimeout(() => {{ throw new Error('thrown') }});
        fetch('{elsewhere}').catch(() => 0); fetch('http://localhost/').catch(() => 0);
        alert('boo'); 0"
    ))
    .await;
    for expected in [
        "console.error: said 7",
        "console.warning: careful",
        "uncaught: Error: thrown",
        "a dialog opened: boo",
        "status of 404",
        "a request elsewhere: http://192.0.2.1/x.png",
        "net::ERR_NAME_NOT_RESOLVED: http://192.0.2.1/x.png",
        "net::ERR_NAME_NOT_RESOLVED: http://localhost/",
    ] {
        eventcenter_tests::eventually(expected, None, async || {
            let problems = page.problems();
            let found = problems.iter().any(|problem| problem.contains(expected));
            if found { Ok(()) } else { Err(problems) }
        })
        .await;
    }
    assert!(!page.problems().iter().any(|problem| problem.contains("fine")));
}

#[tokio::test]
async fn the_accessibility_checker_finds_a_button_without_a_name() {
    let browser = Browser::start().await;
    let page = browser.page(&Look::default()).await;
    page.eval(
        "document.documentElement.lang = 'en'; document.title = 'a page';
        document.body.innerHTML = '<main><h1>A page</h1><button>named</button></main>'; 0",
    )
    .await;
    assert_eq!(page.axe().await, Vec::<String>::new());
    page.eval("document.querySelector('button').textContent = ''; 0").await;
    let found = page.axe().await;
    assert!(found.iter().any(|fault| fault.starts_with("button-name (critical)")), "{found:?}");
    assert_eq!(page.eval("typeof axe").await, "undefined", "the page does not see it");
}

#[tokio::test]
async fn nothing_is_left_of_a_browser_at_its_end() {
    let browser = Browser::start().await;
    let folder = browser.profile().to_owned();
    browser.page(&Look::default()).await;
    let ours = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|one| std::fs::read(one.path().join("cmdline")).ok());
        let mark = folder.to_str().unwrap();
        lines.filter(|line| String::from_utf8_lossy(line).contains(mark)).count()
    };
    assert!(ours() > 1, "the browser, and at least one that draws");
    drop(browser);
    eventcenter_tests::eventually("all of them to be gone", None, async || match ours() {
        0 => Ok(()),
        left => Err(left),
    })
    .await;
    assert!(!folder.exists());
}
