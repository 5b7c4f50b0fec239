//! The one way anything here is asked to end.
//!
//! A stop has two steps. *Stopping*: sources are asked no more, workers finish what is in hand. *Aborted*: the
//! grace period is over; what is not delivered stays in the spool.

use std::time::Duration;

use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Stopping,
    Aborted,
}

/// Asks for the end; clones ask for the same one.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<Phase>);

/// Learns of it.
#[derive(Debug, Clone)]
pub struct Stopped(watch::Receiver<Phase>);

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// A stop that nobody has asked for yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(Phase::Running))
    }

    /// For those that are to end.
    pub fn listen(&self) -> Stopped {
        Stopped(self.0.subscribe())
    }

    /// Asks to finish what is in hand.
    pub fn begin(&self) {
        self.raise(Phase::Stopping);
    }

    /// Asks to leave everything as it is.
    pub fn abort(&self) {
        self.raise(Phase::Aborted);
    }

    /// Asks to finish, and after `grace` to leave everything as it is.
    pub async fn within(&self, grace: Duration) {
        self.begin();
        tokio::time::sleep(grace).await;
        self.abort();
    }

    /// A phase is never taken back.
    fn raise(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let later = phase > *now;
            if later {
                *now = phase;
            }
            later
        });
    }
}

impl Stopped {
    /// Returns when the end was asked for, or nobody is left who could ask. Cancel-safe.
    pub async fn stopping(&mut self) {
        // An error means that every `Stop` is gone, which is an end too.
        self.0.wait_for(|phase| *phase >= Phase::Stopping).await.ok();
    }

    /// Returns when the grace period is over. Cancel-safe.
    pub async fn aborted(&mut self) {
        self.0.wait_for(|phase| *phase >= Phase::Aborted).await.ok();
    }

    /// Whether the end was asked for.
    pub fn is_stopping(&self) -> bool {
        *self.0.borrow() >= Phase::Stopping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_two_steps_come_in_order_and_are_not_taken_back() {
        let stop = Stop::new();
        let mut stopped = stop.listen();
        assert!(!stopped.is_stopping());
        let asking = stop.clone();
        let asked = tokio::spawn(async move { asking.within(Duration::from_secs(5)).await });
        stopped.stopping().await;
        assert!(tokio::time::timeout(Duration::from_secs(4), stopped.aborted()).await.is_err());
        stopped.aborted().await;
        stop.begin();
        stopped.aborted().await;
        asked.await.unwrap();
    }
}
