//! What the programs in `src/bin` share.

#![forbid(unsafe_code)]

pub mod admin;
pub mod center;
pub mod config;
pub mod dead_letters;
pub mod eventer;
pub mod http;
pub mod load_average;
pub mod logging;
mod reload;
pub mod replay;
mod replicas;
pub mod sls;
mod switch;
mod watches;
pub mod window;
