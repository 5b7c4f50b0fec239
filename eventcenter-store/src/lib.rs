//! The event center's memory: keeps Kubernetes Events for months, counts how often they occurred, and answers.
//!
//! Who asks sees the trait [`EventQuery`] and the values in [`ask`]: five questions that an embedded engine answers
//! as well as a distributed one. Everything else that a page shows (overview, a Pod's life, nodes) is a pure function
//! over these answers.

#![forbid(unsafe_code)]

pub mod ask;
#[cfg(feature = "sqlite")]
pub mod config;
#[cfg(feature = "sqlite")]
mod document;
#[cfg(feature = "sqlite")]
mod occurrence;
#[cfg(feature = "sqlite")]
mod partition;
#[cfg(feature = "sqlite")]
mod rollup;
#[cfg(feature = "sqlite")]
mod schema;
#[cfg(feature = "sqlite")]
pub mod store;
#[cfg(feature = "sqlite")]
mod upsert;

pub use ask::{Answer, EventQuery};
#[cfg(feature = "sqlite")]
pub use config::StoreConfig;
#[cfg(feature = "sqlite")]
pub use store::{Store, StoreSink};
