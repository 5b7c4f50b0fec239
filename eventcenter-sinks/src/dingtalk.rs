//! Messages into a DingTalk group, through its robot.
//!
//! ```yaml
//! - name: ops
//!   dingtalk:
//!     access_token: { file: /run/secrets/robot }      # the token in the robot's webhook
//!     secret: { file: /run/secrets/robot-sign }       # SEC…, if the robot's security is the signature
//!     labels: [prod, 告警]                            # in each message: put the robot's keyword here
//!     message: markdown                               # or text, action_card
//!     links: { console: https://events.example.org }  # or ack: { cluster_id: c123, region: cn-hangzhou }
//!     at:
//!       - query: 'level : Error and namespace : shop'
//!         mobiles: ["13800000000"]
//! ```
//!
//! **Success** is HTTP 200 *and* `errcode` 0; a busy or silenced robot is waited for, and what a person has to mend
//! (token, signature, keyword) suspends the sink. A confirmed message cannot be
//! recognised when it comes again, so after a lost answer it is sent at most twice more, then its events become dead
//! letters of kind `outcome_unknown`; and each message ends with a short id that stays the same: whoever sees it twice
//! sees that it is one. (The undocumented `msgUuid`, which some robots
//! heed, has the whole id.)
//!
//! **Limits**: 20 messages a minute for a robot, and ten minutes of silence for who exceeds that. All sinks of one
//! robot share one bucket of 18 a minute. What waits meanwhile becomes one message that says how many of what
//! (`digest: false` keeps one message an event). A message has at most 20,000 bytes: a longer text is cut on a
//! character, and says so.
//!
//! **Untrusted**: whoever may create a Pod writes into these messages. `@` and the signs of markdown in the text of
//! events are made letters, so nobody is called and no link is made but ours.
//!
//! `layout: kube-eventer` gives kube-eventer's own text and markdown, for parsers and keywords that depend on them.
//!
//! Sources: open.dingtalk.com, custom robots; the codes that are not in it were seen by others. kube-eventer does not
//! read `errcode`, so a wrong signature looks like success there, and it sends one request an event, 50 ms apart, which
//! runs into the ten minutes at once.

mod answer;
mod ask;
mod legacy;
mod message;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eventcenter_core::sink::Rate;
use eventcenter_core::{
    Batch, Error, ErrorKind, HumanDuration, KeyPath, Limits, Receipt, Result, Secret, Sink,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::Url;
use serde::Deserialize;
use sha2::Sha256;

use crate::http::{Http, TlsConfig, fifteen_seconds};
use answer::Throttled;
use ask::{At, AtConfig};
use message::Writer;

/// Where robots are asked.
const ROBOTS: &str = "https://oapi.dingtalk.com/robot/send";
/// Of the 20 that a robot takes, so that a clock that differs costs nothing.
const A_MINUTE: NonZeroU32 = NonZeroU32::new(18).expect("18 is not 0");
const NO_TOKEN: &str = "there is no access_token in this address";
/// Events of a digest: what waited for its turn becomes one message, up to this.
const DIGEST: usize = 2000;
/// Of the documents of these.
const DIGEST_BYTES: usize = 4 << 20;

/// The settings of [`DingTalk`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DingTalkConfig {
    /// The token of the robot's webhook, or the whole webhook.
    pub access_token: Secret,
    /// What the robot signs with, `SEC…`; none for a robot whose security is a keyword or an address.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// Where to, for a gateway in between. Default DingTalk itself.
    #[serde(default)]
    pub url: Option<Secret>,
    /// What a message is. Default markdown.
    #[serde(default)]
    pub message: Kind,
    /// Stand in each message, above everything else.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Where a name in a message leads.
    #[serde(default)]
    pub links: Links,
    /// Who is called, and when.
    #[serde(default)]
    pub at: Vec<AtConfig>,
    /// Whether what waits becomes one message. Default true, and false in kube-eventer's layout.
    #[serde(default)]
    pub digest: Option<bool>,
    /// Whose words. Default ours.
    #[serde(default)]
    pub layout: Layout,
    /// For one request, from connecting to the end of the answer. Default 15 s.
    #[serde(default = "fifteen_seconds")]
    pub timeout: HumanDuration,
    /// Whom to trust, and who we are.
    #[serde(default)]
    pub tls: TlsConfig,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// Lines without any decoration.
    Text,
    /// With headings, bold and links.
    #[default]
    Markdown,
    /// Markdown with a button that opens the Pod or the console. Nobody can be called by it.
    ActionCard,
}

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Layout {
    /// Ours.
    #[default]
    Eventcenter,
    /// kube-eventer's, byte for byte.
    KubeEventer,
}

/// Where a name in a message leads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Links {
    /// The address of our own console.
    pub console: Option<String>,
    /// The ACK console, of this cluster.
    pub ack: Option<Ack>,
}

/// A cluster in the ACK console.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Ack {
    /// The cluster's id there.
    pub cluster_id: String,
    /// Its region.
    #[serde(default)]
    pub region: String,
}

