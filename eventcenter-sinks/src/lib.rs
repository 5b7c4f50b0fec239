//! Where Kubernetes Events go: one small file a sink, each behind a feature of the same name.
//!
//! | sink | receiver | in one delivery | after a lost answer |
//! |---|---|---|---|
//! | [`dingtalk`] | a DingTalk group | 2000 events, as one digest | twice more, then a dead letter |
//! | [`mod@file`] | NDJSON files that rotate by size and age | 500 events | again |
//! | [`sls`] | a Logstore of Alibaba Cloud's log service | 4096 events, 1 MiB | again |
//! | [`stdout`] | standard output, as text for people or as NDJSON | 500 events | again |
//! | [`webhook`] | any HTTP endpoint | 1, or 500 | twice more, then a dead letter; again with `idempotent: true` |
//!
//! A sink's kind is its module, its feature and its key in the configuration; [`SinkConfig`] reads any of them:
//!
//! ```
//! use eventcenter_sinks::SinkConfig;
//!
//! let config: SinkConfig = serde_json::from_str(r#"{"name": "console", "stdout": {"format": "json"}}"#)?;
//! let sink = config.build()?;
//! assert_eq!(sink.name(), "console");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here tries again, filters or counts: wrap what is built in [layers](eventcenter_core::layer).

#![forbid(unsafe_code)]

#[cfg(feature = "dingtalk")]
pub mod dingtalk;
#[cfg(feature = "file")]
pub mod file;
#[cfg(feature = "http")]
pub mod http;
#[cfg(any(feature = "file", feature = "stdout"))]
mod own_thread;
pub mod registry;
#[cfg(feature = "sls")]
pub mod sls;
#[cfg(feature = "stdout")]
pub mod stdout;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use registry::{SinkConfig, kinds};
