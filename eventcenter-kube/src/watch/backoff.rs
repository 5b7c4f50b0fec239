//! How long to wait after a failure: full jitter, doubling from half a second.
//!
//! Many programs lose the same API server at the same moment; a wait that is drawn from the whole interval is
//! what spreads them best. Where the server says how long, it is never less than that.

use std::time::Duration;

use rand::Rng;

use crate::failure::{Failure, Kind};

/// The interval of the first wait.
const FIRST: Duration = Duration::from_millis(500);

/// The longest interval.
const LONGEST: Duration = Duration::from_secs(30);

/// The longest interval while a person has to grant something.
const LONGEST_FORBIDDEN: Duration = Duration::from_secs(60);

/// Failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    /// Something came through.
    pub(super) fn reset(&mut self) {
        self.0 = 0;
    }

    /// How many failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.0
    }

    /// Counts a failure, and says how long to wait.
    pub(super) fn fail(&mut self, failure: &Failure) -> Duration {
        let longest = if failure.kind == Kind::Forbidden { LONGEST_FORBIDDEN } else { LONGEST };
        let interval = FIRST.saturating_mul(1 << self.0.min(16)).min(longest);
        self.0 = self.0.saturating_add(1);
        let mut random = rand::rng();
        match failure.retry_after {
            // A tenth on top, so that those who were told the same do not come at once.
            Some(wait) => wait + random.random_range(Duration::ZERO..=wait / 10),
            None => random.random_range(Duration::ZERO..=interval),
        }
    }
}

#[cfg(test)]
mod tests {
    use eventcenter_core::ErrorKind;

    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_a_success_ends_them() {
        let failure = Failure::passing("events", ErrorKind::Unavailable, "down");
        let mut backoff = Backoff::default();
        assert!(backoff.fail(&failure) <= FIRST);
        for _ in 0..1000 {
            assert!(backoff.fail(&failure) <= LONGEST);
        }
        backoff.reset();
        assert!(backoff.fail(&failure) <= FIRST);
    }

    #[test]
    fn the_servers_wish_is_a_lower_bound() {
        let mut failure = Failure::passing("events", ErrorKind::Throttled, "busy");
        failure.retry_after = Some(Duration::from_secs(20));
        let wait = Backoff::default().fail(&failure);
        assert!(wait >= Duration::from_secs(20) && wait <= Duration::from_secs(22));
    }
}
