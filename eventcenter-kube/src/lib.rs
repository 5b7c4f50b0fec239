//! placeholder
#![forbid(unsafe_code)]

mod client;
mod config;
mod exchange;
mod failure;
mod watch;

pub use client::ApiServer;
pub use config::{Api, ClusterConfig, Namespace, Start};
pub use watch::{EventWatch, Surroundings, source_name};
