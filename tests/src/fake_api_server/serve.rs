//! From a request to an answer: record it, let a fault strike, check the token, serve the path.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use hyper::body::Incoming;
use hyper::{Request, Response};

use super::fault::{Fault, Kind};
use super::list::{Page, fresh_token};
use super::object::Api;
use super::query::{Query, parameters};
use super::state::{Access, KubeSystem, RecordedRequest, Shared};
use super::status::Status;
use super::{USER, discovery, watch};
use crate::loopback::{Answering, Body, Break, Handler, Outcome, Stopping};

/// The handler of the fake server.
pub(crate) fn handler(shared: &Arc<Shared>) -> Handler {
    let shared = Arc::clone(shared);
    Arc::new(move |request: Request<Incoming>, stopping: Stopping| -> Answering {
        let shared = Arc::clone(&shared);
        Box::pin(async move { answer(&shared, &request, stopping).await })
    })
}

/// What a path leads to.
enum Route<'a> {
    Health,
    Version,
    Core,
    Groups,
    Resources(Api),
    KubeSystem,
    Events(Api, Option<&'a str>),
    Unknown,
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Self {
        let mut parts = path.trim_matches('/').split('/');
        let api = match (parts.next(), parts.next()) {
            (Some("healthz" | "readyz" | "livez"), None) => return Self::Health,
            (Some("version"), None) => return Self::Version,
            (Some("api"), None) => return Self::Core,
            (Some("apis"), None) => return Self::Groups,
            (Some("api"), Some("v1")) => Api::Core,
            (Some("apis"), Some("events.k8s.io")) if parts.next() == Some("v1") => Api::Events,
            _ => return Self::Unknown,
        };
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (None, ..) => Self::Resources(api),
            (Some("events"), None, ..) => Self::Events(api, None),
            (Some("namespaces"), Some(ns), Some("events"), None) => Self::Events(api, Some(ns)),
            (Some("namespaces"), Some("kube-system"), None, _) if api == Api::Core => {
                Self::KubeSystem
            }
            _ => Self::Unknown,
        }
    }
}

async fn answer(shared: &Arc<Shared>, request: &Request<Incoming>, stopping: Stopping) -> Outcome {
    let record = record(request);
    let route = Route::of(request.uri().path());
    let fault = {
        let mut state = shared.state();
        state.requests.push(record.clone());
        state.faults.take(kind(&route, &record))
    };
    let fault = match fault {
        Some(Fault::Reset) => return Err(Break::Reset),
        Some(Fault::Close) => return Err(Break::Close),
        Some(Fault::HangBeforeHeaders) => return std::future::pending().await,
        Some(Fault::Status { code, retry_after, body }) => {
            return Ok(faulty(code, retry_after.as_deref(), body));
        }
        fault => fault,
    };
    Ok(serve(shared, request, &record, &route, fault, stopping)
        .unwrap_or_else(|status| refuse(&status)))
}

fn serve(
    shared: &Arc<Shared>,
    request: &Request<Incoming>,
    record: &RecordedRequest,
    route: &Route<'_>,
    fault: Option<Fault>,
    stopping: Stopping,
) -> Result<Response<Body>, Status> {
    match route {
        // These are for everybody.
        Route::Health => {
            return Ok(whole(Bytes::from_static(b"ok"), "text/plain; charset=utf-8"));
        }
        Route::Version => return Ok(json(discovery::version())),
        _ => {}
    }
    let known = authenticate(shared, record)?;
    if request.method() != http::Method::GET {
        return Err(Status::new(
            405,
            "the server does not allow this method on the requested resource",
        ));
    }
    match route {
        Route::Events(api, namespace) => {
            events(shared, record, *api, *namespace, known, fault, stopping)
        }
        _ if !known => Err(anonymous(record)),
        Route::Core => {
            Ok(json(discovery::core_versions(record.header("host").unwrap_or_default())))
        }
        Route::Groups => Ok(json(discovery::groups())),
        Route::Resources(api) => Ok(json(discovery::resources(*api))),
        Route::KubeSystem => kube_system(&shared.state().kube_system),
        Route::Health | Route::Version | Route::Unknown => Err(Status::no_such_path()),
    }
}

