//! The checked plan: what a configuration becomes before anything starts. Nothing is validated after it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::{Clock, SystemClock};
use crate::dead_letter::DeadLetterConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::handover::{Handover, Order};
use crate::health::Health;
use crate::metrics::Metrics;
use crate::pipeline::Pipeline;
use crate::router::Router;
use crate::sink::Sink;
use crate::sink_set::SinkSet;
use crate::spool::SpoolConfig;
use crate::spool::fs::Fs;

/// What to run: where events go, by which routes, and where state is kept.
#[derive(Debug)]
pub struct Plan {
    pub(crate) state_dir: PathBuf,
    pub(crate) spool: SpoolConfig,
    pub(crate) dead_letters: DeadLetterConfig,
    pub(crate) fs: Option<Arc<dyn Fs>>,
    pub(crate) handover: Option<(Handover, Order)>,
    pub(crate) sinks: Vec<Arc<dyn Sink>>,
    pub(crate) router: Arc<Router>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
}

impl Plan {
    /// Every event to every one of these sinks, each with its [layers](crate::layer) around it; spool and dead
    /// letters under `state_dir`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when there are no sinks, more than [`SinkSet::MAX_SINKS`], two of one name, or one whose
    /// name is not 1 to 63 of `A-Z`, `a-z`, `0-9`, `-` and `_`: names of sinks become names of files.
    pub fn new(state_dir: impl Into<PathBuf>, sinks: Vec<Arc<dyn Sink>>) -> Result<Self> {
        let refuse = |message: String| Err(Error::new("plan", ErrorKind::Config, message));
        if sinks.is_empty() {
            return refuse("there is no sink".to_owned());
        }
        if sinks.len() > SinkSet::MAX_SINKS {
            return refuse(format!("there are more than {} sinks", SinkSet::MAX_SINKS));
        }
        for (place, sink) in sinks.iter().enumerate() {
            if !is_file_name(sink.name()) {
                return refuse(format!(
                    "{:?} does not do as the name of a sink: 1 to 63 letters, digits, - and _",
                    sink.name()
                ));
            }
            if sinks.iter().take(place).any(|other| other.name() == sink.name()) {
                return refuse(format!("two sinks are called {:?}", sink.name()));
            }
        }
        Ok(Self {
            state_dir: state_dir.into(),
            spool: SpoolConfig::default(),
            dead_letters: DeadLetterConfig::default(),
            fs: None,
            handover: None,
            router: Arc::new(Router::all(sinks.len())),
            sinks,
            clock: Arc::new(SystemClock),
            metrics: Metrics::new(),
            health: Health::new(),
        })
    }

    /// Sets which sinks want which events. It must have been compiled for these sinks, in this order.
    #[must_use]
    pub fn with_router(mut self, router: Router) -> Self {
        self.router = Arc::new(router);
        self
    }

    /// Sets the spool's sizes.
    #[must_use]
    pub fn with_spool(mut self, spool: SpoolConfig) -> Self {
        self.spool = spool;
        self
    }

    /// Sets how many dead letters are kept.
    #[must_use]
    pub fn with_dead_letters(mut self, dead_letters: DeadLetterConfig) -> Self {
        self.dead_letters = dead_letters;
        self
    }

    /// Keeps the spool in these files instead of `state_dir`: for tests that tear writes.
    #[must_use]
    pub fn with_fs(mut self, fs: Arc<dyn Fs>) -> Self {
        self.fs = Some(fs);
        self
    }

    /// Goes on where the leader before stood, who has left this note: for one of several replicas that share the work.
    /// An empty one is that of nobody. `order` compares the positions of sources, and the resourceVersions of their
    /// events with them.
    #[must_use]
    pub fn with_handover(mut self, left: Handover, order: Order) -> Self {
        self.handover = Some((left, order));
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Counts here.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Reports here.
    #[must_use]
    pub fn with_health(mut self, health: Health) -> Self {
        self.health = health;
        self
    }

    /// Where its parts report.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Where its parts count.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Opens the spool and recovers what is there. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when `state_dir` cannot be used; [`ErrorKind::Config`] when another program uses it.
    pub fn open(self) -> Result<Pipeline> {
        Pipeline::open(self)
    }
}

fn is_file_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&name.len()) && name.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemorySink;

    #[test]
    fn names_of_sinks_are_names_of_files() {
        for bad in ["", ".", "..", "../etc", "a/b", "a b", ".cursor", "a\0", &"a".repeat(64)] {
            let error = Plan::new("/nowhere", vec![Arc::new(MemorySink::new(bad))]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{bad:?}");
        }
        Plan::new("/nowhere", vec![Arc::new(MemorySink::new("Team_chat-1"))]).unwrap();
    }
}
