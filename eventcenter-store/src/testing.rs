//! For tests and benchmarks of whoever implements or uses [`EventQuery`](crate::EventQuery).

pub mod generate;
#[cfg(test)]
pub(crate) mod scene;

pub use generate::Generator;
