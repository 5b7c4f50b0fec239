//! Taking a request's body apart into the documents in it.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::fake_api_server::Identity;

/// The body without its gzip coding; one that does not decompress stays as it is.
pub(super) fn decoded(headers: &HeaderMap, body: Bytes) -> Bytes {
    if headers.get(header::CONTENT_ENCODING).is_none_or(|coding| coding != "gzip") {
        return body;
    }
    let mut plain = Vec::new();
    match MultiGzDecoder::new(body.as_ref()).read_to_end(&mut plain) {
        Ok(_) => plain.into(),
        Err(_) => body,
    }
}

/// The documents of a body: values one after another, and the elements of arrays among them.
/// `None` if something is no JSON; an empty body has no documents.
pub(super) fn documents(body: &[u8]) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_slice(body).into_iter::<&RawValue>() {
        let text = value.ok()?.get();
        if text.starts_with('[') {
            let elements: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            found.extend(elements.into_iter().map(RawValue::get));
        } else {
            found.push(text);
        }
    }
    Some(found)
}

/// Finds (uid, resourceVersion) in `metadata`, `object.metadata` or `event.metadata`.
#[must_use]
pub fn identity(document: &str) -> Option<Identity> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        uid: String,
        resource_version: String,
    }
    #[derive(Deserialize)]
    struct Inner {
        metadata: Metadata,
    }
    // Each is tried by itself: an envelope may have an `event` that is something else.
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow)]
        metadata: Option<&'a RawValue>,
        #[serde(borrow)]
        object: Option<&'a RawValue>,
        #[serde(borrow)]
        event: Option<&'a RawValue>,
    }

    let outer: Outer<'_> = serde_json::from_str(document).ok()?;
    let direct = outer.metadata.and_then(|raw| serde_json::from_str::<Metadata>(raw.get()).ok());
    let metadata = direct.or_else(|| {
        [outer.object, outer.event]
            .into_iter()
            .flatten()
            .find_map(|raw| serde_json::from_str::<Inner>(raw.get()).ok())
            .map(|inner| inner.metadata)
    })?;
    Some((metadata.uid, metadata.resource_version))
}

/// When the fake API server sent a generated Event; found even in an Event that is a JSON string.
pub(super) fn sent_us(document: &str) -> Option<i64> {
    // The quote keeps it apart from the key in managedFields.
    const KEY: &str = "\"bench/sent-us";
    let (_, rest) = document.split_once(KEY)?;
    let digits = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_document_an_array_and_lines_are_all_taken_apart() {
        assert_eq!(documents(b"{\"a\":1}").unwrap(), ["{\"a\":1}"]);
        assert_eq!(documents(b"[{\"a\":1}, 2]").unwrap(), ["{\"a\":1}", "2"]);
        assert_eq!(documents(b"{\"a\":1}\n{\"b\":2}\n").unwrap(), ["{\"a\":1}", "{\"b\":2}"]);
        assert_eq!(documents(b"").unwrap(), Vec::<&str>::new());
        assert_eq!(documents(b"{\"a\":1}\n{\"b\""), None);
    }

    #[test]
    fn an_identity_is_found_bare_and_in_both_envelopes() {
        let event = r#"{"metadata":{"name":"x","uid":"u","resourceVersion":"7"},"reason":"R"}"#;
        let expected = Some(("u".to_owned(), "7".to_owned()));
        assert_eq!(identity(event), expected);
        assert_eq!(identity(&format!(r#"{{"type":"ADDED","object":{event}}}"#)), expected);
        assert_eq!(identity(&format!(r#"{{"event":{event},"object":"text"}}"#)), expected);
        assert_eq!(identity(&format!(r#"{{"event":{event},"metadata":{{"v":1}}}}"#)), expected);
        assert_eq!(identity(r#"{"uid":"u"}"#), None);
    }

    #[test]
    fn the_time_of_sending_is_found_even_inside_of_a_string() {
        let sent = Some(1_764_000_000_123_456);
        assert_eq!(sent_us(r#"{"annotations":{"bench/sent-us":"1764000000123456"}}"#), sent);
        assert_eq!(sent_us(r#"{"e":"{\"bench/sent-us\":\"1764000000123456\"}"}"#), sent);
        assert_eq!(sent_us("{}"), None);
        assert_eq!(crate::fake_api_server::SENT_US, "bench/sent-us");
    }
}
