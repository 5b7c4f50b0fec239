//! What is wrong with a statement, and where. A statement may come from anybody, and what is said of it is
//! [`plain`](crate::plain).

use crate::plain;

/// What is wrong with a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct QueryError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong, or what was expected; lowercase, without a period, and plain.
    pub message: String,
}

/// So much of a statement is shown on each side of the place.
const AROUND: usize = 40;

impl QueryError {
    pub(super) fn new(column: usize, message: impl Into<String>) -> Self {
        Self { column, message: plain(&message.into()).into_owned() }
    }

    /// The place in the statement with a mark below it, and the sentence: three lines for a terminal.
    ///
    /// ```
    /// use eventcenter_core::Query;
    ///
    /// let statement = "level : Error and";
    /// let error = Query::parse(statement).unwrap_err();
    /// assert_eq!(
    ///     error.explain(statement),
    ///     "level : Error and\n                 ^\nexpected a word, a key or `(` after `and`"
    /// );
    /// ```
    pub fn explain(&self, statement: &str) -> String {
        let place = self.column.saturating_sub(1);
        let from = place.saturating_sub(AROUND);
        let part: String = statement.chars().skip(from).take(2 * AROUND).collect();
        format!("{}\n{}^\n{}", plain(part.trim_end()), " ".repeat(place - from), self.message)
    }
}