fn events(
    shared: &Arc<Shared>,
    record: &RecordedRequest,
    api: Api,
    namespace: Option<&str>,
    known: bool,
    fault: Option<Fault>,
    stopping: Stopping,
) -> Result<Response<Body>, Status> {
    let verb = if record.is_watch() { "watch" } else { "list" };
    let allowed = match &shared.state().access {
        Access::Everywhere => true,
        Access::Namespaces(list) => namespace.is_some_and(|ns| list.iter().any(|one| one == ns)),
        Access::Nowhere => false,
    };
    if !known || !allowed {
        let user = if known { USER } else { "system:anonymous" };
        return Err(Status::forbidden(user, verb, api, namespace));
    }
    let query = Query::parse(api, namespace, &record.query)?;
    let accepts_gzip = record.header("accept-encoding").is_some_and(|value| {
        value.split(',').any(|coding| coding.trim().split(';').next() == Some("gzip"))
    });
    let gzip = matches!(fault, Some(Fault::Gzip)) && accepts_gzip;
    let body = if query.watch {
        watch::open(shared, query, fault, gzip, stopping)?
    } else {
        let state = shared.state();
        if let (Some(Fault::ContinueExpired), Some(token)) = (&fault, &query.token) {
            return Err(fresh_token(&state, token));
        }
        let page = Page::find(&state, &query)?;
        drop(state);
        page.body(fault, gzip)
    };
    let mut response = with_headers(Response::new(body), "application/json");
    if gzip {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    Ok(response)
}

/// Whether the caller is known: with no token at all it is anonymous, with a wrong one it is out.
fn authenticate(shared: &Shared, record: &RecordedRequest) -> Result<bool, Status> {
    let Some(given) = record.header("authorization") else {
        return Ok(false);
    };
    match given.strip_prefix("Bearer ") {
        Some(token) if token == shared.state().token => Ok(true),
        _ => Err(Status::unauthorized()),
    }
}

fn anonymous(record: &RecordedRequest) -> Status {
    let path = &record.path;
    Status::new(403, format!("forbidden: User \"system:anonymous\" cannot get path \"{path}\""))
}

fn kube_system(answer: &KubeSystem) -> Result<Response<Body>, Status> {
    const NAME: &str = "kube-system";
    match answer {
        KubeSystem::Uid(uid) => Ok(json(discovery::kube_system(uid))),
        KubeSystem::Forbidden => Err(Status::about(
            403,
            "namespaces",
            NAME,
            format!(
                "namespaces \"{NAME}\" is forbidden: User \"{USER}\" cannot get resource \
                 \"namespaces\" in API group \"\" in the namespace \"{NAME}\""
            ),
        )),
        KubeSystem::Missing => {
            Err(Status::about(404, "namespaces", NAME, format!("namespaces \"{NAME}\" not found")))
        }
    }
}

fn record(request: &Request<Incoming>) -> RecordedRequest {
    let headers = request.headers().iter();
    RecordedRequest {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: parameters(request.uri().query().unwrap_or_default()),
        headers: headers
            .map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
        at: Instant::now(),
    }
}

fn kind(route: &Route<'_>, record: &RecordedRequest) -> Kind {
    match route {
        Route::Events(..) if record.is_watch() => Kind::Watch,
        Route::Events(..)
            if record.parameter("continue").is_some_and(|token| !token.is_empty()) =>
        {
            Kind::Continue
        }
        Route::Events(..) => Kind::List,
        _ => Kind::Other,
    }
}

fn json(body: Bytes) -> Response<Body> {
    whole(body, "application/json")
}

fn whole(body: Bytes, content_type: &'static str) -> Response<Body> {
    with_headers(Response::new(Body::Whole(body)), content_type)
}

fn with_headers(mut response: Response<Body>, content_type: &'static str) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

fn refuse(status: &Status) -> Response<Body> {
    let mut response = json(status.body());
    *response.status_mut() = StatusCode::from_u16(status.code).expect("a status code");
    response
}

fn faulty(code: u16, retry_after: Option<&str>, body: Option<String>) -> Response<Body> {
    let mut response = match body {
        Some(body) => whole(body.into(), "text/plain; charset=utf-8"),
        None => json(Status::new(code, "a fault that the test ordered").body()),
    };
    *response.status_mut() = StatusCode::from_u16(code).expect("a status code");
    if let Some(retry_after) = retry_after {
        let value = HeaderValue::from_str(retry_after).expect("a header value");
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}
