//! SLS itself, as the double of `eventcenter-sls` plays it: it verifies signatures, sizes and times.

use std::sync::Arc;

use async_trait::async_trait;
use eventcenter_core::Sink;
use eventcenter_core::testing::{Reply, Rig};
use eventcenter_sinks::sls::{Sls, SlsConfig};
use eventcenter_sls::logstore::LogstoreSettings;
use eventcenter_sls::project::ProjectSettings;
use eventcenter_sls::testing::{Double, Fault};
use eventcenter_sls::{Client, Credential};
use serde_json::Value;

const ID: &str = "LTAI-of-the-test";
const SECRET: &str = "s3cr3t-of-the-access-key";

pub(crate) struct SlsRig(pub(crate) Double);

impl SlsRig {
    pub(crate) async fn start() -> Self {
        let double = Double::builder().key(ID, SECRET).start().await;
        let client = Client::builder(double.endpoint()).credentials(Credential::new(ID, SECRET));
        let project = client.build().unwrap().project("k8s-log-c1");
        project.ensure(&ProjectSettings::new("a test")).await.unwrap();
        // Only in one shard do records have an order.
        let mut settings = LogstoreSettings::new("k8s-event", 90);
        settings.shard_count = Some(1);
        project.logstores().ensure(&settings).await.unwrap();
        Self(double)
    }

    pub(crate) fn config(&self) -> SlsConfig {
        let mut config = SlsConfig::new(self.0.endpoint(), "k8s-log-c1");
        config.access_key_id = Some(ID.into());
        config.access_key_secret = Some(SECRET.into());
        config
    }
}

#[async_trait]
impl Rig for SlsRig {
    async fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(Sls::new("sls", self.config()).unwrap())
    }

    /// A group is taken whole or not at all, and nobody is told when to come back.
    fn can(&self, reply: &Reply) -> bool {
        !matches!(reply, Reply::Throttle(_) | Reply::RefuseOne(_))
    }

    fn answer(&self, reply: Reply) {
        self.0.heal();
        let fault = match reply {
            // It quotes the id of an access key at most.
            Reply::Fail => Fault::refuse(503, "ServerBusy", ID),
            Reply::Refuse => Fault::refuse(400, "PostBodyInvalid", ID),
            Reply::TooLarge => Fault::refuse(
                413,
                "PostBodyTooLarge",
                "body size 10485761 must little than 10485760",
            ),
            Reply::Hang => Fault::hang(),
            Reply::LoseAnswer => Fault::lose_answer(),
            Reply::Accept | Reply::Throttle(_) | Reply::RefuseOne(_) => return,
        };
        self.0.fail_when(move |_| Some(fault.clone()));
    }

    fn accepted(&self) -> Vec<String> {
        let records = self.0.logs("k8s-log-c1", "k8s-event");
        let key = |event: &str| {
            let event: Value = serde_json::from_str(event).unwrap();
            let part = |name: &str| event["metadata"][name].as_str().unwrap_or_default().to_owned();
            format!("{}-{}", part("uid"), part("resourceVersion"))
        };
        records.iter().map(|record| key(record.get("eventId").unwrap())).collect()
    }

    fn secret(&self) -> Option<&str> {
        Some(SECRET)
    }
}
