//! An HTTP endpoint that wants a token, and quotes it back when it refuses.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eventcenter_core::testing::faults::{HttpRig, PATIENCE};
use eventcenter_core::testing::{Answer, Reply, Request, Rig, Upstream};
use eventcenter_core::{Secret, Sink};
use eventcenter_sinks::webhook::{Batching, Webhook, WebhookConfig};

use super::ids;

pub(crate) struct WebhookRig {
    upstream: Upstream,
    batch: Batching,
}

const TOKEN: &str = "s3cr3t-t0ken";

impl WebhookRig {
    pub(crate) async fn start(batch: Batching) -> Self {
        Self { upstream: Upstream::start().await, batch }
    }
}

#[async_trait]
impl Rig for WebhookRig {
    async fn sink(&self) -> Arc<dyn Sink> {
        let url = format!("{}/in/{TOKEN}?key={TOKEN}", self.upstream.url());
        let mut config = WebhookConfig::new(url);
        let bearer = Secret::from(format!("Bearer {TOKEN}"));
        config.headers.insert("Authorization".to_owned(), bearer);
        config.batch = self.batch;
        Arc::new(Webhook::new("hook", config).unwrap())
    }

    fn can(&self, _: &Reply) -> bool {
        true
    }

    fn answer(&self, reply: Reply) {
        let busy = |delay: Duration| {
            Answer::status(429).with_header("Retry-After", delay.as_secs()).with_body(TOKEN)
        };
        self.upstream.answer_with(move |request| match &reply {
            Reply::RefuseOne(key) if ids(&request.body).contains(key) => refused(request),
            Reply::Accept | Reply::RefuseOne(_) => Answer::status(202),
            Reply::Throttle(delay) => busy(*delay),
            Reply::Refuse => refused(request),
            Reply::Hang => Answer::hang(),
            Reply::Fail => Answer::status(503).with_body(TOKEN),
            Reply::TooLarge => Answer::status(413).with_body(TOKEN),
            Reply::LoseAnswer => Answer::status(202).that_is_lost(),
        });
    }

    fn accepted(&self) -> Vec<String> {
        self.upstream.accepted().iter().flat_map(|request| ids(&request.body)).collect()
    }

    fn secret(&self) -> Option<&str> {
        Some(TOKEN)
    }
}

/// The hook under the fault matrix.
pub(crate) struct WebhookFaults;

impl HttpRig for WebhookFaults {
    fn sink(&self, url: &str) -> Arc<dyn Sink> {
        let mut config = WebhookConfig::new(format!("{url}/in"));
        config.timeout = PATIENCE.into();
        Arc::new(Webhook::new("hook", config).unwrap())
    }

    fn success(&self) -> Answer {
        Answer::status(202)
    }

    fn reads_body(&self) -> bool {
        false
    }
}

fn refused(request: &Request) -> Answer {
    Answer::status(422).with_body(format!("{} {:?}", request.path, request.headers))
}
