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

use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
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
        let (key, value) = match Given::deserialize(deserializer)? {
            Given::Text(text) => return Ok(text.into()),
            Given::Pair(key, value) => (key, value),
            Given::Other => (String::new(), String::new()),
        };
        match key.as_str() {
            "file" => {
                let secret = Self::file(value);
                // Read once now: what is missing stops the start, with the place in the configuration.
                secret.reveal().map_err(de::Error::custom)?;
                Ok(secret)
            }
            "env" => std::env::var(&value)
                .map(Self::from)
                .map_err(|_| de::Error::custom(format!("environment variable {value} is not set"))),
            _ => Err(de::Error::custom("a secret is text, {file: PATH} or {env: NAME}")),
        }
    }
}

/// What is written where a secret belongs. Reading it takes anything, for serde's own refusals quote what they
/// refuse, and that may be the secret: `Authorization: [Bearer abc]`.
enum Given {
    Text(String),
    /// A map with one key, both text.
    Pair(String, String),
    Other,
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Given;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Given, E> {
        Ok(Given::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given, A::Error> {
        let first = map.next_entry()?;
        let mut is_alone = true;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            is_alone = false;
        }
        Ok(match first {
            Some((Given::Text(key), Given::Text(value))) if is_alone => Given::Pair(key, value),
            _ => Given::Other,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Given, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Given::Other)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Given, E> {
        Ok(Given::Other)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Given, E> {
        Ok(Given::Other)
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<Given, E> {
        Ok(Given::Other)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Given, E> {
        Ok(Given::Other)
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Given, E> {
        Ok(Given::Other)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Given, E> {
        Ok(Given::Other)
    }

    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<Given, E> {
        Ok(Given::Other)
    }

    fn visit_none<E: de::Error>(self) -> Result<Given, E> {
        Ok(Given::Other)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Given, E> {
        Ok(Given::Other)
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

    #[test]
    fn what_is_refused_is_not_quoted() {
        for text in [
            "[Bearer TOKEN1]",
            "[[TOKEN1]]",
            "[{file: TOKEN1}]",
            "{TOKEN1: x}",
            "{file: [TOKEN1]}",
            "{file: {TOKEN1: x}}",
            "{env: HOME, TOKEN1: x}",
            "{file: TOKEN1, env: TOKEN1}",
            "{}",
            "~",
            "true",
            "4711",
            "-4711",
            "47.11",
            "471147114711471147114711",
        ] {
            let error = crate::config::read::<Secret>("config.yaml", text).unwrap_err();
            let error = format!("{error} {error:?}");
            assert!(error.contains("a secret is text, {file: PATH}"), "{text}: {error}");
            assert!(!error.contains("TOKEN1") && !error.contains("47"), "{text}: {error}");
        }
    }
}
