//! What an API server refuses, and how: the classification that the watch decides by.
//!
//! Checked against Kubernetes 1.37 (2026-11): an expired position is HTTP 200 with a Status in the stream, or HTTP
//! 410; an expired `continue` token is HTTP 410 whose Status carries a fresh token in `metadata.continue`;
//! priority and fairness answers 429 with `Retry-After` in seconds; proxies write HTTP dates there, and HTML in
//! the body.

use std::time::Duration;

use eventcenter_core::{Action, Error, ErrorKind};
use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use serde::Deserialize;

/// No server may ask for more patience than this.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Characters of a server's message that are passed on.
const MESSAGE: usize = 200;

/// Why a request came to nothing.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// What the server asks us to wait.
    pub(crate) retry_after: Option<Duration>,
    /// For people.
    pub(crate) error: Error,
}

/// The difference that it makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// 410: the version, or the `continue` token, is too old. A list may go on with the fresh token.
    Expired {
        /// `metadata.continue` of the Status.
        fresh: Option<String>,
    },
    /// 401: the credential is wrong or over; it may be renewed, or the server may learn of it.
    Unauthorized,
    /// 403: somebody has to grant something.
    Forbidden,
    /// 404: this server has no such API.
    Absent,
    /// 409: what was to be written has changed meanwhile, or is there already.
    Conflict,
    /// 400, 422: the request makes no sense to this server.
    Invalid,
    /// No connection, no answer in time, a cut, 429, 5xx, nonsense: the same again may help.
    Passing,
}

/// `metav1.Status`, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
    reason: String,
    message: String,
    details: Option<Details>,
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    retry_after_seconds: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    #[serde(rename = "continue")]
    token: String,
}

impl Failure {
    /// The same again may help.
    pub(crate) fn passing(component: &str, kind: ErrorKind, message: &str) -> Self {
        Self { kind: Kind::Passing, retry_after: None, error: Error::new(component, kind, message) }
    }

    /// An answer with a status that is no success.
    pub(crate) fn from_response(
        component: &str,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> Self {
        let said = serde_json::from_slice(body)
            .unwrap_or_else(|_| Status { message: plain_text(body), ..Default::default() });
        let mut failure = Self::from_parts(component, status, said);
        if let Some(wait) = retry_after(headers, now) {
            failure.wait(wait);
        }
        failure
    }

    /// A Status in the stream of a watch; none if it is no such thing.
    pub(crate) fn from_stream(component: &str, object: &[u8]) -> Option<Self> {
        let said: Status = serde_json::from_slice(object).ok()?;
        (said.code != 0 || !said.reason.is_empty())
            .then(|| Self::from_parts(component, said.code, said))
    }

    fn from_parts(component: &str, code: u16, said: Status) -> Self {
        let (kind, error_kind) = match code {
            410 => (Kind::Expired { fresh: None }, ErrorKind::Refused),
            401 => (Kind::Unauthorized, ErrorKind::Auth),
            403 => (Kind::Forbidden, ErrorKind::Auth),
            404 => (Kind::Absent, ErrorKind::Refused),
            409 => (Kind::Conflict, ErrorKind::Refused),
            400 | 422 => (Kind::Invalid, ErrorKind::Refused),
            429 => (Kind::Passing, ErrorKind::Throttled),
            408 | 504 => (Kind::Passing, ErrorKind::Timeout),
            500..=599 => (Kind::Passing, ErrorKind::Unavailable),
            _ => (Kind::Passing, ErrorKind::Protocol),
        };
        let expired = matches!(said.reason.as_str(), "Expired" | "Gone");
        let kind = if expired || matches!(kind, Kind::Expired { .. }) {
            let token = said.metadata.token;
            Kind::Expired { fresh: (!token.is_empty()).then_some(token) }
        } else {
            kind
        };
        let refusal = match kind {
            Kind::Unauthorized => "the credential is refused",
            _ => "the API server refuses",
        };
        let mut error = Error::new(component, error_kind, refusal);
        if code != 0 {
            error = error.with("status", code);
        }
        if !said.reason.is_empty() {
            error = error.with("reason", said.reason);
        }
        let message: String = (said.message.trim().chars().take(MESSAGE))
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if !message.is_empty() {
            error = error.with("message", message);
        }
        let mut failure = Self { kind, retry_after: None, error };
        if let Some(Details { retry_after_seconds: seconds @ 1.. }) = said.details {
            failure.wait(Duration::from_secs(seconds));
        }
        failure
    }

    fn wait(&mut self, wait: Duration) {
        let wait = wait.min(LONGEST_WAIT);
        self.retry_after = Some(wait);
        let error = Error::new("", ErrorKind::Protocol, "");
        let error = std::mem::replace(&mut self.error, error);
        self.error = error.with_action(Action::RetryAfter(wait));
    }
}

/// What a server says that speaks no JSON, such as "Client sent an HTTP request to an HTTPS server."; nothing if it
/// is HTML or no text.
fn plain_text(body: &[u8]) -> String {
    let text = std::str::from_utf8(body).unwrap_or_default().trim_start();
    if text.starts_with(['<', '{']) { String::new() } else { text.to_owned() }
}

/// Seconds or an HTTP date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = Timestamp::try_from(httpdate::parse_http_date(text).ok()?).ok()?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, retry_after: &str, body: &str) -> Failure {
        let mut headers = HeaderMap::new();
        if !retry_after.is_empty() {
            headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        }
        let now = "2026-11-26T08:00:00Z".parse().unwrap();
        Failure::from_response("events", status, &headers, body.as_bytes(), now)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_a_bound() {
        let seconds = |text| response(429, text, "").retry_after.map(|wait| wait.as_secs());
        assert_eq!(seconds("7"), Some(7));
        assert_eq!(seconds("Thu, 26 Nov 2026 08:00:12 GMT"), Some(12));
        assert_eq!(seconds("Thu, 26 Nov 2026 07:00:00 GMT"), Some(0));
        assert_eq!(seconds("86400"), Some(300));
        assert_eq!(seconds("soon"), None);
        let failure = response(429, "7", "");
        assert_eq!(failure.error.action(), Action::RetryAfter(Duration::from_secs(7)));
        assert_eq!(failure.error.kind(), ErrorKind::Throttled);
    }

