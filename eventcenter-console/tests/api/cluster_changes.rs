//! What people change of clusters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, header};
use eventcenter_console::clusters::{
    ClusterChange, ClusterRemoved, ClusterWatch, Kept, NewCluster,
};
use eventcenter_console::{Clusters, Console, ConsoleConfig, Surroundings};
use eventcenter_core::{Error, ErrorKind, Health, Result};
use eventcenter_store::MemoryStore;
use tokio::sync::Notify;
use tower::ServiceExt;

/// Keeps a change at once, and gives it its effect when it is let go on.
#[derive(Debug, Default)]
struct Slow {
    is_kept: AtomicBool,
    goes_on: Notify,
    has_effect: Notify,
}

#[async_trait]
impl Clusters for Slow {
    async fn list(&self) -> Result<Vec<ClusterWatch>> {
        Ok(Vec::new())
    }

    async fn change(&self, _: &str, _: &ClusterChange, _: &str) -> Result<Option<ClusterWatch>> {
        self.is_kept.store(true, Ordering::SeqCst);
        self.goes_on.notified().await;
        self.has_effect.notify_one();
        Ok(None)
    }

    async fn add(&self, _: &NewCluster, _: &str) -> Result<ClusterWatch> {
        Err(Error::new("clusters", ErrorKind::Refused, "nothing is added here"))
    }

    async fn remove(&self, _: &str, _: Kept, _: &str) -> Result<Option<ClusterRemoved>> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_change_that_is_kept_has_its_effect_though_its_client_is_gone() {
    let slow = Arc::new(Slow::default());
    let clusters = Some(Arc::clone(&slow) as _);
    let around = Surroundings { clusters, ..Surroundings::default() };
    let engine = Arc::new(MemoryStore::new());
    let console = Console::build(engine, ConsoleConfig::default(), Health::new(), around);
    let request = Request::patch("/api/v1/clusters/c1")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"paused":true}"#));
    let mut answer = Box::pin(console.router().oneshot(request.unwrap()));
    while !slow.is_kept.load(Ordering::SeqCst) {
        assert!(futures::poll!(&mut answer).is_pending());
        tokio::task::yield_now().await;
    }
    drop(answer);
    slow.goes_on.notify_one();
    let effect = slow.has_effect.notified();
    tokio::time::timeout(std::time::Duration::from_secs(30), effect).await.unwrap();
}
