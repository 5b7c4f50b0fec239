//! Records into a Logstore of Alibaba Cloud's log service SLS, where ACK's event center reads them.
//!
//! ```yaml
//! - name: sls
//!   sls:
//!     endpoint: cn-hangzhou-intranet.log.aliyuncs.com     # https unless it says http://
//!     project: k8s-log-c1
//!     logstore: k8s-event                                 # the default
//!     access_key_id: { file: /run/secrets/id }            # both or neither: see below
//!     access_key_secret: { file: /run/secrets/secret }
//!     topic: prod
//!     labels: { ClusterId: c1, RegionId: cn-hangzhou }
//! ```
//!
//! **The record** has kube-eventer's keys, so that ACK's dashboards and queries find what they look for:
//!
//! | key | value |
//! |---|---|
//! | `eventId` | the Event as JSON on one line, with `managedFields` emptied |
//! | `hostname` | the node it was seen on; may be empty |
//! | `level` | the type, as Kubernetes has it: `Normal`, `Warning` |
//! | `pod_id`, `pod_name` | of the Pod it is about, for Events about Pods |
//! | each of `labels` | as it is configured |
//! | `occurrence` | `uid-resourceVersion`, with `occurrence: true`: the same when a record comes twice |
//!
//! Its time is the Event's. SLS takes logs of the last 7 days up to 15 minutes ahead: an older or newer one is moved to
//! the edge, and `event_time` holds the true time. Each group has a tag `__pack_id__` that is the same when it is sent
//! again.
//!
//! **Credentials**: the access key that is configured, read anew when its files change. Without one, the first of: the
//! files in `/var/alibaba-addon-secret`, `AccessKeyId` and `AccessKeySecret` (also `ALIBABA_CLOUD_…`) in the environment,
//! ACK's token file, and what Alibaba Cloud's own SDKs look for ([`credentials`]).
//!
//! | SLS says | kind | action |
//! |---|---|---|
//! | quota of project, Logstore or shard | `Throttled` | `Retry` |
//! | access key or signature not accepted | `Auth` | `Refresh` |
//! | too large | `TooLarge` | `Split` |
//! | no project, no Logstore (yet), no permission | `Config` | `Suspend` |
//! | will fail again | `Refused` | `DeadLetter` |
//! | anything else, and no answer | `Unavailable`, `Timeout` | `Retry` |
//!
//! A clock that differs is followed within the same attempt. A repeat is a second record, so after a lost answer there may
//! be two; they have one `__pack_id__`, and one `eventId`.
//!
//! kube-eventer keeps up to 100 MiB in memory, drops a batch after ten attempts, and ends the process when its token file
//! cannot be read. Its `eventId` is indented, and has `managedFields`.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use eventcenter_core::{
    Action, Batch, Clock, Error, ErrorKind, Event, HumanDuration, KeyPath, Limits, Receipt, Result,
    Secret, Sink, SystemClock,
};
use eventcenter_sls::client::Retries;
use eventcenter_sls::credentials::{self, Surroundings};
use eventcenter_sls::logstore::Route;
use eventcenter_sls::wire::Encoder;
use eventcenter_sls::{Class, Client, Credential, LogGroup, Logstore, Provider};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// SLS takes 4,096 logs in a group.
const MOST_EVENTS: usize = 4_096;
/// Before compression. SLS takes 10 MiB; a MiB is a group that it takes quickly.
const MOST_BYTES: usize = 1 << 20;
/// Of one value.
const LARGEST_VALUE: usize = 1 << 20;
/// Within the 7 days and the 15 minutes, so that a clock that differs costs nothing.
const OLDEST: SignedDuration = SignedDuration::from_hours(7 * 24 - 1);
const NEWEST: SignedDuration = SignedDuration::from_mins(14);

