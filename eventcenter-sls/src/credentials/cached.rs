//! A credential that is remembered, and fetched anew before it is needed.
//!
//! | the credential | what a request gets | what else happens |
//! |---|---|---|
//! | is there and fresh | it | |
//! | expires soon, or is older than [`Source::max_age`] | it | a new one is fetched behind the request |
//! | was refused by the service | a new one, or the same if there is none | at most once in 10 s |
//! | has expired, or is not there yet | a new one, or the failure | |
//!
//! *Soon* is a fifth of its life before it expires, 15 minutes at most, less up to a tenth of that, so that a thousand
//! programs do not ask in the same second. However many requests wait, one fetch is under way. After a failure the
//! source is left alone for one second, then two, up to a minute; a credential that has not expired is served meanwhile.
//!
//! Where a credential comes from is logged when that changes, with the access key's id and nothing else of it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tracing::{info, warn};

use super::source::failed;
use super::{Credential, Provider, Source, Surroundings};
use crate::clock::Clock;
use crate::error::Result;

const LONGEST_LEAD: SignedDuration = SignedDuration::from_mins(15);
/// Between two fetches that the service's refusals ask for.
const REFUSAL_PAUSE: SignedDuration = SignedDuration::from_secs(10);
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// Remembers what a source yields. Cheap to clone: clones share it.
#[derive(Clone)]
pub struct Cached(Arc<Inner>);

struct Inner {
    source: Box<dyn Source>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held by whoever fetches.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    current: Option<Kept>,
    /// The service refused the current one.
    refused: bool,
    /// When the source was last asked because of a refusal.
    asked_for_refusal: Option<Timestamp>,
    /// What the last fetch came to, if it failed; and when the next may be.
    failure: Option<String>,
    pause: SignedDuration,
    not_before: Option<Timestamp>,
}

struct Kept {
    credential: Credential,
    /// From when on a newer one is looked for.
    renew_at: Option<Timestamp>,
}

/// What a request finds.
enum Found {
    Fresh(Credential),
    Stale(Credential),
    Nothing,
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cached").field(&self.0.source).finish()
    }
}

impl Cached {
    /// Remembers what this source yields, by the clock of these surroundings.
    pub fn new(surroundings: &Surroundings, source: impl Source + 'static) -> Self {
        Self(Arc::new(Inner {
            source: Box::new(source),
            clock: Arc::clone(surroundings.clock_of()),
            state: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
        }))
    }
}

#[async_trait]
impl Provider for Cached {
    async fn get(&self) -> Result<Credential> {
        match self.0.find() {
            Found::Fresh(credential) => Ok(credential),
            Found::Stale(credential) => {
                let inner = Arc::clone(&self.0);
                if inner.may_ask() {
                    tokio::spawn(async move {
                        // If another fetches already, that will do.
                        if let Ok(_flight) = inner.flight.try_lock()
                            && matches!(inner.find(), Found::Stale(_))
                        {
                            inner.fetch().await;
                        }
                    });
                }
                Ok(credential)
            }
            Found::Nothing => {
                let _flight = self.0.flight.lock().await;
                // Whoever was before may have brought it.
                if matches!(self.0.find(), Found::Nothing) && self.0.may_ask() {
                    self.0.fetch().await;
                }
                self.0.whatever_there_is()
            }
        }
    }

    async fn invalidate(&self, used: &Credential) {
        let now = self.0.clock.now();
        let mut state = self.0.state();
        let is_current = state.current.as_ref().is_some_and(|kept| kept.credential == *used);
        let lately = |at: Timestamp| now.duration_since(at) < REFUSAL_PAUSE;
        if is_current && !state.asked_for_refusal.is_some_and(lately) {
            state.refused = true;
            state.asked_for_refusal = Some(now);
            state.not_before = None;
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self) -> Found {
        let now = self.clock.now();
        let state = self.state();
        match &state.current {
            Some(kept) if !kept.has_expired(now) && !state.refused => {
                let credential = kept.credential.clone();
                if kept.renew_at.is_some_and(|at| at <= now) {
                    Found::Stale(credential)
                } else {
                    Found::Fresh(credential)
                }
            }
            _ => Found::Nothing,
        }
    }

    fn may_ask(&self) -> bool {
        self.state().not_before.is_none_or(|at| at <= self.clock.now())
    }

    /// After a fetch: what was refused is better than nothing, what has expired is not.
    fn whatever_there_is(&self) -> Result<Credential> {
        let now = self.clock.now();
        let state = self.state();
        match &state.current {
            Some(kept) if !kept.has_expired(now) => Ok(kept.credential.clone()),
            _ => Err(failed(state.failure.clone().unwrap_or_else(|| "the key has expired".into()))),
        }
    }

    async fn fetch(&self) {
        let fetched = self.source.fetch().await;
        let now = self.clock.now();
        let fetched = fetched.and_then(|credential| {
            credential.ok_or_else(|| failed(format!("{:?} is not set up here", self.source)))
        });
        let mut state = self.state();
        state.refused = false;
        match fetched {
            Ok(credential) => {
                let before = state.current.as_ref().map(|kept| &kept.credential);
                if before.is_none_or(|old| {
                    (old.id(), old.origin()) != (credential.id(), credential.origin())
                }) {
                    info!(
                        origin = credential.origin(),
                        access_key_id = credential.id(),
                        "credential found"
                    );
                }
                let renew_at = renew_at(&credential, now, self.source.max_age());
                state.current = Some(Kept { credential, renew_at });
                (state.failure, state.not_before, state.pause) = (None, None, SignedDuration::ZERO);
            }
            Err(error) => {
                warn!(%error, "no new credential");
                state.pause = (state.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                state.not_before = now.checked_add(state.pause).ok();
                state.failure = Some(error.to_string());
            }
        }
    }
}

impl Kept {
    fn has_expired(&self, now: Timestamp) -> bool {
        self.credential.expires_at().is_some_and(|at| at <= now)
    }
}

fn renew_at(
    credential: &Credential,
    now: Timestamp,
    max_age: Option<Duration>,
) -> Option<Timestamp> {
    let Some(expires_at) = credential.expires_at() else {
        return now.checked_add(max_age?).ok();
    };
    let life = expires_at.duration_since(now).max(SignedDuration::ZERO);
    let lead = (life / 5).min(LONGEST_LEAD);
    // A tenth of it by chance, in thousandths.
    let chance = lead / 10 / 1000 * rand::random_range(0..1000);
    expires_at.checked_sub(lead - chance).ok()
}

#[cfg(test)]
mod tests;
