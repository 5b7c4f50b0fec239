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

/// As a statement that means the same.
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
                for (place, word) in words.iter().enumerate() {
                    write!(f, "{}{word}", if place == 0 { "" } else { between })?;
                }
                f.write_str(quote)
            }
            Self::Value { key, value } => write!(f, "{key} : {value}"),
            Self::Level(levels) => {
                f.write_str("(")?;
                for (place, level) in levels.iter().enumerate() {
                    write!(f, "{}level : {level}", if place == 0 { "" } else { " or " })?;
                }
                f.write_str(")")
            }
            Self::Count { least, most } => write!(f, "count in [{least} {most}]"),
            Self::Not(inner) => write!(f, "not {inner}"),
            Self::And(parts) => join(f, parts, " and "),
            Self::Or(parts) => join(f, parts, " or "),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Node], between: &str) -> fmt::Result {
    f.write_str("(")?;
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            f.write_str(between)?;
        }
        write!(f, "{part}")?;
    }
    f.write_str(")")
}
