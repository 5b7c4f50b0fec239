//! A client of [Alibaba Cloud's log service SLS](https://www.alibabacloud.com/help/en/sls): it signs, encodes and
//! sends logs, asks for them again, and manages what they are kept in.
//!
//! ```no_run
//! use eventcenter_sls::{Client, Credential, Log, LogGroup};
//!
//! # async fn example() -> eventcenter_sls::Result<()> {
//! let client = Client::builder("cn-hangzhou.log.aliyuncs.com")
//!     .credentials(Credential::new("an id", "its secret"))
//!     .build()?;
//! let events = client.project("k8s-log-c1").logstore("k8s-event");
//! events.put(&LogGroup::new().log(Log::new(1_700_000_000).with("level", "Warning"))).await?;
//! # Ok(())
//! # }
//! ```
//!
//! **What it promises.** A request is signed anew for each attempt, by the service's clock; the body is encoded,
//! compressed and hashed once and never copied. A failure is an [`Error`] whose [`Class`] says what to do next: nobody
//! reads messages. A secret is never in a log line, an error or a `Debug` output. What keeps one
//! ([`Secret`](credentials::Secret)) is overwritten when it is dropped; what is made of it to send it, such as a header
//! or a form, is not. What an answer holds beyond the fields that are named here is kept and sent back.
//!
//! **What it does not.** It keeps no queue: who puts logs has them until [`put`](Logstore::put) returns. The
//! console's *apps* (RAM actions `log:CreateApp` and the like) have no public API; the Kubernetes event center is a
//! logstore, an index, dashboards, saved searches and alerts of fixed names, and these can all be made.
//!
//! **What a policy must allow** (RAM, `log:…` on `acs:log:{region}:{account}:project/{project}/…`):
//!
//! | to | actions |
//! |---|---|
//! | put logs | `PostLogStoreLogs`, and nothing else |
//! | query | `GetLogStoreLogs`, `GetLogStoreHistogram` |
//! | pull | `ListShards`, `GetCursorOrData`; in a group also `CreateConsumerGroup`, `ConsumerGroupHeartBeat`, `ConsumerGroupUpdateCheckPoint`, `GetConsumerGroupCheckPoint`, `ListConsumerGroup` |
//! | ensure project, logstore, index | `CreateProject`, `GetProject`, `UpdateProject`; `CreateLogStore`, `GetLogStore`, `UpdateLogStore`; `CreateIndex`, `GetIndex`, `UpdateIndex` |
//! | ensure dashboards, saved searches, alerts | Create, Get, Update of `Dashboard`, `SavedSearch`, `Job` |
//! | ensure what Logtail collects | Create, Get, Update of `Config`, `MachineGroup`; `ApplyConfigToGroup`, `GetAppliedConfigs` |
//! | list, delete | `List…`, `Delete…` of the same |
//!
//! Written from the service's documentation and by comparison with its official clients, August 2026.

#![forbid(unsafe_code)]

pub mod alert;
pub mod client;
pub mod clock;
pub mod compress;
pub mod consumer;
pub mod credentials;
pub mod dashboard;
pub mod endpoint;
pub mod error;
pub mod index;
pub mod logstore;
pub mod logtail;
pub mod object;
pub mod project;
pub mod resource;
pub mod saved_search;
pub mod sign;
pub mod substore;
#[cfg(feature = "testing")]
pub mod testing;
pub mod wire;

pub use client::Client;
pub use clock::Clock;
pub use compress::Compression;
pub use credentials::{Credential, Provider};
pub use endpoint::Endpoint;
pub use error::{Class, Code, Error, ErrorKind, Result};
pub use logstore::Logstore;
pub use project::Project;
pub use wire::{Log, LogGroup};
