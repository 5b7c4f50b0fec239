//! The way in for a browser: a form for the token, and a cookie instead of it.
//!
//! Only where `console.auth` is a token. A page that is asked for without it is answered 401 with the form. The cookie is
//! `HttpOnly`, so that no script reads it, `SameSite=Strict`, so that no other site's page uses it, and `Secure` where the
//! browser came by https (it says so in `Origin`; else a proxy in `X-Forwarded-Proto`). The token is in no URL.
//!
//! A link from elsewhere comes without a strict cookie. The form that answers it loads the page once more, of itself,
//! and then the cookie is there.

mod words;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use eventcenter_core::{Secret, plain};
use maud::{DOCTYPE, html};
use tracing::error;

use crate::Shared;
use crate::body;
use crate::config::Auth;
use crate::problem::Problem;
use crate::reader::Language;
use crate::session::{self, COOKIE, LIFE};

const STYLE: &str = include_str!("login/login.css");

/// Bytes of the place that a login goes on to.
const PLACE: usize = 2048;

/// Answered to who has not shown a token: the form, and what pages are drawn with.
pub(crate) fn is_open(path: &str) -> bool {
    path == "/login" || path.starts_with("/assets/")
}

pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/login", get(form).post(login))
        .route("/logout", post(logout))
        .route("/assets/login.css", get(style))
}

async fn style() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "max-age=3600"),
    ];
    (headers, STYLE).into_response()
}

/// Whether `given` is the token that `secret` holds, for a peer that is not wrong too often. Returns the token.
pub(crate) fn prove(
    shared: &Shared,
    secret: &Secret,
    peer: IpAddr,
    given: &str,
) -> Result<String, Problem> {
    if let Some(pause) = shared.mistakes.pause(peer) {
        return Err(Problem::too_often(pause));
    }
    let token = current(secret)?;
    if session::is_same(given, &token) {
        return Ok(token);
    }
    shared.mistakes.note(peer);
    Err(Problem::unknown("this is not the token"))
}

/// The token as it is now: its file may be written anew at any time.
pub(crate) fn current(secret: &Secret) -> Result<String, Problem> {
    let token = secret.reveal().map(|token| token.trim().to_owned());
    let token = token.inspect_err(|error| error!(%error, "nobody can log in"));
    match token {
        Ok(token) if !token.is_empty() => Ok(token),
        // Else an empty token would open everything.
        _ => Err(Problem::busy("the token cannot be read; the log says more")),
    }
}

/// Where a request comes from. A router that is called without a server has no peer.
pub(crate) fn peer(extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |info| info.0.ip().to_canonical())
}

/// Whether it says that who asks is not known.
pub(crate) fn is_refusal(problem: &Problem) -> bool {
    matches!(problem.status, 401 | 429)
}

/// The form instead of a refusal, where a browser asks for a page.
pub(crate) fn instead(request: &Asked, problem: Problem) -> Response {
    if !request.wants_page {
        return problem.into_response();
    }
    let page = Form {
        place: &request.place,
        problem: (problem.status != 401).then_some(&problem),
        again: request.is_from_elsewhere,
        language: request.language,
    };
    page.answer(problem.clone().into_response())
}

/// What is remembered of a request that may be refused.
pub(crate) struct Asked {
    wants_page: bool,
    place: String,
    is_from_elsewhere: bool,
    language: Language,
}

impl Asked {
    pub(crate) fn of(request: &Request) -> Self {
        let headers = request.headers();
        let accepts = text(headers, &header::ACCEPT).unwrap_or_default();
        let place = request.uri().path_and_query().map_or("/", |place| place.as_str());
        let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
        Self {
            wants_page: request.method() == Method::GET && accepts.contains("text/html"),
            place: kept_place(place).to_owned(),
            is_from_elsewhere: matches!(site, Some("cross-site" | "same-site")),
            language: Language::liked(headers),
        }
    }
}

struct Form<'a> {
    place: &'a str,
    problem: Option<&'a Problem>,
    again: bool,
    language: Language,
}

