//! How far the service's clock is from ours.
//!
//! The service tells its time, in whole seconds, with every answer. What is learnt from an answer that went well counts
//! only when it is more than five seconds off what was known: less is the way there and back.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

const WORTH_KNOWING: SignedDuration = SignedDuration::from_secs(5);

/// The distance, in milliseconds; positive when the service is ahead.
#[derive(Debug, Default)]
pub(super) struct Skew(AtomicI64);

impl Skew {
    pub(super) fn get(&self) -> SignedDuration {
        SignedDuration::from_millis(self.0.load(Ordering::Relaxed))
    }

    /// The service refused our time, and says which it is. The distance from now on; none if it does not say.
    pub(super) fn adopt(
        &self,
        now: Timestamp,
        server: Option<Timestamp>,
    ) -> Option<SignedDuration> {
        let delta = millis(server?.duration_since(now));
        self.0.store(delta, Ordering::Relaxed);
        Some(SignedDuration::from_millis(delta))
    }

    /// The service accepted our time; between `sent` and `received` its own was `server`.
    pub(super) fn observe(&self, sent: Timestamp, received: Timestamp, server: Timestamp) {
        let half_way = sent.saturating_add(received.duration_since(sent) / 2).unwrap_or(sent);
        let delta = server.duration_since(half_way);
        if (delta - self.get()).abs() > WORTH_KNOWING {
            self.0.store(millis(delta), Ordering::Relaxed);
        }
    }
}

fn millis(delta: SignedDuration) -> i64 {
    i64::try_from(delta.as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn what_is_off_by_minutes_is_adopted_at_once() {
        let skew = Skew::default();
        assert_eq!(skew.adopt(at(1000), None), None);
        for (server, delta) in [(2200, 1200), (900, -100)] {
            let delta = SignedDuration::from_secs(delta);
            assert_eq!(skew.adopt(at(1000), Some(at(server))), Some(delta));
            assert_eq!(skew.get(), delta);
        }
    }

    #[test]
    fn a_slow_way_there_and_back_is_no_difference() {
        let skew = Skew::default();
        skew.observe(at(1000), at(1040), at(1020));
        assert_eq!(skew.get(), SignedDuration::ZERO);
        skew.observe(at(1000), at(1000), at(1004));
        assert_eq!(skew.get(), SignedDuration::ZERO);
        skew.observe(at(1000), at(1002), at(1101));
        assert_eq!(skew.get(), SignedDuration::from_secs(100));
        // Our own clock was set right meanwhile.
        skew.observe(at(1100), at(1100), at(1100));
        assert_eq!(skew.get(), SignedDuration::ZERO);
    }
}
