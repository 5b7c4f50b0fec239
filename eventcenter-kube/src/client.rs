//! A connection to an API server, and which cluster it is.
//!
//! Where it comes from, as `kubectl` does it: the kubeconfig and context of the configuration, else `$KUBECONFIG`,
//! else `~/.kube/config`, else the in-cluster account. A kubeconfig that exists and is wrong is an error, not a
//! reason to look further. Of the files in `$KUBECONFIG` those that do not exist are left out, if one exists.
//!
//! HTTP/1.1 over rustls with ring. Dead peers are found by TCP keepalive in about a minute, and by the watch's own
//! patience; there is no read timeout, which would cut watches, and no retry but the watch's. A kubeconfig's
//! `proxy-url` (or `HTTPS_PROXY`) is honoured: http, https and socks5; keepalive is then left to the proxy.
//! Service account tokens and their CA are read again when they change, exec plugins are run again when their
//! token is over. A client *certificate* from an exec plugin is not renewed while the program runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::{Clock, Cluster, Error, ErrorKind, Result, SystemClock};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use serde::Deserialize;
use tower::ServiceBuilder;

use crate::config::{ClusterConfig, is_id};
use crate::credential;
use crate::exchange::{Exchange, Frame, Patience};
use crate::failure::{Failure, Kind};
use crate::pasted::PastedKubeconfig;

/// Idle time after which TCP asks whether the peer is alive, and time between questions.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_QUESTIONS: u32 = 3;

/// A Namespace object is smaller than this.
const MAX_NAMESPACE: usize = 4 << 20;

/// Where `kubectl` looks.
const DEFAULT_KUBECONFIG: &str = ".kube/config";

/// An API server to talk to. Clones share its connections.
#[derive(Clone)]
pub struct ApiServer {
    client: Client,
    address: String,
    context: Option<String>,
    patience: Duration,
}

impl ApiServer {
    /// The API server that the configuration means. Reads files, and talks to nobody yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when there is no kubeconfig and no in-cluster account, or one that makes no sense: it
    /// says what was looked for, and where.
    pub async fn connect(config: &ClusterConfig) -> Result<Self> {
        // The program may have chosen one already; then this fails, and that one it is.
        rustls::crypto::ring::default_provider().install_default().ok();
        let (found, context) = find(config).await?;
        Self::over(found, context, config)
    }

    /// The API server that a pasted kubeconfig leads to, whatever the configuration says of one. Reads no file, and
    /// talks to nobody yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when it makes no sense.
    pub async fn connect_to(pasted: &PastedKubeconfig, config: &ClusterConfig) -> Result<Self> {
        rustls::crypto::ring::default_provider().install_default().ok();
        let config = ClusterConfig { context: None, ..config.clone() };
        let kubeconfig = pasted.kubeconfig.clone();
        let (found, context) = load(kubeconfig, &config, Path::new("what was pasted")).await?;
        Self::over(found, context, &config)
    }

    fn over(found: Config, context: Option<String>, config: &ClusterConfig) -> Result<Self> {
        let address = found.cluster_url.to_string();
        let client = client(found, config.connect_timeout).map_err(|error| {
            let said = credential::trouble(&error).unwrap_or_else(|| error.to_string());
            let message = format!("the connection to the API server cannot be set up: {said}");
            Error::new("cluster", ErrorKind::Config, message).with("server", &address)
        })?;
        Ok(Self { client, address, context, patience: config.request_timeout })
    }

