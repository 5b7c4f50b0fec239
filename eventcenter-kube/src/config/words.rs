//! Words of the configuration that are more than a string.

use std::time::Duration;

use eventcenter_core::config::HumanDuration;
use serde::de::{Deserialize, Deserializer, Error};

/// The shortest `watch_timeout`.
const SHORTEST_WATCH: Duration = Duration::from_secs(40);

/// Where to start when nothing is known yet. With a position it has no say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// With everything that the API server still has (an hour's worth by default).
    #[default]
    All,
    /// With what happens from now on.
    Now,
    /// With what the API server still has and what happened no longer ago than this.
    Since(Duration),
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "all" => Ok(Self::All),
            "now" => Ok(Self::Now),
            text => match text.parse::<HumanDuration>() {
                Ok(ago) => Ok(Self::Since(ago.get())),
                Err(_) => Err(D::Error::custom(format!(
                    "{text:?} is none of all, now or a duration such as 2h"
                ))),
            },
        }
    }
}

/// The name of a namespace: an RFC 1123 label, so that it can stand in a path as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Namespace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=63).contains(&text.len())
            && text.bytes().all(label)
            && !text.starts_with('-')
            && !text.ends_with('-')
        {
            Ok(Self(text))
        } else {
            Err(D::Error::custom(format!("{text:?} is no namespace")))
        }
    }
}

/// Whether this can be a cluster's id, which is part of names that are separated by `/`: 1 to 253 letters, digits and any
/// of `- . _ :`.
pub fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    !text.is_empty() && text.len() <= 253 && text.bytes().all(plain)
}

/// A cluster's id.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let id = Option::<String>::deserialize(deserializer)?;
    match &id {
        Some(text) if !is_id(text) => Err(D::Error::custom(format!(
            "the id {text:?} is not 1 to 253 letters, digits and any of - . _ :"
        ))),
        _ => Ok(id),
    }
}

/// A duration that is longer than nothing.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = HumanDuration::deserialize(deserializer)?.get();
    if duration.is_zero() {
        return Err(D::Error::custom("a duration is needed that is longer than nothing"));
    }
    Ok(duration)
}

/// A duration that a watch may last: shorter ones would ask too often.
pub(super) fn watch_timeout<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    let timeout = duration(deserializer)?;
    if timeout < SHORTEST_WATCH || timeout > Duration::from_secs(86_400) {
        return Err(D::Error::custom("watch_timeout is at least 40s and at most 1d"));
    }
    Ok(timeout)
}
