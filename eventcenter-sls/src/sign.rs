//! Signatures: `LOG` ([`v1`], HMAC-SHA1) and `SLS4-HMAC-SHA256` ([`v4`]).
//!
//! Both sign the method, the path, the query, some headers and a hash of the body. The service builds the same text
//! from what arrives, so names and values must travel as they were signed. The time that is signed must be within 15
//! minutes of the service's.
//!
//! What is signed of the headers: all whose names begin with `x-log-` or `x-acs-`, except `x-log-meta-`; v4 signs
//! `content-type` and `host` too. Names are compared without case, and values without the space around them.
//!
//! This module computes the value of `Authorization` from a [`Request`]; which headers there must be is the client's
//! work, and stands in [`v1`] and [`v4`].

pub mod v1;
pub mod v4;

use std::borrow::Cow;
use std::fmt;

use sha2::Digest as _;

/// A name and a value, of a header or of the query.
pub type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// What is signed.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Such as `POST`.
    pub method: &'a str,
    /// The path as on the request line: percent-encoded where it must be.
    pub path: &'a str,
    /// Names and values, decoded, in any order.
    pub query: &'a [Pair<'a>],
    /// All headers that will be sent, in any order. Others than those named above do not matter.
    pub headers: &'a [Pair<'a>],
}

impl fmt::Debug for Request<'_> {
    /// The headers `x-acs-…` hold the token, and `authorization` holds what was made of the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value): &Pair<'_>| {
            let lower = name.trim().to_ascii_lowercase();
            let secret = lower.starts_with("x-acs-") || lower == "authorization";
            (name.to_string(), if secret { "***".to_owned() } else { value.to_string() })
        };
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("query", &self.query)
            .field("headers", &self.headers.iter().map(shown).collect::<Vec<_>>())
            .finish()
    }
}

impl Request<'_> {
    /// The value of a header, without the space around it; empty when it is not there.
    fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other.trim().eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.trim())
    }

    /// The headers that are signed: lower-case names and trimmed values, sorted.
    fn signed_headers(&self, also: &[&str]) -> Vec<(String, &str)> {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()));
        let is_signed = |name: &str| {
            (name.starts_with("x-log-") && !name.starts_with("x-log-meta-"))
                || name.starts_with("x-acs-")
                || also.contains(&name)
        };
        let mut headers: Vec<_> = headers.filter(|(name, _)| is_signed(name)).collect();
        headers.sort_unstable();
        headers
    }

    fn sorted_query(&self) -> Vec<(&str, &str)> {
        let pairs = self.query.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort_unstable();
        pairs
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
///
/// ```
/// assert_eq!(eventcenter_sls::sign::percent_encode("a/b c~重"), "a%2Fb%20c~%E9%87%8D");
/// ```
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(digit.into(), 16).unwrap_or_default();
                out.push(digit.to_ascii_uppercase());
            }
        }
    }
    out
}

/// The value of `Content-MD5`: the bytes as sent, in upper-case hexadecimal.
pub fn content_md5(body: &[u8]) -> String {
    let mut text = hex(&md5::Md5::digest(body));
    text.make_ascii_uppercase();
    text
}

/// The value of `x-log-content-sha256`: the bytes as sent, in lower-case hexadecimal.
pub fn content_sha256(body: &[u8]) -> String {
    hex(&sha2::Sha256::digest(body))
}

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests;
