//! The pages of `event-center` in a real browser: see `eventcenter_tests::browser`.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod driver;
mod hostile;
mod plain;

use std::time::Duration;

use eventcenter_tests::{Eventer, Setup, eventually};

/// Longer than the program takes to start on a busy machine.
const LONG: Duration = Duration::from_secs(90);

fn setup() -> Setup {
    Setup::center(env!("CARGO_BIN_EXE_event-center-under-test"))
}

/// The program, when it answers.
async fn started(setup: &Setup) -> Eventer {
    let center = setup.start();
    eventually("the program to answer", LONG, async || center.get("/healthz")).await;
    center
}

/// The demo, when it answers.
async fn demo() -> Eventer {
    started(&setup().argument("--demo")).await
}
