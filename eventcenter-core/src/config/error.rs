//! What is wrong with a configuration.

use std::fmt;

use super::key_path::KeyPath;
use super::outline::Outline;
use crate::plain;

/// One thing that is wrong with a configuration, and where. `Display` is one line:
/// `config.yaml:14:9: routes.sinks[1]: no sink is called "hok"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: Option<String>,
    place: Option<(u64, u64)>,
    key: KeyPath,
    message: String,
}

impl ConfigError {
    /// An error about the value at `key`. `message` is one sentence without a period, and quotes no secret.
    pub fn new(key: KeyPath, message: impl Into<String>) -> Self {
        Self { file: None, place: None, key, message: message.into() }
    }

    /// The same error, for a part that stands at `parent`.
    #[must_use]
    pub fn under(mut self, parent: KeyPath) -> Self {
        self.key = parent.join(self.key);
        self
    }

    /// The same error with the file's name, as the user gave it.
    #[must_use]
    pub fn in_file(mut self, file: &str) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// The same error with the file's name and the place of its key in the text of that file. A key that is not
    /// there is shown at what it is missing from.
    #[must_use]
    pub fn locate(mut self, file: &str, text: &str) -> Self {
        if self.place.is_none() {
            self.place = Outline::read(text).and_then(|outline| outline.place(&self.key));
        }
        self.in_file(file)
    }

    /// Refuses a value that is below the least with which there is any use.
    ///
    /// # Errors
    ///
    /// About `key`, naming the least.
    pub fn refuse_below<T: PartialOrd + fmt::Display>(
        key: &str,
        value: &T,
        least: &T,
    ) -> Result<(), Self> {
        if value >= least {
            return Ok(());
        }
        let message = format!("this is too little to work with; at least {least}");
        Err(Self::new(KeyPath::root().key(key), message))
    }

    pub(super) fn at(mut self, line: u64, column: u64) -> Self {
        self.place = Some((line, column));
        self
    }

    /// The file, as the user named it.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// Line, counted from 1.
    pub fn line(&self) -> Option<u64> {
        self.place.map(|(line, _)| line)
    }

    /// Column in characters, counted from 1.
    pub fn column(&self) -> Option<u64> {
        self.place.map(|(_, column)| column)
    }

    /// The key it is about.
    pub fn key(&self) -> &KeyPath {
        &self.key
    }

    /// The sentence alone.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.place) {
            (Some(file), Some((line, column))) => write!(f, "{file}:{line}:{column}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some((line, column))) => write!(f, "line {line}, column {column}: ")?,
            (None, None) => {}
        }
        if !self.key.is_root() {
            write!(f, "{}: ", plain(&self.key.to_string()))?;
        }
        // Both may quote the file.
        f.write_str(&plain(&self.message))
    }
}

impl std::error::Error for ConfigError {}

/// A part that is built from its configuration cannot be built.
impl From<ConfigError> for crate::Error {
    fn from(error: ConfigError) -> Self {
        Self::new("config", crate::ErrorKind::Config, error.to_string())
    }
}
