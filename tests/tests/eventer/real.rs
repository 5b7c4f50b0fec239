//! A real control plane: what a second watcher saw, the sinks have.
//!
//! `cargo xtask test` starts it. Without it these tests are skipped, and say so; where `CI=true` they fail.

mod own;
mod second;
mod shared;

use std::path::PathBuf;

use xtask::testbed::shared as bed;

/// The kubeconfig of the shared control plane; without one, the calling test is skipped.
fn kubeconfig() -> Option<PathBuf> {
    bed::kubeconfig().or_else(|| {
        skipped();
        None
    })
}

/// Whether a test can start a control plane of its own.
fn own_instance_possible() -> bool {
    bed::own_instance_possible() || {
        skipped();
        false
    }
}

fn skipped() {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no control plane, and this is CI");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    eprintln!("SKIPPED {test}: there is no control plane; `cargo xtask test` starts one");
}
