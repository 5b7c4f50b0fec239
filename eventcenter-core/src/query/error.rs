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
    /// The same for who says it in another language; none where only the message says it.
    pub mistake: Option<Mistake>,
}

/// A kind of mistake, with what the sentence about it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Stays the same: `unknown-key`.
    pub code: &'static str,
    /// By name: `key`, `resaon`. Plain.
    pub values: Vec<(&'static str, String)>,
}

/// So much of a statement is shown on each side of the place.
const AROUND: usize = 40;

impl QueryError {
    pub(super) fn new(column: usize, message: impl Into<String>) -> Self {
        Self { column, message: plain(&message.into()).into_owned(), mistake: None }
    }

    pub(super) fn code(mut self, code: &'static str) -> Self {
        self.mistake = Some(Mistake { code, values: Vec::new() });
        self
    }

    pub(super) fn value(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        let value = plain(&value.to_string()).into_owned();
        self.mistake.iter_mut().for_each(|mistake| mistake.values.push((name, value.clone())));
        self
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
