//! One page: what is done to it as a person would, what it shows, and what went wrong in it.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::wire::Wire;
use crate::wait::eventually;

/// A page of a [`Browser`](super::Browser).
#[derive(Debug)]
pub struct Page {
    wire: Wire,
    session: String,
    record: Arc<Mutex<Record>>,
}

/// What happened in a page.
#[derive(Debug, Default)]
struct Record {
    requests: Vec<Request>,
    problems: Vec<String>,
}

/// A request of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    id: String,
    /// Where to.
    pub url: String,
    /// The answer's status; none if there was none yet.
    pub status: Option<u64>,
    /// Bytes that came over the network, head and all; 0 from the cache.
    pub bytes: u64,
}

impl Page {
    pub(super) fn new(wire: Wire, session: String) -> Self {
        let record = Arc::<Mutex<Record>>::default();
        let heard = Arc::clone(&record);
        wire.listen(&session, move |method, params| locked(&heard).take(method, params));
        Self { wire, session, record }
    }

    pub(super) async fn call(&self, method: &str, params: Value) -> Value {
        self.wire.call(Some(&self.session), method, params).await
    }

    /// Opens an address and waits until it and its modules have run.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    pub async fn goto(&self, url: &str) {
        let answer = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(answer.get("errorText").is_none_or(Value::is_null), "{url}: {answer}");
        self.wait_for("document.readyState === 'complete'").await;
    }

    /// The value of an expression, promises awaited.
    ///
    /// # Panics
    ///
    /// When it throws.
    pub async fn eval(&self, expression: &str) -> Value {
        self.try_eval(expression).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    async fn try_eval(&self, expression: &str) -> Result<Value, String> {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut answer =
            self.wire.try_call(Some(&self.session), "Runtime.evaluate", params).await?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(thrown["exception"]["description"].to_string()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Waits up to 30 s until an expression is true; the failure shows what the page says instead.
    pub async fn wait_for(&self, expression: &str) {
        eventually(expression, None, async || match self.try_eval(expression).await {
            Ok(Value::Bool(true)) => Ok(()),
            seen => {
                let text = self.try_eval("document.body?.innerText.slice(0, 3000)").await;
                Err(format!("{seen:?}; the page says {text:?}; {:?}", self.problems()))
            }
        })
        .await;
    }

    /// The text of the first element that a selector finds, as it is shown.
    pub async fn text(&self, selector: &str) -> String {
        let element = element(selector);
        let text = self.eval(&format!("{element}.innerText")).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Clicks the middle of an element with the mouse, holding `modifiers`: `Alt`, `Control`, `Meta`, `Shift`.
    pub async fn click(&self, selector: &str, modifiers: &[&str]) {
        let at = self.point(selector, (0.5, 0.5)).await;
        self.mouse("mouseMoved", at, 0, modifiers).await;
        self.mouse("mousePressed", at, 1, modifiers).await;
        self.mouse("mouseReleased", at, 0, modifiers).await;
    }

    /// Moves the mouse over a point of an element, in fractions of its box.
    pub async fn hover(&self, selector: &str, point: (f64, f64)) {
        let at = self.point(selector, point).await;
        self.mouse("mouseMoved", at, 0, &[]).await;
    }

    /// Presses the mouse at one point of an element and lets it go at another, in fractions of its box.
    pub async fn drag(&self, selector: &str, from: (f64, f64), to: (f64, f64)) {
        let (from, to) = (self.point(selector, from).await, self.point(selector, to).await);
        self.mouse("mouseMoved", from, 0, &[]).await;
        self.mouse("mousePressed", from, 1, &[]).await;
        for part in [0.3, 0.7, 1.0] {
            let between = (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part);
            self.mouse("mouseMoved", between, 1, &[]).await;
        }
        self.mouse("mouseReleased", to, 0, &[]).await;
    }

    /// Types text where the cursor is.
    pub async fn type_text(&self, text: &str) {
        for c in text.chars() {
            let key = json!({ "type": "char", "text": c.to_string() });
            self.call("Input.dispatchKeyEvent", key).await;
        }
    }

    /// Presses a key by its name: `Enter`, `ArrowDown`, `Escape`, `/`.
    pub async fn press(&self, key: &str, modifiers: &[&str]) {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => 0,
        };
        let text = match key {
            "Enter" => Some("\r"),
            key if key.chars().count() == 1 && modifiers.is_empty() => Some(key),
            _ => None,
        };
        let kind = if text.is_some() { "keyDown" } else { "rawKeyDown" };
        let mut event = json!({ "type": kind, "key": key, "windowsVirtualKeyCode": code, "modifiers": bits(modifiers) });
        if let Some(text) = text {
            event["text"] = text.into();
        }
        self.call("Input.dispatchKeyEvent", event).await;
        let event = json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code, "modifiers": bits(modifiers) });
        self.call("Input.dispatchKeyEvent", event).await;
    }

    /// What the back button does.
    pub async fn back(&self) {
        self.eval("history.back()").await;
    }

    /// The address, as a person would copy it.
    pub async fn url(&self) -> String {
        self.eval("location.href").await.as_str().unwrap_or_default().to_owned()
    }

    /// Writes a picture of what is seen, as PNG.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub async fn screenshot(&self, file: &Path) {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" })).await;
        let picture = picture["data"].as_str().and_then(|data| STANDARD.decode(data).ok());
        std::fs::write(file, picture.expect("a picture")).expect("a file for the picture");
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.record).requests.clone()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        locked(&self.record).requests.clear();
    }

    /// What went wrong so far: errors on the console, exceptions, requests that failed or went elsewhere.
    pub fn problems(&self) -> Vec<String> {
        let record = locked(&self.record);
        let elsewhere = record.requests.iter().filter(|request| {
            !["http://127.0.0.1:", "about:", "data:", "blob:http://127.0.0.1:"]
                .iter()
                .any(|ours| request.url.starts_with(ours))
        });
        record
            .problems
            .iter()
            .cloned()
            .chain(elsewhere.map(|request| format!("asked elsewhere: {}", request.url)))
            .collect()
    }

    /// Fails if anything went wrong so far.
    ///
    /// # Panics
    ///
    /// With all that did.
    #[track_caller]
    pub fn is_sound(&self) {
        let problems = self.problems();
        assert!(problems.is_empty(), "{problems:#?}");
    }

    async fn point(&self, selector: &str, (x, y): (f64, f64)) -> (f64, f64) {
        let element = element(selector);
        let shown =
            format!("!!document.querySelector({})?.getClientRects().length", json!(selector));
        self.wait_for(&shown).await;
        let at = format!(
            "(() => {{ const e = {element}; e.scrollIntoView({{ block: 'nearest' }}); const r = e.getBoundingClientRect(); \
             return [r.left + r.width * {x}, r.top + r.height * {y}]; }})()"
        );
        let at = self.eval(&at).await;
        (at[0].as_f64().expect("x"), at[1].as_f64().expect("y"))
    }

    async fn mouse(&self, kind: &str, (x, y): (f64, f64), buttons: u32, modifiers: &[&str]) {
        let button = if kind == "mouseMoved" && buttons == 0 { "none" } else { "left" };
        let event = json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1, "modifiers": bits(modifiers) });
        self.call("Input.dispatchMouseEvent", event).await;
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.wire.forget(&self.session);
    }
}

