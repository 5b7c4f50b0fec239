//! `eventer` as one of several replicas: one works, the others wait.
//!
//! ```text
//! follow ── wins the Lease ──> lead: open the spool, watch, deliver, renew ── SIGTERM ──> drain, give up, end
//!    ^                                                                  │
//!    └──────────── drop everything in hand <── the term is over ────────┘
//! ```
//!
//! **A follower watches nothing.** It looks at the Lease and answers `/readyz`; its spool is closed. A watch that is
//! kept warm would cost the API server a second stream of all events, and the follower a spool that it could not tidy
//! up, for nobody tells it what was delivered. It would save a request: a new leader asks for what came after the
//! position that the old one left, and the API server has that, or could not have sent it to a warm watch either,
//! unless the old leader had lagged for longer than the API server remembers (5 minutes).
//!
//! **A term ends before another begins**, and nothing is delivered outside of a term: [`eventcenter_kube::lease`] and
//! [`eventcenter_core::layer::fence`] say why. A configuration that has changed is a hand-over. When a term is lost the pipeline is dropped, with what was in hand; sinks
//! and spool are opened anew for the next one.

use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::{
    Boottime, Error, ErrorKind, Handover, Health, Pipeline, Result, Standing, Stop, Stopped, Term,
    layer,
};
use eventcenter_kube::lease::Won;
use eventcenter_kube::{ApiServer, Candidacy, ClusterConfig, compare_positions};
use tracing::{info, warn};

use crate::admin;
use crate::config::{Config, LeaseSettings};
use crate::eventer::{Failure, Program, attended, connect, listen, open_with, pass_on};
use crate::reload::{self, Reload};

/// The part of the health that says who leads.
const PART: &str = "leadership";

/// What was taken in gets so long to reach the disk when a term was lost. Nothing depends on it: the position on the
/// disk is that of what is there.
const LAST_COMMIT: Duration = Duration::from_millis(500);

/// Follows and leads until SIGTERM or Ctrl-C.
pub(crate) async fn run(
    config: Config,
    lease: &LeaseSettings,
    no_wait: bool,
) -> Result<(), Failure> {
    let servers = connect(&config.clusters).await?;
    let (health, shared) = (Health::new(), layer::Shared::default());
    let http = listen(config.http.listen, &health, &shared.metrics).await?;
    let server = server_of(&servers, lease)?;
    if no_wait {
        for (cluster, server) in &servers {
            server.identify(cluster).await.map_err(Failure::Unreachable)?;
        }
    }
    let part = health.gate(PART, None);
    let candidacy = Candidacy::new(&lease.of(server), server.clone(), Arc::new(Boottime), part);
    info!(identity = candidacy.identity(), "one of several replicas");
    let grace = config.grace.get();
    let stop = Stop::new();
    let reload = Reload::new(&config, &health);
    let mut replica =
        Replica { config, servers, health, shared, candidacy, no_wait, reload, before: None };
    let terms = Box::pin(replica.terms(stop.listen()));
    attended(&stop, grace, http.serve(stop.listen()), terms).await
}

/// The one that the Lease is in.
fn server_of<'a>(
    servers: &'a [(ClusterConfig, ApiServer)],
    lease: &LeaseSettings,
) -> Result<&'a ApiServer> {
    let named = servers.iter().find(|(config, _)| {
        lease.cluster.as_ref().is_none_or(|name| config.name.as_ref() == Some(name))
    });
    // Checked with the configuration.
    let unknown = || Error::new("replicas", ErrorKind::Config, "there is no cluster for the Lease");
    named.map(|(_, server)| server).ok_or_else(unknown)
}

struct Replica {
    config: Config,
    servers: Vec<(ClusterConfig, ApiServer)>,
    health: Health,
    /// What the layers share, but for the term.
    shared: layer::Shared,
    candidacy: Candidacy,
    no_wait: bool,
    reload: Reload,
    /// The configuration before this one, and its API servers.
    before: Option<(Config, Vec<(ClusterConfig, ApiServer)>)>,
}

/// How a term ended.
enum Ended {
    /// It was lost.
    Lost,
    /// It was given up, to work by this configuration.
    Renewed(Box<Config>),
    /// The program is to end, or has to.
    Done(Result<(), Failure>),
}

