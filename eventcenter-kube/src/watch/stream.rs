//! One watch request while it is open, and what its end proves.
//!
//! # Quiet watches
//!
//! Events get no periodic bookmarks: they are served from etcd, without the watch cache (Kubernetes 1.20 and 1.37,
//! measured). Without an event the known version stands still, and within minutes etcd's compaction (every 5
//! minutes by default) passes it by: the next watch from there would be answered by 410, and a gap declared in
//! which nothing had happened. So before each watch the server is asked where it stands (the *horizon*, which
//! [`probe`](super::target::Target::probe) reads from etcd's quorum), and when the watch has ended **by its own
//! time-out, after a silence**, the known version moves up to the horizon. That is safe because:
//!
//! - the watch began at the known version and sends the changes after it in their order, so what it had not sent
//!   by its end is newer than all that it had;
//! - its end came through the same connection as the lines would have: the body ended as HTTP says, not by a cut,
//!   and not within a line; TCP keeps the order, so all that was sent before has arrived;
//! - it was silent for a minute (half its time, if that is less) up to that end, *while we were reading*: no line
//!   was waiting in a buffer on the way, as happens when the reader is slow. A change at or below the horizon was
//!   committed before the watch was even opened; an API server that is well passes it on within milliseconds;
//! - it lived for its full time: a server that stops sooner (SIGTERM) may not have come to sending.
//!
//! The position that is stored is then as old as the watch was long, and gets as old again before the next one ends:
//! [`watch_timeout`](crate::ClusterConfig::watch_timeout) is chosen so that this is less than etcd keeps.
//!
//! What remains is an API server that holds back a change for all of that minute and yet ends the watch in good
//! order: then the position is past an event that was not sent. No client can tell that from silence, bookmarks
//! come by the same way, and the horizon is taken from before the watch to make that minute the least of it.
//!
//! An event above the horizon needs no such argument: its own version is the new position.
//!
//! # Short-lived connections
//!
//! A proxy that cuts idle connections (60 s is common) never lets a quiet watch end in good order. Then the next
//! watch asks for half the time, down to 40 s, and each that ends well for an eighth more.

use std::time::Duration;

use eventcenter_core::Position;
use rand::Rng;
use tokio::time::Instant;

use super::lines::{Line, Lines};
use crate::exchange::{Exchange, Frame};
use crate::failure::Failure;

/// How long a watch is silent before its end proves something.
const SILENCE: Duration = Duration::from_secs(60);

/// The server ends a watch no sooner than this before its time.
const SLACK: Duration = Duration::from_secs(2);

/// A watch that lived for this long was worth opening.
const WORTHWHILE: Duration = Duration::from_secs(10);

/// The shortest time that a watch asks for.
const SHORTEST: Duration = Duration::from_secs(40);

/// A watch request that is open, or being opened.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) exchange: Exchange,
    /// Where the server stood before.
    pub(super) horizon: Position,
    lines: Lines,
    timeout: Duration,
    opened: Option<Instant>,
    /// Whether it has sent anything.
    pub(super) fruitful: bool,
}

/// What comes of it.
#[derive(Debug)]
pub(super) enum Sent {
    /// The server has taken the request. Once, first.
    Opened,
    /// A line.
    Line(Line),
    /// The server has ended it.
    End,
}

impl Stream {
    pub(super) fn new(exchange: Exchange, horizon: Position, timeout: Duration) -> Self {
        let lines = Lines::default();
        Self { exchange, horizon, lines, timeout, opened: None, fruitful: false }
    }

    /// What comes next. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Sent, Failure> {
        loop {
            if let Some(line) = self.lines.next() {
                self.fruitful = true;
                return Ok(Sent::Line(line));
            }
            match self.exchange.frame().await? {
                Frame::Answered => {
                    self.opened = Some(Instant::now());
                    return Ok(Sent::Opened);
                }
                Frame::Data(data) => self.lines.push(data),
                Frame::End => return Ok(Sent::End),
            }
        }
    }

    /// Whether it was worth opening: if not, the next one waits.
    pub(super) fn was_worthwhile(&self) -> bool {
        self.fruitful || self.lived() >= WORTHWHILE
    }

    /// After its end: whether everything up to the horizon is known. See the [module](self).
    pub(super) fn reached_horizon(&self) -> bool {
        self.lived() + SLACK >= self.timeout
            && self.exchange.silence() >= SILENCE.min(self.timeout / 2)
            && !self.lines.has_partial()
    }

    /// After a cut: whether it happened out of a silence.
    pub(super) fn was_idle(&self) -> bool {
        self.exchange.silence() >= WORTHWHILE
    }

    fn lived(&self) -> Duration {
        self.opened.map_or(Duration::ZERO, |opened| opened.elapsed())
    }
}

/// How long the next watch may last.
#[derive(Debug)]
pub(super) struct Term {
    longest: Duration,
    now: Duration,
}

impl Term {
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, now: longest }
    }

    /// 80 to 100 % of it in whole seconds, so that many watches do not end at once.
    pub(super) fn draw(&self) -> Duration {
        let seconds = self.now.as_secs();
        Duration::from_secs(rand::rng().random_range(seconds - seconds / 5..=seconds))
    }

    /// An idle watch was cut.
    pub(super) fn shorten(&mut self) {
        self.now = (self.now / 2).max(SHORTEST).min(self.longest);
    }

    /// A watch ended well.
    pub(super) fn lengthen(&mut self) {
        self.now = (self.now + self.now / 8).min(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_shrink_to_a_bound_and_grow_back() {
        let mut term = Term::new(Duration::from_secs(300));
        for _ in 0..10 {
            term.shorten();
        }
        assert_eq!(term.now, SHORTEST);
        for _ in 0..100 {
            let (drawn, seconds) = (term.draw().as_secs(), term.now.as_secs());
            assert!(drawn <= seconds && drawn >= seconds * 4 / 5, "{drawn} of {seconds}");
            term.lengthen();
        }
        assert_eq!(term.now, Duration::from_secs(300));
    }
}
