//! How long is waited before the next attempt.

use std::time::Duration;

use rand::Rng as _;

use crate::error::Class;

/// Pauses grow by half as much again from `first` to `longest`, and each is taken at random between half of itself and
/// itself, so that clients that failed together do not return together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// The first pause. Half a second by default.
    pub first: Duration,
    /// The longest pause; twice as long where a quota is exceeded. 10 s by default.
    pub longest: Duration,
    /// The time after which no further attempt begins. 90 s by default; [none](Self::NONE) for who repeats calls
    /// himself.
    pub budget: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(10),
            budget: Duration::from_secs(90),
        }
    }
}

impl Retries {
    /// A failure that needs a pause is returned at once. A clock that differs, and a credential that was rotated, are
    /// still tried again, because that needs none.
    pub const NONE: Self =
        Self { first: Duration::ZERO, longest: Duration::ZERO, budget: Duration::ZERO };

    /// The pause after `before` others.
    pub(super) fn pause(&self, before: u32, class: Class) -> Duration {
        let quota = matches!(class, Class::ProjectQuota | Class::LogstoreQuota);
        let times = if quota { 2 } else { 1 };
        let (first, longest) =
            (self.first.saturating_mul(times), self.longest.saturating_mul(times));
        let grown = first.as_secs_f64() * 1.5_f64.powi(i32::try_from(before.min(64)).unwrap_or(64));
        let pause = Duration::try_from_secs_f64(grown).map_or(longest, |grown| grown.min(longest));
        rand::rng().random_range(pause / 2..=pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest_and_are_longer_for_a_quota() {
        let retries = Retries::default();
        for (before, class, longest) in [
            (0, Class::Retry, 0.5),
            (1, Class::Retry, 0.75),
            (0, Class::ProjectQuota, 1.0),
            (1, Class::LogstoreQuota, 1.5),
            (20, Class::Retry, 10.0),
            (u32::MAX, Class::Retry, 10.0),
            (u32::MAX, Class::ProjectQuota, 20.0),
        ] {
            for _ in 0..100 {
                let pause = retries.pause(before, class).as_secs_f64();
                assert!((longest / 2.0..=longest).contains(&pause), "{before} {class:?}: {pause}");
            }
        }
    }

    #[test]
    fn the_longest_times_there_are_do_not_overflow() {
        let for_ever = Duration::MAX;
        let retries = Retries { first: for_ever, longest: for_ever, budget: for_ever };
        for class in [Class::Retry, Class::ProjectQuota] {
            assert!(retries.pause(3, class) >= for_ever / 2);
        }
        assert_eq!(Retries::NONE.pause(3, Class::Retry), Duration::ZERO);
    }
}
