//! The program `eventer`, without its command line: from a checked configuration to an orderly end.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::{
    Error, ErrorKind, Health, Metrics, Pipeline, Plan, Result, Stop, Stopped, Summary, layer,
};
use eventcenter_kube::{ApiServer, ClusterConfig};
use eventcenter_store::EventQuery;
use rand::Rng;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};

use crate::admin::{self, Admin, Left, Socket};
use crate::config::Config;
use crate::http::HealthServer;
use crate::reload::{self, Reload};
use crate::replicas;
use crate::switch::Switches;
use crate::watches::{Begin, Watches};

/// The pause between two looks for a kubeconfig: it costs a file.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// The longest pause between two tries to reach an API server.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Why the program did not start, or did not end well.
#[derive(Debug)]
pub enum Failure {
    /// The configuration cannot be honoured.
    Config(Error),
    /// No API server is known, or not how to talk to it.
    NoCluster(Error),
    /// An API server cannot be reached, and was not to be waited for.
    Unreachable(Error),
    /// Anything else.
    Other(Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Config(error)
        | Self::NoCluster(error)
        | Self::Unreachable(error)
        | Self::Other(error)) = self;
        write!(f, "{error}")?;
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        if matches!(self, Self::NoCluster(_)) {
            f.write_str("\nno cluster at hand? `cargo xtask testbed up` starts one, and prints the kubeconfig to use")?;
        }
        Ok(())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Config => Self::Config(error),
            _ => Self::Other(error),
        }
    }
}

impl Failure {
    /// What the program ends with.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Other(_) => 1,
            Self::Config(_) | Self::NoCluster(_) => 2,
            Self::Unreachable(_) => 3,
        }
    }
}

/// Runs until SIGTERM or Ctrl-C.
///
/// # Errors
///
/// Before anything is delivered: when the configuration cannot be honoured. At the end: when a part died.
pub fn run(config: Config, no_wait: bool) -> Result<(), Failure> {
    // One thread for all loops: an event costs 5 µs of it, and what blocks (files, standard output) has threads of
    // its own. With more threads events are allocated by one and freed by another, and the allocator keeps twice the
    // memory (measured: 70 MiB against 35).
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed("cannot start the runtime", error))?;
    match config.replicas.clone() {
        None => runtime.block_on(start(config, no_wait)),
        Some(replicas) => runtime.block_on(replicas::run(config, &replicas.lease, no_wait)),
    }
}

async fn start(config: Config, no_wait: bool) -> Result<(), Failure> {
    let servers = connect(&config.clusters).await?;
    let (health, shared) = (Health::new(), layer::Shared::default());
    let opened = open(&config, servers, &health, &shared).await?;
    let http = listen(config.http.listen, &health, &shared.metrics).await?;
    let (stop, grace) = (Stop::new(), config.grace.get());
    let lived = Box::pin(live(config, opened, &health, shared, no_wait, stop.listen()));
    attended(&stop, grace, http.serve(stop.listen()), lived).await
}

/// Does `work` to its end, while HTTP is answered, and signals begin the stop.
pub(crate) async fn attended(
    stop: &Stop,
    grace: Duration,
    served: impl Future<Output = std::io::Result<()>>,
    work: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let worked = async {
        let worked = work.await;
        stop.abort();
        worked
    };
    let (worked, served, ()) = tokio::join!(worked, served, signals(stop, grace));
    if let Err(error) = served {
        error!(%error, "the HTTP server failed");
    }
    worked
}

/// Everything that one configuration works with. A command that has the state folder for a moment is waited for.
async fn open(
    config: &Config,
    servers: Vec<(ClusterConfig, ApiServer)>,
    health: &Health,
    shared: &layer::Shared,
) -> Result<(Program, Pipeline), Failure> {
    admin::wait_for(&config.state_dir).await;
    open_with(config.again().map_err(Error::from)?, servers, health, shared, |plan| plan)
}

