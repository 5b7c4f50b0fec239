//! The event center's memory: keeps Kubernetes Events for months, counts how often they occurred, and answers.
//!
//! Who asks sees the trait [`EventQuery`] and the values in [`ask`]: five questions that an embedded engine answers
//! as well as a distributed one. Everything else that a page shows (overview, a Pod's life, nodes) is a pure function
//! over these answers.

#![forbid(unsafe_code)]

pub mod ask;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use ask::{Answer, EventQuery};
#[cfg(any(test, feature = "testing"))]
pub use memory::MemoryStore;
