//! Errors, as problem details (RFC 9457).

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use eventcenter_core::query::QueryError;
use eventcenter_core::{Error, ErrorKind};
use serde::Serialize;
use tracing::error;

/// What went wrong, in the words of the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) title: &'static str,
    pub(crate) status: u16,
    pub(crate) detail: String,
    /// In a search statement, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let (kind, title) = match status {
            StatusCode::BAD_REQUEST => ("/problems/request", "The request is not understood"),
            StatusCode::UNAUTHORIZED => ("/problems/auth", "Who asks is not known"),
            StatusCode::FORBIDDEN => ("/problems/forbidden", "This may not be asked from there"),
            StatusCode::NOT_FOUND => ("/problems/absent", "There is no such thing"),
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
                ("/problems/conflict", "Something else is there")
            }
            StatusCode::UNPROCESSABLE_ENTITY => {
                ("/problems/statement", "The statement is not understood")
            }
            StatusCode::REQUEST_TIMEOUT => ("/problems/slow", "The request took too long"),
            StatusCode::PAYLOAD_TOO_LARGE => ("/problems/too-large", "This is too large"),
            StatusCode::SERVICE_UNAVAILABLE => ("/problems/busy", "Not now"),
            StatusCode::GATEWAY_TIMEOUT => ("/problems/deadline", "The answer took too long"),
            _ => ("about:blank", "It did not work"),
        };
        let (status, detail) = (status.as_u16(), detail.into());
        Self { kind, title, status, detail, column: None, headers: Vec::new() }
    }

    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn absent(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Too many ask at a time.
    pub(crate) fn busy(detail: &str) -> Self {
        let after = (header::RETRY_AFTER, HeaderValue::from_static("1"));
        Self { headers: vec![after], ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let QueryError { column, message } = error;
        Self { column: Some(column), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, message) }
    }
}

/// What an engine answers.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Refused | ErrorKind::Config => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
            ErrorKind::Throttled | ErrorKind::Unavailable => return Self::busy(error.message()),
            _ => {
                // Paths and internals are for the log, and not for who asks.
                error!(%error, cause = error.root_cause().unwrap_or_default(), "a question was not answered");
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the store cannot be read; its log says more",
                );
            }
        };
        let detail = match error.root_cause() {
            Some(cause) => format!("{}: {cause}", error.message()),
            None => error.message().to_owned(),
        };
        Self::new(status, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}

pub(crate) async fn not_found() -> Problem {
    Problem::absent("there is no such path; /api/v1/openapi.json has those that there are")
}
