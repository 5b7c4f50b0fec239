//! The plain page, on the demo.

use eventcenter_tests::browser::Look;

use crate::Shown;

#[tokio::test]
async fn it_loads_cleanly_in_every_language_theme_and_size() {
    let shown = Shown::demo().await;
    let url = format!("{}/plain?since=all", shown.url);
    let look = Look::default;
    for look in [look(), look().sized(1920, 1080).dark(), look().phone(), look().phone().dark()] {
        for (look, language) in [(look.clone(), "en"), (look.in_chinese(), "zh-CN")] {
            let page = shown.browser.page(&look).await;
            page.goto(&url).await;
            assert_eq!(page.eval("document.documentElement.lang").await, language);
            assert!(page.eval("document.querySelectorAll('tbody tr').length").await != 0);
            page.is_sound();
            assert_eq!(page.axe().await, Vec::<String>::new(), "{look:?}");
        }
    }
}

#[tokio::test]
async fn a_search_is_typed_and_the_back_button_takes_it_back() {
    let shown = Shown::demo().await;
    let url = format!("{}/plain?since=all", shown.url);
    let page = shown.browser.page(&Look::default()).await;
    page.goto(&url).await;
    let rows = "document.querySelectorAll('tbody tr').length";
    let before = page.eval(rows).await;
    page.click("[name=query]", &[]).await;
    page.type_text("reason : nosuchreason").await;
    page.press("Enter", &[]).await;
    page.wait_for("location.search.includes('nosuchreason') && document.readyState == 'complete'")
        .await;
    assert_ne!(page.eval(rows).await, before);
    page.back().await;
    assert_eq!(page.url().await, url);
    assert_eq!(page.eval(rows).await, before);
    page.is_sound();
}
