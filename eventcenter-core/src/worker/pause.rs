//! How long to leave a receiver in trouble alone.

use std::time::Duration;

use rand::Rng;

use crate::error::Action;

/// Longer each time, up to a bound, with jitter so that many programs do not come back together. What only a person can
/// help is counted apart: an outage before it says nothing of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pause {
    retries: u32,
    suspends: u32,
    is_refreshed: bool,
}

impl Pause {
    /// A receiver that says "at once" again and again is not asked more often than that.
    const FLOOR: Duration = Duration::from_millis(100);
    /// 1 s, 2 s, 4 s ... 30 s: the retry layer has tried quickly before.
    const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
    /// 30 s, 60 s ... 10 min: only a person can help.
    const SUSPEND: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));

    /// Before the next try, which that action asks for.
    pub(super) fn after(&mut self, action: Action) -> Duration {
        let ((base, cap), count) = match action {
            Action::RetryAfter(delay) => return delay.max(Self::FLOOR),
            // With the new credential at once; what is refused with that one is not refused for its age.
            Action::Refresh if !self.is_refreshed => {
                self.is_refreshed = true;
                return Self::FLOOR;
            }
            Action::Refresh | Action::Suspend => (Self::SUSPEND, &mut self.suspends),
            _ => (Self::RETRY, &mut self.retries),
        };
        let longest = base.saturating_mul(1 << (*count).min(16)).min(cap);
        *count += 1;
        rand::rng().random_range(longest / 2..=longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_the_receiver_has_the_last_word() {
        let mut pause = Pause::default();
        for attempt in 0..40 {
            let waited = pause.after(Action::Retry);
            let longest = Duration::from_secs(1 << attempt.min(5)).min(Duration::from_secs(30));
            assert!(waited <= longest && waited >= longest / 2, "{attempt}: {waited:?}");
        }
        let delay = Duration::from_secs(3600);
        assert_eq!(pause.after(Action::RetryAfter(delay)), delay);
        assert_eq!(pause.after(Action::RetryAfter(Duration::ZERO)), Pause::FLOOR);
        assert!(Pause::default().after(Action::Suspend) >= Duration::from_secs(15));
    }

    #[test]
    fn a_new_credential_is_tried_at_once_and_then_a_person_is_waited_for() {
        let mut pause = Pause::default();
        // An outage before is no reason to wait for a person.
        for _ in 0..10 {
            pause.after(Action::Retry);
        }
        assert_eq!(pause.after(Action::Refresh), Pause::FLOOR);
        let person = pause.after(Action::Refresh);
        assert!(
            person >= Duration::from_secs(15) && person <= Duration::from_secs(30),
            "{person:?}"
        );
    }
}
