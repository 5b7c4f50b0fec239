//! The test bed that `cargo xtask test` shares among tests, and how a test does without one.
//!
//! ```no_run
//! # fn test() {
//! let Some(kubeconfig) = xtask::testbed::shared::kubeconfig() else { return };
//! # }
//! ```
//!
//! A test that returns so has been skipped, not passed: it is written to the file named by
//! `EVENTCENTER_SKIPPED`, one line a test, and `cargo xtask test` counts and lists it.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// The kubeconfig of the shared test bed; without one, notes that the calling test is skipped.
pub fn kubeconfig() -> Option<PathBuf> {
    let found = env::var_os("EVENTCENTER_KUBECONFIG").map(PathBuf::from);
    if found.is_none() {
        skip();
    }
    found
}

/// Whether the programs are there for an [`Instance`](super::Instance) of the test's own; if
/// not, notes that the calling test is skipped.
pub fn own_instance_possible() -> bool {
    let found = env::var_os("EVENTCENTER_TESTBED_BIN").is_some();
    if !found {
        skip();
    }
    found
}

/// Notes that the calling test is skipped. The test's name is that of its thread.
fn skip() {
    let reason = env::var("EVENTCENTER_SKIP_REASON")
        .unwrap_or_else(|_| "no test bed; run `cargo xtask test`".to_owned());
    let thread = std::thread::current();
    let line = format!("{}: {reason}\n", thread.name().unwrap_or("a test"));
    if let Some(path) = env::var_os("EVENTCENTER_SKIPPED") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        // A list of skipped tests that cannot be written must not fail the test.
        file.and_then(|mut file| file.write_all(line.as_bytes())).ok();
    }
}
