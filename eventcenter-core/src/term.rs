//! A term of office: until when this process may write to the receivers, where several replicas share the work.
//!
//! Who gives it is not known here (a Lease of Kubernetes, in `eventcenter-kube`). It promises one thing: **while
//! [`Term::holds`] is true no other replica has a term.** The giver sees to that by ending terms well before anybody
//! else may begin one; whoever writes sees to it by asking before each write, which is the
//! [fence](crate::layer::fence)'s.
//!
//! Time is [`Uptime`]: since the machine was started, with the time that it was suspended, untouched by whoever sets
//! the clock (`CLOCK_BOOTTIME` of Linux). A process that was stopped for a minute finds its term over
//! when it goes on, although none of its timers has rung.
//!
//! A term that is over stays over: it is not extended any more, and the next one is another value.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Tells the time since the machine was started, suspended or not.
pub trait Uptime: Debug + Send + Sync + 'static {
    /// Now. It never goes back.
    fn now(&self) -> Duration;
}

/// The kernel's `CLOCK_BOOTTIME`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Boottime;

impl Uptime for Boottime {
    fn now(&self) -> Duration {
        let now = clock_gettime(ClockId::Boottime);
        // The kernel says neither less than 0 nor more than a second of nanoseconds.
        let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
        Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
    }
}

/// A term of office; clones are the same one. See the [module](self).
#[derive(Debug, Clone)]
pub struct Term(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    uptime: Arc<dyn Uptime>,
    /// Nanoseconds of uptime; 0 when it was given up.
    until: AtomicU64,
}

impl Term {
    /// One that holds until then, as `uptime` tells it.
    pub fn new(uptime: Arc<dyn Uptime>, until: Duration) -> Self {
        Self(Arc::new(Inner { uptime, until: AtomicU64::new(nanos(until)) }))
    }

    /// Whether this process may write now.
    pub fn holds(&self) -> bool {
        !self.left().is_zero()
    }

    /// How long it still holds, if nobody extends it or gives it up.
    pub fn left(&self) -> Duration {
        let until = Duration::from_nanos(self.0.until.load(Ordering::Acquire));
        until.saturating_sub(self.0.uptime.now())
    }

    /// Holds until then, which is not before what was said earlier. False if it was over already: it stays so.
    pub fn extend(&self, until: Duration) -> bool {
        let now = nanos(self.0.uptime.now());
        let extended = self.0.until.fetch_update(Ordering::AcqRel, Ordering::Acquire, |before| {
            (before > now).then_some(before.max(nanos(until)))
        });
        extended.is_ok()
    }

    /// Gives it up.
    pub fn end(&self) {
        self.0.until.store(0, Ordering::Release);
    }

    /// Returns when it is over; late by as long as the machine was suspended, since timers stand still meanwhile:
    /// who is about to write asks [`holds`](Self::holds). Cancel-safe.
    pub async fn over(&self) {
        /// A term that was given up is noticed so soon.
        const LOOK: Duration = Duration::from_millis(250);
        while self.holds() {
            tokio::time::sleep(self.left().min(LOOK)).await;
        }
    }
}

/// 584 years fit.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// An uptime that stands still until it is moved.
#[cfg(any(test, feature = "testing"))]
#[derive(Debug, Clone, Default)]
pub struct FixedUptime(Arc<AtomicU64>);

#[cfg(any(test, feature = "testing"))]
impl FixedUptime {
    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(nanos(by), Ordering::AcqRel);
    }
}

#[cfg(any(test, feature = "testing"))]
impl Uptime for FixedUptime {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_term_that_is_over_stays_over() {
        let uptime = FixedUptime::default();
        let term = Term::new(Arc::new(uptime.clone()), 10 * SECOND);
        uptime.advance(9 * SECOND);
        assert!(term.holds() && term.extend(12 * SECOND) && term.extend(11 * SECOND));
        assert_eq!(term.left(), 3 * SECOND, "what was said is not taken back");
        uptime.advance(3 * SECOND);
        assert!(!term.holds() && !term.extend(20 * SECOND) && !term.holds());
    }

    #[test]
    fn a_term_that_was_given_up_is_not_extended() {
        let term = Term::new(Arc::new(FixedUptime::default()), SECOND);
        term.end();
        assert!(!term.holds() && !term.extend(2 * SECOND) && !term.holds());
    }

    #[test]
    fn uptime_goes_on() {
        let before = Boottime.now();
        assert!(before > Duration::ZERO && Boottime.now() >= before);
    }
}