/// The same, with what else the layers share and the plan has.
pub(crate) fn open_with(
    config: Config,
    servers: Vec<(ClusterConfig, ApiServer)>,
    health: &Health,
    shared: &layer::Shared,
    plan: impl FnOnce(Plan) -> Plan,
) -> Result<(Program, Pipeline), Failure> {
    let sinks = config.sinks.into_iter().map(|sink| sink.stack(shared));
    let pipeline = plan(
        Plan::new(&config.state_dir, sinks.collect::<Result<_>>()?)?
            .with_router(config.router)
            .with_spool(config.spool.into())
            .with_dead_letters(config.dead_letters.into())
            .with_health(health.clone())
            .with_metrics(shared.metrics.clone()),
    )
    .open()?;
    let switches = Switches::new(health.clone());
    let (health, metrics) = (health.clone(), shared.metrics.clone());
    let watches = Watches { attach: pipeline.attach(), health, metrics, switches };
    let beside = Beside { state_dir: config.state_dir, store: None };
    let program = Program { servers, unknown: Vec::new(), endures: false, watches, beside };
    program.introduce(&pipeline);
    Ok((program, pipeline))
}

/// Works by one configuration after another until `stopped`.
async fn live(
    mut config: Config,
    mut opened: (Program, Pipeline),
    health: &Health,
    mut shared: layer::Shared,
    mut no_wait: bool,
    mut stopped: Stopped,
) -> Result<(), Failure> {
    let mut reload = Reload::new(&config, health);
    loop {
        let (program, pipeline) = opened;
        let stop = Stop::new();
        let mut work = Box::pin(program.work(pipeline, &stop, no_wait));
        let new = tokio::select! {
            biased;
            done = &mut work => return done,
            new = reload.next(&config) => new,
            () = pass_on(&mut stopped, &stop) => return Ok(()),
        };
        info!("taking over a new configuration");
        let ending = async {
            stop.within(config.grace.get()).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            done = &mut work => done?,
            () = ending => {}
            () = pass_on(&mut stopped, &stop) => {}
        }
        if stopped.is_stopping() {
            return Ok(());
        }
        drop(work);
        // Whoever waits for the program at its start is past that.
        no_wait = false;
        // What targets were sent, and asked for, is not forgotten.
        shared.buckets = shared.buckets.renewed();
        opened = match reopen(&new, health, &shared).await {
            Ok(opened) => {
                config = new;
                reload.taken();
                opened
            }
            Err(failure) => {
                reload.cannot_open(new, &failure.to_string());
                reopen(&config, health, &shared).await?
            }
        };
    }
}

async fn reopen(
    config: &Config,
    health: &Health,
    shared: &layer::Shared,
) -> Result<(Program, Pipeline), Failure> {
    health.retain_only(&[reload::PART]);
    shared.metrics.forget_backlogs();
    open(config, connect(&config.clusters).await?, health, shared).await
}

/// Tells a part what the program is told; for ever.
pub(crate) async fn pass_on(stopped: &mut Stopped, stop: &Stop) {
    stopped.stopping().await;
    stop.begin();
    stopped.aborted().await;
    stop.abort();
    std::future::pending::<()>().await;
}

/// What commands have to know of this program.
pub fn left(config: Config) -> Left {
    Left {
        sinks: config.sinks.iter().map(|sink| sink.name().to_owned()).collect(),
        state_dir: config.state_dir,
        dead_letters: config.dead_letters.into(),
        spool: config.spool.into(),
        router: config.router,
        store: None,
    }
}

/// The API servers of these clusters; nobody is talked to yet.
pub(crate) async fn connect(
    clusters: &[ClusterConfig],
) -> Result<Vec<(ClusterConfig, ApiServer)>, Failure> {
    let mut servers = Vec::new();
    for cluster in clusters {
        let server = ApiServer::connect(cluster).await.map_err(Failure::NoCluster)?;
        servers.push((cluster.clone(), server));
    }
    Ok(servers)
}

