//! When a Lease may be taken, and how long it is good for. Pure.
//!
//! Three rules; that two terms never overlap follows from them:
//!
//! 1. Every write is a compare-and-set on the object's version. So of two who write upon the same version one fails,
//!    and whoever takes a Lease knows that nobody has renewed it since he looked.
//! 2. A term holds until [`Candidate::until`]: two thirds of the duration after the moment *before* its last write
//!    that succeeded was sent. That is no later than two thirds after the API server took it.
//! 3. Somebody else takes it when he has seen the same version for the whole duration, from the moment *after* he
//!    read it first. That is no earlier than the whole duration after the API server took it.
//!
//! A third of the duration lies between the two, for what is on the wire at the end of a term and for clocks that run
//! at different speeds. No clock is compared with another's, and none with a time that stands in the Lease: those are
//! for people. Time is that of [`Uptime`](eventcenter_core::Uptime).

use std::time::Duration;

use jiff::Timestamp;

use super::record::Record;

/// One who wants to lead.
#[derive(Debug)]
pub(super) struct Candidate {
    /// Its own: two of the same name would both take themselves for the holder.
    identity: String,
    duration: Duration,
    /// The version that was seen last, and when it was seen first.
    seen: Option<(String, Duration)>,
}

/// What to do about a Lease.
#[derive(Debug, PartialEq)]
pub(super) enum Move {
    /// Look again later.
    Wait,
    /// Write this.
    Claim(Record),
}

impl Candidate {
    pub(super) fn new(identity: String, duration: Duration) -> Self {
        Self { identity, duration, seen: None }
    }

    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// What to do about this Lease, which was read at `now` or a little before.
    pub(super) fn look(&mut self, lease: &Record, now: Duration, time: Timestamp) -> Move {
        let may = match (lease.holder(), lease.version()) {
            (None, _) | (_, None) => true,
            // Taken by a write whose answer did not arrive.
            (Some(holder), _) if holder == self.identity => true,
            (Some(_), Some(version)) => {
                let since = match &self.seen {
                    Some((seen, since)) if seen == version => *since,
                    _ => {
                        self.seen = Some((version.to_owned(), now));
                        now
                    }
                };
                now.saturating_sub(since) >= lease.duration().unwrap_or(self.duration)
            }
        };
        if may { Move::Claim(self.claim(lease, time)) } else { Move::Wait }
    }

    /// This Lease, taken or renewed.
    pub(super) fn claim(&self, lease: &Record, time: Timestamp) -> Record {
        lease.claimed(&self.identity, self.duration, time)
    }

    /// Until when a term holds whose last write was sent at `asked`.
    pub(super) fn until(&self, asked: Duration) -> Duration {
        asked + self.duration * 2 / 3
    }
}

#[cfg(test)]
mod tests;
