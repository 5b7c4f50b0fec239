//! One page: where it is, what it shows, what it has asked for.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::seen::{Request, Seen, exception, origin};
use super::wire::Wire;
use super::{Look, PATIENCE, text};
use crate::eventually;

/// Between two looks of [`Page::wait_for`]: each costs the page some time.
const PAUSE: Duration = Duration::from_millis(20);

/// A page in a browser context of its own.
#[derive(Debug)]
pub struct Page {
    wire: Arc<Wire>,
    session: String,
    context: Value,
    seen: Arc<Mutex<Seen>>,
    pub(super) patience: Duration,
}

impl Page {
    pub(super) async fn open(wire: Arc<Wire>, user_agent: &str, look: &Look) -> Self {
        let ask = async |method, params| {
            wire.call(None, method, params).await.unwrap_or_else(|error| panic!("{error}"))
        };
        let context = ask("Target.createBrowserContext", json!({})).await;
        let context = context["browserContextId"].clone();
        let blank = json!({ "url": "about:blank", "browserContextId": context });
        let target = ask("Target.createTarget", blank).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = text(&ask("Target.attachToTarget", attach).await, "sessionId");
        let page = Self { wire, session, context, seen: Arc::default(), patience: PATIENCE };
        page.wire.watch(&page.session, &page.seen);
        page.set(user_agent, look).await;
        page
    }

