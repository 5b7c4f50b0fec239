//! The search statement: one language for searches, live tails, routes, sinks and alert rules.
//!
//! It is the search statement of Alibaba Cloud's log service (SLS), since that is what users of the event center type:
//!
//! ```text
//! level : Warning and reason : "FailedMount" not namespace : kube-system
//! (OOMKilling or "out of memory") and node : worker-*
//! pod_name : web-* and count >= 3 | select "eventId.reason", count(1) as c group by 1 order by c desc
//! ```
//!
//! | written | finds events |
//! |---|---|
//! | `*`, or nothing | all |
//! | `failed` | with this word in the message, the reason or the object's name |
//! | `"failed to pull"` | with these words in this order, side by side, in one of the three |
//! | `fail*`, `f?iled` | with such a word; `*` is any text, also none, `?` one character. Inside of quotes both are what they are |
//! | `message : "failed to pull"` | the same in the message alone |
//! | `key : value` | where the whole value is this one, in any case; wildcards as above |
//! | `key : *` | where the key has a value |
//! | `count >= 3`, `count in [3 10]` | where the number is so; `>`, `<`, `<=`, `=`, `:` too, `(` and `)` leave the edge out |
//! | `level >= Warning` | of this level or worse; `level : Warning` is this one level |
//! | `a and b`, `a b` | both |
//! | `a or b`, `not a`, `( … )` | as said; `not` binds tightest, then `and`, then `or` |
//!
//! The keys are in [`key`]; the names that a record of kube-eventer has in SLS (`eventId.involvedObject.name`,
//! `hostname`, `pod_name`) are known beside our own. `and`, `or`, `not` and `in` may be written in any case, and are
//! words when they stand in quotes.
//!
//! # Words
//!
//! A word is a run of letters and digits, in any case; a Chinese, Japanese or Korean character is a word of its own,
//! so that two of them are found without spaces around. Everything else separates words. So `web-0` are two words,
//! side by side, and finds `web-0` and `pod/web-0`. [`tokens`] is the one definition, for the index of a store and for
//! [`Query::matches`] alike: what a search finds in the store, a live tail lets through.
//!
//! # What differs from SLS
//!
//! - In SLS `-`, `.` and `_` do not separate words; here a search for a part of a name finds it.
//! - In SLS `key : value` finds the value as a word within the key's text; here it is the whole value, except for
//!   `message`. Use wildcards: `name : web-*`.
//! - Wildcards may stand at the beginning of a word.
//! - A key that is unknown is an error, and not a search without results.
//!
//! # Limits
//!
//! [`Query::MAX_BYTES`] of text, [`Query::MAX_TERMS`] terms, [`Query::MAX_DEPTH`] levels of parentheses.

mod error;
mod evaluate;
#[cfg(test)]
mod fuzz;
pub mod key;
mod lexer;
mod parser;
mod text;
mod tree;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use error::{Mistake, QueryError};
pub use key::Key;
pub use text::{TokenPattern, ValuePattern, fold, quoted, tokens};
pub use tree::{Field, Node};

use crate::event::Event;
use crate::filter::{Filter, Verdict};

/// A search statement that was parsed. Two are equal when they ask the same in the same words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    text: String,
    tree: Node,
}

impl Query {
    /// Bytes of a statement, at most.
    pub const MAX_BYTES: usize = 64 << 10;
    /// Words, phrases and conditions of a statement, at most.
    pub const MAX_TERMS: usize = 256;
    /// Levels of parentheses and of `not`, at most.
    pub const MAX_DEPTH: usize = 64;

    /// Every event: what `*` and the empty statement mean.
    pub fn all() -> Self {
        Self { text: "*".to_owned(), tree: Node::All }
    }

    /// Reads a search statement, without a `|`.
    ///
    /// ```
    /// use eventcenter_core::Query;
    ///
    /// Query::parse("reason : Back* and not namespace : kube-system")?;
    /// let error = Query::parse("reson : BackOff").unwrap_err();
    /// assert_eq!(error.to_string(), "column 1: unknown key \"reson\"; did you mean `reason`?");
    /// # Ok::<(), eventcenter_core::query::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With the column, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        Ok(Self { text: text.trim().to_owned(), tree: parser::parse(text)? })
    }

    /// The events of this statement that the other finds too. Values of others in it are to be [`quoted`].
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), of both together.
    pub fn and(&self, other: &str) -> Result<Self, QueryError> {
        Self::parse(&format!("({self}) and ({other})"))
    }

    /// The tree, for engines that translate it.
    pub fn tree(&self) -> &Node {
        &self.tree
    }

    /// Whether an event is meant.
    pub fn matches(&self, event: &Event) -> bool {
        evaluate::matches(&self.tree, event)
    }
}

/// As it was written.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_empty() { "*" } else { &self.text })
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Self::parse(text)
    }
}

impl Filter for Query {
    fn test(&self, event: &Event) -> Verdict {
        if self.matches(event) { Verdict::Match } else { Verdict::Miss }
    }
}

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| de::Error::custom(format!("in the statement, {error}")))
    }
}

impl Serialize for Query {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A search statement, and the `SELECT` behind its `|`, if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Which events.
    pub query: Query,
    /// What to make of them.
    pub select: Option<Select>,
}

/// What stands behind the `|`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    /// One SQL statement, as it was written.
    pub text: String,
    /// The column of the whole statement at which it begins, from 1: to place an error in it.
    pub column: usize,
}

impl Statement {
    /// Reads `search | select …`; the part behind the `|` is not looked at.
    ///
    /// ```
    /// use eventcenter_core::query::Statement;
    ///
    /// let statement = Statement::parse("level : Error | select count(1)")?;
    /// assert_eq!(statement.query.to_string(), "level : Error");
    /// assert_eq!(statement.select.unwrap().text, "select count(1)");
    /// # Ok::<(), eventcenter_core::query::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Query::parse`]; also when nothing stands behind the `|`.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let Some(bar) = lexer::bar(text) else {
            return Ok(Self { query: Query::parse(text)?, select: None });
        };
        let (search, rest) = text.split_at_checked(bar).unwrap_or((text, ""));
        let query = Query::parse(search)?;
        let rest = rest.strip_prefix('|').unwrap_or(rest);
        let lead = rest.chars().take_while(|letter| letter.is_whitespace()).count();
        let column = search.chars().count() + 2 + lead;
        if rest.trim().is_empty() {
            let error = QueryError::new(column, "expected a SELECT after the `|`");
            return Err(error.code("expected-select"));
        }
        let select = Select { text: rest.trim().to_owned(), column };
        Ok(Self { query, select: Some(select) })
    }
}

#[cfg(test)]
mod tests;
