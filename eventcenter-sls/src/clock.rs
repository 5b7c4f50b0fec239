//! The time of day, passed in so that tests can set it.
//!
//! SLS refuses a request that is signed more than 15 minutes off its own clock, so the client signs by the service's
//! clock, of which it keeps the distance from this one.

use std::fmt::Debug;

use jiff::Timestamp;

/// Tells the time of day.
pub trait Clock: Debug + Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
