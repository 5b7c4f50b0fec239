//! Two replicas of the real program, against a real API server: hand-overs, and what they cost.
//!
//! `cargo xtask test` starts the control plane and runs the short form. The long one, 50 hand-overs with cut networks,
//! takes some ten minutes and makes network namespaces, so it needs root:
//!
//! ```text
//! cargo xtask test -- -p eventcenter-tests --test replicas fifty -- --ignored --nocapture
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests are tests, and figures are told"
)]

#[path = "../bed/workloads.rs"]
#[expect(dead_code, reason = "only what says that a test is skipped")]
mod workloads;

mod net;
mod owed;
mod pair;

use std::collections::BTreeMap;
use std::time::Duration;

use pair::{Pair, Way};
use xtask::testbed::shared::own_instance_possible;

/// Whether a test can start a control plane of its own.
fn possible() -> bool {
    own_instance_possible() || {
        workloads::skipped();
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hand_overs_lose_nothing() {
    if !possible() {
        return;
    }
    let mut pair = Pair::start(false).await;
    for way in [Way::Terminated, Way::Killed, Way::Stopped] {
        let cost = pair.hand_over(way).await;
        eprintln!("{way:?}: {cost:?}");
    }
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "ten minutes, and root"]
async fn fifty_hand_overs_lose_nothing() {
    if !possible() {
        return;
    }
    let mut pair = Pair::start(true).await;
    let ways = [Way::Terminated, Way::Killed, Way::Stopped, Way::Cut];
    let mut costs: BTreeMap<Way, Vec<pair::Cost>> = BTreeMap::new();
    for number in 0..50 {
        let way = ways[number % ways.len()];
        let cost = pair.hand_over(way).await;
        eprintln!("{number} {way:?}: {cost:?}");
        costs.entry(way).or_default().push(cost);
    }
    pair.end().await;
    for (way, costs) in costs {
        let repeated: Vec<_> = costs.iter().map(|cost| cost.repeated).collect();
        let late: Vec<_> = costs.iter().map(|cost| cost.late).collect();
        let longest: Duration = costs.iter().map(|cost| cost.pause).max().unwrap_or_default();
        eprintln!(
            "{way:?}: {} hand-overs, missing 0, repeated {repeated:?}, late requests {late:?}, longest pause {longest:?}",
            costs.len()
        );
    }
}
