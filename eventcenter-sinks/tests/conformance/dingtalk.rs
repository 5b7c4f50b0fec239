//! A robot with a signature; each event is a message of its own.

use std::sync::Arc;

use async_trait::async_trait;
use eventcenter_core::Sink;
use eventcenter_core::testing::{Answer, Reply, Rig};
use eventcenter_sinks::dingtalk::{DingTalk, DingTalkConfig};
use serde_json::json;

use super::dingtalk_double::{Double, Robot, no};

const TOKEN: &str = "t0ken-of-the-robot";
const SECRET: &str = "SEC-of-the-robot";

pub(crate) struct DingTalkRig(Double);

impl DingTalkRig {
    pub(crate) async fn start() -> Self {
        let robot =
            Robot { token: TOKEN.to_owned(), secret: Some(SECRET.to_owned()), ..Robot::default() };
        Self(Double::start(robot).await)
    }
}

#[async_trait]
impl Rig for DingTalkRig {
    async fn sink(&self) -> Arc<dyn Sink> {
        let mut config = DingTalkConfig::new(TOKEN);
        config.secret = Some(SECRET.into());
        config.url = Some(self.0.url().into());
        config.digest = Some(false);
        Arc::new(DingTalk::new("ops", config).unwrap())
    }

    fn can(&self, _: &Reply) -> bool {
        true
    }

    fn answer(&self, reply: Reply) {
        self.0.answer_with(move |message| match &reply {
            Reply::Accept => None,
            Reply::RefuseOne(key) => (message["msgUuid"] == key.as_str()).then(|| no(430_104, "unsafe content")),
            Reply::Throttle(delay) => {
                let shield = json!({ "status": 1111, "wait": delay.as_secs(), "source": "x5", "punish": "deny" });
                Some(Answer::status(200).with_body(shield.to_string()))
            }
            // As a careless receiver would: with what it was sent.
            Reply::Refuse => Some(no(430_104, &format!("unsafe content {TOKEN}"))),
            Reply::Hang => Some(Answer::hang()),
            Reply::Fail => Some(no(-1, "system busy")),
        });
    }

    fn accepted(&self) -> Vec<String> {
        let ids = self.0.posted();
        ids.iter().filter_map(|message| message["msgUuid"].as_str().map(str::to_owned)).collect()
    }

    fn secret(&self) -> Option<&str> {
        Some(TOKEN)
    }
}
