//! `metav1.Status`: how the server says no. Field order as on the wire.
//!
//! The ERROR line of a compacted watch and the 504 of a future version were recorded on Kubernetes
//! 1.37.2. Of the others code, reason and structure are the real ones and the message is only like
//! it: a client has no business reading it.

use bytes::Bytes;
use serde::Serialize;

use super::object::{Api, to_json};

/// A failure, as the body of an answer or as the object of an ERROR line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    kind: &'static str,
    api_version: &'static str,
    metadata: ListMeta,
    status: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Box<Details>>,
    pub(crate) code: u16,
}

#[derive(Clone, Debug, Default, Serialize)]
struct ListMeta {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#continue: Option<Box<str>>,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u32>,
}

#[derive(Clone, Debug, Serialize)]
struct Cause {
    reason: &'static str,
    message: &'static str,
}

impl Status {
    /// A failure with the reason that goes with its code.
    pub(crate) fn new(code: u16, message: impl Into<String>) -> Self {
        let reason = match code {
            400 => Some("BadRequest"),
            401 => Some("Unauthorized"),
            403 => Some("Forbidden"),
            404 => Some("NotFound"),
            405 => Some("MethodNotAllowed"),
            410 => Some("Expired"),
            422 => Some("Invalid"),
            429 => Some("TooManyRequests"),
            503 => Some("ServiceUnavailable"),
            504 => Some("Timeout"),
            _ => None,
        };
        Self {
            kind: "Status",
            api_version: "v1",
            metadata: ListMeta::default(),
            status: "Failure",
            message: message.into(),
            reason,
            details: None,
            code,
        }
    }

    /// 401, whatever was wrong with the token.
    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized")
    }

    /// 403, in RBAC's words.
    pub(crate) fn forbidden(user: &str, verb: &str, api: Api, namespace: Option<&str>) -> Self {
        let group = api.group();
        let place = namespace.map_or_else(
            || "at the cluster scope".to_owned(),
            |ns| format!("in the namespace \"{ns}\""),
        );
        let mut status = Self::new(
            403,
            format!(
                "events is forbidden: User \"{user}\" cannot {verb} resource \"events\" \
                 in API group \"{group}\" {place}"
            ),
        );
        status.details = Some(Box::new(Details { group, kind: "events", ..Details::default() }));
        status
    }

    /// 403 or 404 for one named object of the core group.
    pub(crate) fn about(code: u16, kind: &'static str, name: &str, message: String) -> Self {
        let mut status = Self::new(code, message);
        status.details =
            Some(Box::new(Details { name: name.to_owned(), kind, ..Details::default() }));
        status
    }

    /// 404 for a path that nothing is served at.
    pub(crate) fn no_such_path() -> Self {
        let mut status = Self::new(404, "the server could not find the requested resource");
        status.details = Some(Box::default());
        status
    }

    /// A watch or a list from before the last compaction.
    pub(crate) fn too_old(verb: &str) -> Self {
        Self::new(410, format!("The resourceVersion for the provided {verb} is too old."))
    }

    /// A continue token from before the last compaction; `fresh` reads on, inconsistently.
    pub(crate) fn continue_expired(fresh: String) -> Self {
        let mut status = Self::new(
            410,
            "The provided continue parameter is too old to display a consistent list result.",
        );
        status.metadata.r#continue = Some(fresh.into());
        status
    }

    /// A resourceVersion the server has not reached.
    pub(crate) fn too_large(asked: u64, current: u64) -> Self {
        let mut status =
            Self::new(504, format!("Too large resource version: {asked}, current: {current}"));
        status.details = Some(Box::new(Details {
            causes: vec![Cause {
                reason: "ResourceVersionTooLarge",
                message: "Too large resource version",
            }],
            retry_after_seconds: Some(1),
            ..Details::default()
        }));
        status
    }

    /// A resourceVersion that is not a number: 500 and no reason.
    pub(crate) fn malformed_version(text: &str) -> Self {
        Self::new(
            500,
            format!(
                "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: \
                 invalid syntax"
            ),
        )
    }

    /// The body of an answer; the real one ends with a newline.
    pub(crate) fn body(&self) -> Bytes {
        let mut json = to_json(self);
        json.push(b'\n');
        json.into()
    }

    /// The line of a watch that carries it.
    pub(crate) fn line(&self) -> Vec<u8> {
        let mut line = br#"{"type":"ERROR","object":"#.to_vec();
        line.extend_from_slice(&to_json(self));
        line.extend_from_slice(b"}\n");
        line
    }
}