/// The settings of [`Sls`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SlsConfig {
    /// The service's address in a region, without the project; `https` unless it says `http://`.
    pub endpoint: String,
    /// The region, where the endpoint does not tell it.
    #[serde(default)]
    pub region: Option<String>,
    /// The project. It has to be there.
    pub project: String,
    /// The Logstore in it. Default `k8s-event`, which is ACK's.
    #[serde(default = "k8s_event")]
    pub logstore: String,
    /// The access key; with `access_key_secret`, or not at all.
    #[serde(default)]
    pub access_key_id: Option<Secret>,
    /// See `access_key_id`.
    #[serde(default)]
    pub access_key_secret: Option<Secret>,
    /// The topic of all records.
    #[serde(default)]
    pub topic: String,
    /// Keys and values in each record.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Whether each record has its occurrence key. Default false.
    #[serde(default)]
    pub occurrence: bool,
    /// For one request. Default 30 s.
    #[serde(default = "thirty_seconds")]
    pub timeout: HumanDuration,
}

fn k8s_event() -> String {
    "k8s-event".to_owned()
}

fn thirty_seconds() -> HumanDuration {
    HumanDuration::from_secs(30)
}

impl SlsConfig {
    /// The defaults, into this project.
    pub fn new(endpoint: impl Into<String>, project: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            region: None,
            project: project.into(),
            logstore: k8s_event(),
            access_key_id: None,
            access_key_secret: None,
            topic: String::new(),
            labels: BTreeMap::new(),
            occurrence: false,
            timeout: thirty_seconds(),
        }
    }
}

/// Puts events into a Logstore. See the [module](self).
#[derive(Debug)]
pub struct Sls {
    name: String,
    logstore: Logstore,
    topic: String,
    labels: BTreeMap<String, String>,
    occurrence: bool,
    clock: Arc<dyn Clock>,
}

impl Sls {
    /// A sink of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when half of an access key is given, or the endpoint is none; names the key.
    pub fn new(name: impl Into<String>, config: SlsConfig) -> Result<Self> {
        let name = name.into();
        let unusable = |key: &str, message: String| {
            Error::new(&name, ErrorKind::Config, message).in_setting(KeyPath::root().key(key))
        };
        let builder = Client::builder(config.endpoint)
            .retries(Retries::NONE)
            .timeout(config.timeout.get())
            .user_agent(concat!("eventcenter/", env!("CARGO_PKG_VERSION")));
        let builder = match (config.access_key_id, config.access_key_secret) {
            (Some(id), Some(secret)) => builder.credentials(Configured { id, secret }),
            (None, None) => builder.credentials(credentials::usual(&Surroundings::new())),
            (Some(_), None) => {
                return Err(unusable(
                    "access_key_secret",
                    "the secret of the access key is missing".to_owned(),
                ));
            }
            (None, Some(_)) => {
                return Err(unusable(
                    "access_key_id",
                    "the id of the access key is missing".to_owned(),
                ));
            }
        };
        let builder = match config.region {
            Some(region) => builder.region(region),
            None => builder,
        };
        let client = builder.build().map_err(|error| unusable("endpoint", error.to_string()))?;
        Ok(Self {
            logstore: client.logstore(config.project, config.logstore),
            topic: config.topic,
            labels: config.labels,
            occurrence: config.occurrence,
            clock: Arc::new(SystemClock),
            name,
        })
    }

    /// The group of a batch, as it is sent before compression.
    fn group(&self, batch: &Batch) -> Result<Vec<u8>> {
        let mut encoder = Encoder::default();
        let mut pack = Sha256::new();
        let now = self.clock.now();
        for event in batch.events() {
            let key = event.occurrence_key();
            pack.update(&key);
            pack.update([b'\n']);
            self.record(&mut encoder, event, &key, now)?;
        }
        let pack: String =
            pack.finalize().iter().take(8).map(|byte| format!("{byte:02X}")).collect();
        encoder.append(
            &LogGroup::new().topic(self.topic.as_str()).tag("__pack_id__", format!("{pack}-0")),
        );
        Ok(encoder.bytes().to_vec())
    }

