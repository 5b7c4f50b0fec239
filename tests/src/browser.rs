//! A real browser without a window, driven through the Chrome DevTools Protocol.
//!
//! ```no_run
//! # async fn example() {
//! use eventcenter_tests::browser::{Browser, Look};
//!
//! let browser = Browser::start().await;
//! let page = browser.page(&Look::default().in_chinese().dark()).await;
//! page.goto("http://127.0.0.1:8085/events?since=7d").await;
//! page.wait_for("document.querySelectorAll('.rows .row').length > 0").await;
//! page.click("#live", &[]).await;
//! page.is_sound();
//! # }
//! ```
//!
//! Each [`Page`] is a browser context of its own: no cookie of another test. It keeps what the browser says went
//! wrong: errors on the console, exceptions, requests that failed, and every request. No name but 127.0.0.1 can be
//! looked up, so nothing leaves the machine; [`Page::is_sound`] fails on whatever was tried.
//!
//! Chromium is `EVENTCENTER_CHROMIUM`, or one of the usual names on the path. It ends with the [`Browser`].

mod page;
mod wire;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

pub use page::{Page, Request};
use wire::Wire;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
const START: Duration = Duration::from_secs(60);

/// A browser without a window. Its pages end with it.
#[derive(Debug)]
pub struct Browser {
    wire: Wire,
    /// Killed when it is dropped.
    _child: Child,
    _profile: TempDir,
}

/// How a page looks at the world.
#[derive(Debug, Clone)]
pub struct Look {
    width: u32,
    height: u32,
    language: &'static str,
    is_dark: bool,
    is_mobile: bool,
    zone: &'static str,
}

impl Default for Look {
    /// 1280 by 800, English, light, UTC.
    fn default() -> Self {
        Self {
            width: 1280,
            height: 800,
            language: "en-US",
            is_dark: false,
            is_mobile: false,
            zone: "UTC",
        }
    }
}

impl Look {
    /// Of this size, in pixels.
    #[must_use]
    pub fn sized(mut self, width: u32, height: u32) -> Self {
        (self.width, self.height) = (width, height);
        self
    }

    /// A telephone: 390 by 844, touched.
    #[must_use]
    pub fn phone(self) -> Self {
        Self { is_mobile: true, ..self.sized(390, 844) }
    }

    /// A browser that likes Chinese best.
    #[must_use]
    pub fn in_chinese(self) -> Self {
        Self { language: "zh-CN", ..self }
    }

    /// A browser that likes it dark.
    #[must_use]
    pub fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }

    /// In this time zone, such as `Asia/Shanghai`.
    #[must_use]
    pub fn zone(self, zone: &'static str) -> Self {
        Self { zone, ..self }
    }
}

impl Browser {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// When there is none, or it does not start within a minute.
    pub async fn start() -> Self {
        let program = program().expect(
            "no Chromium: install it (apt-get install chromium fonts-noto-cjk), or name it in EVENTCENTER_CHROMIUM",
        );
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut child = Command::new(program)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0"])
            .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("chromium starts");
        let stderr = child.stderr.take().expect("its standard error");
        let address = tokio::time::timeout(START, async {
            let mut lines = BufReader::new(stderr).lines();
            let address = loop {
                let line =
                    lines.next_line().await.ok().flatten().expect("chromium says where it listens");
                if let Some(address) = line.strip_prefix("DevTools listening on ") {
                    break address.to_owned();
                }
            };
            // A pipe that nobody reads stops who writes into it.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            address
        });
        let address = address.await.expect("chromium starts within a minute");
        Self { wire: Wire::connect(&address).await, _child: child, _profile: profile }
    }

    /// A page in a context of its own.
    ///
    /// # Panics
    ///
    /// When the browser is gone.
    pub async fn page(&self, look: &Look) -> Page {
        let context = self.wire.call(None, "Target.createBrowserContext", json!({})).await;
        let target =
            json!({ "url": "about:blank", "browserContextId": context["browserContextId"] });
        let target = self.wire.call(None, "Target.createTarget", target).await;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.wire.call(None, "Target.attachToTarget", attach).await;
        let session = session["sessionId"].as_str().expect("a session").to_owned();
        let page = Page::new(self.wire.clone(), session);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        let (width, height, mobile) = (look.width, look.height, look.is_mobile);
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        page.call("Emulation.setDeviceMetricsOverride", metrics).await;
        page.call("Emulation.setTouchEmulationEnabled", json!({ "enabled": mobile })).await;
        page.call("Emulation.setTimezoneOverride", json!({ "timezoneId": look.zone })).await;
        page.call("Emulation.setLocaleOverride", json!({ "locale": look.language })).await;
        let scheme = if look.is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        page.call("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        let agent = json!({ "userAgent": "eventcenter-tests", "acceptLanguage": look.language });
        page.call("Network.setUserAgentOverride", agent).await;
        page
    }
}

fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("EVENTCENTER_CHROMIUM") {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let programs =
        NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    programs.into_iter().find(|program| program.is_file())
}
