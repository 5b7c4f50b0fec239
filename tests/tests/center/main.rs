//! `event-center`, the real program, against a fake API server: what it keeps, answers and survives.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod asked;
mod kept;

use std::time::Duration;

use eventcenter_tests::Setup;

/// Longer than the longest pause of the program between two tries, 30 s.
const LONG: Duration = Duration::from_secs(90);

fn setup() -> Setup {
    Setup::center(env!("CARGO_BIN_EXE_event-center-under-test"))
}
