//! What the programs in `src/bin` share.

#![forbid(unsafe_code)]

pub mod center;
pub mod config;
pub mod eventer;
pub mod http;
pub mod load_average;
pub mod logging;
mod replicas;
mod switch;
mod watches;
