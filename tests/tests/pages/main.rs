//! The pages of `event-center` in a real browser (see `eventcenter_tests::browser`), over the demo and over a fake API server.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod clusters;
mod driver;
mod events;
mod everywhere;
mod hostile;
mod list;
mod nodes;
mod overview;
mod plain;
mod pods;
mod query;
mod status;
mod trouble;
mod walk;

use eventcenter_tests::browser::{Browser, Look, Page};
use eventcenter_tests::{Eventer, Setup, eventually};

/// The program, and a browser that looks at it.
struct Shown {
    center: Eventer,
    browser: Browser,
    url: String,
}

impl Shown {
    /// With the recorded cluster.
    async fn demo() -> Self {
        Self::of(&setup().argument("--demo")).await
    }

    async fn of(setup: &Setup) -> Self {
        Self::well(setup, "/readyz").await
    }

    /// As soon as this path says that all is well: without a cluster nothing is ever ready.
    async fn well(setup: &Setup, path: &str) -> Self {
        let center = setup.start();
        let browser = Browser::start().await;
        let url = eventually("the address", None, async || {
            center.get(path).filter(|answer| answer.status == 200).and_then(|_| center.url())
        });
        let url = url.await;
        Self { center, browser, url }
    }

    /// Opens a path, as this reader.
    async fn open(&self, path: &str, look: &Look) -> Page {
        let page = self.browser.page(look).await;
        page.goto(&format!("{}{path}", self.url)).await;
        page.wait_for(LOADED).await;
        page
    }

    /// What the API answers.
    fn asked(&self, path: &str) -> serde_json::Value {
        self.center.get(path).unwrap().json()
    }
}

/// The page shows what it asked for.
const LOADED: &str = "!document.querySelector('main').hasAttribute('aria-busy') && !document.querySelector('main > .skeleton')";

fn setup() -> Setup {
    Setup::center(env!("CARGO_BIN_EXE_event-center-under-test"))
}