impl Ack {
    /// This cluster, in this region.
    pub fn new(cluster_id: impl Into<String>, region: impl Into<String>) -> Self {
        Self { cluster_id: cluster_id.into(), region: region.into() }
    }
}

impl DingTalkConfig {
    /// The defaults, for the robot of this token.
    pub fn new(access_token: impl Into<Secret>) -> Self {
        Self {
            access_token: access_token.into(),
            secret: None,
            url: None,
            message: Kind::default(),
            labels: Vec::new(),
            links: Links::default(),
            at: Vec::new(),
            digest: None,
            layout: Layout::default(),
            timeout: fifteen_seconds(),
            tls: TlsConfig::default(),
        }
    }
}

/// Sends events into a DingTalk group. See the [module](self).
#[derive(Debug)]
pub struct DingTalk {
    name: String,
    access_token: Secret,
    secret: Option<Secret>,
    url: Url,
    limits: Limits,
    writer: Writer,
    at: At,
    http: Http,
    /// How much DingTalk's clock is ahead of ours, in milliseconds: a signature is good for an hour.
    ahead: AtomicI64,
    throttled: Throttled,
}

impl DingTalk {
    /// A sink of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the URL, a statement of `at` or a file of `tls` cannot be used; names the key.
    pub fn new(name: impl Into<String>, config: DingTalkConfig) -> Result<Self> {
        let name = name.into();
        let unusable = |key: &str, message: &str| {
            Err(Error::new(&name, ErrorKind::Config, message).in_setting(KeyPath::root().key(key)))
        };
        let is_legacy = config.layout == Layout::KubeEventer;
        if is_legacy && config.message == Kind::ActionCard {
            return unusable("message", "kube-eventer has no action cards: text or markdown");
        }
        let digest = config.digest.unwrap_or(!is_legacy);
        if is_legacy && digest {
            return unusable("digest", "kube-eventer's layout has one event a message");
        }
        let given = Given::read(&config.access_token)?;
        let url = match (given.webhook, &config.url) {
            (Some(webhook), _) => webhook,
            (None, url) => {
                let url = url.as_ref().map_or(Ok(ROBOTS.to_owned()), Secret::reveal)?;
                match Url::parse(url.trim()) {
                    Ok(url) if matches!(url.scheme(), "http" | "https") => url,
                    _ => return unusable("url", "this is no http or https URL"),
                }
            }
        };
        let Some(token) = given.token else {
            return unusable("access_token", NO_TOKEN);
        };
        if token.is_empty() {
            return unusable("access_token", "the token is empty");
        }
        let mut target = DefaultHasher::new();
        (url.as_str(), &token).hash(&mut target);
        let rate =
            Rate { deliveries: A_MINUTE, per: Duration::from_secs(60), target: target.finish() };
        let max_events = if digest { DIGEST } else { 1 };
        Ok(Self {
            limits: Limits::new()
                .with_max_events(max_events)
                .with_max_bytes(DIGEST_BYTES)
                .with_rate(rate),
            writer: Writer::new(config.message, config.layout, config.labels, config.links),
            at: At::compile(&name, config.at)?,
            http: Http::new(&name, &config.tls, config.timeout.get())?,
            access_token: config.access_token,
            secret: config.secret,
            url,
            ahead: AtomicI64::new(0),
            throttled: Throttled::default(),
            name,
        })
    }

    /// The body of the request for a batch: for who wants to see the message before it is sent.
    pub fn payload(&self, batch: &Batch) -> Vec<u8> {
        self.writer.write(batch, &self.at.called(batch))
    }

    /// Where the next request goes: with the token, and signed now. Secrets are read each time: files may have changed.
    fn signed(&self) -> Result<Url> {
        let token = Given::read(&self.access_token)?.token.ok_or_else(|| {
            let error = Error::new(&self.name, ErrorKind::Config, NO_TOKEN);
            error.in_setting(KeyPath::root().key("access_token"))
        })?;
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("access_token", &token);
        if let Some(secret) = &self.secret {
            let now = Timestamp::now().as_millisecond() + self.ahead.load(Ordering::Relaxed);
            let sign = sign(now, secret.reveal()?.trim());
            url.query_pairs_mut()
                .append_pair("timestamp", &now.to_string())
                .append_pair("sign", &sign);
        }
        Ok(url)
    }
}

/// What stands under `access_token`: the token, or the whole webhook.
struct Given {
    /// Without its query.
    webhook: Option<Url>,
    /// None: a webhook without one.
    token: Option<String>,
}

impl Given {
    fn read(secret: &Secret) -> Result<Self> {
        let given = secret.reveal()?;
        let Some(mut webhook) = Url::parse(given.trim()).ok().filter(Url::has_host) else {
            return Ok(Self { webhook: None, token: Some(given.trim().to_owned()) });
        };
        let token = webhook.query_pairs().find(|(key, _)| key == "access_token");
        let token = token.map(|(_, token)| token.trim().to_owned());
        webhook.set_query(None);
        Ok(Self { webhook: Some(webhook), token })
    }
}

