//! What people change of clusters while `event-center` runs: their names, whether they are watched, and which there are.
//!
//! A change is kept among the saved things, under the cluster's id, before it has an effect; at the start all of them
//! have theirs again. A name is written to the store, so that every answer and every statement knows it.
//!
//! A cluster that is added is one whose [credentials] are kept: from them it is watched now, and after each start. One that
//! is removed with its events leaves a note until when nothing of it is taken, since the spool may still have some.
//!
//! [credentials]: super::credentials

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventcenter_console::Clusters;
use eventcenter_console::clusters::{
    ClusterChange, ClusterRemoved, ClusterWatch, Kept, NewCluster,
};
use eventcenter_core::{Cluster, Error, ErrorKind, Result};
use eventcenter_kube::{ApiServer, ClusterConfig, PastedKubeconfig};
use eventcenter_store::saved::{Draft, Kind, Saved, SavedThings, Written};
use eventcenter_store::{EventQuery, Store};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tracing::info;

use super::credentials::Credentials;
use crate::watches::{Begin, Watches};

/// How long a cluster that is added may take to say which one it is: somebody waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// In what is saved of a cluster: until when nothing of it is taken.
const FORGOTTEN: &str = "forgotten";

/// See the [module](self).
#[derive(Debug)]
pub(super) struct ManagedClusters {
    store: Store,
    saved: Arc<dyn SavedThings>,
    watches: Watches,
    credentials: Credentials,
    /// Held from what is read to what is written.
    change: Mutex<()>,
}

impl ManagedClusters {
    /// Gives all that was changed before its effect.
    ///
    /// # Errors
    ///
    /// When what is saved cannot be read, or the store not be written.
    pub(super) async fn open(
        store: Store,
        saved: Arc<dyn SavedThings>,
        watches: Watches,
        credentials: Credentials,
    ) -> Result<Self> {
        let clusters = Self { store, saved, watches, credentials, change: Mutex::default() };
        for saved in clusters.saved.list(Some(Kind::Cluster)).await? {
            clusters.effect(&saved).await?;
        }
        Ok(clusters)
    }

    async fn effect(&self, saved: &Saved) -> Result<()> {
        let (id, body) = (saved.draft.name(), saved.draft.body());
        if let Some(name) = body.get("name").and_then(Value::as_str) {
            self.store.rename(id, name).await?;
        }
        let forgotten = body.get(FORGOTTEN).and_then(Value::as_str);
        if let Some(until) = forgotten.and_then(|until| until.parse().ok()) {
            self.store.ignore(id, until).await?;
        }
        self.watches.switches.set(id, body.get("paused").is_some_and(|paused| *paused == true));
        Ok(())
    }

    async fn set(&self, id: &str) -> Result<Option<Saved>> {
        let all = self.saved.list(Some(Kind::Cluster)).await?;
        Ok(all.into_iter().find(|saved| saved.draft.name() == id))
    }

    /// Keeps what is different of a cluster, in the place of what was.
    async fn save(&self, id: &str, body: Map<String, Value>, by: &str) -> Result<Saved> {
        let draft = Draft::new(Kind::Cluster, id, body)?;
        let written = match self.set(id).await? {
            Some(saved) => self.saved.replace(&saved.id, None, &draft, by).await?,
            None => self.saved.create(&draft, None, by).await?,
        };
        match written {
            Written::Done(saved) => Ok(saved),
            _ => {
                let message = "somebody else changes it at the same time";
                Err(Error::new("clusters", ErrorKind::Unavailable, message))
            }
        }
    }

    async fn body(&self, id: &str) -> Result<Map<String, Value>> {
        Ok(self.set(id).await?.map_or_else(Map::new, |saved| saved.draft.body().clone()))
    }
}

/// The name, as strict as any other; refused if another of the clusters is called so.
fn free_name(name: &str, id: &str, clusters: &[ClusterWatch]) -> Result<String> {
    let name = Draft::new(Kind::Cluster, name, Map::new())?.name().to_owned();
    let mut others = clusters.iter().map(|one| &one.cluster).filter(|other| other.id != id);
    if others.any(|other| other.name == name || other.id == name) {
        return Err(refused(format!("another cluster is called {name:?}: give it another name")));
    }
    Ok(name)
}

/// Asks which cluster it is.
async fn identify(pasted: &PastedKubeconfig) -> Result<Cluster> {
    let config = ClusterConfig {
        connect_timeout: PATIENCE / 2,
        request_timeout: PATIENCE / 2,
        ..ClusterConfig::default()
    };
    let server = ApiServer::connect_to(pasted, &config).await.map_err(unanswered)?;
    match tokio::time::timeout(PATIENCE, server.identify(&config)).await {
        Ok(identified) => identified.map_err(unanswered),
        Err(_) => Err(refused(format!("the API server has not answered in {PATIENCE:?}"))),
    }
}

/// Whatever went wrong there, the answer to who asks is that it cannot be added.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` calls")]
fn unanswered(error: Error) -> Error {
    let why = match error.root_cause() {
        Some(cause) => format!("{}: {cause}", error.message()),
        None => error.message().to_owned(),
    };
    refused(format!("the API server does not say which cluster it is: {why}"))
}

