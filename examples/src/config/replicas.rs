//! The section `replicas`: who of several programs with this configuration does the work.

use std::time::Duration;

use eventcenter_core::config::{ConfigError, HumanDuration, KeyPath};
use eventcenter_kube::{ApiServer, ClusterConfig, LeaseConfig, Namespace};
use serde::Deserialize;

/// Several programs with the same configuration, of which one works and the others wait.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplicasConfig {
    /// The Lease that decides.
    pub lease: LeaseSettings,
}

/// Which Lease, and how long it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeaseSettings {
    /// The name of the cluster that it is in. Default: the first of `clusters`.
    pub cluster: Option<String>,
    /// Default: the namespace of our Pod, else that of the kubeconfig's context.
    pub namespace: Option<Namespace>,
    /// Default `eventer`.
    pub name: String,
    /// For people. Default: `$POD_NAME`, else the name of the host, which is that of the Pod too.
    pub identity: Option<String>,
    /// How long nobody else may lead after the leader was last heard of. Default 15s.
    pub duration: HumanDuration,
    /// How often the leader is heard of. Default 2s.
    pub renew: HumanDuration,
}

impl Default for LeaseSettings {
    fn default() -> Self {
        Self {
            cluster: None,
            namespace: None,
            name: "eventer".to_owned(),
            identity: None,
            duration: HumanDuration::from_secs(15),
            renew: HumanDuration::from_secs(2),
        }
    }
}

impl ReplicasConfig {
    /// What cannot be checked key by key. The error's key is relative to the section.
    pub(super) fn check(&self, clusters: Option<&[ClusterConfig]>) -> Result<(), ConfigError> {
        self.lease.check(clusters).map_err(|error| error.under(KeyPath::root().key("lease")))
    }
}

impl LeaseSettings {
    fn check(&self, clusters: Option<&[ClusterConfig]>) -> Result<(), ConfigError> {
        let wrong =
            |key: &str, message: String| Err(ConfigError::new(KeyPath::root().key(key), message));
        if let Some(name) = &self.cluster
            && !clusters.unwrap_or_default().iter().any(|c| c.name.as_ref() == Some(name))
        {
            return wrong("cluster", format!("no cluster is called {name:?}"));
        }
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || self.name.len() > 63 || !self.name.chars().all(inner) {
            let message = format!("invalid name {:?}; it is 1 to 63 of a-z, 0-9 and -", self.name);
            return wrong("name", message);
        }
        let duration = self.duration.get();
        ConfigError::refuse_below(
            "duration",
            &self.duration,
            &HumanDuration::from_secs(LeaseConfig::SHORTEST.as_secs()),
        )?;
        if duration.subsec_nanos() > 0 {
            return wrong("duration", "a Lease lasts whole seconds".to_owned());
        }
        if self.renew.get() < Duration::from_millis(100) || self.renew.get() > duration / 5 {
            let message = format!(
                "{} is not between 100ms and a fifth of `duration`, which is {}",
                self.renew, self.duration
            );
            return wrong("renew", message);
        }
        if self.identity.as_ref().is_some_and(String::is_empty) {
            return wrong("identity", "the identity is empty".to_owned());
        }
        Ok(())
    }

    /// The Lease in this API server.
    pub(crate) fn of(&self, server: &ApiServer) -> LeaseConfig {
        let namespace = self.namespace.as_ref().map(|namespace| namespace.as_str().to_owned());
        LeaseConfig {
            namespace: namespace.unwrap_or_else(|| server.client().default_namespace().to_owned()),
            name: self.name.clone(),
            identity: self.identity.clone().unwrap_or_else(own_name),
            duration: self.duration.get(),
            renew: self.renew.get(),
        }
    }
}

fn own_name() -> String {
    let pod = std::env::var("POD_NAME").ok().filter(|name| !name.is_empty());
    pod.unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}
