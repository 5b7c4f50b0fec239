//! Takes what a watch hands out, remembers positions as the spool does, and dies on request.

use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::{Clock, Cluster, Gap, Health, Metrics, Observed, Position, Source};
use eventcenter_kube::{ApiServer, ClusterConfig, EventWatch, Surroundings};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, timeout};

use super::Server;

/// A clock that goes with tokio's.
#[derive(Debug)]
pub(crate) struct TestClock(Instant, Timestamp);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Instant::now(), "2026-11-26T08:30:00Z".parse().unwrap()))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.1 + SignedDuration::try_from(self.0.elapsed()).unwrap()
    }
}

pub(crate) struct Consumer {
    server: Server,
    pub(crate) config: ClusterConfig,
    namespace: Option<String>,
    clock: Arc<TestClock>,
    pub(crate) watch: EventWatch,
    pub(crate) health: Health,
    /// What a restart resumes from.
    pub(crate) position: Option<Position>,
    pub(crate) events: Vec<(String, String)>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) unreadable: Vec<String>,
    pub(crate) progress: usize,
    /// From which revision to which one nothing is promised; no end yet while a list runs.
    pub(crate) unsure: Vec<(String, Option<String>)>,
}

impl Consumer {
    pub(crate) fn new(server: &Server, config: &str, resume: Option<&str>) -> Self {
        let config: ClusterConfig = serde_json::from_str(config).unwrap();
        let clock = TestClock::new();
        let position = resume.map(|value| Position::new(value, clock.now()));
        let namespace = config.scopes()[0].map(str::to_owned);
        let health = Health::new();
        let watch = open(server, &config, namespace.as_deref(), position.clone(), &clock, &health);
        Self {
            server: server.clone(),
            config,
            namespace,
            clock,
            watch,
            health,
            position,
            events: Vec::new(),
            gaps: Vec::new(),
            unreadable: Vec::new(),
            progress: 0,
            unsure: vec![("0".to_owned(), None)],
        }
    }

    /// kill -9 and a new start from what was stored.
    pub(crate) fn crash(&mut self) {
        self.health = Health::new();
        self.watch = open(
            &self.server,
            &self.config,
            self.namespace.as_deref(),
            self.position.clone(),
            &self.clock,
            &self.health,
        );
    }

    /// Takes whatever comes, until nothing has come for `quiet`.
    pub(crate) async fn drain(&mut self, quiet: Duration) {
        while self.one(quiet).await {}
    }

    /// Takes one thing; false if there is none in time.
    pub(crate) async fn one(&mut self, within: Duration) -> bool {
        let Ok(observed) = timeout(within, self.watch.next()).await else { return false };
        self.take(observed.unwrap());
        true
    }

    /// Takes until there are so many events.
    pub(crate) async fn until(&mut self, events: usize) {
        while self.events.len() < events {
            let more = self.one(Duration::from_secs(3600)).await;
            assert!(more, "{} of {events} events", self.events.len());
        }
    }

    pub(crate) fn take(&mut self, observed: Observed) {
        match observed {
            Observed::Event(event, position) => {
                self.events.push((event.uid().to_owned(), event.resource_version().to_owned()));
                self.position = Some(position);
            }
            Observed::Progress(position) => {
                self.progress += 1;
                for (_, end) in self.unsure.iter_mut().filter(|(_, end)| end.is_none()) {
                    *end = Some(position.value.clone());
                }
                self.position = Some(position);
            }
            Observed::Gap(gap) => {
                let since = gap.reason.rsplit(' ').next().unwrap_or_default().to_owned();
                self.unsure.push((since, None));
                self.gaps.push(gap);
            }
            Observed::Unreadable { raw, position, .. } => {
                self.unreadable.push(String::from_utf8_lossy(&raw).into_owned());
                self.position = Some(position);
            }
        }
    }

    pub(crate) fn at(&self) -> &str {
        &self.position.as_ref().unwrap().value
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.events.iter().map(|(uid, _)| uid.as_str()).collect()
    }

    /// What health says of the watch.
    pub(crate) fn state(&self) -> String {
        self.health.report().parts.into_values().next().unwrap().state
    }
}

fn open(
    server: &Server,
    config: &ClusterConfig,
    namespace: Option<&str>,
    resume: Option<Position>,
    clock: &Arc<TestClock>,
    health: &Health,
) -> EventWatch {
    let around = Surroundings {
        server: ApiServer::from_client(server.client(), "https://test:6443"),
        cluster: Arc::new(Cluster { id: "c1".into(), name: "test".into() }),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        health: health.clone(),
        metrics: Metrics::new(),
    };
    EventWatch::new(config, namespace, resume, around)
}