    fn record(
        &self,
        encoder: &mut Encoder,
        event: &Event,
        key: &str,
        now: Timestamp,
    ) -> Result<()> {
        let mut document = Vec::with_capacity(event.text().len());
        event.write_document(&mut document);
        if document.len() > LARGEST_VALUE {
            let message = "an event is larger than a value may be";
            return Err(
                Error::new(&self.name, ErrorKind::TooLarge, message).with("bytes", document.len())
            );
        }
        let document = String::from_utf8_lossy(&document);
        let object = event.object();
        let mut contents = vec![
            ("eventId", document.as_ref()),
            ("hostname", event.host()),
            ("level", event.event_type()),
        ];
        if object.kind == "Pod" {
            contents.extend([("pod_id", object.uid), ("pod_name", object.name)]);
        }
        contents.extend(self.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        if self.occurrence {
            contents.push(("occurrence", key));
        }
        let time = event.time();
        let taken = time.clamp(now - OLDEST, now + NEWEST);
        let moved = (taken != time).then(|| time.to_string());
        contents.extend(moved.as_deref().map(|time| ("event_time", time)));
        let seconds = u32::try_from(taken.as_second()).unwrap_or_default();
        encoder.push(seconds, None, contents);
        Ok(())
    }

    /// What the service's word means to the pipeline.
    fn error(&self, error: eventcenter_sls::Error) -> Error {
        let (kind, action) = match error.class() {
            Class::ProjectQuota | Class::LogstoreQuota => (ErrorKind::Throttled, Action::Retry),
            Class::Refresh => (ErrorKind::Auth, Action::Refresh),
            Class::Split => (ErrorKind::TooLarge, Action::Split),
            Class::Wait => (ErrorKind::Config, Action::Suspend),
            Class::Clamp | Class::Permanent => (ErrorKind::Refused, Action::DeadLetter),
            _ if error.kind() == eventcenter_sls::ErrorKind::Timeout => {
                (ErrorKind::Timeout, Action::Retry)
            }
            _ => (ErrorKind::Unavailable, Action::Retry),
        };
        let ambiguous = error.is_ambiguous();
        let told = Error::new(&self.name, kind, "the log service did not take it")
            .with("said", &error)
            .with_action(action)
            .with_source(error);
        if ambiguous { told.ambiguous() } else { told }
    }
}

/// The access key of the configuration, whose files may change.
#[derive(Debug)]
struct Configured {
    id: Secret,
    secret: Secret,
}

#[async_trait]
impl Provider for Configured {
    async fn get(&self) -> eventcenter_sls::Result<Credential> {
        let read = |secret: &Secret| {
            secret.reveal().map(|text| text.trim().to_owned()).map_err(|error| {
                let message = "the access key cannot be read";
                eventcenter_sls::Error::new(eventcenter_sls::ErrorKind::Credential, message)
                    .with_source(error)
            })
        };
        Ok(Credential::new(read(&self.id)?, read(&self.secret)?).with_origin("the configuration"))
    }

    /// It is read each time anyway.
    async fn invalidate(&self, _: &Credential) {}
}

#[async_trait]
impl Sink for Sls {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        // What came twice is recognised by its pack and its event.
        Limits::new().with_max_events(MOST_EVENTS).with_max_bytes(MOST_BYTES).with_idempotent(true)
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let group = self.group(batch)?;
        match self.logstore.put_encoded(&group, &Route::Balanced).await {
            Ok(_) => Ok(Receipt::all()),
            Err(error) if error.class() == Class::Done => {
                Ok(Receipt::all().with_duplicates(batch.len()))
            }
            Err(error) => Err(self.error(error)),
        }
    }

    /// Whether there is a credential. The Logstore can be asked for nothing with the right to put logs alone.
    async fn probe(&self) -> Result<()> {
        let client = self.logstore.project().client();
        client.credential().await.map(drop).map_err(|error| self.error(error))
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