/// The pages for machines.
pub(crate) async fn listen(
    address: SocketAddr,
    health: &Health,
    metrics: &Metrics,
) -> Result<HealthServer> {
    HealthServer::bind(address, health.clone(), metrics.clone()).await.map_err(|error| {
        Error::new("http", ErrorKind::Config, format!("cannot listen: {error}"))
            .with("http.listen", address)
    })
}

fn failed(message: &str, error: std::io::Error) -> Error {
    Error::new("eventer", ErrorKind::Storage, message).with_source(error)
}

/// What the tasks of a program share.
pub(crate) struct Program {
    pub(crate) servers: Vec<(ClusterConfig, ApiServer)>,
    /// Clusters of which nobody has said yet how to talk to them: they are looked for again and again.
    pub(crate) unknown: Vec<ClusterConfig>,
    /// Whether a cluster that does not say which one it is, is asked again; else the program ends.
    pub(crate) endures: bool,
    /// Where the watches are started.
    pub(crate) watches: Watches,
    /// What commands find beside the pipeline.
    pub(crate) beside: Beside,
}

/// What commands find beside the pipeline.
pub(crate) struct Beside {
    /// Where they look for the program.
    pub(crate) state_dir: PathBuf,
    /// Whose past they can have sent again, instead of the spool's.
    pub(crate) store: Option<Arc<dyn EventQuery>>,
}

impl Program {
    /// Three lines: what it watches, where it sends, where it keeps state.
    pub(crate) fn introduce(&self, pipeline: &Pipeline) {
        let state_dir = self.beside.state_dir.display();
        let servers: Vec<_> = self.servers.iter().map(|(_, server)| server.to_string()).collect();
        let sinks: Vec<_> = pipeline.sinks().iter().map(|sink| sink.name()).collect();
        // Of the sink that lags most; records that only others want are among them.
        let unread: u64 = (0..sinks.len()).map(|place| pipeline.backlog(place)).max().unwrap_or(0);
        info!(clusters = servers.join(", "), "watching");
        info!(sinks = sinks.join(", "), "sending");
        info!(%state_dir, unread, "keeping state");
    }

    /// Runs to the end; `serve` answers over HTTP meanwhile.
    pub(crate) async fn run<S: Future<Output = std::io::Result<()>>>(
        self,
        pipeline: Pipeline,
        serve: impl FnOnce(Stopped) -> S,
        grace: Duration,
        no_wait: bool,
    ) -> Result<(), Failure> {
        let stop = Stop::new();
        let served = serve(stop.listen());
        let work = Box::pin(self.work(pipeline, &stop, no_wait));
        attended(&stop, grace, served, work).await
    }

    /// Connects, and runs the pipeline until `stop`; that aborts when this returns.
    pub(crate) async fn work(
        &self,
        pipeline: Pipeline,
        stop: &Stop,
        no_wait: bool,
    ) -> Result<(), Failure> {
        let connected = self.connect_all(stop.listen(), no_wait);
        let obeyed = self.obey(&pipeline, stop.listen());
        let (summary, connected, ()) = tokio::join!(
            async {
                let summary = pipeline.run(stop).await;
                stop.abort();
                summary
            },
            async {
                let connected = connected.await;
                if connected.is_err() {
                    stop.begin();
                }
                connected
            },
            obeyed,
        );
        connected?;
        report(&summary?);
        Ok(())
    }

    /// Does what commands want, until the stop. A state folder that takes no socket keeps nothing else from working.
    fn obey(&self, pipeline: &Pipeline, stopped: Stopped) -> impl Future<Output = ()> + use<> {
        let admin = Admin::new(pipeline, self.beside.store.clone());
        let socket = Socket::bind(&self.beside.state_dir);
        async move {
            match socket {
                Ok(socket) => socket.serve(admin, stopped).await,
                Err(error) => warn!(%error, "commands cannot reach this program"),
            }
        }
    }

