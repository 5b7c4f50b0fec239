//! What the whole-system tests stand on: servers that misbehave on demand.
//!
//! - [`fake_api_server`]: a Kubernetes API server that knows Events, and every way of losing them;
//! - [`receiver`]: a webhook target that counts what it was given and answers as it is told;
//! - [`eventer`]: the real program as a child process, to be killed, asked and measured;
//! - [`browser`]: Chromium, to look at pages as people do;
//! - [`wait`]: waiting for something to become true, with a readable failure.
//!
//! The servers run on threads of their own, so a test may pause its clock, block its runtime or
//! drop a server anywhere. Everything binds to 127.0.0.1.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "test support: a failure here is a failure of the test"
)]

pub mod browser;
pub mod eventer;
pub mod fake_api_server;
mod loopback;
pub mod receiver;
pub mod wait;

pub use eventer::{Eventer, Setup};
pub use fake_api_server::FakeApiServer;
pub use receiver::Receiver;
pub use wait::eventually;
