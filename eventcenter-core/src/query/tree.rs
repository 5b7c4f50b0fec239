//! What a statement means.

use std::fmt;

use super::key::Key;
use super::text::{TokenPattern, ValuePattern};
use crate::event::Level;

/// The tree of a search statement. No deeper than twice [`Query::MAX_DEPTH`](super::Query::MAX_DEPTH), so that it can
/// be walked by functions that call themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Node {
    /// Every event.
    All,
    /// These words side by side in one of the fields; at least one.
    Words {
        /// Where.
        field: Field,
        /// What.
        words: Vec<TokenPattern>,
    },
    /// A value of the key passes. `key : *` asks that there is one.
    Value {
        /// Not [`Key::Message`], [`Key::Level`] or [`Key::Count`].
        key: Key,
        /// What the whole value is compared with.
        value: ValuePattern,
    },
    /// One of these levels; at least one, in ascending order.
    Level(Vec<Level>),
    /// A count between these two, which belong to it.
    Count {
        /// At least.
        least: u64,
        /// At most; may be below `least`, and then no event is meant.
        most: u64,
    },
    /// Not this.
    Not(Box<Self>),
    /// All of these; at least two.
    And(Vec<Self>),
    /// One of these; at least two.
    Or(Vec<Self>),
}

/// Where words are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// In the message, the reason or the object's name.
    Any,
    /// In the message.
    Message,
}

/// As a statement that reads back as this very tree. It has no more terms and no deeper parentheses than the one that
/// was read, so that it keeps to the limits that that kept to.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Words { field, words } => {
                if *field == Field::Message {
                    f.write_str("message : ")?;
                }
                let has_wildcard = words.iter().any(|word| word.as_exact().is_none());
                let (quote, between) = if has_wildcard { ("", "-") } else { ("\"", " ") };
                f.write_str(quote)?;
                joined(f, words, between, |f, word| write!(f, "{word}"))?;
                f.write_str(quote)
            }
            Self::Value { key, value } => write!(f, "{key} : {value}"),
            Self::Level(levels) => match levels.as_slice() {
                [only] => write!(f, "level : {only}"),
                [Level::Normal, Level::Warning] => f.write_str("level < Error"),
                [Level::Warning, Level::Error] => f.write_str("level >= Warning"),
                // The one letter that both have, and Warning has not.
                [Level::Normal, Level::Error] => f.write_str("level : *o*"),
                _ => f.write_str("level : *"),
            },
            Self::Count { least, most } => write!(f, "count in [{least} {most}]"),
            Self::Not(inner) => {
                f.write_str("not ")?;
                inner.part(f, matches!(**inner, Self::And(_) | Self::Or(_)))
            }
            Self::And(parts) => joined(f, parts, " and ", |f, part| {
                part.part(f, matches!(part, Self::And(_) | Self::Or(_)))
            }),
            Self::Or(parts) => {
                joined(f, parts, " or ", |f, part| part.part(f, matches!(part, Self::Or(_))))
            }
        }
    }
}

impl Node {
    fn part(&self, f: &mut fmt::Formatter<'_>, in_parentheses: bool) -> fmt::Result {
        if in_parentheses { write!(f, "({self})") } else { write!(f, "{self}") }
    }
}

fn joined<T>(
    f: &mut fmt::Formatter<'_>,
    parts: &[T],
    between: &str,
    mut write: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            f.write_str(between)?;
        }
        write(f, part)?;
    }
    Ok(())
}
