//! Search statements that are put together here, from words of ours and values of others.

use std::sync::Arc;

use eventcenter_core::{Error, ErrorKind, Query, Result};

/// The statement, parsed.
///
/// # Errors
///
/// Kind `Refused`, with the place in it: too large, when a value of others is.
pub(crate) fn parsed(text: &str) -> Result<Arc<Query>> {
    let parsed = Query::parse(text).map(Arc::new);
    parsed.map_err(|error| {
        Error::new("query", ErrorKind::Refused, "the search statement cannot be read")
            .with_source(error)
    })
}

/// `base`, narrowed by a statement of ours.
pub(crate) fn narrowed(base: &Query, more: &str) -> Result<Arc<Query>> {
    parsed(&format!("({base}) and ({more})"))
}

/// A value of others as a phrase: nothing in it is an operator or a wildcard.
pub(crate) fn quoted(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for letter in value.chars() {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}
