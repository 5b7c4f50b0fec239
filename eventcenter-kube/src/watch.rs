//! The event watch: everything that the API server has, once it has it, from where we left off.
//!
//! Talks to the Events API of Kubernetes (core/v1 or events.k8s.io/v1; checked against 1.20 and 1.37, 2026-11).
//! kube-runtime's `watcher` cannot begin at a stored version, hides bookmarks, and keeps a page of parsed objects;
//! so this is a loop of our own over raw bytes.
//!
//! ```text
//!             +------------------------------ Pause <---- any failure ----------------+
//!             v                                                                       |
//!   what is owed?  -- a list -->  List: page after page  -- after the last -->  Watch |
//!             \                                                                 ^     |
//!              +-- else ------->  Probe: where does the server stand? ----------+     |
//!                                   |  behind us: Gap, a list is owed                 |
//!                                   +-------------------------------------------------+
//!   Watch:  a line -> Event;  its end -> Probe;  410 -> Gap, a list is owed
//! ```
//!
//! # Why nothing is lost that the API server still has
//!
//! `watch/resume.rs` states the invariant of the known version, and what moves it; `watch/list.rs` why a list survives
//! faults in its middle; `watch/stream.rs` what a silent watch proves. Around them:
//!
//! - Whatever is handed out carries the known version as its position, and the consumer stores it behind what it
//!   belongs to. So whatever comes after the stored position is asked for again, after a crash at any instant.
//! - While a list runs, the position stays where it was before the list: its items come in the order of keys, so
//!   the version of an item says nothing about the others. A crash in its middle begins the list again.
//! - A watch from a version that the server has yet to reach is answered by silence, for ever. So before each
//!   watch the server is asked where it stands; if that is behind us, it was restored from a backup, and the
//!   versions that we know mean nothing to it: a [`Gap`], and everything is listed.
//! - A version that the server has forgotten (410) is a [`Gap`] too, and everything is listed, but what is known.
//! - The [`Gap`] comes before the list's events. After a crash in between it comes again.
//! - A line that breaks off is dropped: it did not move the position, so it is sent again.
//! - A document that cannot be read is handed out as such. Its version is known if it is JSON at all.
//!
//! Nothing here is an error to the caller: all of it may heal by waiting, even a missing permission.
//!
//! # Bounds
//!
//! In memory: one frame of the connection, one item or line of at most 16 MiB, and one key of a list. A server
//! that is silent for [`request_timeout`](crate::ClusterConfig::request_timeout) while it owes an answer, or for 15 s
//! beyond the time that a watch was to last, is asked anew.

mod backoff;
mod lines;
mod list;
mod listing;
mod opening;
mod page;
mod resume;
mod stream;
mod target;
mod vitals;
mod watching;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use eventcenter_core::health::Health;
use eventcenter_core::metrics::Metrics;
use eventcenter_core::{
    Clock, Cluster, Error, ErrorKind, Event, Gap, Grade, Observed, Position, Result, Source,
};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, Sleep, sleep};
use tracing::{info, warn};

use crate::client::ApiServer;
use crate::config::{ClusterConfig, Start};
use crate::exchange::{Exchange, Patience};
use crate::failure::{Failure, Kind};
use backoff::Backoff;
use lines::{Change, Line, Meta};
use list::{List, Next};
use page::{ListMeta, Page, Part};
use resume::Known;
pub use resume::compare_positions;
use stream::{Sent, Stream, Term};
use target::Target;
use vitals::Vitals;

/// Bytes of a document, at most: etcd refuses objects above 1.5 MiB.
const MAX_DOCUMENT: usize = 16 << 20;

/// How long a server may be silent beyond the time that a watch was to last.
const OVERTIME: Duration = Duration::from_secs(15);

/// What opening the next watch may take, before health counts as stale.
const REOPENING: Duration = Duration::from_secs(45);

/// Deletions move the position without being handed out; it is told at least this often.
const TELL: Duration = Duration::from_secs(10);

/// What a watch needs of the program around it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The API server to talk to.
    pub server: ApiServer,
    /// What its events say they come from.
    pub cluster: Arc<Cluster>,
    /// Tells when things happen.
    pub clock: Arc<dyn Clock>,
    /// Where the part `watch <name>` is added, which readiness depends on.
    pub health: Health,
    /// Where requests and failures are counted. Events are counted by who takes them.
    pub metrics: Metrics,
}

