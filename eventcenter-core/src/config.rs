//! What every part of the configuration is made of: sizes, durations, and errors that name file, line and key.
//!
//! [`read`] turns a YAML document into a value; what is wrong with it, from a tab to a regular expression, is one
//! [`ConfigError`]. Checks that come later (a sink that nobody defined) name a [`KeyPath`], and
//! [`ConfigError::locate`] finds the line where it stands.
//!
//! No error quotes the line it speaks of: the configuration may hold secrets, and errors go to logs.

mod duration;
mod error;
mod key_path;
mod outline;
mod size;
mod yaml;

pub use duration::{HumanDuration, InvalidDuration};
pub use error::ConfigError;
pub use key_path::KeyPath;
pub use size::{ByteSize, InvalidSize};
pub use yaml::{present, read};
