//! `event-center`, the real program, against a fake API server and a real one: what it keeps, answers and survives.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests are tests, and figures are told"
)]

mod asked;
mod full;
mod kept;
mod real;
mod sent;
#[path = "../bed/workloads.rs"]
mod workloads;

use std::time::Duration;

use eventcenter_tests::{Setup, wait};

const LONG: Duration = wait::PATIENCE;

fn setup() -> Setup {
    Setup::center(env!("CARGO_BIN_EXE_event-center-under-test"))
}
