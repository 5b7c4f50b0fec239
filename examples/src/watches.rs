//! Starts the watches of clusters: at the start of a program, and of those that people add later.

use std::sync::Arc;

use eventcenter_core::{Attach, Cluster, Health, Metrics, SystemClock};
use eventcenter_kube::{ApiServer, ClusterConfig, EventWatch, Surroundings, source_name};
use tracing::{info, warn};

use crate::switch::Switches;

/// What watches need; clones start them in the same program.
#[derive(Debug, Clone)]
pub(crate) struct Watches {
    pub(crate) attach: Attach,
    pub(crate) health: Health,
    pub(crate) metrics: Metrics,
    /// What pauses and ends them.
    pub(crate) switches: Switches,
}

/// Where watches begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Where they stood when the program was started.
    WhereTheyStood,
    /// As if there had never been one.
    Anew,
}

impl Watches {
    /// Starts those of a cluster, unless it is watched already.
    pub(crate) fn start(
        &self,
        config: &ClusterConfig,
        server: &ApiServer,
        cluster: Cluster,
        begin: Begin,
    ) {
        if self.switches.is_watched(&cluster.id) {
            warn!(cluster = cluster.name, id = cluster.id, "it is watched already");
            return;
        }
        info!(cluster = cluster.name, id = cluster.id, "connected");
        let cluster = Arc::new(cluster);
        for namespace in config.scopes() {
            let resume = match begin {
                Begin::WhereTheyStood => self.attach.position(&source_name(&cluster, namespace)),
                Begin::Anew => None,
            };
            let around = Surroundings {
                server: server.clone(),
                cluster: Arc::clone(&cluster),
                clock: Arc::new(SystemClock),
                health: self.health.clone(),
                metrics: self.metrics.clone(),
            };
            let watch = EventWatch::new(config, namespace, resume, around);
            let watch = self.switches.wrap(&cluster, Box::new(watch));
            self.attach.source(watch, Arc::clone(&cluster));
        }
    }
}
