//! Durations as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A duration: `500ms`, `30s`, `1h30m`, `7d`, `2w`.
///
/// A day has 24 hours. There is no unit that depends on the calendar (months, years), no negative duration, and no
/// bare number: `30` alone does not say of what.
///
/// ```
/// use std::time::Duration;
/// use eventcenter_core::config::HumanDuration;
///
/// assert_eq!("1h30m".parse::<HumanDuration>()?.get(), Duration::from_secs(5400));
/// assert_eq!(HumanDuration::from_secs(5400).to_string(), "1h 30m");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(Duration);

/// What is wrong with a duration, as one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid duration {0:?}; write numbers with units, such as 500ms, 30s, 1h30m or 7d")]
pub struct InvalidDuration(String);

impl HumanDuration {
    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for HumanDuration {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<HumanDuration> for Duration {
    fn from(duration: HumanDuration) -> Self {
        duration.0
    }
}

impl FromStr for HumanDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        text.parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .ok()
            .and_then(|duration| duration.try_into().ok())
            .map(Self)
            .ok_or_else(|| InvalidDuration(text.to_owned()))
    }
}

/// As it is written in a configuration.
impl fmt::Debug for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match SignedDuration::try_from(self.0) {
            Ok(duration) => write!(f, "{duration:#}"),
            Err(_) => write!(f, "{}s", self.0.as_secs()),
        }
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DurationVisitor;

        impl Visitor<'_> for DurationVisitor {
            type Value = HumanDuration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 30s")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<HumanDuration, E> {
                text.parse().map_err(E::custom)
            }
        }

        // A bare number reaches the visitor as text, and is told what it lacks.
        deserializer.deserialize_str(DurationVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("1.5s", 1500),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("1w 1d", 691_200_000),
        ] {
            let duration: HumanDuration = text.parse().unwrap();
            assert_eq!(duration.get(), Duration::from_millis(milliseconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "30", "-5s", "5s ago", "1mo", "1y", "30m1h", "soon", "1 parsec"] {
            assert_eq!(text.parse::<HumanDuration>(), Err(InvalidDuration(text.to_owned())));
        }
    }

    #[test]
    fn a_duration_is_shown_as_it_could_be_written() {
        for text in ["500ms", "20s", "1h 30m", "168h"] {
            assert_eq!(text.parse::<HumanDuration>().unwrap().to_string(), text);
        }
    }
}
