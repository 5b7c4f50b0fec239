//! One value of a filter: text, a glob or a regular expression. The [table](super) says which is which.

use std::fmt;
use std::str::FromStr;

use regex::RegexBuilder;
use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

/// Text, a glob or a regular expression; known to be sound.
///
/// ```
/// use eventcenter_core::filter::Pattern;
///
/// assert_eq!("dev-*".parse(), Ok(Pattern::Glob("dev-*".into())));
/// let error = "/[/".parse::<Pattern>().unwrap_err();
/// assert_eq!(error.to_string(), "invalid regular expression \"/[/\": unclosed character class");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// This very text.
    Text(Box<str>),
    /// Text with `*` and `?`.
    Glob(Box<str>),
    /// A regular expression in the syntax of the `regex` crate, with `(?i)` in front where case is ignored.
    Regex(Box<str>),
}

/// What is wrong with a pattern, as one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPattern(String);

impl Pattern {
    /// A regular expression may compile to this many bytes. It is far above every sensible one, and keeps
    /// `/(a{1000}){1000}/` out.
    pub const MAX_REGEX_BYTES: usize = 1 << 20;
}

impl FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let Some(rest) = text.strip_prefix('/') else {
            return match text {
                "" => {
                    Err(InvalidPattern("the pattern is empty; /^$/ finds what is empty".to_owned()))
                }
                _ if text.contains(['*', '?']) => Ok(Self::Glob(text.into())),
                _ => Ok(Self::Text(text.into())),
            };
        };
        let regex = match rest.strip_suffix("/i") {
            Some(regex) => Some(format!("(?i){regex}")),
            None => rest.strip_suffix('/').map(str::to_owned),
        };
        match regex.as_deref() {
            None => Err(InvalidPattern(format!(
                "{text:?} begins like a regular expression but does not end with / or /i; to find text that begins \
                 with a slash write it as one"
            ))),
            Some("" | "(?i)") => {
                Err(InvalidPattern(format!("the regular expression {text:?} is empty")))
            }
            Some(regex) => RegexBuilder::new(regex)
                .size_limit(Self::MAX_REGEX_BYTES)
                .build()
                .map(|_| Self::Regex(regex.into()))
                .map_err(|error| InvalidPattern(explain(text, &error))),
        }
    }
}

/// The last line of the crate's message is the sentence; those before draw the place.
fn explain(text: &str, error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(limit) = error {
        return format!(
            "the regular expression {text:?} is too large: over {limit} bytes compiled"
        );
    }
    let error = error.to_string();
    let sentence = error.lines().last().unwrap_or_default();
    let sentence = sentence.strip_prefix("error: ").unwrap_or(sentence);
    format!("invalid regular expression {text:?}: {sentence}")
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Alternatives: one pattern or a list of them, as the user wrote it. Without any, the key is not asked about;
/// written in a file, there is at least one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patterns(Vec<Pattern>);

impl Patterns {
    /// The alternatives.
    pub fn as_slice(&self) -> &[Pattern] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads each of them.
    ///
    /// # Errors
    ///
    /// The first that is no pattern.
    pub fn parse<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidPattern> {
        patterns.into_iter().map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Vec<Pattern>> for Patterns {
    fn from(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }
}

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PatternsVisitor;

        impl PatternsVisitor {
            fn unquoted<T, E: de::Error>(value: impl fmt::Display) -> Result<T, E> {
                Err(E::custom(format!("{value} is no text here; write it in quotes")))
            }
        }

        impl<'de> Visitor<'de> for PatternsVisitor {
            type Value = Patterns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a pattern or a list of patterns")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Patterns, E> {
                text.parse().map(|pattern| Patterns(vec![pattern])).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Patterns, A::Error> {
                let mut patterns = Vec::new();
                while let Some(pattern) = seq.next_element()? {
                    patterns.push(pattern);
                }
                if patterns.is_empty() {
                    return self.visit_unit();
                }
                Ok(Patterns(patterns))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Patterns, E> {
                Err(E::custom("no pattern is given; leave the key out to take any"))
            }

            // What YAML reads as something else is not quite what was written any more: 0755, 1.10, yes.
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Patterns, E> {
                Self::unquoted(value)
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Patterns, E> {
                Self::unquoted(value)
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Patterns, E> {
                Self::unquoted(value)
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Patterns, E> {
                Self::unquoted(value)
            }
        }

        deserializer.deserialize_any(PatternsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Patterns, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn the_three_kinds_are_told_apart() {
        let text = |text: &str| Ok(Pattern::Text(text.into()));
        assert_eq!("kube-system".parse(), text("kube-system"));
        assert_eq!("Failed/x".parse(), text("Failed/x"));
        assert_eq!("a?".parse(), Ok(Pattern::Glob("a?".into())));
        assert_eq!("/a*/".parse(), Ok(Pattern::Regex("a*".into())));
        assert_eq!("/a/i".parse(), Ok(Pattern::Regex("(?i)a".into())));
        assert_eq!("/a/b/".parse(), Ok(Pattern::Regex("a/b".into())));
    }

    #[test]
    fn a_bad_pattern_says_what_is_wrong_with_it() {
        for (pattern, part) in [
            ("", "is empty; /^$/ finds"),
            ("//", "is empty"),
            ("//i", "is empty"),
            ("/", "does not end with /"),
            ("/var/lib", "does not end with /"),
            ("/a(/", "unclosed group"),
            ("/(?=a)/", "look-around"),
            ("/(a{1000}){1000}/", "too large"),
        ] {
            let error = pattern.parse::<Pattern>().unwrap_err().to_string();
            assert!(error.contains(part), "{pattern}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_scalar_is_a_list_of_one() {
        assert_eq!(read(r#""Pod""#), read(r#"["Pod"]"#));
        assert!(read("[]").unwrap_err().contains("no pattern is given"));
        assert!(read("null").unwrap_err().contains("no pattern is given"));
        assert!(read("755").unwrap_err().contains("in quotes"));
        assert!(read("{}").unwrap_err().contains("a pattern or a list of patterns"));
    }
}
