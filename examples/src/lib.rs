//! What the programs here share: the configuration.

#![forbid(unsafe_code)]

pub mod config;
