//! What every request passes: whether it comes by a name of ours, who asks, whether there is room, and what headers
//! the answer has.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

use crate::Shared;
use crate::config::Auth;
use crate::problem::Problem;

/// Answered without asking who asks, and however busy it is: a kubelet's probe has no token, and learns nothing.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

pub(crate) async fn guard(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match admit(&shared, &request) {
        Err(problem) => problem.into_response(),
        // A kubelet that is told 503 restarts a program that is only busy.
        Ok(()) if OPEN.contains(&request.uri().path()) => next.run(request).await,
        Ok(()) => match shared.requests.try_acquire() {
            Err(_) => {
                Problem::busy("too many requests are being answered; try again").into_response()
            }
            Ok(_permit) => next.run(request).await,
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
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) && is_foreign(request) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "another site's page asks this"));
    }
    if OPEN.contains(&request.uri().path()) {
        return Ok(());
    }
    match &shared.config.auth {
        None | Some(Auth::None) => Ok(()),
        Some(Auth::Token(token)) => {
            let token = token.reveal()?;
            let given = given_token(request);
            let is_it =
                given.is_some_and(|given| given.as_bytes().ct_eq(token.trim().as_bytes()).into());
            if is_it && !token.trim().is_empty() {
                Ok(())
            } else {
                Err(unknown("this needs the token"))
            }
        }
        Some(Auth::Proxy(proxy)) => {
            let peer = request
                .extensions()
                .get::<ConnectInfo<SocketAddr>>()
                .map(|info| info.0.ip().to_canonical());
            let is_trusted =
                |peer: &IpAddr| proxy.trusted.iter().any(|network| network.contains(peer));
            let says_who = request.headers().get(&proxy.header).is_some_and(|who| !who.is_empty());
            if peer.as_ref().is_some_and(is_trusted) && says_who {
                Ok(())
            } else {
                Err(Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "this is reached through its proxy alone",
                ))
            }
        }
    }
}

fn unknown(detail: &str) -> Problem {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, detail);
    problem.with_header(header::WWW_AUTHENTICATE, "Basic realm=\"event center\", charset=\"UTF-8\"")
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
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let origin =
        text("origin").map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    origin.is_some_and(|origin| host(request) != Some(origin))
}