impl Record {
    fn take(&mut self, method: &str, params: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match method {
            "Network.requestWillBeSent" => {
                let (id, url) = (text(&params["requestId"]), text(&params["request"]["url"]));
                self.requests.push(Request { id, url, status: None, bytes: 0 });
            }
            "Network.responseReceived" => {
                if let Some(request) = self.request(&params["requestId"]) {
                    request.status = params["response"]["status"].as_u64();
                    request.bytes = params["response"]["encodedDataLength"].as_u64().unwrap_or(0);
                }
            }
            "Network.loadingFinished" => {
                if let Some(request) = self.request(&params["requestId"]) {
                    let all = params["encodedDataLength"].as_f64().unwrap_or(0.0);
                    // Whole bytes, told as a float.
                    request.bytes = request.bytes.max(format!("{all:.0}").parse().unwrap_or(0));
                }
            }
            // Who goes on to another page gives up on what the one before had asked.
            "Network.loadingFailed" if params["canceled"] != true => {
                let url = self.request(&params["requestId"]).map(|request| request.url.clone());
                self.problems.push(format!("{}: {}", url.unwrap_or_default(), params["errorText"]));
            }
            "Runtime.exceptionThrown" => {
                self.problems.push(format!("exception: {}", params["exceptionDetails"]));
            }
            "Runtime.consoleAPICalled"
                if ["error", "warning", "assert"].iter().any(|kind| params["type"] == *kind) =>
            {
                self.problems.push(format!("console: {}", params["args"]));
            }
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                self.problems
                    .push(format!("log: {} {}", params["entry"]["text"], params["entry"]["url"]));
            }
            _ => {}
        }
    }

    fn request(&mut self, id: &Value) -> Option<&mut Request> {
        self.requests.iter_mut().rev().find(|request| id == request.id.as_str())
    }
}

fn locked(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

fn element(selector: &str) -> String {
    format!(
        "(document.querySelector({0}) ?? (() => {{ throw new Error('nothing is ' + {0}) }})())",
        json!(selector)
    )
}

fn bits(modifiers: &[&str]) -> u32 {
    let bit = |modifier: &&str| match *modifier {
        "Alt" => 1,
        "Control" => 2,
        "Meta" => 4,
        "Shift" => 8,
        other => panic!("{other} is no modifier"),
    };
    modifiers.iter().map(bit).sum()
}