/// Base64 of the HMAC-SHA256 of `timestamp\nsecret` under the secret. Milliseconds since 1970.
fn sign(timestamp: i64, secret: &str) -> String {
    // Any length of key is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("{timestamp}\n{secret}").as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[async_trait]
impl Sink for DingTalk {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        if batch.len() > self.limits.max_events {
            let message = "this takes one event at a time";
            return Err(Error::new(&self.name, ErrorKind::TooLarge, message));
        }
        let body = self.payload(batch);
        let request = self.http.client().post(self.signed()?);
        let request = request.header("content-type", "application/json; charset=utf-8").body(body);
        let answer = self.http.send(request).await?;
        if answer.status != 200 {
            return Err(self.http.error(&answer));
        }
        match answer::read(&self.name, answer.body(), &self.throttled) {
            Ok(()) => {
                self.throttled.is_over();
                Ok(Receipt::all())
            }
            Err(answer::No::Clock(error)) => {
                // Signed anew by their clock, if that is what it needs.
                let ahead = answer.date.map_or(0, |theirs| {
                    theirs.as_millisecond() - Timestamp::now().as_millisecond()
                });
                let before = self.ahead.swap(ahead, Ordering::Relaxed);
                let heals = (ahead - before).abs() > 60_000;
                Err(if heals { error.with_action(eventcenter_core::Action::Retry) } else { error })
            }
            Err(answer::No::Other(error)) => Err(error),
        }
    }

    /// A robot can be asked nothing without posting: what can be known is whether it is there to be asked.
    async fn probe(&self) -> Result<()> {
        let answer = self.http.send(self.http.client().get(self.url.clone())).await?;
        if answer.status.is_server_error() || answer.status.is_redirection() {
            return Err(self.http.error(&answer));
        }
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second was made by the PyPI package DingtalkChatbot as well.
    #[test]
    fn signatures_are_those_of_the_vendor() {
        let long = format!("SEC{}", "0123456789abcdef".repeat(4));
        for (timestamp, secret, signature) in [
            (1_577_262_236_757, "this is secret", "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="),
            (1_700_000_000_001, "SECtest", "r4CWp/Dz+Ng0sbTjH1vB0Fr+uQ2fn831mssaN6/C05I="),
            (1_700_000_000_000, &long, "bTgY2yDbep+wesS7jKiNj+srsHoADES4+C4f8LCHFtU="),
            (1_795_376_945_000, "SECabc", "7K81DhaupcAWc1otPnZlCzY8UOSx2tMGvmNrlcJo/so="),
        ] {
            assert_eq!(sign(timestamp, secret), signature);
        }
    }

    #[test]
    fn the_whole_webhook_may_be_given_as_the_token() {
        let config = DingTalkConfig::new("https://oapi.dingtalk.com/robot/send?access_token=abc");
        let mut config = DingTalkConfig { secret: Some("SECtest".into()), ..config };
        config.labels = vec!["prod".to_owned()];
        let url = DingTalk::new("ops", config).unwrap().signed().unwrap();
        let pairs: Vec<_> = url.query_pairs().map(|(key, _)| key.into_owned()).collect();
        assert_eq!(pairs, ["access_token", "timestamp", "sign"]);
        assert!(url.as_str().starts_with("https://oapi.dingtalk.com/robot/send?access_token=abc&"));
        assert!(!url.query().unwrap().contains('+') || url.query().unwrap().contains("%2B"));
    }

    #[test]
    fn sinks_of_one_robot_share_its_limit() {
        let rate =
            |token: &str| DingTalk::new("x", DingTalkConfig::new(token)).unwrap().limits().rate;
        assert_eq!(rate("abc"), rate("https://oapi.dingtalk.com/robot/send?access_token=abc"));
        assert_ne!(rate("abc"), rate("abd"));
    }

    #[test]
    fn what_cannot_be_honoured_is_named_by_its_key() {
        for (json, says, key) in [
            (r#"{"access_token":""}"#, "the token is empty", "access_token"),
            (
                r#"{"access_token":"https://x/robot"}"#,
                "no access_token in this address",
                "access_token",
            ),
            (r#"{"access_token":"x","url":"ftp://x"}"#, "no http or https", "url"),
            (r#"{"access_token":"x","timeout":"0s"}"#, "no request is that fast", "timeout"),
            (
                r#"{"access_token":"x","layout":"kube-eventer","message":"action_card"}"#,
                "no action cards",
                "message",
            ),
            (
                r#"{"access_token":"x","layout":"kube-eventer","digest":true}"#,
                "one event a message",
                "digest",
            ),
            (
                r#"{"access_token":"x","at":[{"query":"reson : x","all":true}]}"#,
                "did you mean `reason`",
                "at[0].query",
            ),
        ] {
            let config: DingTalkConfig = serde_json::from_str(json).unwrap();
            let error = DingTalk::new("ops", config).unwrap_err();
            assert!(error.to_string().contains(says), "{json}: {error}");
            assert_eq!(error.setting().to_string(), key, "{json}");
        }
    }
}
