//! Answers of the server.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::body::{self, Body};
use super::{Fault, Op, Server};

const EXPIRED: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"The resourceVersion for the provided watch is too old.","reason":"Expired","code":410}"#;

impl Server {
    pub(super) async fn answer(
        &self,
        request: Request<kube::client::Body>,
    ) -> io::Result<Response<Body>> {
        assert_eq!(request.headers()["accept-encoding"], "identity");
        let uri = request.uri().to_string();
        let op = Op::of(&uri);
        let fault = {
            let mut model = self.lock();
            model.requests.push(uri.clone());
            if model.is_down {
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused"));
            }
            model.fault(op)
        };
        let mut limit = None;
        match fault {
            Some(Fault::Refused) => {
                return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused"));
            }
            Some(Fault::Status(status, wait, text)) => return Ok(status_with(status, wait, text)),
            Some(Fault::Silent) => std::future::pending().await,
            Some(Fault::HalfOpen) => return Ok(Response::new(body::silent())),
            Some(Fault::Sends(text)) => return Ok(Response::new(body::whole(&text, None))),
            Some(Fault::Holds(text, after)) => {
                let after = after.unwrap_or_else(|| timeout(&uri));
                return Ok(Response::new(body::held(text, after)));
            }
            Some(Fault::Cut(after)) => limit = Some(after),
            None => {}
        }
        if self.lock().only_new_api && uri.starts_with("/api/v1/") {
            return Ok(status(404, r#"{"kind":"Status","reason":"NotFound","code":404}"#));
        }
        match op {
            Op::Watch => Ok(self.watch(&uri, limit)),
            Op::Probe | Op::List => Ok(self.list(&uri, limit)),
        }
    }

    fn list(&self, uri: &str, limit: Option<usize>) -> Response<Body> {
        let model = self.lock();
        let page: usize = parameter(uri, "limit").and_then(|text| text.parse().ok()).unwrap();
        let token = parameter(uri, "continue");
        let (revision, after) = match &token {
            None => (model.revision, String::new()),
            Some(token) => {
                let (revision, after) = token.split_once('~').unwrap();
                match revision.parse().unwrap() {
                    0 => (model.revision, after.to_owned()),
                    revision => (revision, after.to_owned()),
                }
            }
        };
        if revision < model.compacted {
            let fresh = if model.gives_fresh_tokens { format!("0~{after}") } else { String::new() };
            let text = format!(
                r#"{{"kind":"Status","metadata":{{"continue":"{fresh}"}},"reason":"Expired","code":410}}"#
            );
            return status(410, &text);
        }
        let prefix = scope(uri);
        let state = model.at(revision);
        let mut rest = state.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after);
        let items: Vec<_> = rest.by_ref().take(page).collect();
        let more = rest.next().is_some();
        let next = match items.last() {
            Some((key, _)) if more => format!("{revision}~{key}"),
            _ => String::new(),
        };
        let documents: Vec<_> = items.iter().map(|(_, document)| document.as_str()).collect();
        let text = format!(
            r#"{{"kind":"EventList","apiVersion":"v1","metadata":{{"resourceVersion":"{}","continue":"{next}"}},"items":[{}]}}"#,
            model.version(revision),
            documents.join(",")
        );
        Response::new(body::whole(&text, limit))
    }

    fn watch(&self, uri: &str, limit: Option<usize>) -> Response<Body> {
        let model = self.lock();
        let version = parameter(uri, "resourceVersion").unwrap();
        let Some(from) = model.revision_of(&version) else {
            return status(400, r#"{"kind":"Status","reason":"BadRequest","code":400}"#);
        };
        if from < model.compacted {
            if model.refuses_by_status {
                return status(410, EXPIRED);
            }
            let line = format!("{{\"type\":\"ERROR\",\"object\":{EXPIRED}}}\n");
            return Response::new(body::whole(&line, None));
        }
        drop(model);
        let end = Instant::now() + timeout(uri);
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(self.clone().send(sender, scope(uri), from, end, limit));
        Response::new(body::sent(receiver))
    }

    async fn send(
        self,
        sender: mpsc::Sender<io::Result<Bytes>>,
        prefix: String,
        mut from: u64,
        end: Instant,
        mut limit: Option<usize>,
    ) {
        let mut signal = self.signal.subscribe();
        let cuts = signal.borrow_and_update().1;
        let mut last = Instant::now();
        loop {
            let (lines, idle) = {
                let model = self.lock();
                let changes = model.log.iter().filter(|change| change.revision > from);
                let lines: Vec<_> = (changes.clone())
                    .filter(|change| change.key.starts_with(&prefix))
                    .map(|change| {
                        format!("{{\"type\":\"{}\",\"object\":{}}}\n", change.kind, change.document)
                    })
                    .collect();
                from = changes.map(|change| change.revision).max().unwrap_or(from);
                (lines, model.cuts_idle_after)
            };
            for line in lines {
                // In two pieces, as the network likes it.
                let (left, right) = line.as_bytes().split_at(line.len() / 3);
                for piece in [left, right] {
                    let kept = limit.map_or(piece.len(), |limit| limit.min(piece.len()));
                    let piece = Bytes::copy_from_slice(&piece[..kept]);
                    // The end comes in time, whether all was sent or not.
                    tokio::select! {
                        biased;
                        sent = sender.send(Ok(piece)) => if sent.is_err() { return },
                        () = sleep_until(end) => return,
                    }
                    if let Some(limit) = &mut limit {
                        *limit -= kept;
                        if *limit == 0 {
                            sender.send(Err(body::cut())).await.ok();
                            return;
                        }
                    }
                }
                last = Instant::now();
            }
            let idle = idle.map_or(end + Duration::from_secs(1), |idle| last + idle);
            tokio::select! {
                changed = signal.changed() => {
                    if changed.is_err() || signal.borrow_and_update().1 != cuts {
                        sender.send(Err(body::cut())).await.ok();
                        return;
                    }
                }
                () = sleep_until(end) => return,
                () = sleep_until(idle) => {
                    sender.send(Err(body::cut())).await.ok();
                    return;
                }
                () = sender.closed() => return,
            }
        }
    }
}

/// What keys of the requested namespace begin with.
fn scope(uri: &str) -> String {
    let namespace = uri.split_once("/namespaces/").and_then(|(_, rest)| rest.split_once('/'));
    namespace.map(|(namespace, _)| format!("{namespace}/")).unwrap_or_default()
}

fn timeout(uri: &str) -> Duration {
    let seconds = parameter(uri, "timeoutSeconds").and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap())
}

fn parameter(uri: &str, key: &str) -> Option<String> {
    let query = uri.split_once('?')?.1;
    let value = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.replace("%2F", "/").replace("%7E", "~"))
}

fn status(status: u16, text: &str) -> Response<Body> {
    status_with(status, "", text)
}

fn status_with(status: u16, wait: &str, text: &str) -> Response<Body> {
    let mut response = Response::builder().status(status);
    if !wait.is_empty() {
        response = response.header("retry-after", wait);
    }
    response.body(body::whole(text, None)).unwrap()
}