#[async_trait]
impl Clusters for ManagedClusters {
    async fn list(&self) -> Result<Vec<ClusterWatch>> {
        let set = self.saved.list(Some(Kind::Cluster)).await?;
        let watched = self.watches.switches.watched();
        let mut clusters: Vec<Cluster> =
            self.store.state().await?.clusters.into_iter().map(|known| known.cluster).collect();
        for one in &watched {
            if !clusters.iter().any(|cluster| cluster.id == one.id) {
                clusters.push(one.clone());
            }
        }
        let told = |mut cluster: Cluster| {
            let set = set.iter().find(|saved| saved.draft.name() == cluster.id);
            // A cluster without an event is in no partition.
            let name = set.and_then(|saved| saved.draft.body().get("name")?.as_str());
            if let Some(name) = name {
                name.clone_into(&mut cluster.name);
            }
            ClusterWatch {
                watched: watched.iter().any(|one| one.id == cluster.id),
                added: self.credentials.has(&cluster.id),
                paused: self.watches.switches.is_paused(&cluster.id),
                changed: set.map(|saved| saved.changed.clone()),
                cluster,
            }
        };
        let mut clusters: Vec<_> = clusters.into_iter().map(told).collect();
        clusters.sort_by(|a, b| a.cluster.name.cmp(&b.cluster.name));
        Ok(clusters)
    }

    async fn change(
        &self,
        id: &str,
        change: &ClusterChange,
        by: &str,
    ) -> Result<Option<ClusterWatch>> {
        let _one_at_a_time = self.change.lock().await;
        let clusters = self.list().await?;
        let Some(found) = clusters.iter().find(|one| one.cluster.id == id) else { return Ok(None) };
        if change.paused.is_some() && !found.watched {
            return Err(refused("it is not watched by this program: there is nothing to pause"));
        }
        let mut body = self.body(id).await?;
        if let Some(name) = &change.name {
            body.insert("name".to_owned(), free_name(name, id, &clusters)?.into());
        }
        if let Some(paused) = change.paused {
            body.insert("paused".to_owned(), paused.into());
        }
        let saved = self.save(id, body, by).await?;
        self.effect(&saved).await?;
        Ok(self.list().await?.into_iter().find(|one| one.cluster.id == id))
    }

    async fn add(&self, new: &NewCluster, by: &str) -> Result<ClusterWatch> {
        let text = new.kubeconfig.reveal()?;
        let pasted = PastedKubeconfig::parse(&text, new.context.as_deref())?;
        let cluster = identify(&pasted).await?;
        let id = &cluster.id;

        let _one_at_a_time = self.change.lock().await;
        let clusters = self.list().await?;
        if let Some(known) = clusters.iter().find(|one| one.cluster.id == *id && one.watched) {
            return Err(refused(format!("it is watched already, as {:?}", known.cluster.name)));
        }
        let mut body = self.body(id).await?;
        // What it was called before is better known than its context.
        let known = body.get("name").and_then(Value::as_str).map(str::to_owned);
        let name = new.name.clone().or(known).unwrap_or_else(|| cluster.name.clone());
        body.insert("name".to_owned(), free_name(&name, id, &clusters)?.into());
        body.remove("paused");
        let saved = self.save(id, body, by).await?;
        self.credentials.keep(id, &pasted.to_text()?)?;
        self.effect(&saved).await?;
        info!(id, by, "a cluster is added");

        // As after a start. Where it stood says nothing once its events are gone.
        let config = self.credentials.config(id);
        let server = ApiServer::connect(&config).await?;
        let has_events = clusters.iter().any(|one| one.cluster.id == *id);
        let begin = if has_events { Begin::WhereTheyStood } else { Begin::Anew };
        self.watches.start(&config, &server, cluster.clone(), begin);
        let added = self.list().await?.into_iter().find(|one| one.cluster.id == *id);
        added.ok_or_else(|| Error::new("clusters", ErrorKind::Storage, "it is not watched"))
    }

    async fn remove(&self, id: &str, events: Kept, by: &str) -> Result<Option<ClusterRemoved>> {
        let _one_at_a_time = self.change.lock().await;
        let clusters = self.list().await?;
        let Some(found) = clusters.iter().find(|one| one.cluster.id == id) else { return Ok(None) };
        if events == Kept::Keep && !found.watched {
            return Err(refused("it is not watched by this program: there are only its events"));
        }
        let returns = found.watched && !found.added;
        self.watches.switches.end(id);
        // Whatever its watches have seen was received until now.
        let until = Timestamp::now();
        let mut body = self.body(id).await?;
        body.remove("paused");
        if events == Kept::Delete {
            body = Map::from_iter([(FORGOTTEN.to_owned(), until.to_string().into())]);
        }
        self.save(id, body, by).await?;
        self.credentials.remove(id)?;
        info!(id, by, ?events, "a cluster is removed");
        if events == Kept::Delete {
            self.store.ignore(id, until).await?;
            self.store.forget(id).await?;
        }
        Ok(Some(ClusterRemoved { returns }))
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new("clusters", ErrorKind::Refused, message)
}

#[cfg(test)]
mod tests;
