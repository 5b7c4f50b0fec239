//! Which of several replicas leads: a Lease in the API server says so.
//!
//! A [`Candidacy`] [wins](Candidacy::win) a [`Term`], [keeps](Candidacy::keep) it by renewing, and
//! [gives it up](Candidacy::give_up). `lease/candidate.rs` says why no two terms overlap, as long as everybody asks
//! [`Term::holds`] before writing; the [fence](eventcenter_core::layer::fence) around sinks does.
//!
//! ```text
//!            the duration of a Lease, 15 s
//! written |----------------------------------------> others may take it
//!         |--------------------------> the term is over, 10 s: nothing is delivered any more
//!         |----> renewed, 2 s
//! ```
//!
//! The time between the two ends is for requests that were being written when the term ended, and for clocks that run
//! at different speeds. A holder that cannot renew, whatever the reason (API server away, cut off, stopped, a disk that
//! hangs), stops in time by itself. One that ends in good order leaves the Lease without a holder, and the next one
//! has it as soon as he looks: within [`LeaseConfig::renew`]'s half.
//!
//! The holder leaves a note in the Lease for its successor, written with each renewal: where its sinks stand
//! ([`Handover`](eventcenter_core::Handover)). Being one object with the holder's name it can only be written by the
//! holder, and is as old as the last renewal at most.
//!
//! client-go's `leaderelection` differs in two points. It measures with the monotonic clock, which stands still while
//! a machine is suspended; and it ends a term by cancelling a context, which a process that was stopped learns of when
//! it gets around to it.

mod api;
mod candidate;
mod record;

use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::{Clock, Error, ErrorKind, Part, Result, SystemClock, Term, Uptime};
use rand::Rng;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::client::ApiServer;
use crate::exchange::Patience;
use crate::failure::{Failure, Kind};
use api::{LeaseApi, ServerLease, Written};
use candidate::{Candidate, Move};
use record::Record;

/// Which Lease, and how long it lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseConfig {
    /// The namespace that it is in.
    pub namespace: String,
    /// Its name: the same for replicas that share the work, another for every other program.
    pub name: String,
    /// Who we are, for people: the name of the Pod. A candidacy adds to it what makes it its own.
    pub identity: String,
    /// How long nobody else may take it after a renewal. Whole seconds, at least [`LeaseConfig::SHORTEST`].
    pub duration: Duration,
    /// The time between two renewals, and twice that between two looks of those who wait. At most a fifth of the
    /// duration, so that a term survives a renewal that fails.
    pub renew: Duration,
}

impl LeaseConfig {
    /// Shorter ones end by every hiccup.
    pub const SHORTEST: Duration = Duration::from_secs(3);
    /// As client-go has it.
    pub const DURATION: Duration = Duration::from_secs(15);
    /// As client-go has it.
    pub const RENEW: Duration = Duration::from_secs(2);
}

/// One who wants to lead. See the [module](self).
#[derive(Debug)]
pub struct Candidacy {
    candidate: Candidate,
    api: Arc<dyn LeaseApi>,
    renew: Duration,
    duration: Duration,
    uptime: Arc<dyn Uptime>,
    clock: Arc<dyn Clock>,
    /// The Lease as we wrote it last, while we hold it.
    held: Option<Record>,
    part: Part,
}

/// A term that was won, and what there is to know about it.
#[derive(Debug)]
pub struct Won {
    /// It.
    pub term: Term,
    /// What the holder before left; none if there was none.
    pub note: Option<String>,
    /// How often the Lease went from one to another.
    pub transitions: u64,
}

/// Why a term ended before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// It could not be renewed in time.
    Late,
    /// Somebody else holds the Lease; by himself, or by a person's hand.
    Taken,
}

impl Candidacy {
    /// One for the Lease of this API server. `part` shows how it stands: well while it leads, and while it waits.
    pub fn new(
        config: &LeaseConfig,
        server: ApiServer,
        uptime: Arc<dyn Uptime>,
        part: Part,
    ) -> Self {
        let patience = Self::patience(config.duration);
        let api = ServerLease {
            server,
            namespace: config.namespace.clone(),
            name: config.name.clone(),
            patience: Patience { answer: patience, frame: patience },
            component: "lease".into(),
        };
        // Its own even if two Pods are told to be of the same name, or one is begun anew before the old one is gone.
        let suffix: u64 = rand::rng().random();
        let identity = format!("{}_{suffix:016x}", config.identity);
        Self::over(config, identity, Arc::new(api), uptime, part)
    }

    fn over(
        config: &LeaseConfig,
        identity: String,
        api: Arc<dyn LeaseApi>,
        uptime: Arc<dyn Uptime>,
        part: Part,
    ) -> Self {
        Self {
            candidate: Candidate::new(identity, config.duration),
            api,
            renew: config.renew,
            duration: config.duration,
            uptime,
            clock: Arc::new(SystemClock),
            held: None,
            part,
        }
    }

    /// How long a request may take: within a term there is time for three.
    fn patience(duration: Duration) -> Duration {
        duration / 5
    }

    /// Who we are, in the Lease.
    pub fn identity(&self) -> &str {
        self.candidate.identity()
    }

    /// Waits for a term. Whatever fails is tried again, and shown in the health.
    ///
    /// # Cancel safety
    ///
    /// When it is dropped while it writes, the Lease may be ours without our knowing, until its duration is over or
    /// [`withdraw`](Self::withdraw) is called.
    pub async fn win(&mut self) -> Won {
        self.held = None;
        let mut holder = None;
        loop {
            match self.try_to_win(&mut holder).await {
                Ok(Some(won)) => return won,
                Ok(None) => {}
                Err(failure) => self.report(&failure, "cannot stand for the Lease"),
            }
            // Not all at the same time.
            let pause = self.renew / 2;
            sleep(rand::rng().random_range(pause * 4 / 5..=pause)).await;
        }
    }

