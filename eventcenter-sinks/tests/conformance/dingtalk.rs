//! A robot with a signature; each event is a message of its own.

use std::sync::Arc;

use async_trait::async_trait;
use eventcenter_core::Sink;
use eventcenter_core::testing::faults::{HttpRig, PATIENCE};
use eventcenter_core::testing::{Answer, Reply, Rig, Shown};
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
        if reply == Reply::LoseAnswer {
            return self.0.lose_answers();
        }
        self.0.answer_with(move |message| match &reply {
            Reply::Accept | Reply::LoseAnswer => None,
            Reply::RefuseOne(key) => (message["msgUuid"] == key.as_str()).then(|| no(430_104, "unsafe content")),
            Reply::Throttle(delay) => {
                let shield = json!({ "status": 1111, "wait": delay.as_secs(), "source": "x5", "punish": "deny" });
                Some(Answer::status(200).with_body(shield.to_string()))
            }
            // As a careless receiver would: with what it was sent.
            Reply::Refuse => Some(no(430_104, &format!("unsafe content {TOKEN}"))),
            Reply::Hang => Some(Answer::hang()),
            Reply::Fail => Some(no(-1, "system busy")),
            Reply::TooLarge => Some(no(460_101, "message too long, exceed 20000 bytes")),
        });
    }

    fn accepted(&self) -> Vec<String> {
        let ids = self.0.posted();
        ids.iter().filter_map(|message| message["msgUuid"].as_str().map(str::to_owned)).collect()
    }

    fn secret(&self) -> Option<&str> {
        Some(TOKEN)
    }

    fn shown(&self) -> Option<Shown> {
        let posted = self.0.posted();
        let texts =
            posted.iter().map(|message| message["markdown"]["text"].as_str().unwrap_or_default());
        let text = texts.collect::<Vec<_>>().join("\n");
        Some(Shown { text, active: &["@all", "[link](http", "<script>", "**bold**"] })
    }
}

/// The robot under the fault matrix.
pub(crate) struct DingTalkFaults;

impl HttpRig for DingTalkFaults {
    fn sink(&self, url: &str) -> Arc<dyn Sink> {
        let mut config = DingTalkConfig::new(TOKEN);
        config.url = Some(url.into());
        config.timeout = PATIENCE.into();
        Arc::new(DingTalk::new("ops", config).unwrap())
    }

    fn success(&self) -> Answer {
        no(0, "ok")
    }

    fn reads_body(&self) -> bool {
        true
    }
}
