//! One life of the program: from opening what the last one left to its death, or to the end of all work.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use eventcenter_core::layer::{self, LayerConfig};
use eventcenter_core::metrics;
use eventcenter_core::{
    Clock, Health, Metrics, Observed, Pipeline, Plan, Result, RouteConfig, Router, Sink, Source,
    SpoolConfig, Stop,
};
use eventcenter_kube::{ApiServer, ClusterConfig, EventWatch, Surroundings, source_name};
use rand::Rng;
use tokio::time::{sleep, timeout};

use crate::receiver::Sending;
use crate::world::{List, Unsure, World};

/// Lives until the seed has it die: by a kill, by the power, in the middle of a write, or by a stop.
pub(crate) async fn live(world: &mut World) {
    if world.random.random_bool(0.2) {
        world.set_clock();
    }
    let Some(pipeline) = begin(world) else {
        // The disk failed while it was opened.
        world.disk = world.disk.kill();
        sleep(Duration::from_secs(1)).await;
        return;
    };
    let disk = world.disk.clone();
    tracing::info!("a life begins");
    match world.random.random_range(0..5) {
        0 => disk.die_after(world.random.random_range(0..300)),
        1 => disk.fail(world.random.random_range(1..5)),
        2 => disk.set_room(world.random.random_range(0..200_000)),
        _ => {}
    }
    let stop = Stop::new();
    let length = Duration::from_millis(world.random.random_range(0..90_000));
    if world.random.random_bool(0.25) {
        // In good order, within some grace.
        let grace = Duration::from_millis(world.random.random_range(0..20_000));
        let ended = async {
            sleep(length).await;
            disk.set_room(u64::MAX);
            stop.within(grace).await;
        };
        let (summary, ()) = tokio::join!(pipeline.run(&stop), ended);
        // A disk that is dead has its commit loop end; everything else is no way to end.
        summary.unwrap();
        world.disk = disk.kill();
    } else {
        timeout(length, pipeline.run(&stop)).await.ok();
        tracing::info!("it is killed");
        world.disk = if world.random.random() { disk.power_cut() } else { disk.kill() };
    }
    world.disk.set_room(u64::MAX);
    world.disk.fail(0);
    if world.random.random_bool(0.3) {
        sleep(Duration::from_millis(world.random.random_range(0..60_000))).await;
    }
}

/// Lives until there is nothing left to do.
pub(crate) async fn live_to_the_end(world: &mut World) {
    let pipeline = begin(world).unwrap();
    let backlogs = world.receivers.each_ref().map(|receiver| {
        let sink = metrics::Sink { sink: receiver.name.to_owned() };
        world.metrics.backlog.get_or_create(&sink).clone()
    });
    let stop = Stop::new();
    let ended = async {
        let mut quiet = 0;
        // Some minutes without anything new, and nobody lags: pauses of suspended sinks are ten minutes.
        for _ in 0..2000 {
            sleep(Duration::from_secs(5)).await;
            quiet = if backlogs.iter().all(|backlog| backlog.get() == 0) { quiet + 1 } else { 0 };
            if quiet > 60 {
                break;
            }
        }
        stop.begin();
    };
    let (summary, ()) = tokio::join!(pipeline.run(&stop), ended);
    let left = summary.unwrap().left;
    assert!(left.is_empty(), "seed {}: {left:?}", world.seed);
}

/// Opens what is on the disk; none if that fails.
fn begin(world: &World) -> Option<Pipeline> {
    let shared = layer::Shared::default();
    let sinks: Vec<Arc<dyn Sink>> = (world.receivers.iter())
        .map(|receiver| {
            receiver.begin_life();
            let sink = Arc::new(Sending(Arc::clone(receiver)));
            layer::stack(sink, &LayerConfig::default(), &shared)
        })
        .collect();
    // `careful` wants namespace `a` alone.
    let routes: RouteConfig = serde_json::from_str(
        r#"{"sinks": ["every", "wide"], "routes": [{"match": {"namespaces": "a"}, "sinks": ["careful"]}]}"#,
    )
    .unwrap();
    let names: Vec<_> = world.receivers.iter().map(|receiver| receiver.name).collect();
    let router = Router::compile(Some(&routes), &names).unwrap();
    let spool = SpoolConfig { max_bytes: 4 << 20, memory: 64 << 10, ..SpoolConfig::default() };
    let plan = Plan::new(world.folder.path(), sinks).unwrap();
    let plan = plan.with_fs(Arc::new(world.disk.clone())).with_spool(spool).with_router(router);
    let plan = plan.with_clock(Arc::clone(&world.clock) as Arc<dyn Clock>);
    let pipeline = plan.with_metrics(world.metrics.clone()).open().ok()?;
    let config: ClusterConfig = serde_json::from_str(r#"{"page_size": 9}"#).unwrap();
    let attach = pipeline.attach();
    let around = Surroundings {
        server: ApiServer::from_client(world.server.client(), "https://test:6443"),
        cluster: Arc::clone(&world.cluster),
        clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
        health: Health::new(),
        metrics: Metrics::new(),
    };
    let resume = attach.position(&source_name(&world.cluster, None));
    // A list of which the end is not on disk begins again.
    let known = resume.as_ref().and_then(|resume| resume.value.parse::<u64>().ok()).unwrap_or(0);
    for list in &mut world.unsure.lock().unwrap().lists {
        list.until = list.until.filter(|until| *until <= known);
    }
    let watch = EventWatch::new(&config, None, resume, around);
    let watch = Recorded(watch, Arc::clone(&world.unsure));
    attach.source(Box::new(watch), Arc::clone(&world.cluster));
    Some(pipeline)
}

/// A watch whose gaps are written down.
#[derive(Debug)]
struct Recorded(EventWatch, Arc<Mutex<Unsure>>);

#[async_trait]
impl Source for Recorded {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn next(&mut self) -> Result<Observed> {
        let observed = self.0.next().await?;
        let mut unsure = self.1.lock().unwrap();
        let open = unsure.lists.iter_mut().filter(|list| list.until.is_none());
        match &observed {
            Observed::Event(event, _) => {
                let revision = event.resource_version().parse().unwrap();
                open.for_each(|list| list.newest = list.newest.max(revision));
            }
            Observed::Progress(position) => {
                open.for_each(|list| list.until = position.value.parse().ok());
            }
            // Its last word is the revision from which on nothing is sure.
            Observed::Gap(gap) => {
                let since = gap.reason.rsplit(' ').next().and_then(|word| word.parse().ok());
                unsure.lists.push(List { since: since.unwrap_or(0), ..List::default() });
            }
            Observed::Unreadable { .. } => {}
        }
        drop(unsure);
        Ok(observed)
    }
}