    async fn try_to_win(&mut self, holder: &mut Option<String>) -> Result<Option<Won>, Failure> {
        let lease = self.read().await?;
        let claim = match self.candidate.look(&lease, self.uptime.now(), self.clock.now()) {
            Move::Claim(claim) => claim,
            Move::Wait => {
                if holder.as_deref() != lease.holder() {
                    *holder = lease.holder().map(str::to_owned);
                    info!(leader = lease.holder(), "following");
                }
                self.part.ready_as(format!("follower of {}", lease.holder().unwrap_or_default()));
                return Ok(None);
            }
        };
        let asked = self.uptime.now();
        let Written::As(written) = self.write(&claim).await? else { return Ok(None) };
        let term = Term::new(Arc::clone(&self.uptime), self.candidate.until(asked));
        let won = Won {
            term,
            note: written.note().map(str::to_owned),
            transitions: written.transitions(),
        };
        self.held = Some(written);
        self.part.ready_as("leader");
        info!(identity = self.identity(), transitions = won.transitions, "leading");
        Ok(Some(won))
    }

    /// Waits no longer for a term. If the Lease is ours all the same, others may have it at once.
    pub async fn withdraw(&mut self) {
        self.held = None;
        // That it fails is no more than that they have to wait for it to run out.
        let term = Term::new(Arc::clone(&self.uptime), self.uptime.now());
        let given_up = self.write_held(&term, |_, lease, time| lease.given_up(time)).await;
        if let Err(failure) = given_up {
            self.report(&failure, "cannot look whether the Lease is to be given up");
        }
    }

    /// Renews `term` until it is lost, each time with the note that `note` has then; none leaves the one before.
    ///
    /// # Cancel safety
    ///
    /// May be dropped, and called again.
    pub async fn keep(
        &mut self,
        term: &Term,
        mut note: impl AsyncFnMut() -> Option<String>,
    ) -> Lost {
        let lost = tokio::select! {
            biased;
            () = term.over() => Lost::Late,
            () = self.renew_on(term, &mut note) => Lost::Taken,
        };
        term.end();
        self.held = None;
        warn!(identity = self.identity(), ?lost, "the term is over");
        lost
    }

    /// Returns when somebody else has the Lease.
    async fn renew_on(&mut self, term: &Term, note: &mut impl AsyncFnMut() -> Option<String>) {
        let mut pause = self.renew;
        loop {
            sleep(pause).await;
            let note = note().await;
            pause = match self
                .write_held(term, |candidate, lease, time| {
                    candidate.claim(lease, time).with_note(note.clone())
                })
                .await
            {
                Ok(true) => {
                    self.part.ready_as("leader");
                    self.renew
                }
                Ok(false) => return,
                Err(failure) => {
                    self.report(&failure, "cannot renew the Lease");
                    self.renew / 4
                }
            };
        }
    }

    /// Lets the others have the Lease at once, if we have it, with a last note. What was to be delivered has been.
    ///
    /// # Errors
    ///
    /// When that was not possible before the end of the term: then it runs out.
    pub async fn give_up(&mut self, term: &Term, note: Option<String>) -> Result<()> {
        let mut last = None;
        while term.holds() {
            match self
                .write_held(term, |_, lease, time| lease.given_up(time).with_note(note.clone()))
                .await
            {
                Ok(_) => {
                    term.end();
                    self.held = None;
                    return Ok(());
                }
                Err(failure) => {
                    last = Some(failure.error);
                    sleep(self.renew / 4).await;
                }
            }
        }
        let late = || Error::new("lease", ErrorKind::Timeout, "the term was over already");
        Err(last.unwrap_or_else(late))
    }

    /// Writes what is made of the Lease that we hold, and extends the term. False if somebody else holds it.
    async fn write_held(
        &mut self,
        term: &Term,
        make: impl Fn(&Candidate, &Record, jiff::Timestamp) -> Record,
    ) -> Result<bool, Failure> {
        loop {
            let lease = match self.held.take() {
                Some(lease) => lease,
                // The last write had no answer, or somebody else has written: what is there now?
                None => self.read().await?,
            };
            if lease.holder() != Some(self.identity()) {
                return Ok(false);
            }
            let asked = self.uptime.now();
            let wanted = make(&self.candidate, &lease, self.clock.now());
            match self.write(&wanted).await? {
                Written::As(written) => {
                    self.held = Some(written);
                    term.extend(self.candidate.until(asked));
                    return Ok(true);
                }
                Written::Not => {}
            }
        }
    }

    async fn read(&self) -> Result<Record, Failure> {
        self.in_time(self.api.read()).await
    }

    async fn write(&self, record: &Record) -> Result<Written, Failure> {
        self.in_time(self.api.write(record)).await
    }

    async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        timeout(Self::patience(self.duration), call).await.unwrap_or_else(|_| {
            let message = "the API server does not answer";
            Err(Failure::passing("lease", ErrorKind::Timeout, message))
        })
    }

    fn report(&self, failure: &Failure, what: &'static str) {
        let error = &failure.error;
        let hint = match failure.kind {
            Kind::Forbidden => ": needs get, create and update on leases",
            _ => "",
        };
        warn!(%error, "{what}{hint}");
        self.part.troubled(format!("{what}: {error}{hint}"));
    }
}

#[cfg(test)]
mod tests;