impl Replica {
    /// Follows and leads until `stopped`.
    async fn terms(&mut self, mut stopped: Stopped) -> Result<(), Failure> {
        loop {
            let won = tokio::select! {
                biased;
                () = stopped.stopping() => {
                    self.candidacy.withdraw().await;
                    return Ok(());
                }
                new = self.reload.next(&self.config) => {
                    self.take_over(new).await;
                    continue;
                }
                won = self.candidacy.win() => won,
            };
            // A command may have the state folder for a moment.
            admin::wait_for(&self.config.state_dir).await;
            let metrics = self.shared.metrics.clone();
            metrics.leader.set(1);
            metrics.leader_terms.inc();
            let ended = Box::pin(self.lead(won, stopped.clone())).await;
            metrics.leader.set(0);
            metrics.forget_backlogs();
            if let Ended::Done(done) = ended {
                return done;
            }
            self.health.retain_only(&[PART, reload::PART]);
            if let Ended::Renewed(new) = ended {
                self.take_over(*new).await;
            }
        }
    }

    /// Works by another configuration from the next term on.
    async fn take_over(&mut self, new: Config) {
        match connect(&new.clusters).await {
            Ok(servers) => {
                let config = std::mem::replace(&mut self.config, new);
                self.before = Some((config, std::mem::replace(&mut self.servers, servers)));
                self.reload.taken();
            }
            Err(failure) => self.reload.cannot_open(new, &failure.to_string()),
        }
    }

    /// Works until `stopped`, or until the term is lost.
    async fn lead(&mut self, won: Won, mut stopped: Stopped) -> Ended {
        let term = won.term;
        let stop = Stop::new();
        let (program, pipeline) = match self.open(&term, won.note.as_deref()) {
            Ok(opened) => opened,
            Err(failure) => {
                self.give_up(&term, None).await;
                // A new configuration that could not be seen through before.
                let Some((config, servers)) = self.before.take() else {
                    return Ended::Done(Err(failure));
                };
                self.servers = servers;
                let new = std::mem::replace(&mut self.config, config);
                self.reload.cannot_open(new, &failure.to_string());
                return Ended::Lost;
            }
        };
        self.before = None;
        let (mut standing, mut last) = (pipeline.standing(), pipeline.standing());
        let mut work = std::pin::pin!(program.work(pipeline, &stop, self.no_wait));
        let mut new = None;
        let (reload, config) = (&mut self.reload, &self.config);
        // A new configuration is a hand-over, to whoever comes first.
        let renewed = async {
            new = Some(reload.next(config).await);
            info!("giving up the Lease for a new configuration");
            stop.within(config.grace.get()).await;
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            biased;
            _ = self.candidacy.keep(&term, async || note(&mut standing).await) => None,
            done = &mut work => Some(done),
            () = renewed => None,
            () = pass_on(&mut stopped, &stop) => None,
        };
        match ended {
            Some(done) => {
                let note = note(&mut last).await;
                self.give_up(&term, note).await;
                match (done, new) {
                    (Ok(()), Some(new)) => Ended::Renewed(Box::new(new)),
                    (done, _) => Ended::Done(done),
                }
            }
            None => {
                let (ended, ()) = tokio::join!(work, stop.within(LAST_COMMIT));
                match ended {
                    Ok(()) => Ended::Lost,
                    Err(failure) => Ended::Done(Err(failure)),
                }
            }
        }
    }

    /// Everything that a term works with.
    fn open(&mut self, term: &Term, note: Option<&str>) -> Result<(Program, Pipeline), Failure> {
        let config = self.config.again().map_err(Error::from)?;
        self.shared.buckets = self.shared.buckets.renewed();
        let shared = layer::Shared { term: Some(term.clone()), ..self.shared.clone() };
        let servers = self.servers.clone();
        open_with(config, servers, &self.health, &shared, |plan| {
            plan.with_handover(left_in(note), compare_positions)
        })
    }

    /// Lets the next one begin at once, or after the duration of the Lease.
    async fn give_up(&mut self, term: &Term, note: Option<String>) {
        match self.candidacy.give_up(term, note).await {
            Ok(()) => info!("gave up the Lease"),
            Err(error) => warn!(%error, "cannot give up the Lease, it will run out"),
        }
    }
}

/// What the last leader left. Without a note that can be read, the own spool has its say.
fn left_in(note: Option<&str>) -> Handover {
    let read = note.map(Handover::read).transpose();
    read.unwrap_or_else(|error| {
        warn!(%error, "going on from the own spool");
        None
    })
    .unwrap_or_default()
}

/// What to leave to the next leader; none if that cannot be told, and what was left before stays.
async fn note(standing: &mut Standing) -> Option<String> {
    match standing.note().await {
        Ok(handover) => handover.map(|handover| handover.write()),
        Err(error) => {
            warn!(%error, "cannot tell the next leader where the sinks stand");
            None
        }
    }
}
