//! The configuration of `eventer`: one YAML file.
//!
//! [`load`] reads it, checks everything that can be checked without a cluster, and compiles the routes. Nothing is
//! validated again later. Whatever is unknown, missing or cannot be honoured is one [`ConfigError`] that names file,
//! line and key. `examples/config/full.yaml` shows and explains every key; here are the sections:
//!
//! | key | default | |
//! |---|---|---|
//! | `clusters` | one, as `kubectl` would find it | where events come from: [`ClusterConfig`] |
//! | `state_dir` | `/var/lib/eventcenter` | spool, cursors, dead letters; relative to the working directory |
//! | `spool` | 4GiB, 24h, 16MiB of memory | [`SpoolConfig`] |
//! | `http` | `127.0.0.1:8084` | [`HttpConfig`] |
//! | `grace` | 20s | how long sinks may finish after SIGTERM |
//! | `sinks` | | where events go, at least one: [`SinkEntry`] |
//! | `routes` | every sink takes every event | [`eventcenter_core::router`] |

mod cluster;
mod sink;

use std::collections::HashSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use eventcenter_core::config::{self, ByteSize, ConfigError, HumanDuration, KeyPath, present};
use eventcenter_core::router::{RouteConfig, Router};
use serde::{Deserialize, Deserializer, de};

pub use cluster::{Api, ClusterConfig, Start};
pub use sink::{
    Batching, FileConfig, Rotate, SinkEntry, SinkKind, StdoutConfig, StdoutFormat, TlsConfig, Url,
    WebhookConfig,
};

/// A configuration that was checked.
#[derive(Debug)]
pub struct Config {
    /// Where events come from; at least one.
    pub clusters: Vec<ClusterConfig>,
    /// Where the spool and everything else that survives a restart is kept.
    pub state_dir: PathBuf,
    /// How much may wait for slow sinks.
    pub spool: SpoolConfig,
    /// Health and metrics.
    pub http: HttpConfig,
    /// How long sinks may finish after SIGTERM.
    pub grace: HumanDuration,
    /// Where events go; at least one. Their order is the one that the router counts in.
    pub sinks: Vec<SinkEntry>,
    /// Which of the sinks an event goes to.
    pub router: Router,
}

/// How much may wait on disk and in memory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpoolConfig {
    /// On disk. Beyond it the oldest is dropped for the sink that lags. Default 4GiB.
    pub max_bytes: ByteSize,
    /// Events that waited longer are dropped. Default 24h.
    pub max_age: HumanDuration,
    /// Of events in memory, for all sinks together. Default 16MiB.
    pub memory: ByteSize,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            max_bytes: ByteSize::new(4 << 30),
            max_age: HumanDuration::from_secs(24 * 60 * 60),
            memory: ByteSize::new(16 << 20),
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
    http: HttpConfig,
    #[serde(default, deserialize_with = "present")]
    grace: Option<HumanDuration>,
    sinks: Vec<sink::Written>,
    #[serde(default, deserialize_with = "present")]
    routes: Option<RouteConfig>,
}

/// Reads and checks a configuration.
///
/// # Errors
///
/// When the file cannot be read, and for the first thing that is wrong in it. The file is called as it is here.
pub fn load(path: impl AsRef<Path>) -> Result<Config, ConfigError> {
    let path = path.as_ref();
    let file = path.display().to_string();
    let failed = |message: String| ConfigError::new(KeyPath::root(), message).in_file(&file);
    let bytes = fs::read(path).map_err(|error| failed(format!("cannot read the file: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("the file is no UTF-8".to_owned()))?;
    parse(&file, &text)
}

/// Reads and checks a configuration that is at hand. `file` is what errors call it.
///
/// # Errors
///
/// As for [`load`].
pub fn parse(file: &str, text: &str) -> Result<Config, ConfigError> {
    check(config::read(file, text)?).map_err(|error| error.locate(file, text))
}

fn check(written: Written) -> Result<Config, ConfigError> {
    let sinks: Vec<SinkEntry> = (written.sinks.into_iter().enumerate())
        .map(|(index, sink)| sink.check().map_err(|error| error.under(at("sinks", index))))
        .collect::<Result<_, _>>()?;
    if sinks.is_empty() {
        let message = "there is no sink; events would go nowhere";
        return Err(ConfigError::new(KeyPath::root().key("sinks"), message));
    }
    let clusters = written.clusters.unwrap_or_else(|| vec![ClusterConfig::default()]);
    check_clusters(&clusters)?;
    let names: Vec<_> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    let router = Router::compile(written.routes.as_ref(), &names)?;
    Ok(Config {
        clusters,
        state_dir: written.state_dir.unwrap_or_else(|| "/var/lib/eventcenter".into()),
        spool: written.spool,
        http: written.http,
        grace: written.grace.unwrap_or(HumanDuration::from_secs(20)),
        sinks,
        router,
    })
}

fn check_clusters(clusters: &[ClusterConfig]) -> Result<(), ConfigError> {
    if clusters.is_empty() {
        let message = "there is no cluster; leave the key out for the one that kubectl would find";
        return Err(ConfigError::new(KeyPath::root().key("clusters"), message));
    }
    let mut names = HashSet::new();
    for (index, cluster) in clusters.iter().enumerate() {
        cluster.check().map_err(|error| error.under(at("clusters", index)))?;
        if !names.insert(&cluster.name) {
            let message = format!("two clusters are called {:?}", cluster.name);
            return Err(ConfigError::new(at("clusters", index).key("name"), message));
        }
    }
    Ok(())
}

fn at(list: &str, index: usize) -> KeyPath {
    KeyPath::root().key(list).index(index)
}
