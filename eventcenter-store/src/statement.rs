//! Search statements that are put together here; what is wrong with them is an error of the engine's.

use std::sync::Arc;

use eventcenter_core::query::QueryError;
use eventcenter_core::{Error, ErrorKind, Query, Result};

/// The statement, parsed.
///
/// # Errors
///
/// Kind `Refused`, with the place in it: too large, when a value of others is.
pub(crate) fn parsed(text: &str) -> Result<Arc<Query>> {
    checked(Query::parse(text))
}

/// `base`, narrowed by a statement of ours.
///
/// # Errors
///
/// As [`parsed`].
pub(crate) fn narrowed(base: &Query, more: &str) -> Result<Arc<Query>> {
    checked(base.and(more))
}

fn checked(parsed: Result<Query, QueryError>) -> Result<Arc<Query>> {
    parsed.map(Arc::new).map_err(|error| {
        Error::new("query", ErrorKind::Refused, "the search statement cannot be read")
            .with_source(error)
    })
}
