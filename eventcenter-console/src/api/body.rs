//! What a request carries: of the type that it has to be, not too large, and not too slow.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::Shared;
use crate::problem::Problem;

/// A JSON body of at most `limits.body`.
pub(super) async fn json<T: DeserializeOwned>(
    shared: &Shared,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Problem> {
    let most = usize::try_from(shared.config.limits.body.bytes()).unwrap_or(usize::MAX);
    let bytes = read(shared, headers, "application/json", body, most).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Problem::bad(format!("the body is not understood: {error}")))
}

/// A body of this type, of at most `most` bytes. A form of another site can send neither JSON nor YAML.
pub(super) async fn read(
    shared: &Shared,
    headers: &HeaderMap,
    kind: &'static str,
    body: Body,
    most: usize,
) -> Result<Vec<u8>, Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|given| given.to_str().ok());
    let is_it =
        given.and_then(|given| given.split(';').next()).is_some_and(|given| given.trim() == kind);
    if !is_it {
        let detail = format!("the body is {kind}");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    // Whoever sends a byte a minute would otherwise hold one of `limits.requests` for ever.
    let reading = timeout(shared.config.limits.deadline.get(), to_bytes(body, most));
    let slow = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to come");
    let large = |_| {
        let detail = format!("the body has at most {most} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    Ok(reading.await.map_err(slow)?.map_err(large)?.to_vec())
}