impl Form<'_> {
    /// The page, with the status and headers of `response`.
    fn answer(&self, response: Response) -> Response {
        let words = words::of(self.language);
        let page = html! {
            (DOCTYPE)
            html lang=(words.language) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    @if self.again { meta http-equiv="refresh" content="0"; }
                    title { (words.title) }
                    link rel="stylesheet" href="/assets/login.css";
                }
                body {
                    main {
                        h1 { (words.title) }
                        @if let Some(problem) = self.problem {
                            p role="alert" { (words.wrong) " " span lang="en" { (plain(&problem.detail)) } }
                        }
                        form action="/login" method="post" {
                            label for="token" { (words.token) }
                            input #token name="token" type="password" autocomplete="current-password" required autofocus;
                            input type="hidden" name="next" value=(self.place);
                            button { (words.enter) }
                        }
                        p { (words.where_from) }
                    }
                }
            }
        };
        let (mut parts, _) = response.into_parts();
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        (parts.status, parts.headers, Html(page.into_string())).into_response()
    }
}

async fn form(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if !matches!(shared.config.auth, Some(Auth::Token(_))) {
        return to("/");
    }
    let language = Language::liked(&headers);
    let page = Form { place: "/", problem: None, again: false, language };
    page.answer(StatusCode::OK.into_response())
}

async fn login(
    State(shared): State<Arc<Shared>>,
    extensions: Extensions,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Some(Auth::Token(secret)) = &shared.config.auth else {
        return Err(Problem::absent("no token is needed here"));
    };
    body::is_of_kind(&headers, "application/x-www-form-urlencoded")?;
    let body = body::whole(body, &shared.config.limits).await?;
    let (mut given, mut place) = (String::new(), String::new());
    for (name, value) in form_urlencoded::parse(&body) {
        match &*name {
            "token" => given = value.into_owned(),
            "next" => place = value.into_owned(),
            _ => {}
        }
    }
    let place = kept_place(&place);
    match prove(&shared, secret, peer(&extensions), given.trim()) {
        Ok(token) => {
            let id = shared.sessions.open(&token);
            Ok(with_cookie(to(place), &headers, &id, LIFE.as_secs()))
        }
        Err(problem) => {
            let language = Language::liked(&headers);
            let page = Form { place, problem: Some(&problem), again: false, language };
            Ok(page.answer(problem.clone().into_response()))
        }
    }
}

async fn logout(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Some(id) = session::given(&headers) {
        shared.sessions.close(id);
    }
    with_cookie(to("/login"), &headers, "", 0)
}

fn with_cookie(mut response: Response, headers: &HeaderMap, id: &str, seconds: u64) -> Response {
    let is_https = match text(headers, &header::ORIGIN) {
        Some(origin) if origin != "null" => origin.starts_with("https://"),
        _ => text(headers, &HeaderName::from_static("x-forwarded-proto")) == Some("https"),
    };
    let secure = if is_https { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    // Letters, digits, `-` and `_`: always a header.
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn to(place: &str) -> Response {
    let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// A place of ours: what begins with two slashes, or a slash and a backslash, is another host to a browser.
fn kept_place(place: &str) -> &str {
    let is_ours = place.starts_with('/')
        && !place.starts_with("//")
        && !place.starts_with("/\\")
        && !is_open(place.split('?').next().unwrap_or_default())
        && place.len() <= PLACE
        && place.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours { place } else { "/" }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_goes_on_to_places_of_ours_alone() {
        let long = format!("/{}", "a".repeat(PLACE));
        for ours in ["/", "/?query=level%20:%20Error", "/pods/a/b#c"] {
            assert_eq!(kept_place(ours), ours);
        }
        for other in [
            "",
            "//evil.example.org/",
            "/\\evil.example.org",
            "https://evil.example.org/",
            "evil",
            "/a\r\nSet-Cookie: x",
            "/login",
            "/login?next=/login",
            &long,
        ] {
            assert_eq!(kept_place(other), "/", "{other:?}");
        }
    }
}
