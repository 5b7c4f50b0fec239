//! The program `event-center`, without its command line.

mod clusters;
mod credentials;
pub mod demo;
mod import;
pub(crate) mod print;
mod settings;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use eventcenter_console::{Clusters, Console, Surroundings};
use eventcenter_core::layer::LayerConfig;
use eventcenter_core::query::{QueryError, Statement};
use eventcenter_core::{
    Error, ErrorKind, EventFilter, Health, Metrics, Plan, Router, SystemClock, layer, plain,
};
use eventcenter_kube::ApiServer;
use eventcenter_store::ask::{Bounds, EventsAsk, Key, Order, TableAsk};
use eventcenter_store::lifecycle::{LifecycleAsk, PodChoice, lifecycle};
use eventcenter_store::saved::{SavedFile, SavedThings};
use eventcenter_store::{EventQuery, SqlWorker, Store, StoreConfig, serve_sql};
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::admin::{self, Left};
use crate::config::CenterConfig;
use crate::eventer::{Beside, Failure, Program};
use crate::http;
use crate::switch::Switches;
use crate::watches::Watches;
pub use crate::window::Window;
use clusters::ManagedClusters;
use credentials::Credentials;

/// What the store is called among the sinks.
const STORE: &str = "store";
/// Events that are printed where nobody says how many.
const EVENTS: usize = 50;
/// The subcommand that answers one `SELECT`.
pub const SQL_WORKER: &str = "sql-worker";

/// Why a command was not obeyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// For the user; three lines for a statement that cannot be read.
    pub message: String,
    /// Whether it is the configuration, or the state that it points to, and not the question.
    pub is_config: bool,
}

impl From<String> for Trouble {
    fn from(message: String) -> Self {
        Self { message, is_config: false }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        told(error)
    }
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns, for people
    Table,
    /// A line of JSON each
    Ndjson,
    /// Comma-separated, with a head
    Csv,
}

fn folder(config: &CenterConfig) -> PathBuf {
    config.store.path.clone().unwrap_or_else(|| config.common.state_dir.join("store"))
}

/// Watches, keeps and answers until SIGTERM or Ctrl-C.
///
/// # Errors
///
/// Before anything is delivered: when the configuration cannot be honoured. At the end: when a part died.
pub fn run(config: CenterConfig) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Error::new("event-center", ErrorKind::Storage, "cannot start the runtime")
            .with_source(error)
    })?;
    runtime.block_on(start(config))
}

async fn start(config: CenterConfig) -> Result<(), Failure> {
    admin::wait_for(&config.common.state_dir).await;
    let (health, metrics) = (Health::new(), Metrics::new());
    let folder = folder(&config);
    let store = Store::open_with(&folder, &config.store, Arc::new(SystemClock), &health)?
        .with_sql_worker(sql_worker());
    let settings = settings::routes(&config);
    let saved = SavedFile::open(&folder, Arc::new(SystemClock), &health)?;
    let CenterConfig { common, store: kept, console } = config;

    let shared = layer::Shared { metrics: metrics.clone(), ..layer::Shared::default() };
    let sinks = common.sinks.into_iter().map(|sink| sink.stack(&shared));
    let mut sinks = sinks.collect::<Result<Vec<_>, _>>()?;
    let router = router(common.router, &kept, sinks.len());
    sinks.push(layer::stack(Arc::new(store.sink(STORE)), &LayerConfig::default(), &shared));
    let pipeline = Plan::new(&common.state_dir, sinks)?
        .with_router(router)
        .with_spool(common.spool.into())
        .with_dead_letters(common.dead_letters.into())
        .with_health(health.clone())
        .with_metrics(metrics.clone())
        .open()?;

    let (mut servers, mut unknown) = (Vec::new(), Vec::new());
    let credentials = Credentials::of(&common.state_dir);
    for cluster in common.clusters.into_iter().chain(credentials.clusters()?) {
        match ApiServer::connect(&cluster).await {
            Ok(server) => servers.push((cluster, server)),
            Err(error) => {
                let cause = error.root_cause().unwrap_or_default();
                warn!(%error, cause, "there is no cluster yet, will look again");
                info!(
                    "no cluster at hand? `cargo xtask testbed up` starts one, and prints the kubeconfig to use; `event-center --demo` needs none"
                );
                unknown.push(cluster);
            }
        }
    }
    let listener = TcpListener::bind(console.listen).await.map_err(|error| {
        Error::new("console", ErrorKind::Config, format!("cannot listen: {error}"))
            .with("console.listen", console.listen)
    })?;
    let address = listener.local_addr().unwrap_or(console.listen);
    let measured = store.clone();
    let measure = move |metrics: &Metrics| measured.measure(metrics);
    let beside = http::routes(health.clone(), metrics.clone(), measure).merge(settings);
    let mark = Some(store.mark());
    let saved: Arc<dyn SavedThings> = Arc::new(saved);
    let switches = Switches::new(health.clone());
    let attach = pipeline.attach();
    let watches = Watches { attach, health: health.clone(), metrics, switches };
    let clusters =
        ManagedClusters::open(store.clone(), Arc::clone(&saved), watches.clone(), credentials)
            .await?;
    let clusters: Option<Arc<dyn Clusters>> = Some(Arc::new(clusters));
    let around = Surroundings { saved: Some(saved), clusters, mark, beside };
    let asked: Arc<dyn EventQuery> = Arc::new(store);
    let console = Console::build(Arc::clone(&asked), console, health, around);

    // What is kept can be asked for whatever a cluster says.
    let beside = Beside { state_dir: common.state_dir.clone(), store: Some(asked) };
    let program = Program { servers, unknown, endures: true, watches, beside };
    program.introduce(&pipeline);
    info!("the page is at http://{address}/");
    let serve = |stopped| async move { console.serve(listener, stopped).await };
    program.run(pipeline, serve, common.grace.get(), false).await
}

