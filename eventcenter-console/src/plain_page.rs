//! `/plain`: one page without scripts, for who has none: totals, a searchable list, and how things are.
//!
//! Every text of an event goes through [`plain`] and through maud's escaping. The page works in a text browser.

mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use eventcenter_core::plain;
use eventcenter_store::Answer;
use eventcenter_store::ask::{self, Counts, CountsAsk, Dimension, EventsAsk, Grouping, Order, Row};
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use crate::Shared;
use crate::cursor;
use crate::params::{Params, bounds};
use crate::problem::Problem;
use crate::reader::Language;
use words::Words;

const STYLE: &str = include_str!("plain_page/plain.css");
const ICON: &str = include_str!("../assets/icon.svg");
const PAGE: usize = 50;
const RANGES: [&str; 4] = ["1h", "24h", "7d", "all"];

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/plain", get(front))
        .route("/plain.css", get(async || asset("text/css; charset=utf-8", STYLE)))
        .route("/plain.svg", get(async || asset("image/svg+xml", ICON)))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=3600")];
    (headers, text).into_response()
}

/// What the page shows.
struct Front<'a> {
    words: &'static Words,
    statement: &'a str,
    since: &'a str,
    state: ask::State,
    now: Timestamp,
    ready: bool,
    found: Result<Found, Problem>,
}

struct Found {
    page: Answer<ask::Page>,
    levels: Counts,
}

