//! The pages: a shell made here, filled by ES modules that ask `/api/v1`.
//!
//! The shell has what must be there before any script runs: language, theme, title, navigation, the words that this page
//! says, which modules to fetch, and what is known of the program and the store, so that nothing moves when notices come. All state of a view is in its URL; what is a reader's own taste (`language`, `theme`, `zone`) is
//! in cookies of these names, which the pages set and which say nothing about who reads.
//!
//! There is no inline script and no inline style: the Content-Security-Policy refuses both.

mod assets;
mod known;
mod needs;
pub(crate) mod trouble;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use eventcenter_core::plain_json;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;

use crate::Shared;
use crate::reader::{Language, cookie};
use assets::{Assets, assets};
use known::Known;
use words::{Words, words};

/// A page: its path, its module, the entry of the navigation that it belongs to, its style sheets beside that of
/// all pages.
struct Page {
    path: &'static str,
    module: &'static str,
    entry: &'static str,
    styles: &'static [&'static str],
    /// Whether it is about a range, which can be chosen above it.
    has_range: bool,
}

#[rustfmt::skip]
static PAGES: [Page; 9] = [
    Page { path: "/", module: "overview", entry: "overview", styles: &[], has_range: true },
    Page { path: "/events", module: "events", entry: "events", styles: &[], has_range: true },
    Page { path: "/pods", module: "pods", entry: "pods", styles: &["pods"], has_range: true },
    Page { path: "/pods/{cluster}/{namespace}/{name}", module: "pod", entry: "pods", styles: &["pods"], has_range: true },
    Page { path: "/nodes", module: "nodes", entry: "nodes", styles: &["nodes"], has_range: true },
    Page { path: "/nodes/{cluster}/{name}", module: "node", entry: "nodes", styles: &["pods", "nodes"], has_range: true },
    Page { path: "/components", module: "components", entry: "components", styles: &["nodes"], has_range: true },
    Page { path: "/query", module: "query", entry: "query", styles: &["query"], has_range: true },
    Page { path: "/status", module: "status", entry: "status", styles: &["status"], has_range: false },
];

/// The navigation: a path, and the key of its word.
const ENTRIES: [(&str, &str); 7] = [
    ("/", "overview"),
    ("/events", "events"),
    ("/pods", "pods"),
    ("/nodes", "nodes"),
    ("/components", "components"),
    ("/query", "query"),
    ("/status", "status"),
];

pub(crate) fn routes() -> Router<Arc<Shared>> {
    let routes = Router::new().route("/assets/{version}/{*name}", get(assets::asset));
    PAGES.iter().fold(routes, |routes, page| {
        let shell = move |State(shared): State<Arc<Shared>>, headers: HeaderMap| async move {
            shell(page, &shared, &headers).await
        };
        routes.route(page.path, get(shell))
    })
}

async fn shell(page: &'static Page, shared: &Shared, headers: &HeaderMap) -> Response {
    let taste = Taste::of(headers);
    let assets = assets();
    let known = Known::of(shared).await;
    let vary = (header::VARY, "accept-language, cookie");
    let language = (header::CONTENT_LANGUAGE, taste.language.tag());
    ([vary, language], Html(taste.shell(page, &assets, known.as_ref()).into_string()))
        .into_response()
}

/// What a reader likes.
struct Taste {
    language: Language,
    theme: &'static str,
    zone: &'static str,
}

impl Taste {
    fn of(headers: &HeaderMap) -> Self {
        let language = cookie(headers, "language").and_then(Language::of_tag);
        Self {
            language: language.unwrap_or_else(|| Language::liked(headers)),
            theme: match cookie(headers, "theme") {
                Some("dark") => "dark",
                Some("light") => "light",
                _ => "auto",
            },
            zone: if cookie(headers, "zone") == Some("utc") { "utc" } else { "local" },
        }
    }

    fn shell(&self, page: &Page, assets: &Assets, known: Option<&Known>) -> Markup {
        let modules = needs::modules(assets, &format!("pages/{}.js", page.module));
        let words =
            words(assets, self.language, |beginning| needs::says(assets, &modules, beginning));
        let word = |key: &str| words.get(key).map_or("", String::as_str);
        let base = assets.base();
        let title = word(&format!("page.{}", page.module));
        let head = html! {
            @for style in page.styles { link rel="stylesheet" href={ (base) "/" (style) ".css" }; }
            @for module in &modules { link rel="modulepreload" href={ (base) "/" (module) }; }
            script type="module" src={ (base) "/pages/" (page.module) ".js" } {}
        };
        // Their place is kept until a module fills it.
        let has_tools = page.has_range || known.is_some_and(Known::has_choice);
        let body = html! {
            div #tools.reserved[has_tools] {}
            div #notices aria-live="polite" { @if let Some(known) = known { (known.notices(&words)) } }
            main #page tabindex="-1" aria-busy="true" {
                h1 { (title) }
                noscript { p.notice { (word("shell.no_script")) " " a href="/plain" { (word("shell.plain_page")) } } }
                div.skeleton aria-hidden="true" { div {} div {} div {} }
            }
            (data("words", &words))
            @if let Some(known) = known { (data("known", known)) }
        };
        self.document(assets, &words, title, Some(page), &head, &body)
    }

    /// A document with the navigation at its top.
    fn document(
        &self,
        assets: &Assets,
        words: &Words,
        title: &str,
        page: Option<&Page>,
        head: &Markup,
        body: &Markup,
    ) -> Markup {
        let word = |key: &str| words.get(key).map_or("", String::as_str);
        let base = assets.base();
        let is_here = |entry: &str| page.is_some_and(|page| page.entry == entry);
        html! {
            (DOCTYPE)
            html lang=(self.language.tag()) data-theme=(self.theme) data-zone=(self.zone) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " · " (word("shell.title")) }
                    link rel="icon" href={ (base) "/icon.svg" } type="image/svg+xml";
                    link rel="stylesheet" href={ (base) "/base.css" };
                    (head)
                }
                body data-page=[page.map(|page| page.module)] {
                    a.skip href="#page" { (word("shell.skip")) }
                    header.top {
                        a.brand href="/" {
                            img src={ (base) "/icon.svg" } alt="" width="22" height="22";
                            span { (word("shell.title")) }
                        }
                        nav aria-label=(word("shell.navigation")) {
                            @for (path, entry) in ENTRIES {
                                a href=(path) aria-current=[is_here(entry).then_some("page")] {
                                    (word(&format!("page.{entry}")))
                                }
                            }
                        }
                        div #taste {}
                    }
                    (body)
                }
            }
        }
    }
}

/// A block of data for the modules. In it nothing is markup but its end; what is an order to a terminal is escaped, as in
/// all our JSON.
fn data(id: &str, value: &impl Serialize) -> Markup {
    let text = serde_json::to_string(value).unwrap_or_default().replace('<', "\\u003c");
    html! { script id=(id) type="application/json" { (PreEscaped(plain_json(&text))) } }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_style_sheet_is_linked_by_a_page_and_each_that_is_linked_is_there() {
        let assets = assets();
        let there = assets.names().filter_map(|name| name.strip_suffix(".css"));
        let there: BTreeSet<_> = there.filter(|name| *name != "base").collect();
        let linked: BTreeSet<_> =
            PAGES.iter().flat_map(|page| page.styles.iter().copied()).collect();
        assert_eq!(there, linked);
    }
}
