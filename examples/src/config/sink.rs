//! A sink of the configuration, which remembers where it stands there.

use std::error::Error as _;
use std::fmt;
use std::sync::Arc;

use eventcenter_core::config::{ConfigError, KeyPath};
use eventcenter_core::layer::{self, LayerConfig, Shared};
use eventcenter_core::{Error, ErrorKind, Result, Sink};
use eventcenter_sinks::SinkConfig;

/// A sink whose settings were read; what only the sink itself can check is checked by [`build`](Self::build).
pub struct SinkEntry {
    config: SinkConfig,
    index: usize,
    file: Arc<str>,
    text: Arc<str>,
}

impl fmt::Debug for SinkEntry {
    /// Without the text of the file, in which secrets may stand.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkEntry").field("config", &self.config).finish_non_exhaustive()
    }
}

impl SinkEntry {
    pub(super) fn new(index: usize, config: SinkConfig, file: &Arc<str>, text: &Arc<str>) -> Self {
        Self { config, index, file: Arc::clone(file), text: Arc::clone(text) }
    }

    /// What routes, logs and metrics call it: `[a-z0-9][a-z0-9-]*`, at most 63 characters, its own.
    pub fn name(&self) -> &str {
        self.config.name()
    }

    /// The layers it shall have.
    pub fn layers(&self) -> &LayerConfig {
        self.config.layers()
    }

    /// The sink, with its layers around it; they share what sinks of one program share.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build).
    pub fn stack(self, shared: &Shared) -> Result<Arc<dyn Sink>> {
        let layers = self.layers().clone();
        Ok(layer::stack(self.build()?, &layers, shared))
    }

    /// The sink itself, still without [layers](Self::layers).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] with file, line and key when a setting cannot be honoured; others as the sink says.
    pub fn build(self) -> Result<Arc<dyn Sink>> {
        let sink = super::at("sinks", self.index);
        self.config.build().map_err(|error| match error.kind() {
            ErrorKind::Config => {
                let place = sink.join(error.setting().clone());
                ConfigError::new(place, sentence(&error)).locate(&self.file, &self.text).into()
            }
            _ => error,
        })
    }
}

/// An error with its causes, on one line.
fn sentence(error: &Error) -> String {
    let mut sentence = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        sentence += &format!(": {error}");
        cause = error.source();
    }
    sentence
}

/// The error's key is relative to the sink.
pub(super) fn check_name(name: &str) -> Result<(), ConfigError> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 63 || !name.chars().all(inner) || name.starts_with('-') {
        return Err(ConfigError::new(
            KeyPath::root().key("name"),
            format!(
                "invalid name {name:?}; it is made of a-z, 0-9 and -, does not begin with -, and has 1 to 63 \
                 characters"
            ),
        ));
    }
    Ok(())
}