/// The routes, and beside them the store, at its place among the sinks.
fn router(routes: Router, kept: &StoreConfig, place: usize) -> Router {
    // Checked with the configuration.
    let filter = kept.filter.as_ref().and_then(|filter| EventFilter::compile(filter).ok());
    routes.with_beside(place, filter)
}

/// What commands have to know of this program.
pub fn left(config: CenterConfig) -> Left {
    let store = folder(&config);
    let CenterConfig { common, store: kept, .. } = config;
    let mut sinks: Vec<_> = common.sinks.iter().map(|sink| sink.name().to_owned()).collect();
    let router = router(common.router, &kept, sinks.len());
    sinks.push(STORE.to_owned());
    Left {
        state_dir: common.state_dir,
        dead_letters: common.dead_letters.into(),
        spool: common.spool.into(),
        sinks,
        router,
        store: Some(store),
    }
}

/// Prints what a statement finds, to standard output.
///
/// # Errors
///
/// What to tell the user: three lines for a statement that cannot be read.
pub fn query(
    config: &CenterConfig,
    statement: &str,
    window: Window,
    limit: Option<usize>,
    format: Format,
) -> Result<(), Trouble> {
    let parsed = Statement::parse(statement).map_err(|error| error.explain(statement))?;
    let store = Store::open_to_read(folder(config)).map_err(told)?.with_sql_worker(sql_worker());
    let (query, range) = (Arc::new(parsed.query), window.range());
    let bounds = Bounds { deadline: Duration::from_secs(60), ..Bounds::default() };
    let out = std::io::stdout().lock();
    match parsed.select {
        Some(select) => {
            let bounds = Bounds { rows: limit.unwrap_or(bounds.rows), ..bounds };
            let ask = TableAsk { query, range, select, bounds };
            let answer = block_on(store.table(&ask))?.map_err(|error| placed(error, statement))?;
            print::table(out, &answer, format)
        }
        None => {
            let (order, limit) = (Order::Newest, limit.unwrap_or(EVENTS));
            let mut ask =
                EventsAsk { query, range, order, after: None, limit: limit.clamp(1, 1000), bounds };
            let mut left = limit;
            let mut printer = print::Events::new(out, format);
            while left > 0 {
                let answer = block_on(store.events(&ask))?.map_err(told)?;
                if let Err(error) = printer.page(&answer, left) {
                    return written(error);
                }
                left = left.saturating_sub(answer.value.rows.len());
                match answer.value.next {
                    Some(next) => ask.after = Some::<Key>(next),
                    None => break,
                }
            }
            printer.end()
        }
    }
    .or_else(written)?;
    if format == Format::Table {
        let clusters = block_on(store.state())?.map_err(told)?.clusters;
        print::recorded(&clusters).or_else(written)?;
    }
    Ok(())
}

