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
fn unanswered(error: Error) -> Error {
    refused(format!("the API server does not say which cluster it is: {}", error.message()))
        .with_source(error)
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
mod tests {
    use std::path::Path;

    use super::*;
    use crate::switch::Switches;
    use crate::switch::tests::Busy;
    use eventcenter_core::{Batch, Event, Health, Metrics, Plan, Secret, Sink, SystemClock};
    use eventcenter_store::StoreConfig;
    use eventcenter_store::saved::SavedFile;

    /// Over this folder, as after a start; `c1` is watched.
    async fn managed(folder: &Path) -> (ManagedClusters, Store, Switches) {
        let store = Store::open(folder, &StoreConfig::default()).unwrap();
        let saved = SavedFile::open(folder, Arc::new(SystemClock), &Health::new()).unwrap();
        let switches = Switches::new(Health::new());
        let sinks: Vec<Arc<dyn Sink>> = vec![Arc::new(store.sink("store"))];
        let plan = Plan::new(folder.join("state"), sinks).unwrap();
        let watches = Watches {
            attach: plan.open().unwrap().attach(),
            health: Health::new(),
            metrics: Metrics::new(),
            switches: switches.clone(),
        };
        let saved = Arc::new(saved);
        let credentials = Credentials::of(folder);
        let clusters =
            ManagedClusters::open(store.clone(), saved, watches, credentials).await.unwrap();
        let cluster = Cluster { id: "c1".to_owned(), name: "prod".to_owned() };
        switches.wrap(&cluster, Box::new(Busy));
        (clusters, store, switches)
    }

    fn event(cluster: &str) -> Arc<Event> {
        let id = cluster.to_owned();
        let cluster = Arc::new(Cluster { name: format!("name of {id}"), id });
        let document = br#"{"metadata":{"name":"a","namespace":"n","uid":"1"},"reason":"R"}"#;
        Arc::new(
            Event::from_kubernetes(&cluster, document.to_vec().into(), Timestamp::now()).unwrap(),
        )
    }

    fn renamed(name: &str) -> ClusterChange {
        ClusterChange { name: Some(name.to_owned()), paused: None }
    }

    #[tokio::test]
    async fn a_name_and_a_pause_are_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (clusters, store, _) = managed(folder.path()).await;
        let batch = Batch::new(vec![event("c1"), event("c2")]).unwrap();
        store.sink("store").deliver(&batch).await.unwrap();
        let pause = ClusterChange { name: None, paused: Some(true) };
        let told = clusters.change("c1", &pause, "ann").await.unwrap().unwrap();
        assert!(told.paused && told.watched);
        let told = clusters.change("c1", &renamed(" Production "), "bob").await.unwrap().unwrap();
        assert_eq!((told.cluster.name.as_str(), told.paused), ("Production", true));
        assert_eq!(told.changed.unwrap().by, "bob");
        drop((clusters, store));

        let (clusters, store, switches) = managed(folder.path()).await;
        assert!(switches.is_paused("c1"));
        let list = clusters.list().await.unwrap();
        let names: Vec<_> = list.iter().map(|one| (&*one.cluster.name, one.watched)).collect();
        assert_eq!(names, [("Production", true), ("name of c2", false)]);
        // Events still say what they always said.
        store.sink("store").deliver(&Batch::new(vec![event("c1")]).unwrap()).await.unwrap();
        assert_eq!(store.state().await.unwrap().clusters[0].cluster.name, "Production");
    }

    #[tokio::test]
    async fn what_cannot_be_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (clusters, store, _) = managed(folder.path()).await;
        let batch = Batch::new(vec![event("c2")]).unwrap();
        store.sink("store").deliver(&batch).await.unwrap();
        let pause = ClusterChange { name: None, paused: Some(true) };
        for (id, change, says) in [
            ("c2", pause, "nothing to pause"),
            ("c2", renamed("prod"), "another cluster"),
            ("c2", renamed("c1"), "another cluster"),
            ("c2", renamed(" "), "1 to 120 characters"),
        ] {
            let error = clusters.change(id, &change, "").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused);
            assert!(error.to_string().contains(says), "{change:?}: {error}");
        }
        assert_eq!(clusters.change("c3", &renamed("x"), "").await.unwrap(), None);
        assert!(clusters.list().await.unwrap().iter().all(|one| one.changed.is_none()));
    }

    #[tokio::test]
    async fn a_cluster_that_is_removed_with_its_events_stays_away_with_what_was_on_its_way() {
        let folder = tempfile::tempdir().unwrap();
        let (clusters, store, switches) = managed(folder.path()).await;
        let batch = Batch::new(vec![event("c1"), event("c2")]).unwrap();
        store.sink("store").deliver(&batch).await.unwrap();
        clusters.change("c1", &renamed("Production"), "ann").await.unwrap();
        let error = clusters.remove("c2", Kept::Keep, "").await.unwrap_err();
        assert!(error.to_string().contains("not watched"), "{error}");
        assert_eq!(clusters.remove("c3", Kept::Delete, "").await.unwrap(), None);

        let removed = clusters.remove("c1", Kept::Keep, "ann").await.unwrap().unwrap();
        assert!(removed.returns, "it stands in the configuration");
        assert!(switches.watched().is_empty());
        let list = clusters.list().await.unwrap();
        assert!(list.iter().any(|one| one.cluster.name == "Production" && !one.watched));
        clusters.remove("c1", Kept::Delete, "ann").await.unwrap().unwrap();
        let ids = |list: Vec<ClusterWatch>| -> Vec<_> {
            list.into_iter().map(|one| one.cluster.id).collect()
        };
        assert_eq!(ids(clusters.list().await.unwrap()), ["c2"]);
        drop((clusters, store, switches));

        let (clusters, store, switches) = managed(folder.path()).await;
        switches.end("c1");
        store.sink("store").deliver(&batch).await.unwrap();
        assert_eq!(ids(clusters.list().await.unwrap()), ["c2"], "the spool had it still");
        store.sink("store").deliver(&Batch::new(vec![event("c1")]).unwrap()).await.unwrap();
        assert_eq!(ids(clusters.list().await.unwrap()).len(), 2);
    }

    #[tokio::test]
    async fn a_cluster_that_cannot_be_reached_is_not_added_and_its_credential_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (clusters, _store, _) = managed(folder.path()).await;
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let text = format!(
            r#"{{"current-context":"x","clusters":[{{"name":"c","cluster":{{"server":"http://{nobody}"}}}}],
            "users":[{{"name":"u","user":{{"token":"SECRET"}}}}],
            "contexts":[{{"name":"x","context":{{"cluster":"c","user":"u"}}}}]}}"#
        );
        let new = NewCluster { name: None, kubeconfig: Secret::from(&*text), context: None };
        let error = clusters.add(&new, "").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        let said = format!("{error} {error:?} {new:?}");
        assert!(said.contains("which cluster") && !said.contains("SECRET"), "{said}");
        assert!(!folder.path().join("clusters").exists());
    }
}