    #[test]
    fn an_expired_token_brings_a_fresh_one() {
        let body = r#"{"reason":"Expired","code":410,"metadata":{"continue":"abc"}}"#;
        assert_eq!(response(410, "", body).kind, Kind::Expired { fresh: Some("abc".into()) });
        assert_eq!(response(410, "", "").kind, Kind::Expired { fresh: None });
        let stream = br#"{"kind":"Status","metadata":{},"reason":"Expired","code":410}"#;
        let failure = Failure::from_stream("events", stream).unwrap();
        assert_eq!(failure.kind, Kind::Expired { fresh: None });
    }

    #[test]
    fn html_from_a_proxy_is_a_passing_failure() {
        let failure = response(502, "", "<html>bad gateway</html>");
        assert_eq!(failure.kind, Kind::Passing);
        assert_eq!(failure.error.to_string(), "events: the API server refuses (status=502)");
    }

    #[test]
    fn a_status_says_why_on_one_line() {
        let body = r#"{"reason":"Forbidden","message":"events is\nforbidden","code":403}"#;
        let failure = response(403, "", body);
        assert_eq!(failure.kind, Kind::Forbidden);
        assert_eq!(
            failure.error.to_string(),
            "events: the API server refuses (status=403, reason=Forbidden, message=events is forbidden)"
        );
    }

    #[test]
    fn a_refused_credential_is_not_a_missing_grant() {
        let body = r#"{"reason":"Unauthorized","message":"Unauthorized","code":401}"#;
        let failure = response(401, "", body);
        assert_eq!(failure.kind, Kind::Unauthorized);
        assert_eq!(failure.error.kind(), ErrorKind::Auth);
        assert_eq!(failure.error.message(), "the credential is refused");
    }

    #[test]
    fn plain_text_is_passed_on_up_to_a_length() {
        let body = "Client sent an HTTP request to an HTTPS server.\n";
        assert_eq!(
            response(400, "", body).error.to_string(),
            "events: the API server refuses (status=400, \
             message=Client sent an HTTP request to an HTTPS server.)"
        );
        let long = response(400, "", &"é\n".repeat(500)).error;
        assert_eq!(long.context()[1].1, "é ".repeat(100));
    }

    #[test]
    fn what_is_no_status_is_none() {
        assert!(Failure::from_stream("events", b"{}").is_none());
        assert!(Failure::from_stream("events", b"<html>").is_none());
    }
}
