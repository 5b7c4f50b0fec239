//! The body of a request: so long, and in so much time.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use eventcenter_core::config::ByteSize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::config::LimitsConfig;
use crate::problem::Problem;

/// All of it, at most `limits.body`.
pub(crate) async fn whole(body: Body, limits: &LimitsConfig) -> Result<Bytes, Problem> {
    at_most(body, limits, limits.body).await
}

/// A JSON body of at most `limits.body`, read.
pub(crate) async fn json<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    limits: &LimitsConfig,
) -> Result<T, Problem> {
    json_at_most(headers, body, limits, limits.body).await
}

/// A JSON body of at most `most`, read.
pub(crate) async fn json_at_most<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    limits: &LimitsConfig,
    most: ByteSize,
) -> Result<T, Problem> {
    // A form of another site can send no such type.
    is_of_kind(headers, "application/json")?;
    serde_json::from_slice(&at_most(body, limits, most).await?)
        .map_err(|error| Problem::bad(format!("the body is not understood: {error}")))
}

/// All of it. Whoever sends a byte a minute would otherwise hold one of `limits.requests` for ever.
pub(crate) async fn at_most(
    body: Body,
    limits: &LimitsConfig,
    most: ByteSize,
) -> Result<Bytes, Problem> {
    let bytes = usize::try_from(most.bytes()).unwrap_or(usize::MAX);
    timeout(limits.deadline.get(), to_bytes(body, bytes))
        .await
        .map_err(|_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to come"))?
        .map_err(|_| {
            let most = format!("the body is larger than {most}");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, most)
        })
}

/// Refuses a body of another kind than `wanted`.
pub(crate) fn is_of_kind(headers: &HeaderMap, wanted: &str) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if kind.is_some_and(|kind| kind.eq_ignore_ascii_case(wanted)) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the body is {wanted}")))
}