async fn front(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let words = words::of(Language::liked(&headers));
    match made(&shared, query.as_deref(), words).await {
        Ok((status, page)) => {
            let headers =
                [(header::CONTENT_LANGUAGE, words.language), (header::VARY, "accept-language")];
            (status, headers, Html(page.into_string())).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

async fn made(
    shared: &Shared,
    query: Option<&str>,
    words: &'static Words,
) -> Result<(StatusCode, Markup), Problem> {
    let params = Params::read(query, &["query", "since", "after"])?;
    let state = shared.state().await?;
    let found = find(shared, &params).await;
    let status = match &found {
        Err(problem) => StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST),
        Ok(_) => StatusCode::OK,
    };
    let front = Front {
        words,
        statement: params.statement(),
        since: params.text("since").unwrap_or("24h"),
        state,
        now: shared.clock.now(),
        ready: shared.health.report().ready,
        found,
    };
    Ok((status, front.page()))
}

async fn find(shared: &Shared, params: &Params) -> Result<Found, Problem> {
    let (range, query) = (params.range(&*shared.clock)?, params.query()?);
    let bounds = bounds(&shared.config.limits);
    let events = EventsAsk {
        query: Arc::clone(&query),
        range,
        order: Order::Newest,
        after: params.after(Order::Newest)?,
        limit: PAGE,
        bounds,
    };
    let levels = Grouping::top(Dimension::Level, usize::MAX);
    let counts = CountsAsk { query, range, groupings: vec![levels], bounds };
    let engine = &shared.engine;
    let both = async { Ok((engine.events(&events).await?, engine.counts(&counts).await?)) };
    let (page, levels) = shared.in_time(both).await?;
    Ok(Found { page, levels: levels.value.into_iter().next().unwrap_or_default() })
}

impl Front<'_> {
    fn page(&self) -> Markup {
        let words = self.words;
        html! {
            (DOCTYPE)
            html lang=(words.language) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (words.title) }
                    link rel="icon" href="/plain.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/plain.css";
                }
                body {
                    header { h1 { a href="/plain" { (words.title) } } (self.notes()) }
                    main {
                        (self.form())
                        @match &self.found {
                            Ok(found) => (self.results(found)),
                            Err(problem) => (self.mistake(problem)),
                        }
                    }
                    footer { (self.status()) }
                }
            }
        }
    }

    /// What has to be known before any number is believed.
    fn notes(&self) -> Markup {
        let words = self.words;
        let is_recorded = self.state.clusters.iter().any(|cluster| cluster.recorded);
        html! {
            @if is_recorded { p.note.demo { (words.recorded) } }
            @if !self.ready { p.note.bad { (words.not_ready) } }
            @for damaged in &self.state.set_aside { p.note.bad { (plain(damaged)) } }
            @if self.state.clusters.is_empty() {
                div.note {
                    p { (words.no_cluster) }
                    pre { "cargo xtask testbed up\nKUBECONFIG=… event-center\n\nevent-center --demo" }
                }
            }
        }
    }

    fn form(&self) -> Markup {
        let words = self.words;
        html! {
            form action="/plain" method="get" role="search" {
                label for="query" { (words.search) }
                input #query name="query" type="search" value=(self.statement) placeholder="level : Error and namespace : shop" autocomplete="off" spellcheck="false";
                input type="hidden" name="since" value=(self.since);
                button { (words.find) }
            }
            nav aria-label=(words.range) {
                @for range in RANGES {
                    @let name = if range == "all" { words.all_time } else { range };
                    @if range == self.since { strong aria-current="true" { (name) } }
                    @else { a href=(self.link(range, None)) { (name) } }
                    " "
                }
            }
        }
    }

    fn link(&self, since: &str, after: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.statement.is_empty() {
            query.append_pair("query", self.statement);
        }
        query.append_pair("since", since);
        if let Some(after) = after {
            query.append_pair("after", after);
        }
        format!("/plain?{}", query.finish())
    }

    fn results(&self, found: &Found) -> Markup {
        let words = self.words;
        let level = |wanted: &str| {
            let mut groups = found.levels.groups.iter();
            groups
                .find(|group| group.values.first().is_some_and(|value| value == wanted))
                .map_or(0, |group| group.count)
        };
        html! {
            @for gap in &found.page.gaps {
                p.note.gap {
                    strong { (words.gap) } " "
                    (plain(&gap.cluster.name)) ": "
                    @if let Some(since) = gap.since { (shown(since)) " – " }
                    (shown(gap.until)) ". " (plain(&gap.reason))
                }
            }
            @for unread in &found.page.unread { p.note.bad { (plain(unread)) } }
            dl.totals {
                @for (name, word) in [("Error", words.errors), ("Warning", words.warnings), ("Normal", words.normal)] {
                    div class=(name) { dt { (word) } dd { (level(name)) } }
                }
                div { dt { (words.total) } dd { (found.levels.total) } }
            }
            @if found.page.value.rows.is_empty() { p { (words.nothing) } }
            @else { (self.table(&found.page.value.rows)) }
            @if let Some(next) = found.page.value.next {
                p { a href=(self.link(self.since, Some(&cursor::encode(next)))) rel="next" { (words.older) } }
            }
        }
    }

    fn table(&self, rows: &[Row]) -> Markup {
        let words = self.words;
        let several = self.state.clusters.len() > 1;
        html! {
            table {
                thead { tr {
                    th { (words.time) " (UTC)" }
                    th { (words.level) }
                    @if several { th { (words.cluster) } }
                    th { (words.object) }
                    th { (words.reason) }
                    th { (words.count) }
                    th { (words.message) }
                } }
                tbody {
                    @for row in rows {
                        @let (event, object) = (&row.event, row.event.object());
                        @let level = event.level().as_str();
                        tr class=(level) {
                            td { time datetime=(event.time()) { (shown(event.time())) } }
                            td { (event.class().map_or(level, |class| class.name)) }
                            @if several { td { (plain(&event.cluster().name)) } }
                            td {
                                (plain(object.kind)) " "
                                @if !object.namespace.is_empty() { (plain(object.namespace)) "/" }
                                (plain(object.name))
                            }
                            td { (plain(event.reason())) }
                            td.number { @if row.estimated { "≥ " } (row.occurrences) }
                            td { (plain(event.message())) }
                        }
                    }
                }
            }
        }
    }

    fn mistake(&self, problem: &Problem) -> Markup {
        html! {
            div.note.bad role="alert" {
                @if let Some(column) = problem.column {
                    @let line: String = self.statement.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                    pre { (plain(&line)) "\n" (" ".repeat(column.saturating_sub(1))) "^" }
                }
                p { (plain(&problem.detail)) }
            }
        }
    }

    fn status(&self) -> Markup {
        let words = self.words;
        html! {
            h2 { (words.status) }
            ul {
                @for cluster in &self.state.clusters {
                    li {
                        strong { (plain(&cluster.cluster.name)) } " " (plain(&cluster.cluster.id))
                        @if cluster.recorded { " · " (words.recorded_cluster) }
                        @if let Some(received) = cluster.received { " · " (words.newest) " " (shown(received)) }
                    }
                }
                li { (self.state.events) " " (words.events) " · " (self.state.bytes / 1024) " KiB · " (self.state.engine) }
                li { (words.now) " " (shown(self.now)) " UTC" }
            }
            p { a href="/api/v1/openapi.json" { "API" } " · " a href="/metrics" { (words.metrics) } }
        }
    }
}

fn shown(at: Timestamp) -> String {
    at.strftime("%F %T").to_string()
}
