//! Where events go: a name and exactly one kind with its settings. The kinds stand in for those of
//! `eventcenter-sinks`, and go when these are there.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use eventcenter_core::Secret;
use eventcenter_core::config::{ByteSize, ConfigError, HumanDuration, KeyPath, present};
use serde::{Deserialize, Deserializer, de};

/// A sink that was checked.
#[derive(Debug)]
pub struct SinkEntry {
    /// What routes, logs and metrics call it: `[a-z0-9][a-z0-9-]*`, at most 63 characters, its own.
    pub name: String,
    /// What it is.
    pub kind: SinkKind,
}

/// The kinds; the key in the file is the kind in lower case.
#[derive(Debug)]
pub enum SinkKind {
    /// Standard output.
    Stdout(StdoutConfig),
    /// Files.
    File(FileConfig),
    /// HTTP.
    Webhook(Box<WebhookConfig>),
}

/// A sink as it is written: the kind is a key of its own, so that everything in it has a place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: String,
    #[serde(default, deserialize_with = "present")]
    stdout: Option<StdoutConfig>,
    #[serde(default, deserialize_with = "present")]
    file: Option<FileConfig>,
    #[serde(default, deserialize_with = "present")]
    webhook: Option<Box<WebhookConfig>>,
}

impl Written {
    /// The error's key is relative to the sink.
    pub(super) fn check(self) -> Result<SinkEntry, ConfigError> {
        check_name(&self.name)
            .map_err(|message| ConfigError::new(KeyPath::root().key("name"), message))?;
        let kinds = [
            ("stdout", self.stdout.map(SinkKind::Stdout)),
            ("file", self.file.map(SinkKind::File)),
            ("webhook", self.webhook.map(SinkKind::Webhook)),
        ];
        let known = kinds.each_ref().map(|(key, _)| *key).join(", ");
        let mut given = kinds.into_iter().filter_map(|(key, kind)| Some((key, kind?)));
        let name = self.name;
        match (given.next(), given.next()) {
            (Some((_, kind)), None) => Ok(SinkEntry { name, kind }),
            (None, _) => Err(ConfigError::new(
                KeyPath::root(),
                format!("the sink {name:?} has no kind; give it one of {known}"),
            )),
            (Some((first, _)), Some((second, _))) => Err(ConfigError::new(
                KeyPath::root().key(second),
                format!("the sink {name:?} is a {first} already; a sink has one kind"),
            )),
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 63 || !name.chars().all(inner) || name.starts_with('-') {
        return Err(format!(
            "invalid name {name:?}; it is made of a-z, 0-9 and -, does not begin with -, and has 1 to 63 characters"
        ));
    }
    Ok(())
}

/// Text for people or NDJSON on standard output.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StdoutConfig {
    /// Default `text`.
    pub format: StdoutFormat,
    /// Default: whether standard output is a terminal.
    pub color: Option<bool>,
}

/// What is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StdoutFormat {
    /// A line for people.
    #[default]
    Text,
    /// The document on a line.
    Json,
}

/// NDJSON files that rotate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// The file that is written.
    pub path: PathBuf,
    /// When it is put aside. Default: never.
    #[serde(default)]
    pub rotate: Rotate,
}

/// When a file is put aside.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotate {
    /// When it is so large. Default: whatever its size.
    pub size: Option<ByteSize>,
    /// When it is so old. Default: whatever its age.
    pub age: Option<HumanDuration>,
    /// How many of those put aside are kept. Default: all.
    pub keep: Option<u32>,
}

/// HTTP requests to any receiver.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// `http` or `https`.
    pub url: Url,
    /// Default `POST`.
    #[serde(default = "post")]
    pub method: String,
    /// Names and values.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// Default `single`.
    #[serde(default)]
    pub batch: Batching,
    /// Of one request. Default 10s.
    #[serde(default = "ten_seconds")]
    pub timeout: HumanDuration,
    /// In one request. Default 100.
    #[serde(default = "a_hundred")]
    pub max_events: u32,
    /// Default: the certificates of the system.
    #[serde(default)]
    pub tls: TlsConfig,
}

fn post() -> String {
    "POST".to_owned()
}

fn ten_seconds() -> HumanDuration {
    HumanDuration::from_secs(10)
}

fn a_hundred() -> u32 {
    100
}

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Batching {
    /// One event.
    #[default]
    Single,
    /// A line per event.
    Ndjson,
    /// A JSON array.
    Array,
}

/// Certificates.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Whom to trust, as PEM.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate, as PEM.
    pub cert_file: Option<PathBuf>,
    /// Its key, as PEM.
    pub key_file: Option<PathBuf>,
    /// Trusts anybody. Default false.
    pub insecure_skip_verify: bool,
}

/// An HTTP URL. It may hold a token, so only its beginning is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.0.split('/').nth(2).unwrap_or_default();
        write!(f, "{host}/***")
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = String::deserialize(deserializer)?;
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        match rest {
            Some(rest) if rest.starts_with(|c: char| c.is_alphanumeric() || c == '[') => {
                Ok(Self(url))
            }
            // It may hold a token: not quoted.
            _ => Err(de::Error::custom("invalid URL; it begins with https://HOST or http://HOST")),
        }
    }
}
