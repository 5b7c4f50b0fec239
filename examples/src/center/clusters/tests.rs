//! What people change of clusters, over a store and what is saved; a watch that has always seen something.

use std::path::Path;

use eventcenter_core::{Batch, Event, Health, Metrics, Plan, Secret, Sink, SystemClock};
use eventcenter_store::StoreConfig;
use eventcenter_store::saved::SavedFile;

use super::*;
use crate::switch::Switches;
use crate::switch::tests::Busy;

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
    let clusters = ManagedClusters::open(store.clone(), saved, watches, credentials).await.unwrap();
    let cluster = Cluster { id: "c1".to_owned(), name: "prod".to_owned() };
    switches.wrap(&cluster, Box::new(Busy));
    (clusters, store, switches)
}

fn event(cluster: &str) -> Arc<Event> {
    let id = cluster.to_owned();
    let cluster = Arc::new(Cluster { name: format!("name of {id}"), id });
    let document = br#"{"metadata":{"name":"a","namespace":"n","uid":"1"},"reason":"R"}"#;
    Arc::new(Event::from_kubernetes(&cluster, document.to_vec().into(), Timestamp::now()).unwrap())
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
    assert_eq!(said.matches("refused").count(), 2, "why, once, in both of its forms: {said}");
    assert!(!folder.path().join("clusters").exists());
}
