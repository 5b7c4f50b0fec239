//! The test bed: a real Kubernetes control plane on loopback, for tests and for people.
//!
//! `cargo xtask` is the program of this package; this library is the part of it that tests use
//! too, when they need an API server of their own to stop, kill, freeze or compact:
//!
//! ```no_run
//! use xtask::testbed::{Instance, Options, Subset};
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut bed = Instance::start(&Options { subset: Subset::Api, ..Options::default() })?;
//! bed.kill_apiserver()?;
//! bed.start_apiserver()?;
//! println!("{}", bed.kubeconfig().display());
//! # Ok(())
//! # }
//! ```
//!
//! [`browser`] finds Chromium and fetches axe-core, for tests in a real browser; [`sls_clients`] installs official clients of
//! the log service, for tests of its double.
//!
//! Plain blocking code, no async runtime: call it from `spawn_blocking`, or before the runtime
//! starts.

pub mod browser;
mod npm;
pub mod sls_clients;
pub mod testbed;
