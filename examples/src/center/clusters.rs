//! What people change of clusters while `event-center` runs: their names, and whether they are watched.
//!
//! A change is kept among the saved things, under the cluster's id, before it has an effect; at the start all of them
//! have theirs again. A name is written to the store, so that every answer and every statement knows it.

use std::sync::Arc;

use async_trait::async_trait;
use eventcenter_console::Clusters;
use eventcenter_console::clusters::{ClusterChange, ClusterWatch};
use eventcenter_core::{Cluster, Error, ErrorKind, Result};
use eventcenter_store::saved::{Draft, Kind, Saved, SavedThings, Written};
use eventcenter_store::{EventQuery, Store};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::switch::Switches;

/// See the [module](self).
#[derive(Debug)]
pub(super) struct ManagedClusters {
    store: Store,
    saved: Arc<dyn SavedThings>,
    switches: Switches,
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
        switches: Switches,
    ) -> Result<Self> {
        let clusters = Self { store, saved, switches, change: Mutex::default() };
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
        self.switches.set(id, body.get("paused").is_some_and(|paused| *paused == true));
        Ok(())
    }

    async fn set(&self, id: &str) -> Result<Option<Saved>> {
        let all = self.saved.list(Some(Kind::Cluster)).await?;
        Ok(all.into_iter().find(|saved| saved.draft.name() == id))
    }
}

#[async_trait]
impl Clusters for ManagedClusters {
    async fn list(&self) -> Result<Vec<ClusterWatch>> {
        let set = self.saved.list(Some(Kind::Cluster)).await?;
        let watched = self.switches.watched();
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
                paused: self.switches.is_paused(&cluster.id),
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
        let before = self.set(id).await?;
        let mut body = before.as_ref().map_or_else(Map::new, |saved| saved.draft.body().clone());
        if let Some(name) = &change.name {
            // As strict as with any other name.
            let name = Draft::new(Kind::Cluster, name, Map::new())?.name().to_owned();
            let others = clusters.iter().filter(|one| one.cluster.id != id);
            let taken = others.map(|one| &one.cluster).find(|c| c.name == name || c.id == name);
            if taken.is_some() {
                return Err(refused("another cluster is called so"));
            }
            body.insert("name".to_owned(), name.into());
        }
        if let Some(paused) = change.paused {
            body.insert("paused".to_owned(), paused.into());
        }
        let draft = Draft::new(Kind::Cluster, id, body)?;
        let written = match &before {
            Some(saved) => self.saved.replace(&saved.id, None, &draft, by).await?,
            None => self.saved.create(&draft, None, by).await?,
        };
        let Written::Done(saved) = written else {
            let message = "somebody else changes it at the same time";
            return Err(Error::new("clusters", ErrorKind::Unavailable, message));
        };
        self.effect(&saved).await?;
        Ok(self.list().await?.into_iter().find(|one| one.cluster.id == id))
    }
}

fn refused(message: &str) -> Error {
    Error::new("clusters", ErrorKind::Refused, message)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use eventcenter_core::{Batch, Event, Health, Sink, SystemClock};
    use eventcenter_store::StoreConfig;
    use eventcenter_store::saved::SavedFile;
    use jiff::Timestamp;

    use super::*;
    use crate::switch::tests::Busy;

    /// Over this folder, as after a start; `c1` is watched.
    async fn managed(folder: &Path) -> (ManagedClusters, Store, Switches) {
        let store = Store::open(folder, &StoreConfig::default()).unwrap();
        let saved = SavedFile::open(folder, Arc::new(SystemClock), &Health::new()).unwrap();
        let switches = Switches::new(Health::new());
        let clusters =
            ManagedClusters::open(store.clone(), Arc::new(saved), switches.clone()).await.unwrap();
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
}
