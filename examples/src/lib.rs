//! What the programs in `src/bin` share.

#![forbid(unsafe_code)]

pub mod center;
pub mod config;
pub mod eventer;
pub mod http;
pub mod load_average;
pub mod logging;
pub mod sls;
mod switch;
mod watches;
