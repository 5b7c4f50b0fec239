//! What goes wrong is said in the reader's language, and nothing moves while a page comes.

use eventcenter_tests::browser::Look;

use crate::{LOADED, Shown};

#[tokio::test]
async fn a_mistaken_address_is_a_page_in_the_readers_language() {
    let shown = Shown::demo().await;
    for (look, title, sentence) in [
        (Look::default(), "There is no such thing", "There is no page at this address."),
        (Look::default().in_chinese().dark().phone(), "未找到", "此地址没有页面。"),
    ] {
        let page = shown.browser.page(&look).await;
        page.goto(&format!("{}/no/such/page", shown.url)).await;
        assert_eq!(page.text("h1").await, title);
        assert_eq!(page.text("main p").await, sentence);
        assert_eq!(page.axe().await, Vec::<String>::new());
        // The status is what the console tells of; nothing else is wrong.
        let problems = page.problems();
        assert!(problems.iter().all(|problem| problem.contains("404")), "{problems:?}");
        page.click("nav a[href='/events']", &[]).await;
        page.wait_for("document.querySelector('.rows .row') !== null").await;
    }
}

#[tokio::test]
async fn a_mistake_in_a_statement_is_explained_in_chinese() {
    let shown = Shown::demo().await;
    let look = Look::default().in_chinese();
    for (path, said) in [
        ("/events?since=7d&query=reasn%20:%20BackOff", "没有字段 reasn，是否指 reason？"),
        ("/events?since=7d&query=level%20:%20Fatal", "没有此级别"),
        ("/query?since=7d&query=(a", "缺少 )，与第 1 列的 ( 对应。"),
        ("/query?since=7d&query=*%20%7C%20select%20nosuch", "无法理解该语句："),
        ("/?from=yesterday", "from 不是有效时间"),
    ] {
        let page = shown.browser.page(&look).await;
        page.goto(&format!("{}{path}", shown.url)).await;
        page.wait_for(&format!("document.querySelector('main').innerText.includes('{said}')"))
            .await;
        page.close().await;
    }
}

/// What the browser says has moved between two frames; but for the list of clusters, which is as long as it is.
const WATCH: &str = "(() => {
    window.moved = [];
    new PerformanceObserver((list) => {
        for (const { hadRecentInput, sources } of list.getEntries()) {
            if (!hadRecentInput) window.moved.push(...sources.filter(({ node }) => !node?.closest?.('#clusters')).map(({ node, previousRect, currentRect }) =>
                `${node?.nodeName} ${node?.id || node?.className}: ${Math.round(previousRect.top)} to ${Math.round(currentRect.top)}`));
        }
    }).observe({ type: 'layout-shift', buffered: true });
})()";

#[tokio::test]
async fn nothing_moves_when_notices_and_tools_come() {
    let shown = Shown::demo().await;
    for look in [Look::default(), Look::default().phone().in_chinese()] {
        for path in [
            "/?since=7d",
            "/events?since=7d",
            "/pods?since=7d",
            "/nodes?since=7d",
            "/nodes/-/node-2?since=7d",
            "/pods/-/shop/web?since=7d",
            "/components?since=7d",
            "/query?since=7d",
            "/status",
        ] {
            let page = shown.browser.page(&look).await;
            page.before_each_document(WATCH).await;
            page.goto(&format!("{}{path}", shown.url)).await;
            page.wait_for(LOADED).await;
            page.wait_for("document.querySelector('#taste select') !== null").await;
            assert_eq!(page.eval("window.moved.join('; ')").await, "", "{path} {look:?}");
            page.close().await;
        }
    }
}
