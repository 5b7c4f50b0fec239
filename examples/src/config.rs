//! The configuration of `eventer`: one YAML file.
//!
//! [`load`] reads it, checks everything that can be checked without a cluster, and compiles the routes. What only a
//! sink can check is checked when it is [built](SinkEntry::build). Whatever is unknown, missing or cannot be honoured
//! is an error that names file, line and key. `examples/config/full.yaml` shows and explains every key; here are the
//! sections:
//!
//! | key | default | |
//! |---|---|---|
//! | `clusters` | one, as `kubectl` would find it | where events come from: [`ClusterConfig`] |
//! | `state_dir` | see [`state_dir`] | spool, cursors, dead letters; relative to the working directory |
//! | `spool` | 4GiB, 24h, 8MiB of memory | [`SpoolConfig`] |
//! | `dead_letters` | 256MiB, 30d, for each sink | [`DeadLetterConfig`] |
//! | `http` | `127.0.0.1:8084` | [`HttpConfig`] |
//! | `replicas` | there is one | which of several leads: [`ReplicasConfig`] |
//! | `grace` | 20s | how long sinks may finish after SIGTERM |
//! | `sinks` | | where events go, at least one: [`eventcenter_sinks::SinkConfig`] |
//! | `routes` | every sink takes every event | [`eventcenter_core::router`] |

mod cluster;
mod dead_letters;
mod replicas;
mod sink;

use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eventcenter_console::ConsoleConfig;
use eventcenter_core::config::{self, ByteSize, ConfigError, HumanDuration, KeyPath, present};
use eventcenter_core::router::{RouteConfig, Router};
use eventcenter_kube::ClusterConfig;
use eventcenter_sinks::SinkConfig;
use eventcenter_store::StoreConfig;
use serde::{Deserialize, Deserializer, de};

pub use dead_letters::DeadLetterConfig;
pub use replicas::{LeaseSettings, ReplicasConfig};
pub use sink::SinkEntry;

/// What `eventer` does without a file.
const BUILT_IN: &str = "sinks: [{ name: stdout, stdout: {} }]";

/// A configuration that was checked.
#[derive(Debug)]
pub struct Config {
    /// Where events come from; at least one.
    pub clusters: Vec<ClusterConfig>,
    /// Where the spool and everything else that survives a restart is kept.
    pub state_dir: PathBuf,
    /// Whether the command line said so, and not the file.
    pub state_dir_is_given: bool,
    /// How much may wait for slow sinks.
    pub spool: SpoolConfig,
    /// How much of what sinks would not take is kept.
    pub dead_letters: DeadLetterConfig,
    /// Health and metrics.
    pub http: HttpConfig,
    /// Who of several programs does the work; none: this is the only one.
    pub replicas: Option<ReplicasConfig>,
    /// How long sinks may finish after SIGTERM.
    pub grace: HumanDuration,
    /// Where events go; at least one. Their order is the one that the router counts in.
    pub sinks: Vec<SinkEntry>,
    /// Which of the sinks an event goes to, as it was written; without it to all of them.
    pub routes: Option<RouteConfig>,
    /// The same, compiled.
    pub router: Router,
    /// What it was read from.
    written: Text,
}

/// A file and its text, in which secrets may stand.
struct Text {
    file: Arc<str>,
    text: Arc<str>,
    path: Option<PathBuf>,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Config {
    /// The same once more, read from the text that this one was read from: sinks are used up when they are built.
    ///
    /// # Errors
    ///
    /// None that a user can cause; the signature is that of reading it.
    pub fn again(&self) -> Result<Self, ConfigError> {
        let state_dir = self.state_dir.clone();
        let mut again = parse(&self.written.file, &self.written.text)?;
        (again.state_dir_is_given, again.written.path) =
            (self.state_dir_is_given, self.written.path.clone());
        Ok(Self { state_dir, ..again })
    }

    /// The file that it was read from; none for the built-in one.
    pub fn file(&self) -> Option<&Path> {
        self.written.path.as_deref()
    }

    /// Whether both were read from the same words.
    pub(crate) fn is_of_the_same_text(&self, other: &Self) -> bool {
        self.written.text == other.written.text
    }

    /// What is wrong with the value at `key`, with its line.
    pub(crate) fn refuse(&self, key: KeyPath, message: &str) -> ConfigError {
        ConfigError::new(key, message).locate(&self.written.file, &self.written.text)
    }
}

/// A configuration of `event-center` that was checked.
#[derive(Debug)]
pub struct CenterConfig {
    /// What it has in common with `eventer`, but for `http`, which is not used. The sinks may be none; the router counts
    /// the store behind them.
    pub common: Config,
    /// What is kept.
    pub store: StoreConfig,
    /// The page and the API.
    pub console: ConsoleConfig,
}

/// How much may wait on disk and in memory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolConfig {
    /// On disk. Beyond it the oldest is dropped for the sink that lags. Default 4GiB.
    pub max_bytes: ByteSize,
    /// Events that waited longer are dropped. Default 24h.
    pub max_age: HumanDuration,
    /// What every sink has taken stays so long, for `replay`. Default 0s.
    pub keep: HumanDuration,
    /// Of events in memory, for all sinks together. Default 8MiB.
    pub memory: ByteSize,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            max_bytes: ByteSize::new(4 << 30),
            max_age: HumanDuration::from_secs(24 * 60 * 60),
            keep: HumanDuration::from_secs(0),
            memory: ByteSize::new(8 << 20),
        }
    }
}

