//! The smallest agent: a cluster's events on standard output, each on disk before it is printed.
//!
//! `cargo run --bin watch_to_stdout` uses the current kubeconfig; it ends with Ctrl-C, and goes on where it was.

use std::sync::Arc;

use eventcenter_core::{Plan, Stop, SystemClock};
use eventcenter_kube::{ApiServer, ClusterConfig, EventWatch, Surroundings, source_name};
use eventcenter_sinks::stdout::{Stdout, StdoutConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let config = ClusterConfig::default();
    let server = ApiServer::connect(&config).await?;
    let cluster = Arc::new(server.identify(&config).await?);

    let sink = Stdout::new("stdout", StdoutConfig::default())?;
    let state = std::env::temp_dir().join("eventcenter-watch-to-stdout");
    let plan = Plan::new(state, vec![Arc::new(sink)])?;
    let (health, metrics) = (plan.health().clone(), plan.metrics().clone());
    let pipeline = plan.open()?;

    let attach = pipeline.attach();
    let resume = attach.position(&source_name(&cluster, None));
    let clock = Arc::new(SystemClock);
    let around = Surroundings { server, cluster: Arc::clone(&cluster), clock, health, metrics };
    attach.source(Box::new(EventWatch::new(&config, None, resume, around)), cluster);

    let stop = Stop::new();
    let (summary, interrupted) = tokio::join!(pipeline.run(&stop), async {
        let interrupted = tokio::signal::ctrl_c().await;
        stop.begin();
        interrupted
    });
    interrupted?;
    summary?;
    Ok(())
}
