//! Watches that can be paused, and ended, while a program runs.
//!
//! A paused watch is asked nothing. Its position stays where it is, so that it goes on from there: the API server still
//! has the events of its last hour, and what it has forgotten becomes a declared gap, as after any other pause. Nobody
//! waits for its health. A watch that has ended is gone with its connection; what asked it sleeps until the program ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use eventcenter_core::{Cluster, Health, Observed, Result, Source};
use tokio::sync::watch;

/// How a switch stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Turned {
    #[default]
    On,
    Paused,
    /// For ever.
    Off,
}

impl Turned {
    fn paused(is_paused: bool) -> Self {
        if is_paused { Self::Paused } else { Self::On }
    }
}

/// A switch for each cluster; clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Switches {
    clusters: Arc<Mutex<BTreeMap<String, Switch>>>,
    health: Health,
}

#[derive(Debug, Default)]
struct Switch {
    turned: watch::Sender<Turned>,
    /// The parts of its watches in the health; none: it is not watched.
    parts: Vec<String>,
    /// What the configuration calls it.
    name: String,
}

impl Switches {
    /// None is paused.
    pub(crate) fn new(health: Health) -> Self {
        Self { clusters: Arc::default(), health }
    }

    /// Pauses all watches of a cluster, or lets them go on; those too that are yet to come.
    pub(crate) fn set(&self, cluster: &str, paused: bool) {
        let mut clusters = self.lock();
        let switch = clusters.entry(cluster.to_owned()).or_default();
        switch.turned.send_replace(Turned::paused(paused));
        switch.parts.iter().for_each(|part| self.health.hold(part, paused));
    }

    /// Ends all watches of a cluster. Whether it was watched.
    pub(crate) fn end(&self, cluster: &str) -> bool {
        let Some(switch) = self.lock().remove(cluster) else { return false };
        switch.turned.send_replace(Turned::Off);
        switch.parts.iter().for_each(|part| self.health.remove(part));
        !switch.parts.is_empty()
    }

    /// The same watch, that can be paused and ended.
    pub(crate) fn wrap(&self, cluster: &Cluster, watch: Box<dyn Source>) -> Box<dyn Source> {
        let mut clusters = self.lock();
        let switch = clusters.entry(cluster.id.clone()).or_default();
        let part = format!("watch {}", watch.name());
        self.health.hold(&part, *switch.turned.borrow() == Turned::Paused);
        switch.parts.push(part);
        switch.name.clone_from(&cluster.name);
        let name = watch.name().to_owned();
        Box::new(Switched { name, watch: Some(watch), turned: switch.turned.subscribe() })
    }

    pub(crate) fn is_paused(&self, cluster: &str) -> bool {
        self.lock().get(cluster).is_some_and(|switch| *switch.turned.borrow() == Turned::Paused)
    }

    pub(crate) fn is_watched(&self, cluster: &str) -> bool {
        self.lock().get(cluster).is_some_and(|switch| !switch.parts.is_empty())
    }

    /// The clusters that are watched, paused or not.
    pub(crate) fn watched(&self) -> Vec<Cluster> {
        let clusters = self.lock();
        let watched = clusters.iter().filter(|(_, switch)| !switch.parts.is_empty());
        watched.map(|(id, switch)| Cluster { id: id.clone(), name: switch.name.clone() }).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Switch>> {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A watch behind its switch.
#[derive(Debug)]
struct Switched {
    name: String,
    /// None: it has ended.
    watch: Option<Box<dyn Source>>,
    turned: watch::Receiver<Turned>,
}

#[async_trait]
impl Source for Switched {
    fn name(&self) -> &str {
        &self.name
    }

    /// Cancel-safe as the watch is. A switch that nobody can turn any more stays as it is.
    async fn next(&mut self) -> Result<Observed> {
        loop {
            let turned = *self.turned.borrow_and_update();
            match (turned, &mut self.watch) {
                (Turned::On, Some(watch)) => tokio::select! {
                    biased;
                    Ok(()) = self.turned.changed() => {}
                    seen = watch.next() => return seen,
                },
                (Turned::Paused, Some(_)) => {
                    if self.turned.changed().await.is_err() {
                        return std::future::pending().await;
                    }
                }
                (Turned::Off, _) | (_, None) => {
                    self.watch = None;
                    return std::future::pending().await;
                }
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use eventcenter_core::Position;
    use futures::poll;

    use super::*;

    /// Has always seen something.
    #[derive(Debug)]
    pub(crate) struct Busy;

    #[async_trait]
    impl Source for Busy {
        fn name(&self) -> &str {
            "busy"
        }

        async fn next(&mut self) -> Result<Observed> {
            Ok(Observed::Progress(Position::new("1", jiff::Timestamp::UNIX_EPOCH)))
        }
    }

    #[tokio::test]
    async fn a_paused_watch_is_asked_nothing_until_it_goes_on() {
        let health = Health::new();
        let _part = health.gate("watch busy", None);
        let switches = Switches::new(health.clone());
        let cluster = Cluster { id: "c1".to_owned(), name: "prod".to_owned() };
        // Before it is there, as after a restart.
        switches.set("c1", true);
        assert!(switches.watched().is_empty());
        let mut watch = switches.wrap(&cluster, Box::new(Busy));
        assert!(health.report().ready && switches.is_paused("c1"));
        {
            let mut next = watch.next();
            assert!(poll!(&mut next).is_pending());
            switches.set("c1", false);
            assert!(poll!(&mut next).is_ready());
        }
        assert!(!health.report().ready, "the watch has yet to say that it is well");
        switches.set("c1", true);
        assert!(poll!(watch.next()).is_pending());
        switches.set("another", false);
        assert!(poll!(watch.next()).is_pending());
        assert_eq!(switches.watched(), [cluster]);
    }

    #[tokio::test]
    async fn a_watch_that_was_ended_is_gone_and_another_of_its_cluster_begins() {
        let health = Health::new();
        let _part = health.gate("watch busy", None);
        let switches = Switches::new(health.clone());
        let cluster = Cluster { id: "c1".to_owned(), name: "prod".to_owned() };
        let mut watch = switches.wrap(&cluster, Box::new(Busy));
        assert!(poll!(watch.next()).is_ready());
        switches.set("c1", true);
        assert!(switches.end("c1") && !switches.end("c1"));
        assert!(poll!(watch.next()).is_pending());
        assert_eq!(watch.name(), "busy", "whoever asks it may say whom");
        assert!(health.report().parts.is_empty() && switches.watched().is_empty());
        let mut another = switches.wrap(&cluster, Box::new(Busy));
        assert!(poll!(another.next()).is_ready(), "a pause ends with the watch");
        assert!(poll!(watch.next()).is_pending());
    }
}
