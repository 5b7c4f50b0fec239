//! What every request passes: whether it comes by a name of ours, who asks, whether there is room, and what headers
//! the answer has.

mod held;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eventcenter_core::Secret;

use crate::Shared;
use crate::config::Auth;
use crate::login::{self, Asked, peer};
use crate::pages::trouble::Wanted;
use crate::problem::Problem;
use crate::session;

pub(crate) use held::Lasting;

/// Answered whoever asks, and however busy it is: a kubelet's probe has no token, and learns the status alone.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // With `no-referrer` a form of ours would be sent with `Origin: null`, as one of another site is.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

pub(crate) async fn guard(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let wanted = Wanted::of(&request);
    let mut response = match admit(&shared, &request) {
        Err(problem) => match &shared.config.auth {
            Some(Auth::Token(_)) if login::is_refusal(&problem) => {
                login::instead(&Asked::of(&request), problem)
            }
            _ => wanted.answer(problem),
        },
        // A kubelet that is told 503 restarts a program that is only busy.
        Ok(()) if OPEN.contains(&request.uri().path()) => {
            let is_known = knows(&shared, &request).is_ok();
            let response = next.run(request).await;
            // The report names clusters and sinks, and quotes what troubles them.
            if is_known { response } else { response.status().into_response() }
        }
        Ok(()) => match Arc::clone(&shared.requests).try_acquire_owned() {
            Err(_) => {
                let detail = "too many requests are being answered; try again";
                wanted.answer(Problem::busy(detail).code("busy"))
            }
            Ok(permit) => held::held(next.run(request).await, permit),
        },
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn admit(shared: &Shared, request: &Request) -> Result<(), Problem> {
    if !is_host_ours(shared, request) {
        let detail = "this name is not ours; add it to console.hosts if it is";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail).code("host"));
    }
    if is_change(request) && is_foreign(request) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "another site's page asks this"));
    }
    if OPEN.contains(&request.uri().path()) { Ok(()) } else { knows(shared, request) }
}

/// Whether who asks may know what is here.
fn knows(shared: &Shared, request: &Request) -> Result<(), Problem> {
    match &shared.config.auth {
        None | Some(Auth::None) => Ok(()),
        Some(Auth::Token(_)) if login::is_open(request.uri().path()) => Ok(()),
        Some(Auth::Token(secret)) => has_token(shared, secret, request),
        Some(Auth::Proxy(proxy)) => {
            let peer = peer(request.extensions());
            let is_trusted = proxy.trusted.iter().any(|network| network.contains(&peer));
            let says_who = request.headers().get(&proxy.header).is_some_and(|who| !who.is_empty());
            if is_trusted && says_who {
                Ok(())
            } else {
                let detail = "this is reached through its proxy alone";
                Err(Problem::new(StatusCode::UNAUTHORIZED, detail).code("proxy"))
            }
        }
    }
}

fn is_change(request: &Request) -> bool {
    !matches!(*request.method(), Method::GET | Method::HEAD)
}

/// By the token itself, or by a session that was opened with it.
fn has_token(shared: &Shared, secret: &Secret, request: &Request) -> Result<(), Problem> {
    if let Some(token) = given_token(request) {
        return login::prove(shared, secret, peer(request.extensions()), &token).map(drop);
    }
    let Some(id) = session::given(request.headers()) else {
        return Err(Problem::unknown("this needs the token"));
    };
    if !shared.sessions.knows(id, &login::current(secret)?) {
        return Err(Problem::unknown("this session is over; this needs the token"));
    }
    // A browser sends the cookie whatever page asks: it has to say that it is one of ours.
    if is_change(request) && !is_ours(request) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "no page of ours asks this"));
    }
    Ok(())
}

/// `Bearer TOKEN`, or the password of `Basic`.
fn given_token(request: &Request) -> Option<String> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, value) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(value.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

/// A page of another site can point a name of its own at this address (DNS rebinding), and would then be of the same
/// origin: so the name has to be one that we know.
fn is_host_ours(shared: &Shared, request: &Request) -> bool {
    let config = &shared.config;
    if !config.listen.ip().is_loopback() && config.hosts.is_empty() {
        return true;
    }
    let Some(host) = host(request) else { return false };
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let name = name.map_or(host, |(name, _)| name).trim_start_matches('[').trim_end_matches(']');
    let is_address =
        name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip == config.listen.ip());
    is_address
        || name.eq_ignore_ascii_case("localhost")
        || config.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn host(request: &Request) -> Option<&str> {
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => request.headers().get(header::HOST)?.to_str().ok(),
    }
}

/// Whether a browser says that a page of another site asks this.
fn is_foreign(request: &Request) -> bool {
    match said(request, "sec-fetch-site") {
        Some(site) => !matches!(site, "same-origin" | "none"),
        None => said(request, "origin").is_some() && !is_of_our_origin(request),
    }
}

/// Whether a browser says that a page of ours asks this.
fn is_ours(request: &Request) -> bool {
    match said(request, "sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => is_of_our_origin(request),
    }
}

fn is_of_our_origin(request: &Request) -> bool {
    let origin = said(request, "origin").and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, origin)| host(request) == Some(origin))
}

fn said<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}
