//! The event center's HTTP API and pages, over any engine that answers [`EventQuery`].
//!
//! [`Console`] is an axum router and a server around it. The API is described by the document at
//! `/api/v1/openapi.json`; the page at `/` shows totals and a searchable list.
//!
//! **Who may ask.** On a loopback address everybody on the machine; on another one [`Auth`] says who, and the console
//! does not start without it. A browser shows the token once, in a form, and has a cookie then; whoever guesses is told
//! to wait. What a foreign page could do in a reader's name is refused by where it says it comes from; what it could
//! read is kept from it by the check of the `Host` header, and by sending no CORS headers.
//!
//! **What a client can cost.** [`LimitsConfig`]: bytes of a request, time to send it, time for the answer, time to take
//! it, requests and connections at a time. Beyond a limit the answer is a 4xx or 503 in words; no queue grows.
//!
//! **Text of events** is in JSON as it was sent, with every character that is an order to a terminal or turns the
//! direction of writing escaped; in CSV and in pages such characters are replaced.

#![forbid(unsafe_code)]

mod api;
mod body;
pub mod clusters;
mod config;
mod cursor;
mod guard;
mod login;
mod packed;
mod pages;
mod params;
mod plain_page;
mod problem;
mod reader;
mod row;
mod serve;
mod session;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use eventcenter_core::{Clock, Health, Stop, SystemClock};
use eventcenter_store::EventQuery;
use eventcenter_store::ask::{Mark, State};
use eventcenter_store::saved::SavedThings;
use tokio::sync::{Semaphore, watch};

pub use clusters::Clusters;
use problem::Problem;
use session::{Mistakes, Sessions};

pub use config::{Auth, ConsoleConfig, LimitsConfig, ProxyConfig};

/// The HTTP API and pages over an engine.
#[derive(Clone)]
pub struct Console(Arc<Shared>);

/// What a program has for its console beside an engine. The usual is nothing.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Keeps what people save.
    pub saved: Option<Arc<dyn SavedThings>>,
    /// Changes what is watched.
    pub clusters: Option<Arc<dyn Clusters>>,
    /// Grows when the engine took events: live tails wake then, and else each second.
    pub mark: Option<watch::Receiver<Mark>>,
    /// Served too, under the same rules.
    pub beside: Router,
}

/// What all requests see.
pub(crate) struct Shared {
    pub(crate) engine: Arc<dyn EventQuery>,
    /// What people keep; none: nothing can be saved.
    pub(crate) saved: Option<Arc<dyn SavedThings>>,
    /// The clusters that are watched; none: nothing can be changed of them.
    pub(crate) clusters: Option<Arc<dyn Clusters>>,
    pub(crate) config: ConsoleConfig,
    pub(crate) health: Health,
    pub(crate) clock: Arc<dyn Clock>,
    /// Grows when the engine took events; none: it is asked each second.
    pub(crate) mark: Option<watch::Receiver<Mark>>,
    /// Requests that are being answered, until their answers are taken.
    pub(crate) requests: Arc<Semaphore>,
    /// Live tails.
    pub(crate) tails: Arc<Semaphore>,
    /// Begins when the server stops: what would last for ever ends then.
    pub(crate) stop: Stop,
    pub(crate) sessions: Sessions,
    pub(crate) mistakes: Mistakes,
    /// What is merged into the router: health and metrics of the program.
    beside: Router,
}

impl Console {
    /// Over this engine, with the health that `/api/v1/status` shows.
    pub fn new(engine: Arc<dyn EventQuery>, config: ConsoleConfig, health: Health) -> Self {
        Self::build(engine, config, health, Surroundings::default())
    }

    /// The same, with what else there is.
    pub fn build(
        engine: Arc<dyn EventQuery>,
        config: ConsoleConfig,
        health: Health,
        around: Surroundings,
    ) -> Self {
        let Surroundings { saved, clusters, mark, beside } = around;
        let shared = Shared {
            requests: Arc::new(Semaphore::new(config.limits.requests)),
            tails: Arc::new(Semaphore::new(config.limits.tails)),
            stop: Stop::new(),
            sessions: Sessions::default(),
            mistakes: Mistakes::default(),
            clock: Arc::new(SystemClock),
            engine,
            saved,
            clusters,
            config,
            health,
            mark,
            beside,
        };
        Self(Arc::new(shared))
    }

    /// All routes, with everything that guards them.
    pub fn router(&self) -> Router {
        let shared = Arc::clone(&self.0);
        Router::new()
            .merge(api::routes())
            .merge(pages::routes())
            .merge(plain_page::routes())
            .merge(login::routes())
            .with_state(Arc::clone(&shared))
            .merge(shared.beside.clone())
            .fallback(problem::not_found)
            .layer(from_fn(pages::trouble::shown))
            .layer(from_fn(packed::packed))
            .layer(from_fn_with_state(shared, guard::guard))
    }
}

impl Shared {
    /// What the engine keeps, in the time that any answer may take.
    pub(crate) async fn state(&self) -> Result<State, Problem> {
        self.in_time(self.engine.state()).await
    }

    /// An answer that is made of several questions, in the time that any answer may take: each of them has that time.
    pub(crate) async fn in_time<T>(
        &self,
        answer: impl Future<Output = eventcenter_core::Result<T>>,
    ) -> Result<T, Problem> {
        match tokio::time::timeout(self.config.limits.deadline.get(), answer).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Problem::late("the store did not answer in time")),
        }
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("engine", &self.0.engine)
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}