    async fn set(&self, user_agent: &str, look: &Look) {
        let (width, height) = look.size;
        let screen = json!({
            "width": width,
            "height": height,
            "screenWidth": width,
            "screenHeight": height,
            "deviceScaleFactor": 1,
            "mobile": look.is_phone,
        });
        let theme = if look.is_dark { "dark" } else { "light" };
        let media = json!([
            { "name": "prefers-color-scheme", "value": theme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        let agent = json!({ "userAgent": user_agent, "acceptLanguage": look.language });
        let orders = [
            ("Page.enable", json!({})),
            ("Page.setLifecycleEventsEnabled", json!({ "enabled": true })),
            ("Runtime.enable", json!({})),
            ("Network.enable", json!({})),
            ("Log.enable", json!({})),
            ("Emulation.setDeviceMetricsOverride", screen),
            ("Emulation.setTouchEmulationEnabled", json!({ "enabled": look.is_phone })),
            ("Emulation.setEmulatedMedia", json!({ "features": media })),
            ("Emulation.setUserAgentOverride", agent),
            ("Emulation.setLocaleOverride", json!({ "locale": look.language })),
            ("Emulation.setTimezoneOverride", json!({ "timezoneId": look.zone })),
            // Several pages of one browser all think that they are looked at.
            ("Emulation.setFocusEmulationEnabled", json!({ "enabled": true })),
        ];
        for (method, params) in orders {
            self.ask(method, params).await;
        }
    }

    /// Ends it, and all that its context holds.
    ///
    /// # Panics
    ///
    /// When Chromium refuses.
    pub async fn close(self) {
        let context = json!({ "browserContextId": self.context });
        let closed = self.wire.call(None, "Target.disposeBrowserContext", context).await;
        closed.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Runs a script in every document from now on, before any of its own.
    ///
    /// # Panics
    ///
    /// When the page is gone.
    pub async fn before_each_document(&self, js: &str) {
        self.ask("Page.addScriptToEvaluateOnNewDocument", json!({ "source": js })).await;
    }

    /// Goes there, and waits until everything that the document names is loaded. An answer such as 404 is a page too.
    ///
    /// # Panics
    ///
    /// When nobody answers, or the page is not loaded within [`PATIENCE`](super::PATIENCE).
    pub async fn goto(&self, url: &str) {
        self.seen().own.insert(origin(url).to_owned());
        let gone = self.ask("Page.navigate", json!({ "url": url })).await;
        assert!(gone.get("errorText").is_none(), "{url}: {gone}");
        // There is no loader when only what follows `#` has changed.
        if let Some(loader) = gone["loaderId"].as_str() {
            eventually(&format!("{url} to be loaded"), self.patience, async || {
                self.seen().loaded.contains(loader).then_some(())
            })
            .await;
        }
    }

    /// Goes back by one, and waits until that document is there.
    ///
    /// # Panics
    ///
    /// When there is nothing before this page.
    pub async fn back(&self) {
        let history = self.ask("Page.getNavigationHistory", json!({})).await;
        let before = history["currentIndex"].as_u64().and_then(|now| now.checked_sub(1));
        let before = before.and_then(|index| history["entries"].get(usize::try_from(index).ok()?));
        let before = before.unwrap_or_else(|| panic!("nothing to go back to: {history}"));
        let entry = json!({ "entryId": before["id"] });
        self.ask("Page.navigateToHistoryEntry", entry).await;
        eventually("the page before", self.patience, async || {
            let history = self.ask("Page.getNavigationHistory", json!({})).await;
            let index = history["currentIndex"].as_u64().and_then(|now| usize::try_from(now).ok());
            let now = index.and_then(|index| history["entries"].get(index));
            if now.is_none_or(|now| now["id"] != before["id"]) {
                return Err(history);
            }
            let state = self.eval("document.readyState").await;
            if state == "complete" { Ok(()) } else { Err(state) }
        })
        .await;
    }

    /// The address.
    ///
    /// # Panics
    ///
    /// When the page is gone.
    pub async fn url(&self) -> String {
        self.eval("location.href").await.as_str().unwrap_or_default().to_owned()
    }

    /// The value of an expression of JavaScript, as JSON; a promise is awaited.
    ///
    /// # Panics
    ///
    /// When it throws or rejects.
    pub async fn eval(&self, js: &str) -> Value {
        self.try_eval(js).await.unwrap_or_else(|error| panic!("{js}\n  {error}"))
    }

    /// Looks until the expression is true; a look that throws sees what it threw. [`PATIENCE`] is how long, if
    /// [`Page::with_patience`] has not said otherwise.
    ///
    /// # Panics
    ///
    /// When it has not become true by then: with its last value, what the page shows, and its problems.
    pub async fn wait_for(&self, js: &str) {
        let truth = format!(
            "(async () => {{ const value = await ({js}); return [!!value, value ?? null] }})()"
        );
        let deadline = Instant::now() + self.patience;
        loop {
            let seen = self.try_eval(&truth).await;
            if seen.as_ref().is_ok_and(|value| value[0] == true) {
                return;
            }
            if Instant::now() >= deadline {
                let shown = self.eval("document.body?.innerText.slice(0, 3000)").await;
                let (url, problems) = (self.url().await, self.problems());
                panic!(
                    "waited {:?} in vain for {js}\n  last: {seen:?}\n  at {url} with {problems:#?}\n  which shows: {}",
                    self.patience,
                    shown.as_str().unwrap_or_default()
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The same page, which is waited for no longer than this.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// What the first element that matches shows, once there is one.
    ///
    /// # Panics
    ///
    /// When there is none within [`PATIENCE`](super::PATIENCE).
    pub async fn text(&self, selector: &str) -> String {
        let element = element(selector);
        self.wait_for(&element).await;
        let shown = self.eval(&format!("{element}.innerText")).await;
        shown.as_str().unwrap_or_default().to_owned()
    }

    /// Writes what the window shows to a PNG file.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub async fn screenshot(&self, path: &Path) {
        // Fonts and pictures that are still coming would be missing.
        self.eval("document.fonts.ready.then(() => true)").await;
        let shot = self.ask("Page.captureScreenshot", json!({ "format": "png" })).await;
        write_png(path, &shot);
    }

    /// The same for the whole page, however long it is.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub async fn screenshot_whole(&self, path: &Path) {
        self.eval("document.fonts.ready.then(() => true)").await;
        let size = "[document.documentElement.clientWidth, document.documentElement.scrollHeight]";
        let size = self.eval(size).await;
        let clip = json!({ "x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1 });
        let how = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let shot = self.ask("Page.captureScreenshot", how).await;
        write_png(path, &shot);
    }

    /// Fails if anything is wrong so far.
    ///
    /// # Panics
    ///
    /// With all of [`Page::problems`].
    #[track_caller]
    pub fn is_sound(&self) {
        let problems = self.problems();
        assert!(problems.is_empty(), "{problems:#?}");
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        self.seen().requests.clear();
    }

    /// All requests so far, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.seen().requests.clone()
    }

    /// What is wrong so far: errors and warnings on the console, uncaught exceptions, dialogs, requests that failed, and
    /// requests to any other address than those that the test itself went to.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        self.seen().problems()
    }

    pub(super) async fn ask(&self, method: &str, params: Value) -> Value {
        let answer = self.wire.call(Some(&self.session), method, params).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn try_eval(&self, js: &str) -> Result<Value, String> {
        self.try_eval_in(js, None).await
    }

    /// In another world than the page's own: it shares the document, and no name.
    pub(super) async fn try_eval_in(
        &self,
        js: &str,
        world: Option<&Value>,
    ) -> Result<Value, String> {
        let mut params = json!({
            "expression": js,
            "awaitPromise": true,
            "returnByValue": true,
            "userGesture": true,
        });
        if let Some(world) = world {
            params["contextId"] = world.clone();
        }
        let mut answer = self.wire.call(Some(&self.session), "Runtime.evaluate", params).await?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(exception(details)),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_png(path: &Path, shot: &Value) {
    let png = STANDARD.decode(text(shot, "data")).expect("base64");
    std::fs::write(path, png).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// JavaScript for the first element that matches.
pub(super) fn element(selector: &str) -> String {
    format!("document.querySelector({})", json!(selector))
}