    /// Connects to every cluster and attaches its watches; returns when that is done.
    async fn connect_all(&self, stopped: Stopped, no_wait: bool) -> Result<(), Failure> {
        let clusters = self
            .servers
            .iter()
            .map(|(config, server)| self.connect(config, server, stopped.clone(), no_wait));
        let unknown = self.unknown.iter().map(|config| self.find(config, stopped.clone()));
        let known = futures::future::try_join_all(clusters);
        futures::try_join!(known, futures::future::try_join_all(unknown)).map(|_| ())
    }

    /// Looks for a kubeconfig, or an account in the cluster, until there is one.
    async fn find(&self, config: &ClusterConfig, mut stopped: Stopped) -> Result<(), Failure> {
        let name = config.name.as_deref().or(config.context.as_deref());
        let part =
            self.watches.health.gate(&format!("cluster {}", name.unwrap_or("of kubectl")), None);
        loop {
            match ApiServer::connect(config).await {
                Ok(server) => {
                    part.ready();
                    return self.connect(config, &server, stopped, false).await;
                }
                Err(error) => part.troubled(format!("there is no cluster yet: {error}")),
            }
            tokio::select! {
                biased;
                () = stopped.stopping() => return Ok(()),
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Learns which cluster it is, however long that takes, and attaches its watches.
    async fn connect(
        &self,
        config: &ClusterConfig,
        server: &ApiServer,
        mut stopped: Stopped,
        no_wait: bool,
    ) -> Result<(), Failure> {
        let part = self.watches.health.gate(&format!("cluster {server}"), None);
        let mut pause = Duration::from_millis(500);
        loop {
            let identified = tokio::select! {
                biased;
                () = stopped.stopping() => return never_reached(server),
                identified = server.identify(config) => identified,
            };
            match identified {
                Ok(cluster) => {
                    // First, so that nobody sees the program ready without its watches.
                    self.watches.start(config, server, cluster, Begin::WhereTheyStood);
                    part.ready();
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Config && !self.endures => {
                    return Err(error.into());
                }
                Err(error) if no_wait => return Err(Failure::Unreachable(error)),
                Err(error) => {
                    let cause = error.root_cause().unwrap_or_default();
                    let what = match error.kind() {
                        ErrorKind::Auth => "the API server refuses the credential",
                        ErrorKind::Config => "the cluster does not say which one it is",
                        _ => "the API server cannot be reached",
                    };
                    warn!(%error, cause, "{what}, will try again");
                    part.troubled(error.to_string());
                }
            }
            let jittered = rand::rng().random_range(pause / 2..=pause);
            tokio::select! {
                biased;
                () = stopped.stopping() => return never_reached(server),
                () = tokio::time::sleep(jittered) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }
}

/// Asks for the end at SIGTERM or Ctrl-C, and for its haste after the grace period or at a second signal. Returns
/// when the pipeline has ended.
async fn signals(stop: &Stop, grace: Duration) {
    let (mut ended, mut stopping) = (stop.listen(), stop.listen());
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        warn!("signals cannot be listened to");
        return ended.aborted().await;
    };
    tokio::select! {
        () = stopping.stopping() => {}
        _ = terminate.recv() => info!("SIGTERM: finishing what is in hand"),
        _ = interrupt.recv() => info!("interrupted: finishing what is in hand"),
    }
    stop.begin();
    tokio::select! {
        () = ended.aborted() => {}
        () = tokio::time::sleep(grace) => warn!(?grace, "the grace period is over"),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.abort();
}

/// A stop came first: whatever happened in that cluster is not known here.
fn never_reached(server: &ApiServer) -> Result<(), Failure> {
    warn!(%server, "ending without having reached the API server");
    Ok(())
}

/// What can be said at the end, whether anything was connected or not.
fn report(summary: &Summary) {
    if summary.left.is_empty() {
        info!("nothing is left in the spool");
    }
    for (sink, unread) in &summary.left {
        info!(sink, unread, "the rest stays in the spool");
    }
}
