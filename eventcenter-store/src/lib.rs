//! The event center's memory: keeps Kubernetes Events for months, counts how often they occurred, and answers.
//!
//! Who asks sees the trait [`EventQuery`] and the values in [`ask`]: five questions that an embedded engine answers
//! as well as a distributed one. Everything else that a page shows (overview, a Pod's life, nodes) is a pure function
//! over these answers.

#![forbid(unsafe_code)]

pub mod ask;
mod asker;
pub mod components;
#[cfg(feature = "sqlite")]
pub mod config;
pub mod lifecycle;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
mod message;
pub mod nodes;
#[cfg(any(test, feature = "sqlite", feature = "testing"))]
mod occurrence;
pub mod overview;
pub mod pods;
#[cfg(feature = "sqlite")]
mod read;
pub mod saved;
#[cfg(feature = "sqlite")]
mod search;
#[cfg(feature = "sqlite")]
mod sql;
mod statement;
#[cfg(feature = "sqlite")]
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use ask::{Answer, EventQuery};
#[cfg(feature = "sqlite")]
pub use config::StoreConfig;
#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sql::{SqlWorker, serve_sql};
#[cfg(feature = "sqlite")]
pub use store::{Store, StoreSink, backup};
