//! A problem as a page, for who asked for a page: a mistaken address, or a program that is too busy, is met by people.
//!
//! Programs get problem details, and so does everybody under `/api/`. The page needs no script and asks for nothing but
//! its style; it has the status and the headers of the problem.

use axum::extract::Request;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use eventcenter_core::plain;
use maud::html;

use super::Taste;
use super::assets::assets;
use super::words::{filled, words};
use crate::problem::Problem;

/// Whether a request is answered with a page, and how its reader likes it.
pub(crate) struct Wanted(Option<Taste>);

impl Wanted {
    pub(crate) fn of(request: &Request) -> Self {
        let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
        let is_page = request.method() == Method::GET
            && accepts.is_some_and(|accept| accept.contains("text/html"))
            && !["/api/", "/assets/"].iter().any(|part| request.uri().path().starts_with(part));
        Self(is_page.then(|| Taste::of(request.headers())))
    }

    /// The problem, as it is wanted.
    pub(crate) fn answer(&self, problem: Problem) -> Response {
        match &self.0 {
            Some(taste) => taste.trouble(problem),
            None => problem.into_response(),
        }
    }
}

/// Shows the problems of all that is inside.
pub(crate) async fn shown(request: Request, next: Next) -> Response {
    let wanted = Wanted::of(&request);
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) if wanted.0.is_some() => wanted.answer(problem),
        _ => response,
    }
}

impl Taste {
    fn trouble(&self, problem: Problem) -> Response {
        let assets = assets();
        let known = ["page", "shell", "problem", "mistake"];
        let words = words(&assets, self.language, |beginning| known.contains(&beginning));
        let title = words.get(&format!("problem.{}", problem.kind_word()));
        let title = title.map_or(problem.title, String::as_str);
        let sentence = problem.mistake.as_deref().and_then(|mistake| {
            let sentence = words.get(&format!("mistake.{}", mistake.code))?;
            Some(filled(sentence, &mistake.values))
        });
        let body = html! {
            main #page tabindex="-1" {
                h1 { (title) }
                @match &sentence {
                    Some(sentence) => p { (plain(sentence)) },
                    None => p lang="en" { (plain(&problem.detail)) },
                }
            }
        };
        let page = self.document(&assets, &words, title, None, &html! {}, &body);
        let (mut parts, _) = problem.into_response().into_parts();
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        (parts.status, parts.headers, Html(page.into_string())).into_response()
    }
}