impl SpoolConfig {
    /// A burst of some 2,000 events, in 64 segments.
    const LEAST_BYTES: ByteSize = ByteSize::new(4 << 20);
    /// More than a restart takes.
    const LEAST_AGE: HumanDuration = HumanDuration::from_secs(60);
    /// An event of the largest kind that an API server takes, or some 600 common ones.
    const LEAST_MEMORY: ByteSize = ByteSize::new(1 << 20);

    /// The error's key is relative to the spool.
    fn check(&self) -> Result<(), ConfigError> {
        ConfigError::refuse_below("max_bytes", &self.max_bytes, &Self::LEAST_BYTES)?;
        ConfigError::refuse_below("max_age", &self.max_age, &Self::LEAST_AGE)?;
        ConfigError::refuse_below("memory", &self.memory, &Self::LEAST_MEMORY)
    }
}

impl From<SpoolConfig> for eventcenter_core::SpoolConfig {
    fn from(config: SpoolConfig) -> Self {
        Self {
            max_bytes: config.max_bytes.bytes(),
            max_age: config.max_age.get(),
            keep: config.keep.get(),
            // What does not fit into an address space is no limit.
            memory: usize::try_from(config.memory.bytes()).unwrap_or(usize::MAX),
        }
    }
}

/// The pages for machines: `/healthz`, `/readyz`, `/metrics`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port. Default `127.0.0.1:8084`; in a container, `0.0.0.0:8084` lets the kubelet's probes in.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8084)) }
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        de::Error::custom(format!(
            "invalid address {text:?}; write IP:PORT, such as 127.0.0.1:8084"
        ))
    })
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, deserialize_with = "present")]
    clusters: Option<Vec<ClusterConfig>>,
    #[serde(default, deserialize_with = "present")]
    state_dir: Option<PathBuf>,
    #[serde(default)]
    spool: SpoolConfig,
    #[serde(default)]
    dead_letters: DeadLetterConfig,
    #[serde(default, deserialize_with = "present")]
    http: Option<HttpConfig>,
    #[serde(default, deserialize_with = "present")]
    replicas: Option<ReplicasConfig>,
    #[serde(default, deserialize_with = "present")]
    grace: Option<HumanDuration>,
    #[serde(default, deserialize_with = "present")]
    sinks: Option<Vec<SinkConfig>>,
    #[serde(default, deserialize_with = "present")]
    routes: Option<RouteConfig>,
    #[serde(default, deserialize_with = "present")]
    store: Option<StoreConfig>,
    #[serde(default, deserialize_with = "present")]
    console: Option<ConsoleConfig>,
}

/// Reads and checks a configuration.
///
/// # Errors
///
/// When the file cannot be read, and for the first thing that is wrong in it. The file is called as it is here.
pub fn load(path: impl AsRef<Path>) -> Result<Config, ConfigError> {
    let (file, text) = read(path.as_ref())?;
    let mut config = parse(&file, &text)?;
    config.written.path = Some(path.as_ref().to_owned());
    Ok(config)
}

/// The same, for `event-center`.
///
/// # Errors
///
/// As for [`load`].
pub fn load_center(path: impl AsRef<Path>) -> Result<CenterConfig, ConfigError> {
    let (file, text) = read(path.as_ref())?;
    parse_center(&file, &text)
}