/// A [`Source`] of the Events of a cluster, or of one namespace of it. See the [module](self).
pub struct EventWatch {
    name: Arc<str>,
    around: Surroundings,
    target: Target,
    event_ttl: Duration,
    request_timeout: Duration,
    known: Known,
    /// The list that is owed or under way. Nothing else is done before it is complete.
    list: Option<List>,
    phase: Phase,
    /// Failures in a row.
    backoff: Backoff,
    /// Expired versions in a row, without a watch that lasted.
    expiries: Backoff,
    term: Term,
    vitals: Vitals,
    /// When the position was last told, and whether it has moved since.
    told: Instant,
    untold: bool,
}

/// What is waited for.
enum Phase {
    /// Some time, before what is owed is tried.
    Pause(Pin<Box<Sleep>>),
    /// Where the server stands.
    Probe(Page),
    /// A page of the list.
    List(Page),
    /// The changes.
    Watch(Stream),
}

/// The name of a watch, under which its position is stored: `events/<cluster id>/<namespace, or * for all>`.
pub fn source_name(cluster: &Cluster, namespace: Option<&str>) -> String {
    format!("events/{}/{}", cluster.id, namespace.unwrap_or("*"))
}

impl EventWatch {
    /// A watch of `namespace`, or of all of them, that goes on from `resume`, the position that is stored under
    /// its [name](source_name). It begins when it is first polled.
    pub fn new(
        config: &ClusterConfig,
        namespace: Option<&str>,
        resume: Option<Position>,
        around: Surroundings,
    ) -> Self {
        let name: Arc<str> = source_name(&around.cluster, namespace).into();
        let max_age = config.watch_timeout + OVERTIME + REOPENING;
        let part = around.health.gate(&format!("watch {name}"), Some(max_age));
        let server = around.server.to_string();
        let vitals = Vitals::new(&name, server, part, around.metrics.clone());
        let known = Known::resume(resume, around.clock.now());
        let list = match config.start {
            _ if !known.is_first_start() => None,
            Start::All => Some(List::new(None)),
            Start::Since(ago) => Some(List::new(Some(before(known.at(), ago)))),
            Start::Now => None,
        };
        Self {
            name,
            target: Target::new(config, namespace),
            event_ttl: config.event_ttl,
            request_timeout: config.request_timeout,
            known,
            list,
            phase: Phase::Pause(Box::pin(sleep(Duration::ZERO))),
            backoff: Backoff::default(),
            expiries: Backoff::default(),
            term: Term::new(config.watch_timeout),
            vitals,
            told: Instant::now(),
            untold: false,
            around,
        }
    }
}

#[async_trait]
impl Source for EventWatch {
    fn name(&self) -> &str {
        &self.name
    }

    /// Never an error: see the [module](self).
    async fn next(&mut self) -> Result<Observed> {
        // Each arm waits in one place, for something that lives in `self`; the rest of it does not wait.
        loop {
            let observed = match &mut self.phase {
                Phase::Pause(sleep) => {
                    sleep.as_mut().await;
                    self.open();
                    None
                }
                Phase::Probe(page) => match page.part().await {
                    Ok(Part::End(meta)) => self.probed(&meta),
                    Ok(_) => None,
                    Err(failure) => self.failed(&failure),
                },
                Phase::List(page) => match page.part().await {
                    Ok(part) => self.listed(part),
                    Err(failure) => self.list_failed(&failure),
                },
                Phase::Watch(stream) => match stream.next().await {
                    Ok(sent) => self.watched(sent),
                    Err(failure) => self.watch_failed(&failure),
                },
            };
            if let Some(observed) = observed {
                return Ok(observed);
            }
        }
    }
}

/// The time that lies `ago` before `at`.
fn before(at: Timestamp, ago: Duration) -> Timestamp {
    let ago = SignedDuration::try_from(ago).unwrap_or(SignedDuration::MAX);
    at.checked_sub(ago).unwrap_or(Timestamp::MIN)
}

impl fmt::Debug for EventWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match &self.phase {
            Phase::Pause(_) => "pause",
            Phase::Probe(_) => "probe",
            Phase::List(_) => "list",
            Phase::Watch(_) => "watch",
        };
        f.debug_struct("EventWatch")
            .field("name", &self.name)
            .field("known", &self.known)
            .field("phase", &phase)
            .finish_non_exhaustive()
    }
}