    /// An API server behind a client that was made elsewhere. `address` is for people.
    pub fn from_client(client: Client, address: impl Into<String>) -> Self {
        let patience = ClusterConfig::default().request_timeout;
        Self { client, address: address.into(), context: None, patience }
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Which cluster this is. Asks the API server unless the configuration has an `id`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when there is no `id`, and the uid of `kube-system` may not be read: it says what to
    /// do. [`ErrorKind::Auth`] when the credential is refused, [`ErrorKind::Unavailable`], [`ErrorKind::Timeout`], [`ErrorKind::Throttled`] or
    /// [`ErrorKind::Protocol`] when the API server cannot be reached, or makes no sense now: ask again later.
    pub async fn identify(&self, config: &ClusterConfig) -> Result<Cluster> {
        let id = match &config.id {
            Some(id) => id.clone(),
            None => self.uid_of_kube_system().await.map_err(|failure| self.unnamed(failure))?,
        };
        let name = config.name.clone().or_else(|| self.context.clone());
        Ok(Cluster { name: name.unwrap_or_else(|| id.clone()), id })
    }

    /// What to do about a cluster that does not say which one it is.
    fn unnamed(&self, failure: Failure) -> Error {
        let message = match failure.kind {
            Kind::Forbidden => {
                "the uid of the namespace kube-system, which identifies the cluster, cannot be \
                 read: grant get on namespaces with the resource name kube-system, or set `id` \
                 in the configuration of the cluster"
            }
            Kind::Absent => {
                "there is no namespace kube-system, whose uid identifies the cluster: is this an \
                 API server? If it is, set `id` in the configuration of the cluster"
            }
            Kind::Invalid => {
                "a request for the namespace kube-system is not understood: is this the address \
                 of an API server, and http or https as it should be?"
            }
            Kind::Unauthorized | Kind::Expired { .. } | Kind::Conflict | Kind::Passing => {
                return failure.error.with("server", self);
            }
        };
        Error::new("cluster", ErrorKind::Config, message)
            .with("server", self)
            .with_source(failure.error)
    }

    async fn uid_of_kube_system(&self) -> Result<String, Failure> {
        #[derive(Deserialize)]
        struct Namespace {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            uid: String,
        }
        let component: Arc<str> = "cluster".into();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let patience = Patience { answer: self.patience, frame: self.patience };
        let uri = "/api/v1/namespaces/kube-system";
        let mut exchange = Exchange::get(&self.client, uri, patience, &component, &clock);
        let mut body = Vec::new();
        loop {
            match exchange.frame().await? {
                Frame::Data(data) if body.len() + data.len() <= MAX_NAMESPACE => body.extend(data),
                Frame::Data(_) | Frame::End => break,
                Frame::Answered => {}
            }
        }
        match serde_json::from_slice(&body) {
            // It becomes part of names, as a configured one does.
            Ok(Namespace { metadata: Metadata { uid } }) if is_id(&uid) => Ok(uid),
            _ => {
                let message = "the answer to a request for the namespace kube-system is none";
                Err(Failure::passing(&component, ErrorKind::Protocol, message))
            }
        }
    }
}

/// Address and context.
impl fmt::Display for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.address.trim_end_matches('/'))?;
        match &self.context {
            Some(context) => write!(f, " (context {context})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiServer({self})")
    }
}

/// The first configuration there is, and the name of its context.
async fn find(config: &ClusterConfig) -> Result<(Config, Option<String>)> {
    if let Some(path) = config.kubeconfig() {
        return load(read(&path)?, config, &path).await;
    }
    let in_env = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let in_env = std::env::split_paths(&in_env).filter(|path| !path.as_os_str().is_empty());
    let in_env: Vec<PathBuf> = in_env.collect();
    if let Some(found) = merged(&in_env)? {
        return load(found, config, Path::new("$KUBECONFIG")).await;
    }
    let home = std::env::home_dir().map(|home| home.join(DEFAULT_KUBECONFIG));
    if let Some(path) = home.filter(|path| path.exists()) {
        return load(read(&path)?, config, &path).await;
    }
    match (&config.context, Config::incluster()) {
        (Some(context), _) => Err(Error::new(
            "cluster",
            ErrorKind::Config,
            "a context is set, but there is no kubeconfig: not by `kubeconfig`, not in $KUBECONFIG, \
             not at ~/.kube/config",
        )
        .with("context", context)),
        (None, Ok(found)) => Ok((found, None)),
        (None, Err(error)) => Err(Error::new(
            "cluster",
            ErrorKind::Config,
            "no API server is known: there is no `kubeconfig` in the configuration, $KUBECONFIG is \
             not set, ~/.kube/config does not exist, and this is no Pod with a service account",
        )
        .with_source(error)),
    }
}

