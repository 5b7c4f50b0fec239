//! A real control plane: what a second watcher saw, the sinks have.
//!
//! `cargo xtask test` starts it. Without it these tests are skipped, and say so; where `CI=true` they fail.

mod own;
mod second;
mod shared;

use xtask::testbed::shared as bed;

use crate::workloads::skipped;

/// Whether a test can start a control plane of its own.
fn own_instance_possible() -> bool {
    bed::own_instance_possible() || {
        skipped();
        false
    }
}
