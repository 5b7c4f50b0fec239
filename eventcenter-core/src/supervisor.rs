//! Owns every task: starts them, ends them in order, reports what ended.
//!
//! It waits for new sources, for the end of a task, or for the stop. Nothing else spawns. The order of the end is
//! the order of the flow, so that nothing is taken in that could not be written down: intakes, then the spool's
//! commit loop, then the workers, then the sinks.

use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};
use tracing::{error, info, warn};

use crate::error::{Error, ErrorKind, Result};
use crate::event::Cluster;
use crate::intake::Intake;
use crate::pipeline::Pipeline;
use crate::router::Router;
use crate::sink_set::SinkSet;
use crate::source::Source;
use crate::stop::{Stop, Stopped};
use crate::worker::{Ended, Worker};

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Sinks that have not come to the end of the spool, and how many records are before them: their own, and those
    /// that only other sinks want.
    pub left: Vec<(String, u64)>,
}

/// Runs a pipeline until `stop`.
pub(crate) async fn run(pipeline: Pipeline, stop: &Stop) -> Result<Summary> {
    let mut supervisor = Supervisor::start(pipeline, stop);
    let died = supervisor.watch().await;
    if died.is_err() {
        stop.abort();
    }
    let summary = supervisor.end().await;
    died.map(|()| summary)
}

struct Supervisor {
    pipeline: Parts,
    router: Arc<Router>,
    stopped: Stopped,
    intakes: JoinSet<()>,
    committer: JoinSet<()>,
    workers: JoinSet<(usize, Ended)>,
    /// Removes dead letters that are too old, until the stop. It has nothing to finish.
    _keepers: JoinSet<()>,
}

/// What is left of a pipeline once its loops have taken theirs.
struct Parts {
    plan: crate::plan::Plan,
    spool: crate::spool::Spool,
    dead: crate::dead_letter::DeadLetters,
    attached: tokio::sync::mpsc::UnboundedReceiver<(Box<dyn Source>, Arc<Cluster>)>,
    /// Keeps the channel open while no program holds an end of it.
    _attach: crate::pipeline::Attach,
    _lock: Option<std::fs::File>,
}

impl Supervisor {
    fn start(pipeline: Pipeline, stop: &Stop) -> Self {
        let (committer_loop, parts) = pipeline.into_parts();
        let router = Arc::clone(&parts.plan.router);
        let mut committer = JoinSet::new();
        committer.spawn(committer_loop.run());
        let mut keepers = JoinSet::new();
        keepers.spawn(parts.dead.clone().look_after(stop.listen()));
        let mut workers = JoinSet::new();
        for (place, sink) in parts.plan.sinks.iter().enumerate() {
            let worker = Worker {
                place,
                sink: Arc::clone(sink),
                reader: parts.spool.reader(place),
                spool: parts.spool.clone(),
                dead: parts.dead.clone(),
                clock: Arc::clone(&parts.plan.clock),
                metrics: parts.plan.metrics.clone(),
                health: parts.plan.health.shown(&format!("sink {}", sink.name())),
                stopped: stop.listen(),
            };
            workers.spawn(async move { (place, worker.run().await) });
        }
        let (stopped, intakes) = (stop.listen(), JoinSet::new());
        Self { pipeline: parts, router, stopped, intakes, committer, workers, _keepers: keepers }
    }

    /// Returns at the stop, or with an error when a task died.
    async fn watch(&mut self) -> Result<()> {
        loop {
            tokio::select! {
                biased;
                () = self.stopped.stopping() => return Ok(()),
                Some((source, cluster)) = self.pipeline.attached.recv() => self.attach(source, cluster)?,
                Some(ended) = self.intakes.join_next() => alive("an intake", ended)?,
                Some(ended) = self.committer.join_next() => alive("the commit loop", ended)?,
                Some(ended) = self.workers.join_next() => alive("a worker", ended.map(|_| ()))?,
            }
        }
    }

    fn attach(&mut self, source: Box<dyn Source>, cluster: Arc<Cluster>) -> Result<()> {
        let parts = &self.pipeline;
        let intake = Intake {
            id: parts.spool.register(source.name(), &cluster)?,
            source,
            cluster,
            router: Arc::clone(&self.router),
            spool: parts.spool.clone(),
            dead: parts.dead.clone(),
            everybody: SinkSet::first(parts.plan.sinks.len()),
            clock: Arc::clone(&parts.plan.clock),
            metrics: parts.plan.metrics.clone(),
            stopped: self.stopped.clone(),
        };
        self.intakes.spawn(intake.run());
        Ok(())
    }

    /// Ends everything in order.
    async fn end(mut self) -> Summary {
        while self.intakes.join_next().await.is_some() {}
        self.pipeline.spool.close();
        let mut aborted = self.stopped.clone();
        while let Some(ended) = self.workers.join_next().await {
            match ended {
                Ok((_, Ended::Drained)) => {}
                Ok((place, ended)) => {
                    let sink = self.pipeline.plan.sinks.get(place).map_or("", |sink| sink.name());
                    info!(sink, ?ended, "the sink has a backlog, which stays in the spool");
                }
                Err(error) => error!(%error, "a worker died"),
            }
        }
        // After the workers, since they may have a loss to declare.
        self.pipeline.spool.finish();
        tokio::select! {
            biased;
            _ = self.committer.join_next() => {}
            () = aborted.aborted() => self.committer.abort_all(),
        }
        let mut summary = Summary::default();
        for (place, sink) in self.pipeline.plan.sinks.iter().enumerate() {
            let closed = tokio::select! {
                biased;
                closed = sink.close() => closed,
                () = aborted.aborted() => Ok(()),
            };
            if let Err(error) = closed {
                warn!(sink = sink.name(), %error, "cannot close the sink");
            }
            let backlog = self.pipeline.spool.backlog(place);
            if backlog > 0 {
                summary.left.push((sink.name().to_owned(), backlog));
            }
        }
        summary
    }
}

/// While the program runs no loop ends by itself.
fn alive(what: &str, ended: Result<(), JoinError>) -> Result<()> {
    let error = Error::new("supervisor", ErrorKind::Protocol, format!("{what} died"));
    match ended {
        Ok(()) => Err(error),
        Err(cause) => Err(error.with_source(cause)),
    }
}

impl Pipeline {
    fn into_parts(self) -> (crate::spool::Committer, Parts) {
        let parts = Parts {
            plan: self.plan,
            spool: self.spool,
            dead: self.dead,
            attached: self.attached,
            _attach: self.attach,
            _lock: self.lock,
        };
        (self.committer, parts)
    }
}
