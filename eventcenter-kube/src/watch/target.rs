//! The three requests, as paths with queries, and what one of them leaves out of its answer.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::config::{Api, ClusterConfig};

/// What is asked for: the Events of a cluster, or of one namespace of it.
#[derive(Debug)]
pub(super) struct Target {
    api: Api,
    /// Which API is asked now, where the configuration leaves it open.
    modern: bool,
    namespace: Option<String>,
    /// `&labelSelector=…&fieldSelector=…`, encoded.
    selectors: String,
    page_size: u32,
}

impl Target {
    pub(super) fn new(config: &ClusterConfig, namespace: Option<&str>) -> Self {
        let mut selectors = String::new();
        for (key, value) in
            [("labelSelector", &config.label_selector), ("fieldSelector", &config.field_selector)]
        {
            if let Some(value) = value {
                selectors.push_str(&format!("&{key}={}", encoded(value)));
            }
        }
        Self {
            api: config.api,
            modern: config.api == Api::Events,
            namespace: namespace.map(str::to_owned),
            selectors,
            page_size: config.page_size.get(),
        }
    }

    /// The server has no such API: the other one next, if we may choose.
    pub(super) fn other_api(&mut self) -> bool {
        let may = self.api == Api::Auto;
        if may {
            self.modern = !self.modern;
        }
        may
    }

    /// Which API is asked now, as a role spells it.
    pub(super) fn api_group(&self) -> &'static str {
        if self.modern { "events.k8s.io" } else { "\"\" (core)" }
    }

    /// Where the server stands: a list of one. Without the selectors, with which a server may have to read all
    /// Events to find one; the version is the same.
    pub(super) fn probe(&self) -> String {
        format!("{}?limit=1", self.path())
    }

    /// A page of the list. No `resourceVersion`: the newest, as agreed on by the quorum of etcd.
    pub(super) fn page(&self, token: Option<&str>) -> String {
        let mut uri = format!("{}?limit={}{}", self.path(), self.page_size, self.selectors);
        if let Some(token) = token {
            uri.push_str(&format!("&continue={}", encoded(token)));
        }
        uri
    }

    /// Everything after `version`.
    pub(super) fn watch(&self, version: &str, timeout: Duration) -> String {
        format!(
            "{}?watch=1&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}{}",
            self.path(),
            encoded(version),
            timeout.as_secs(),
            self.selectors,
        )
    }

    /// An item of a list as a watch would send it. An API server says kind and apiVersion once for all items of a
    /// list; a document must say them itself, wherever it goes.
    pub(super) fn typed(&self, item: Bytes) -> Bytes {
        #[derive(Deserialize)]
        struct Untyped {
            kind: Option<IgnoredAny>,
            #[serde(rename = "apiVersion")]
            api_version: Option<IgnoredAny>,
            /// An object that has it is not empty, and a comma may follow what is put before it.
            #[expect(dead_code, reason = "it has to be there")]
            metadata: IgnoredAny,
        }
        let Ok(Untyped { kind: None, api_version: None, .. }) = serde_json::from_slice(&item)
        else {
            return item;
        };
        let Some(rest) = item.trim_ascii_start().strip_prefix(b"{") else { return item };
        let api_version = if self.modern { "events.k8s.io/v1" } else { "v1" };
        let head = format!(r#"{{"kind":"Event","apiVersion":"{api_version}","#);
        [head.as_bytes(), rest].concat().into()
    }

    fn path(&self) -> String {
        let group = if self.modern { "/apis/events.k8s.io/v1" } else { "/api/v1" };
        match &self.namespace {
            Some(namespace) => format!("{group}/namespaces/{namespace}/events"),
            None => format!("{group}/events"),
        }
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(out, "%{byte:02X}").ok();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_what_the_api_server_expects() {
        let config: ClusterConfig = serde_json::from_str(
            r#"{"field_selector": "type=Warning", "label_selector": "a in (b, c)", "page_size": 7}"#,
        )
        .unwrap();
        let mut target = Target::new(&config, Some("shop"));
        assert_eq!(target.probe(), "/api/v1/namespaces/shop/events?limit=1");
        assert_eq!(
            target.page(Some("x+/=")),
            "/api/v1/namespaces/shop/events?limit=7&labelSelector=a%20in%20%28b%2C%20c%29\
             &fieldSelector=type%3DWarning&continue=x%2B%2F%3D"
        );
        assert!(target.other_api());
        assert_eq!(
            Target::new(&ClusterConfig::default(), None).watch("12", Duration::from_secs(290)),
            "/api/v1/events?watch=1&allowWatchBookmarks=true&resourceVersion=12&timeoutSeconds=290"
        );
        assert_eq!(target.probe(), "/apis/events.k8s.io/v1/namespaces/shop/events?limit=1");
    }

    #[test]
    fn an_item_says_what_it_is_and_says_it_once() {
        let mut target = Target::new(&ClusterConfig::default(), None);
        let typed = |target: &Target, item: &'static str| {
            String::from_utf8(target.typed(item.into()).to_vec()).unwrap()
        };
        let bare = r#"{"metadata":{"uid":"u"},"involvedObject":{"kind":"Pod"}}"#;
        assert_eq!(
            typed(&target, bare),
            r#"{"kind":"Event","apiVersion":"v1","metadata":{"uid":"u"},"involvedObject":{"kind":"Pod"}}"#
        );
        target.other_api();
        assert!(typed(&target, bare).contains(r#""apiVersion":"events.k8s.io/v1","metadata""#));
        for as_it_is in [
            r#"{"metadata":{"uid":"u"},"kind":"Event","apiVersion":"v1"}"#,
            r#"{"kind":"Other","metadata":{}}"#,
            "{}",
            "[1]",
            "garbage",
        ] {
            assert_eq!(typed(&target, as_it_is), as_it_is);
        }
    }
}
