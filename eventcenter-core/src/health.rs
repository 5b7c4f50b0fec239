//! Health, from progress and not from being alive.
//!
//! Each part of the program (a watch, the spool, a sink) has a [`Part`] that it sets as it goes on. The program is
//! *ready* when every part that readiness depends on is ready and has made progress within its bound. A sink in
//! trouble is shown, and does not make the program unready: its events wait in the spool.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

/// The health of a program; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, State>>>);

/// The health of one part of it, for that part to set.
#[derive(Debug, Clone)]
pub struct Part {
    health: Health,
    name: Arc<str>,
}

#[derive(Debug)]
struct State {
    gates: bool,
    held: bool,
    condition: Condition,
    progress: Instant,
    max_age: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    Starting,
    Ready,
    /// Well, in these words.
    ReadyAs(String),
    Troubled(String),
}

/// What `/readyz` answers.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether every part that readiness depends on is ready.
    pub ready: bool,
    /// By name.
    pub parts: BTreeMap<String, PartReport>,
}

/// One part of a [`Report`].
#[derive(Debug, Serialize)]
pub struct PartReport {
    /// Whether it is well.
    pub ready: bool,
    /// `ready`, `starting`, `paused`, what it is well as (`leader`), or what is wrong.
    pub state: String,
    /// Seconds since it last made progress.
    pub age_seconds: u64,
    /// Whether readiness depends on it.
    pub gates: bool,
}

impl Health {
    /// The health of a program that has no parts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A part that readiness depends on. It is starting until it says otherwise; `max_age` is how long it may go
    /// without progress, if there is a bound.
    pub fn gate(&self, name: &str, max_age: Option<Duration>) -> Part {
        self.part(name, true, max_age)
    }

    /// A part that is shown only.
    pub fn shown(&self, name: &str) -> Part {
        self.part(name, false, None)
    }

    /// Holds a part on purpose, or lets it go on: nobody waits for what is held. A part that is not there is not held.
    pub fn hold(&self, name: &str, held: bool) {
        if let Some(state) = self.lock().get_mut(name) {
            state.held = held;
            // It could not make any meanwhile.
            state.progress = Instant::now();
        }
    }

    /// There is no such part any more; what it says from now on is not heard.
    pub fn remove(&self, name: &str) {
        self.lock().remove(name);
    }

    /// Of all parts there are only these left, those that were there.
    pub fn retain_only(&self, names: &[&str]) {
        self.lock().retain(|name, _| names.contains(&name.as_str()));
    }

    fn part(&self, name: &str, gates: bool, max_age: Option<Duration>) -> Part {
        let state = State {
            gates,
            held: false,
            condition: Condition::Starting,
            progress: Instant::now(),
            max_age,
        };
        self.lock().insert(name.to_owned(), state);
        Part { health: self.clone(), name: name.into() }
    }

    /// How things are now.
    pub fn report(&self) -> Report {
        let parts: BTreeMap<_, _> =
            self.lock().iter().map(|(name, state)| (name.clone(), state.report())).collect();
        Report { ready: parts.values().all(|part| part.ready || !part.gates), parts }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn report(&self) -> PartReport {
        let age = self.progress.elapsed();
        let stale = self.max_age.is_some_and(|max_age| age > max_age);
        let state = match &self.condition {
            _ if self.held => "paused".to_owned(),
            Condition::Ready | Condition::ReadyAs(_) if stale => {
                format!("no progress for {} s", age.as_secs())
            }
            Condition::Ready => "ready".to_owned(),
            Condition::ReadyAs(what) => what.clone(),
            Condition::Starting => "starting".to_owned(),
            Condition::Troubled(why) => why.clone(),
        };
        let is_well = matches!(self.condition, Condition::Ready | Condition::ReadyAs(_));
        let ready = self.held || (is_well && !stale);
        PartReport { ready, state, age_seconds: age.as_secs(), gates: self.gates }
    }
}

impl Part {
    /// It is well, and has just made progress.
    pub fn ready(&self) {
        self.set(|state| {
            state.condition = Condition::Ready;
            state.progress = Instant::now();
        });
    }

    /// It is well, and what it is: one line without secrets.
    pub fn ready_as(&self, what: impl Into<String>) {
        self.set(|state| {
            state.condition = Condition::ReadyAs(what.into());
            state.progress = Instant::now();
        });
    }

    /// It is in trouble, and why: one line without secrets.
    pub fn troubled(&self, why: impl Into<String>) {
        self.set(|state| state.condition = Condition::Troubled(why.into()));
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        if let Some(state) = self.health.lock().get_mut(&*self.name) {
            change(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn readiness_needs_progress() {
        let health = Health::new();
        let watch = health.gate("watch", Some(Duration::from_secs(60)));
        let sink = health.shown("sink");
        assert!(!health.report().ready);
        watch.ready();
        sink.troubled("connection refused");
        assert!(health.report().ready);
        assert_eq!(health.report().parts["sink"].state, "connection refused");
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(!health.report().ready);
        assert_eq!(health.report().parts["watch"].state, "no progress for 61 s");
        watch.ready();
        assert!(health.report().ready);
        watch.troubled("the API server does not answer");
        assert!(!health.report().ready);
    }

    #[test]
    fn what_is_removed_is_waited_for_by_nobody_and_says_nothing_any_more() {
        let health = Health::new();
        let watch = health.gate("watch", None);
        health.remove("watch");
        watch.troubled("the API server does not answer");
        let report = health.report();
        assert!(report.ready && report.parts.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_what_is_held() {
        let health = Health::new();
        let watch = health.gate("watch", Some(Duration::from_secs(60)));
        watch.ready();
        health.hold("watch", true);
        tokio::time::advance(Duration::from_secs(600)).await;
        let report = health.report();
        assert!(report.ready);
        assert_eq!(report.parts["watch"].state, "paused");
        health.hold("watch", false);
        assert_eq!(health.report().parts["watch"].state, "ready");
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(!health.report().ready);
    }
}
