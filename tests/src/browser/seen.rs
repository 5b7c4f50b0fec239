//! What the browser tells of a page without being asked: requests, messages, exceptions, loads.

use std::collections::HashSet;

use serde_json::Value;

use super::text;

/// A request of a page. A redirect is two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    id: String,
    /// Where it went.
    pub url: String,
    /// What was answered; none while there is no answer.
    pub status: Option<u64>,
    /// What went over the wire for it, head and compressed body; 0 while it is not at its end.
    pub bytes: u64,
    /// Why it failed, such as `net::ERR_NAME_NOT_RESOLVED`; not that the page gave it up.
    pub failure: Option<String>,
}

/// All that was told so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) requests: Vec<Request>,
    /// Console messages, exceptions and dialogs, each a line.
    pub(super) said: Vec<String>,
    /// The documents whose loading is complete.
    pub(super) loaded: HashSet<String>,
    /// Scheme, host and port of the addresses that the test has gone to.
    pub(super) own: HashSet<String>,
}

impl Seen {
    /// Takes an event of the protocol; most are of no interest.
    pub(super) fn event(&mut self, method: &str, params: &Value) {
        match method {
            "Network.requestWillBeSent" => self.requested(params),
            "Network.webSocketCreated" => {
                self.requests.push(Request::new(text(params, "requestId"), text(params, "url")));
            }
            "Network.responseReceived" => {
                self.of(params, |request| request.status = params["response"]["status"].as_u64());
            }
            "Network.loadingFinished" => self.of(params, |request| {
                request.bytes = bytes(&params["encodedDataLength"]);
            }),
            "Network.loadingFailed" if params["canceled"] != true => {
                self.of(params, |request| request.failure = Some(text(params, "errorText")));
            }
            "Page.lifecycleEvent" if params["name"] == "load" => {
                self.loaded.insert(text(params, "loaderId"));
            }
            "Page.javascriptDialogOpening" => {
                self.said.push(format!("a dialog opened: {}", text(params, "message")));
            }
            "Runtime.exceptionThrown" => {
                self.said.push(format!("uncaught: {}", exception(&params["exceptionDetails"])));
            }
            "Runtime.consoleAPICalled" => self.console(params),
            "Log.entryAdded" => {
                let entry = &params["entry"];
                if matches!(entry["level"].as_str(), Some("error" | "warning")) {
                    let (level, url) = (text(entry, "level"), text(entry, "url"));
                    self.said.push(format!("{level}: {} ({url})", text(entry, "text")));
                }
            }
            _ => {}
        }
    }

    /// What is wrong: what was said, what failed, and what went elsewhere.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.said.clone();
        for Request { url, failure, .. } in &self.requests {
            if let Some(failure) = failure {
                problems.push(format!("{failure}: {url}"));
            }
            if !is_of_no_host(url) && !self.own.contains(origin(url)) {
                problems.push(format!("a request elsewhere: {url}"));
            }
        }
        problems
    }

    fn requested(&mut self, params: &Value) {
        let redirect = &params["redirectResponse"];
        if redirect.is_object() {
            self.of(params, |request| {
                request.status = redirect["status"].as_u64();
                request.bytes = bytes(&redirect["encodedDataLength"]);
            });
        }
        let url = text(&params["request"], "url");
        self.requests.push(Request::new(text(params, "requestId"), url));
    }

    fn console(&mut self, params: &Value) {
        let level = text(params, "type");
        if !matches!(level.as_str(), "error" | "warning" | "assert") {
            return;
        }
        let arguments = params["args"].as_array().into_iter().flatten();
        let words = arguments.map(|argument| match argument.get("value") {
            Some(Value::String(word)) => word.clone(),
            Some(value) => value.to_string(),
            None => text(argument, "description"),
        });
        let words: Vec<String> = words.collect();
        self.said.push(format!("console.{level}: {}", words.join(" ")));
    }

    /// The newest request of this id: a redirect takes over that of its predecessor.
    fn of(&mut self, params: &Value, change: impl FnOnce(&mut Request)) {
        let id = params["requestId"].as_str().unwrap_or_default();
        if let Some(request) = self.requests.iter_mut().rev().find(|request| request.id == id) {
            change(request);
        }
    }
}

impl Request {
    fn new(id: String, url: String) -> Self {
        Self { id, url, status: None, bytes: 0, failure: None }
    }
}

/// The text of an exception, with its stack where there is one.
pub(super) fn exception(details: &Value) -> String {
    let description = text(&details["exception"], "description");
    if description.is_empty() { details.to_string() } else { description }
}

/// Scheme, host and port of an address, as they are written.
pub(super) fn origin(url: &str) -> &str {
    let Some((scheme, rest)) = url.split_once("://") else { return url };
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..scheme.len() + 3 + host).unwrap_or(url)
}

/// Whether it is data that the page holds itself.
fn is_of_no_host(url: &str) -> bool {
    ["data:", "blob:", "about:"].iter().any(|scheme| url.starts_with(scheme))
}

/// The protocol counts bytes in doubles.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number, not below 0"
)]
fn bytes(value: &Value) -> u64 {
    value.as_f64().unwrap_or_default() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn requested(url: &str) -> Value {
        json!({ "requestId": "1", "request": { "url": url } })
    }

    #[test]
    fn a_page_may_ask_its_own_host_and_nobody_else() {
        let mut seen = Seen::default();
        seen.own.insert(origin("http://127.0.0.1:80/?a=b").to_owned());
        for good in ["http://127.0.0.1:80", "http://127.0.0.1:80/x?y#z", "data:,x"] {
            seen.event("Network.requestWillBeSent", &requested(good));
        }
        assert_eq!(seen.problems(), Vec::<String>::new());
        for bad in ["http://127.0.0.1:81/", "https://127.0.0.1:80/", "http://a.b/127.0.0.1:80"] {
            seen.event("Network.requestWillBeSent", &requested(bad));
        }
        assert_eq!(seen.problems().len(), 3, "{:?}", seen.problems());
    }

    #[test]
    fn a_redirect_is_two_requests() {
        let mut seen = Seen::default();
        seen.event("Network.requestWillBeSent", &requested("http://a/"));
        let mut next = requested("http://a/b");
        next["redirectResponse"] = json!({ "status": 302, "encodedDataLength": 70.0 });
        seen.event("Network.requestWillBeSent", &next);
        let answer = json!({ "requestId": "1", "response": { "status": 200 } });
        seen.event("Network.responseReceived", &answer);
        let end = json!({ "requestId": "1", "encodedDataLength": 512.0 });
        seen.event("Network.loadingFinished", &end);
        let seen: Vec<_> = seen.requests.iter().map(|one| (one.status, one.bytes)).collect();
        assert_eq!(seen, [(Some(302), 70), (Some(200), 512)]);
    }

    #[test]
    fn a_request_that_the_page_gave_up_has_not_failed() {
        let mut seen = Seen::default();
        seen.own.insert("http://a".to_owned());
        seen.event("Network.requestWillBeSent", &requested("http://a/"));
        let mut failed = json!({ "requestId": "1", "errorText": "net::ERR_ABORTED" });
        failed["canceled"] = json!(true);
        seen.event("Network.loadingFailed", &failed);
        assert_eq!(seen.problems(), Vec::<String>::new());
        failed["canceled"] = json!(false);
        seen.event("Network.loadingFailed", &failed);
        assert_eq!(seen.problems(), ["net::ERR_ABORTED: http://a/"]);
    }
}
