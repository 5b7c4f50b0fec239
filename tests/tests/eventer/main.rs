//! The real program, against a fake API server and a real one: killed, starved, lied to.
//!
//! Nothing here asserts speed. Where a test waits, it waits for something to become true.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests are tests, and figures are told"
)]

mod answers;
mod clusters;
mod dead_letters;
mod endings;
mod gaps;
mod health;
mod kills;
mod outages;
mod real;
mod refusals;
mod reload;
mod replay;
mod secrets;
mod troubles;
#[path = "../bed/workloads.rs"]
mod workloads;
mod world;
