//! Tests of the fakes themselves: a fake that is wrong proves nothing.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod bulk;
mod client;
mod faults;
mod lists;
mod processes;
mod receiver;
mod server;
mod shape;
mod watches;