fn read(path: &Path) -> Result<(String, String), ConfigError> {
    let file = path.display().to_string();
    let failed = |message: String| ConfigError::new(KeyPath::root(), message).in_file(&file);
    let bytes = fs::read(path).map_err(|error| failed(format!("cannot read the file: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("the file is no UTF-8".to_owned()))?;
    Ok((file, text))
}

/// The configuration of who has none: every event of the cluster that `kubectl` would find, to standard output.
///
/// # Errors
///
/// None that a user can cause; the signature is that of reading it.
pub fn built_in() -> Result<Config, ConfigError> {
    parse("built-in configuration", BUILT_IN)
}

/// The configuration of an `event-center` that has none: every event of that cluster is kept.
///
/// # Errors
///
/// As for [`built_in`].
pub fn built_in_center() -> Result<CenterConfig, ConfigError> {
    parse_center("built-in configuration", "{}")
}

/// Reads and checks a configuration that is at hand. `file` is what errors call it.
///
/// # Errors
///
/// As for [`load`].
pub fn parse(file: &str, text: &str) -> Result<Config, ConfigError> {
    let written: Written = config::read(file, text)?;
    let only_center = [("store", written.store.is_some()), ("console", written.console.is_some())];
    if let Some((key, _)) = only_center.into_iter().find(|(_, is_there)| *is_there) {
        let message = "this is for event-center; eventer keeps nothing and shows nothing";
        return Err(ConfigError::new(KeyPath::root().key(key), message).locate(file, text));
    }
    let sinks = KeyPath::root().key("sinks");
    match written.sinks.as_deref() {
        None => {
            let message = "the key \"sinks\" is missing";
            Err(ConfigError::new(KeyPath::root(), message).locate(file, text))
        }
        Some([]) => {
            let message = "there is no sink; events would go nowhere";
            Err(ConfigError::new(sinks, message).locate(file, text))
        }
        Some(_) => finish(written, file, text).map(|(common, ..)| common),
    }
}

/// The same, for `event-center`.
///
/// # Errors
///
/// As for [`load`].
pub fn parse_center(file: &str, text: &str) -> Result<CenterConfig, ConfigError> {
    let written: Written = config::read(file, text)?;
    if written.http.is_some() {
        let message = "event-center answers /healthz, /readyz and /metrics at `console.listen` too; leave this out";
        return Err(ConfigError::new(KeyPath::root().key("http"), message).locate(file, text));
    }
    if written.replicas.is_some() {
        let message = "event-center keeps what it sees on its own disk, so a second one would see and keep it too; \
                       leave this out";
        return Err(ConfigError::new(KeyPath::root().key("replicas"), message).locate(file, text));
    }
    let (common, store, console) = finish(written, file, text)?;
    Ok(CenterConfig { common, store, console })
}

type Finished = (Config, StoreConfig, ConsoleConfig);

fn finish(written: Written, file: &str, text: &str) -> Result<Finished, ConfigError> {
    let router = check(&written).map_err(|error| error.locate(file, text))?;
    let (file, text): (Arc<str>, Arc<str>) = (file.into(), text.into());
    let common = Config {
        clusters: written.clusters.unwrap_or_else(|| vec![ClusterConfig::default()]),
        state_dir: written.state_dir.unwrap_or_else(state_dir),
        state_dir_is_given: false,
        spool: written.spool,
        dead_letters: written.dead_letters,
        http: written.http.unwrap_or_default(),
        replicas: written.replicas,
        grace: written.grace.unwrap_or(HumanDuration::from_secs(20)),
        sinks: (written.sinks.into_iter().flatten().enumerate())
            .map(|(index, sink)| SinkEntry::new(index, sink, &file, &text))
            .collect(),
        routes: written.routes,
        router,
        written: Text { file, text, path: None },
    };
    Ok((common, written.store.unwrap_or_default(), written.console.unwrap_or_default()))
}

/// What parts cannot check alone.
fn check(written: &Written) -> Result<Router, ConfigError> {
    if let Some(clusters) = &written.clusters {
        cluster::check(clusters)?;
    }
    written.spool.check().map_err(|error| error.under(KeyPath::root().key("spool")))?;
    let dead_letters = written.dead_letters.check();
    dead_letters.map_err(|error| error.under(KeyPath::root().key("dead_letters")))?;
    if let Some(store) = &written.store {
        store.check().map_err(|error| error.under(KeyPath::root().key("store")))?;
    }
    if let Some(console) = &written.console {
        console.check().map_err(|error| error.under(KeyPath::root().key("console")))?;
    }
    if let Some(replicas) = &written.replicas {
        let checked = replicas.check(written.clusters.as_deref());
        checked.map_err(|error| error.under(KeyPath::root().key("replicas")))?;
    }
    let sinks = written.sinks.as_deref().unwrap_or_default();
    for (index, sink) in sinks.iter().enumerate() {
        sink::check_name(sink.name()).map_err(|error| error.under(at("sinks", index)))?;
    }
    let names: Vec<_> = sinks.iter().map(SinkConfig::name).collect();
    Router::compile(written.routes.as_ref(), &names)
}

/// Where state is kept unless the configuration says so: `/var/lib/eventcenter` for root and for who has no home,
/// else `$XDG_STATE_HOME/eventcenter`, which is `~/.local/state/eventcenter` if not set.
pub fn state_dir() -> PathBuf {
    let state = || {
        let set = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
        set.filter(|path| path.is_absolute())
            .or_else(|| Some(std::env::home_dir()?.join(".local/state")))
    };
    match state() {
        Some(state) if !rustix::process::geteuid().is_root() => state.join("eventcenter"),
        _ => "/var/lib/eventcenter".into(),
    }
}

fn at(list: &str, index: usize) -> KeyPath {
    KeyPath::root().key(list).index(index)
}
