//! The definition of a source, run on the event watch against the fake API server.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::Arc;

use async_trait::async_trait;
use eventcenter_core::testing::SourceRig;
use eventcenter_core::{
    Cluster, Health, Metrics, Position, Source, SystemClock, source_conformance,
};
use eventcenter_kube::{ApiServer, ClusterConfig, EventWatch, Surroundings};
use eventcenter_tests::FakeApiServer;
use eventcenter_tests::fake_api_server::EventSpec;
use tempfile::NamedTempFile;

source_conformance!(event_watch, WatchRig::new());

struct WatchRig {
    server: FakeApiServer,
    kubeconfig: NamedTempFile,
}

impl WatchRig {
    fn new() -> Self {
        let (server, kubeconfig) = (FakeApiServer::start(), NamedTempFile::new().unwrap());
        std::fs::write(&kubeconfig, server.kubeconfig_yaml()).unwrap();
        Self { server, kubeconfig }
    }
}

#[async_trait]
impl SourceRig for WatchRig {
    async fn source(&self, from: Option<Position>) -> Box<dyn Source> {
        let kubeconfig = Some(self.kubeconfig.path().to_owned());
        let config = ClusterConfig { kubeconfig, ..ClusterConfig::default() };
        let around = Surroundings {
            server: ApiServer::connect(&config).await.unwrap(),
            cluster: Arc::new(Cluster { id: "c1".to_owned(), name: "prod".to_owned() }),
            clock: Arc::new(SystemClock),
            health: Health::new(),
            metrics: Metrics::new(),
        };
        Box::new(EventWatch::new(&config, None, from, around))
    }

    async fn happen(&self, count: usize) -> Vec<String> {
        let create = |_| self.server.create(EventSpec::pod("default", "web-0"));
        (0..count).map(create).map(|(uid, version)| format!("{uid}-{version}")).collect()
    }

    async fn forget(&self) -> bool {
        // Its own compaction keeps the newest two.
        self.server.advance_revision(10);
        self.server.compact(self.server.revision());
        true
    }
}
