//! The event watch against an API server in memory, with every fault that we could think of. Time is tokio's, and
//! paused: ten minutes of outage take none.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod faults;
mod model;
mod quiet;
mod random;
mod relist;
mod start;
mod stream;