fn read(path: &Path) -> Result<Kubeconfig> {
    Kubeconfig::read_from(path).map_err(|error| unusable(path, &error))
}

/// The kubeconfigs of a list as one; none for no list. What does not exist is left out, as `kubectl` does, unless
/// nothing of the list exists.
fn merged(paths: &[PathBuf]) -> Result<Option<Kubeconfig>> {
    let Some(first) = paths.first() else { return Ok(None) };
    let is_there = |path: &&PathBuf| !path.try_exists().is_ok_and(|exists| !exists);
    let mut there = paths.iter().filter(is_there);
    let found = read(there.next().unwrap_or(first))?;
    let found = there.try_fold(found, |found, path| {
        found.merge(read(path)?).map_err(|error| unusable(Path::new("$KUBECONFIG"), &error))
    });
    found.map(Some)
}

async fn load(
    kubeconfig: Kubeconfig,
    config: &ClusterConfig,
    from: &Path,
) -> Result<(Config, Option<String>)> {
    let context = config.context.clone().or_else(|| kubeconfig.current_context.clone());
    let known: Vec<_> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let options = KubeConfigOptions { context: config.context.clone(), ..Default::default() };
    let found = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| {
        let unusable = unusable(from, &error);
        let unusable = match &context {
            Some(context) => unusable.with("context", context),
            None => unusable,
        };
        match error {
            KubeconfigError::LoadContext(_) | KubeconfigError::CurrentContextNotSet => {
                unusable.with("contexts", format_args!("[{}]", known.join(", ")))
            }
            _ => unusable,
        }
    })?;
    Ok((found, context))
}

/// What is wrong with a kubeconfig, said once. kube's error is not kept as the cause: its text says its own causes
/// again, and that of a parse error quotes the lines around the place, keys and tokens with them.
pub(crate) fn unusable(from: &Path, error: &KubeconfigError) -> Error {
    let refuse = |message: String| {
        let error = Error::new("cluster", ErrorKind::Config, message);
        error.with("kubeconfig", from.display())
    };
    match error {
        KubeconfigError::Parse(error) => {
            let refused = refuse("the kubeconfig cannot be parsed".to_owned());
            match error.location() {
                Some(at) if at.line() > 0 => {
                    refused.with("line", at.line()).with("column", at.column())
                }
                _ => refused,
            }
        }
        KubeconfigError::ReadConfig(error, _) => {
            refuse(format!("the kubeconfig cannot be read: {error}"))
        }
        KubeconfigError::LoadContext(_) => refuse("the kubeconfig has no such context".to_owned()),
        KubeconfigError::CurrentContextNotSet => {
            refuse("no context is set, and the kubeconfig has no current-context".to_owned())
        }
        // Its text may quote what is there instead.
        KubeconfigError::ParseCertificates(_) => {
            refuse("the certificate authority of the kubeconfig is no PEM".to_owned())
        }
        error => refuse(format!("the kubeconfig cannot be used: {error}")),
    }
}

/// kube's own stack, but with keepalive, and without its timeouts, its retries and a span for each request.
fn client(mut config: Config, connect_timeout: Duration) -> kube::Result<Client> {
    config.connect_timeout = Some(connect_timeout);
    config.read_timeout = None;
    config.default_retry = false;
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(connect_timeout));
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    tcp.set_keepalive_retries(Some(KEEPALIVE_QUESTIONS));
    let https = config.rustls_https_connector_with_connector(tcp)?;
    let http = HttpClient::builder(TokioExecutor::new()).build::<_, Body>(https);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(tower::BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}

#[cfg(test)]
mod tests;
