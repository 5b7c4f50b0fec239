//! The whole pipeline under random faults, from seeds: an API server in memory, the real watch, the real spool on a disk
//! that fails, three sinks with all their layers, and programs that die at any instant. Time is tokio's, and paused.
//!
//! Each seed is a plan of misfortunes (`world.rs`), lived through in some lives of the program (`life.rs`), against
//! receivers that take, refuse, lose answers and are away (`receiver.rs`). Afterwards (`verdict.rs`):
//!
//! - each revision that the server had reached each sink whose route takes it, or is in its dead letters, or a gap that
//!   was delivered to that sink speaks of it;
//! - revisions of one object reached each sink in order;
//! - what reached a sink twice was sent again because an answer was lost, or because a program had died.
//!
//! `SEEDS=10000` for a night's worth, `SEED=17` for one again, with its log.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod life;
#[path = "../watch/model/mod.rs"]
mod model;
mod receiver;
mod verdict;
mod world;

use tracing::Level;
use world::World;

async fn run(seed: u64) {
    let mut world = World::new(seed);
    while world.has_another_life() {
        life::live(&mut world).await;
    }
    life::live_to_the_end(&mut world).await;
    verdict::judge(&world);
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(start_paused = true)]
async fn every_event_is_delivered_or_set_aside_or_declared_lost() {
    let seeds = match number("SEED") {
        Some(seed) => {
            tracing_subscriber::fmt().with_max_level(Level::INFO).without_time().init();
            seed..seed + 1
        }
        None => 0..number("SEEDS").unwrap_or(200),
    };
    for seed in seeds {
        let lived = tokio::spawn(run(seed)).await;
        assert!(
            lived.is_ok(),
            "again with: SEED={seed} cargo test -p eventcenter-kube --test simulation"
        );
    }
}
