//! A secret: it prints as `***`, whatever prints it.
//!
//! Inline in the configuration (`token: abc`, discouraged), in a file (`token: { file: /run/secrets/token }`) or
//! in the environment (`token: { env: TOKEN }`). A file is read again when it has changed, so that a rotated
//! Kubernetes Secret is picked up without a restart.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use serde::{Deserialize, Deserializer};

use crate::error::{Error, ErrorKind, Result};

/// Text that must not be shown. See the [module](self).
///
/// ```
/// use eventcenter_core::Secret;
///
/// let secret = Secret::from("s3cr3t");
/// assert_eq!(format!("{secret:?}"), "***");
/// assert_eq!(secret.reveal()?, "s3cr3t");
/// # Ok::<(), eventcenter_core::Error>(())
/// ```
pub struct Secret(Place);

enum Place {
    Inline(String),
    File { path: PathBuf, read: Mutex<Option<(SystemTime, String)>> },
}

impl Secret {
    /// A secret that is kept in a file. One trailing line break is not part of it.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self(Place::File { path: path.into(), read: Mutex::new(None) })
    }

    /// The text. For a file: as it stands there now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the file cannot be read; names the file.
    pub fn reveal(&self) -> Result<String> {
        match &self.0 {
            Place::Inline(text) => Ok(text.clone()),
            Place::File { path, read } => {
                let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
                let changed = fs::metadata(path)
                    .and_then(|metadata| metadata.modified())
                    .map_err(|error| unreadable(path, &error))?;
                if let Some((at, text)) = &*read
                    && *at == changed
                {
                    return Ok(text.clone());
                }
                let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                let text = text.strip_suffix('\r').unwrap_or(text).to_owned();
                *read = Some((changed, text.clone()));
                Ok(text)
            }
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new("secret", ErrorKind::Config, format!("cannot read the secret file: {error}"))
        .with("file", path.display())
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Place::Inline(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(Place::Inline(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct InFile {
            file: PathBuf,
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct InEnvironment {
            env: String,
        }

        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a secret is text, {file: PATH} or {env: NAME}")]
        enum Config {
            Inline(String),
            File(InFile),
            Environment(InEnvironment),
        }

        match Config::deserialize(deserializer)? {
            Config::Inline(text) => Ok(text.into()),
            Config::File(InFile { file }) => {
                let secret = Self::file(&file);
                // Read once now: what is missing stops the start, with the place in the configuration.
                secret.reveal().map_err(serde::de::Error::custom)?;
                Ok(secret)
            }
            Config::Environment(InEnvironment { env }) => {
                std::env::var(&env).map(Self::from).map_err(|_| {
                    serde::de::Error::custom(format!("environment variable {env} is not set"))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_file_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "one\n").unwrap();
        let secret = Secret::file(&path);
        assert_eq!(secret.reveal().unwrap(), "one");
        fs::write(&path, "two\r\n").unwrap();
        let later = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
        fs::File::options().append(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(secret.reveal().unwrap(), "two");
    }

    #[test]
    fn a_missing_file_is_named_in_the_error() {
        let error = Secret::file("/nonexistent/token").reveal().unwrap_err();
        assert!(error.to_string().contains("/nonexistent/token"), "{error}");
        let error = serde_json::from_str::<Secret>(r#"{"file":"/nonexistent/token"}"#).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/token"), "{error}");
    }

    #[test]
    fn three_spellings_are_understood_and_others_are_not() {
        assert_eq!(serde_json::from_str::<Secret>("\"x\"").unwrap().reveal().unwrap(), "x");
        assert!(serde_json::from_str::<Secret>(r#"{"env":"EVENTCENTER_NOT_SET"}"#).is_err());
        assert!(serde_json::from_str::<Secret>(r#"{"vault":"x"}"#).is_err());
    }
}
