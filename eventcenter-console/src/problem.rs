//! Errors, as problem details (RFC 9457).
//!
//! `detail` says it in English. What readers of the pages meet has a `code` too, and under `values` what the sentence
//! names, so that a page can say it in their language: the words `mistake.CODE`. Codes stay as they are.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use eventcenter_core::query::QueryError;
use eventcenter_core::{Error, ErrorKind, plain, plain_json};
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
    #[serde(flatten)]
    pub(crate) mistake: Option<Box<Mistake>>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// What is wrong, more exactly than by the type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Mistake {
    pub(crate) code: &'static str,
    /// What the detail names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) values: BTreeMap<&'static str, String>,
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
            StatusCode::TOO_MANY_REQUESTS => ("/problems/attempts", "Wait before you try again"),
            StatusCode::PAYLOAD_TOO_LARGE => ("/problems/too-large", "This is too large"),
            StatusCode::SERVICE_UNAVAILABLE => ("/problems/busy", "Not now"),
            StatusCode::GATEWAY_TIMEOUT => ("/problems/deadline", "The answer took too long"),
            _ => ("about:blank", "It did not work"),
        };
        let (status, detail) = (status.as_u16(), detail.into());
        Self { kind, title, status, detail, column: None, mistake: None, headers: Vec::new() }
    }

    /// Says by a code what is wrong.
    pub(crate) fn code(self, code: &'static str) -> Self {
        let mistake = Some(Box::new(Mistake { code, values: BTreeMap::new() }));
        Self { mistake, ..self }
    }

    /// Names a value of the sentence that a code stands for.
    pub(crate) fn value(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Some(mistake) = &mut self.mistake {
            mistake.values.insert(name, value.into());
        }
        self
    }

    /// The last part of the type: `absent`.
    pub(crate) fn kind_word(&self) -> &'static str {
        self.kind.rsplit('/').next().unwrap_or_default()
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

    /// The answer was not made in time.
    pub(crate) fn late(detail: &str) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, detail).code("late")
    }

    /// Who asks has not shown the token. No browser answers this challenge with a window of its own, as it would that of
    /// Basic: its user gets the form.
    pub(crate) fn unknown(detail: &str) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"event center\"");
        let challenge = (header::WWW_AUTHENTICATE, challenge);
        Self { headers: vec![challenge], ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    /// Who asks was wrong too often.
    pub(crate) fn too_often(pause: Duration) -> Self {
        let seconds = pause.as_secs() + 1;
        let after = (header::RETRY_AFTER, HeaderValue::from(seconds));
        let detail = format!("too many wrong tokens; the next is looked at in {seconds} s");
        Self { headers: vec![after], ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let QueryError { column, message, mistake } = error;
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, message);
        let mistake = mistake.map(|mistake| {
            let values = mistake.values.into_iter().collect();
            Box::new(Mistake { code: mistake.code, values })
        });
        Self { column: Some(column), mistake, ..problem }
    }
}

/// What an engine answers.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Refused | ErrorKind::Config => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::Timeout => return Self::late(&plain(error.message())),
            ErrorKind::Throttled | ErrorKind::Unavailable => return Self::busy(error.message()),
            _ => {
                // Paths and internals are for the log, and not for who asks.
                error!(%error, cause = error.root_cause().unwrap_or_default(), "a question was not answered");
                return Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the store cannot be read; its log says more",
                )
                .code("unreadable");
            }
        };
        let detail = match error.root_cause() {
            Some(cause) => format!("{}: {cause}", error.message()),
            None => error.message().to_owned(),
        };
        let column = error.context().iter().find(|(key, _)| *key == "column");
        let column = column.and_then(|(_, column)| column.parse().ok());
        Self { column, ..Self::new(status, plain(&detail)) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // A detail may quote what was asked.
        let body = serde_json::to_string(&self).unwrap_or_default();
        let body = plain_json(&body).into_owned();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        response.headers_mut().extend(self.headers.clone());
        // For who asked for a page: see `pages::trouble`.
        response.extensions_mut().insert(self);
        response
    }
}

pub(crate) async fn not_found() -> Problem {
    let detail = "there is no such path; /api/v1/openapi.json has those that there are";
    Problem::absent(detail).code("no-path")
}
