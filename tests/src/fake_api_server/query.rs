//! What a list or watch request asks for, checked as the real server checks it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::object::Api;
use super::selector::Selector;
use super::status::Status;

/// A request for Events.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) api: Api,
    pub(crate) namespace: Option<String>,
    pub(crate) watch: bool,
    pub(crate) limit: Option<u64>,
    pub(crate) token: Option<Token>,
    pub(crate) version: Version,
    pub(crate) exact: Option<bool>,
    pub(crate) selector: Selector,
    pub(crate) timeout: Option<Duration>,
    /// The line that marks the end of the stored Events is wanted.
    pub(crate) initial_events_end: bool,
    /// `sendInitialEvents=true`: stored Events come first, whatever the version.
    pub(crate) initial_events: bool,
}

/// The parameter `resourceVersion`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Unset,
    Zero,
    At(u64),
}

impl Query {
    /// Checks the parameters.
    pub(crate) fn parse(
        api: Api,
        namespace: Option<&str>,
        parameters: &[(String, String)],
    ) -> Result<Self, Status> {
        let get = |name: &str| {
            parameters.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
        };
        let flag = |name: &str| matches!(get(name), "1" | "true" | "True" | "TRUE" | "t" | "T");
        let number = |name: &str| match get(name) {
            "" => Ok(None),
            text => text
                .parse::<u64>()
                .map(|value| (value > 0).then_some(value))
                .map_err(|_| Status::new(400, format!("{name}: invalid value {text:?}"))),
        };

        let watch = flag("watch");
        let version = match get("resourceVersion") {
            "" => Version::Unset,
            "0" => Version::Zero,
            text => text.parse().map(Version::At).map_err(|_| Status::malformed_version(text))?,
        };
        let exact = match get("resourceVersionMatch") {
            "" => None,
            "Exact" => Some(true),
            "NotOlderThan" => Some(false),
            text => {
                return Err(invalid(&format!("resourceVersionMatch: Unsupported value: {text:?}")));
            }
        };
        let bookmarks = flag("allowWatchBookmarks");
        let initial_events = flag("sendInitialEvents");
        if initial_events && (!watch || exact != Some(false)) {
            return Err(invalid(
                "sendInitialEvents requires resourceVersionMatch=NotOlderThan on a watch",
            ));
        }
        if exact.is_some() && !initial_events {
            if watch {
                return Err(invalid("resourceVersionMatch is forbidden for watch"));
            }
            if version == Version::Unset {
                return Err(invalid(
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                ));
            }
        }
        if exact == Some(true) && version == Version::Zero {
            return Err(invalid("resourceVersionMatch=Exact is forbidden for resourceVersion=0"));
        }
        let token = match get("continue") {
            "" => None,
            text => Some(Token::read(text)?),
        };
        if token.is_some() && matches!(version, Version::At(_)) {
            return Err(Status::new(
                400,
                "specifying resource version is not allowed when using continue",
            ));
        }

        let from_the_start = !matches!(version, Version::At(_));
        Ok(Self {
            api,
            namespace: namespace.map(str::to_owned),
            watch,
            limit: number("limit")?,
            token,
            version,
            exact,
            selector: Selector::parse(get("fieldSelector"), get("labelSelector"), api)?,
            timeout: number("timeoutSeconds")?.map(Duration::from_secs),
            initial_events_end: bookmarks && (initial_events || from_the_start),
            initial_events: initial_events || from_the_start,
        })
    }
}

fn invalid(message: &str) -> Status {
    Status::new(422, format!("ListOptions.meta.k8s.io \"\" is invalid: {message}"))
}

/// A continue token: where the next page starts, and at which version it reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// The list's resourceVersion; `None` reads whatever is there now.
    pub(crate) rv: Option<u64>,
    /// The last key of the page before.
    pub(crate) after: String,
    /// Tokens of an epoch that is over have expired.
    pub(crate) epoch: u64,
}

impl Token {
    /// Opaque to the client: hexadecimal JSON.
    pub(crate) fn write(&self) -> String {
        let json = serde_json::to_vec(self).expect("a token serialises");
        json.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn read(text: &str) -> Result<Self, Status> {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let bytes: Option<Vec<u8>> = text
            .as_bytes()
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(digit(high)? << 4 | digit(low)?),
                _ => None,
            })
            .collect();
        bytes
            .and_then(|json| serde_json::from_slice(&json).ok())
            .ok_or_else(|| Status::new(400, "continue key is not valid"))
    }
}

/// The parameters of a query string, decoded.
pub(crate) fn parameters(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|d| d.map_or('x', char::from));
                let hex: String = digits.into_iter().collect();
                bytes.push(u8::from_str_radix(&hex, 16).unwrap_or(b'?'));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
