//! A real browser: headless Chromium with a profile of its own, driven over the DevTools protocol.
//!
//! ```no_run
//! use eventcenter_tests::browser::{Browser, Look};
//! use serde_json::json;
//!
//! # async fn test(center: eventcenter_tests::Eventer) {
//! let browser = Browser::start().await;
//! let page = browser.page(&Look::default().in_chinese().dark()).await;
//! page.goto(&format!("{}/?since=all", center.url().unwrap())).await;
//! page.click("input[name=query]", &[]).await;
//! page.type_text("level : Error").await;
//! page.press("Enter", &[]).await;
//! page.wait_for("document.querySelectorAll('tbody tr').length > 10").await;
//! assert!(page.url().await.contains("query=level"));
//! page.drag("svg.histogram", (0.2, 0.5), (0.4, 0.5)).await;
//! page.back().await;
//! assert_eq!(page.eval("document.documentElement.lang").await, json!("zh-CN"));
//! assert_eq!(page.axe().await, Vec::<String>::new());
//! page.is_sound();
//! # }
//! ```
//!
//! Promises: every [`Page`] is a browser context of its own, without cookies, cache or storage of another; input is the
//! browser's own mouse and keyboard, so what covers a button is hit instead of it; every wait has an end ([`PATIENCE`])
//! and says what was there instead; no host but 127.0.0.1 can be reached, whatever a page asks for, and asking is a
//! problem. Whatever fails panics, with the words of the browser.
//!
//! The protocol (<https://chromedevtools.github.io/devtools-protocol/>) is spoken over two pipes: no port that another
//! could use, and when they close, also because a test was killed, Chromium ends. [`Browser`] lives in the runtime of
//! the test that started it, and starts in about a second.

mod axe;
mod input;
mod page;
mod seen;
mod wire;

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

pub use self::page::Page;
pub use self::seen::Request;
use self::wire::Wire;
pub use crate::wait::PATIENCE;

/// Quiet, offline, and the same on every machine. The rule makes every name and address but one unknown.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox", // as root it knows no other way
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage", // containers have 64 MiB of it
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--password-store=basic",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
];

/// Who looks at a page, and how.
#[derive(Debug, Clone)]
pub struct Look {
    size: (u32, u32),
    language: &'static str,
    is_dark: bool,
    is_phone: bool,
    zone: &'static str,
}

impl Default for Look {
    /// A small laptop, 1280 by 800; English, light, in UTC.
    fn default() -> Self {
        Self { size: (1280, 800), language: "en-US", is_dark: false, is_phone: false, zone: "UTC" }
    }
}

impl Look {
    /// A window of this size, in CSS pixels.
    #[must_use]
    pub fn sized(self, width: u32, height: u32) -> Self {
        Self { size: (width, height), ..self }
    }

    /// A phone: 390 by 844, touched.
    #[must_use]
    pub fn phone(self) -> Self {
        Self { is_phone: true, ..self.sized(390, 844) }
    }

    /// In Chinese: `Accept-Language`, `navigator.language`, and how numbers and dates are written.
    #[must_use]
    pub fn in_chinese(self) -> Self {
        Self { language: "zh-CN", ..self }
    }

    /// Dark pages are preferred.
    #[must_use]
    pub fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }

    /// In this time zone of the IANA database.
    #[must_use]
    pub fn zone(self, zone: &'static str) -> Self {
        Self { zone, ..self }
    }
}

/// A running Chromium. It ends with this value.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    wire: Arc<Wire>,
    user_agent: String,
    /// Removed after the end.
    profile: TempDir,
}

impl Browser {
    /// Starts one, and waits until it answers.
    ///
    /// # Panics
    ///
    /// When there is no Chromium, which says how to install it; when it does not start within [`PATIENCE`].
    pub async fn start() -> Self {
        let program = xtask::browser::chromium().unwrap_or_else(|error| panic!("{error:#}"));
        let profile = tempfile::tempdir().expect("a temporary folder");
        let log = profile.path().join("chromium.log");
        // Chromium reads its orders at descriptor 3 and answers at 4. The shell puts the pipes there and goes.
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>&2"#])
            .arg(program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a log"))
            .process_group(0); // with all that it starts
        let mut child = command.spawn().expect("a shell");
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let wire = Wire::start(to.expect("a pipe"), from.expect("a pipe"));
        let mut browser = Self { child, wire, user_agent: String::new(), profile };
        match browser.wire.call(None, "Browser.getVersion", json!({})).await {
            Ok(version) => browser.user_agent = text(&version, "userAgent"),
            Err(error) => {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                panic!("chromium does not start: {error}\n{said}");
            }
        }
        browser
    }

    /// Opens an empty page in a context of its own.
    ///
    /// # Panics
    ///
    /// When Chromium refuses.
    pub async fn page(&self, look: &Look) -> Page {
        Page::open(Arc::clone(&self.wire), &self.user_agent, look).await
    }

    /// The folder of all that it writes. It goes when the browser does.
    #[must_use]
    pub fn profile(&self) -> &Path {
        self.profile.path()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The group is ours for as long as nobody has waited for its leader; that it is gone already is no error.
        let pid = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(group) = pid {
            kill_process_group(group, Signal::KILL).ok();
        }
        // Reaped, lest it write to its profile while that is being removed.
        while matches!(self.child.try_wait(), Ok(None)) {
            std::thread::yield_now();
        }
    }
}

/// A string of an answer; empty if it is none.
fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}
