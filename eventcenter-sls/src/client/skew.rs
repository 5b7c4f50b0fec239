//! How far the service's clock is from ours.
//!
//! The service tells its time, in whole seconds, with every answer. It read its clock at some moment between sending
//! and receiving, and nobody knows at which: what an answer that went well says counts only when it lies more than five
//! seconds outside of that time, by what was known.

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
        let (largest, least) = (server.duration_since(sent), server.duration_since(received));
        let known = self.get();
        if known < least - WORTH_KNOWING || known > largest + WORTH_KNOWING {
            let half_way = least + (largest - least) / 2;
            self.0.store(millis(half_way), Ordering::Relaxed);
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
        for (received, server) in [(1040, 995), (1040, 1020), (1040, 1045), (1000, 1005)] {
            skew.observe(at(1000), at(received), at(server));
            assert_eq!(skew.get(), SignedDuration::ZERO, "{server}");
        }
        skew.observe(at(1000), at(1002), at(1101));
        assert_eq!(skew.get(), SignedDuration::from_secs(100));
        // By what is known.
        skew.observe(at(1000), at(1040), at(1095));
        assert_eq!(skew.get(), SignedDuration::from_secs(100));
        // Our own clock was set right meanwhile.
        skew.observe(at(1100), at(1100), at(1100));
        assert_eq!(skew.get(), SignedDuration::ZERO);
    }
}