/// This program again, as [`answer_sql`].
fn sql_worker() -> SqlWorker {
    // What runs, also when another version has taken its place on disk meanwhile.
    SqlWorker::new("/proc/self/exe", [SQL_WORKER])
}

/// Answers the one `SELECT` that stands on standard input, for another process of this program.
///
/// # Errors
///
/// When the question cannot be read, or its answer not be written.
pub fn answer_sql() -> Result<(), Trouble> {
    let done = serve_sql(std::io::stdin().lock(), std::io::stdout().lock());
    done.map_err(|error| error.to_string().into())
}

/// Prints a Pod's life.
///
/// # Errors
///
/// What to tell the user.
pub fn pod(
    config: &CenterConfig,
    pod: &str,
    cluster: Option<&str>,
    window: Window,
) -> Result<(), Trouble> {
    let (namespace, name) =
        pod.split_once('/').ok_or_else(|| format!("{pod:?} is no Pod; write NAMESPACE/NAME"))?;
    let store = Store::open_to_read(folder(config)).map_err(told)?;
    let cluster = match cluster {
        Some(cluster) => cluster.to_owned(),
        None => {
            let clusters = block_on(store.state())?.map_err(told)?.clusters;
            match clusters.as_slice() {
                [only] => only.cluster.id.clone(),
                [] => return Err("nothing is kept yet".to_owned().into()),
                several => {
                    let names: Vec<_> = several.iter().map(|c| c.cluster.name.as_str()).collect();
                    let names = names.join(", ");
                    let message = format!("which cluster? --cluster one of {}", plain(&names));
                    return Err(message.into());
                }
            }
        }
    };
    let pod = PodChoice::Name { namespace: namespace.to_owned(), name: name.to_owned() };
    let bounds = Bounds { deadline: Duration::from_secs(60), ..Bounds::default() };
    let ask = LifecycleAsk { cluster, pod, range: window.range(), bounds };
    let answer = block_on(lifecycle(&store, &ask))?.map_err(told)?;
    if answer.value.lives.is_empty() {
        let message = "nothing happened to such a Pod in this time; --since all looks everywhere";
        return Err(message.to_owned().into());
    }
    print::life(std::io::stdout().lock(), &answer).or_else(written)
}

/// Takes the events of a file.
///
/// # Errors
///
/// What to tell the user: with the line that cannot be read.
pub fn import(config: &CenterConfig, file: &Path, cluster: Option<&str>) -> Result<(), Trouble> {
    let store = Store::open(folder(config), &config.store).map_err(told)?;
    let taken = block_on(import::import(&store, file, cluster))??;
    writeln!(std::io::stdout(), "{taken}").or_else(written)
}

/// Copies the store.
///
/// # Errors
///
/// What to tell the user.
pub fn backup(config: &CenterConfig, to: &Path) -> Result<(), Trouble> {
    eventcenter_store::store::backup(&folder(config), to).map_err(told)
}

/// A reader that is gone has seen enough.
#[expect(clippy::needless_pass_by_value, reason = "it is what `or_else` calls")]
pub(crate) fn written(error: std::io::Error) -> Result<(), Trouble> {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        Ok(())
    } else {
        Err(error.to_string().into())
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| error.to_string())?.block_on(work))
}

/// What is wrong with a statement, below the place in it where that can be told.
fn placed(error: Error, statement: &str) -> Trouble {
    let column = error.context().iter().find(|(key, _)| *key == "column");
    match column.and_then(|(_, column)| column.parse().ok()) {
        Some(column) => {
            let message = plain(error.message()).into_owned();
            QueryError { column, message, mistake: None }.explain(statement).into()
        }
        None => told(error),
    }
}

/// An error with its cause, on one line.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
fn told(error: Error) -> Trouble {
    let message = match error.root_cause() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    Trouble { message, is_config: error.kind() == ErrorKind::Config }
}
