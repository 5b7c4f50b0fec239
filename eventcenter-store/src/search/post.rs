//! What a condition asks of Rust: functions that a connection gets for one question.

use std::collections::HashSet;
use std::sync::Arc;

use eventcenter_core::query::Node;
use eventcenter_core::{Cluster, Error, ErrorKind, Event, Query};
use jiff::Timestamp;
use rusqlite::functions::FunctionFlags;

use crate::read::{Failure, Reader};

/// Sets, and statements that look into documents.
#[derive(Debug, Default)]
pub(crate) struct Post {
    sets: Vec<HashSet<i64>>,
    queries: Vec<Query>,
}

/// `one_of(set, id)`.
const ONE_OF: &str = "eventcenter_one_of";
/// `holds(query, cluster, dictionary, document)`.
const HOLDS: &str = "eventcenter_holds";

impl Post {
    pub(super) fn one_of(&mut self, set: HashSet<i64>, column: &str) -> String {
        self.sets.push(set);
        format!("{ONE_OF}({}, {column})", self.sets.len() - 1)
    }

    pub(super) fn holds(&mut self, node: &Node) -> Result<String, Failure> {
        // A node prints as a statement that means the same.
        let query = Query::parse(&node.to_string()).map_err(|error| {
            let message = "the search statement cannot be read back";
            Error::new("query", ErrorKind::Refused, message).with_source(error)
        })?;
        self.queries.push(query);
        let number = self.queries.len() - 1;
        Ok(format!(
            "(SELECT {HOLDS}({number}, e.cluster, d.dictionary, d.document) FROM documents d WHERE d.id = e.id)"
        ))
    }

    pub(super) fn register(self, reader: &Reader) -> Result<(), Failure> {
        let Self { sets, queries } = self;
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        if !sets.is_empty() {
            reader.connection.create_scalar_function(ONE_OF, 2, flags, move |context| {
                let set = usize::try_from(context.get::<i64>(0)?).ok().and_then(|n| sets.get(n));
                let id: i64 = context.get(1)?;
                Ok(set.is_some_and(|set| set.contains(&id)))
            })?;
        }
        if !queries.is_empty() {
            let unpacker = Arc::clone(&reader.unpacker);
            let clusters = reader.clusters.clone();
            reader.connection.create_scalar_function(HOLDS, 4, flags, move |context| {
                let (number, id): (i64, i64) = (context.get(0)?, context.get(1)?);
                let cluster = clusters.get(&id).cloned();
                let document = context.get_raw(3).as_blob().unwrap_or_default();
                let document = crate::read::lock(&unpacker).unpack(context.get(2)?, document);
                let document = document.map_err(crate::store::partition::failed)?;
                let event = event(cluster, document)?;
                let query = usize::try_from(number).ok().and_then(|number| queries.get(number));
                Ok(query.is_some_and(|query| query.matches(&event)))
            })?;
        }
        Ok(())
    }
}

fn event(cluster: Option<Arc<Cluster>>, document: Vec<u8>) -> rusqlite::Result<Event> {
    let unknown = || Arc::new(Cluster { id: String::new(), name: String::new() });
    let cluster = cluster.unwrap_or_else(unknown);
    Event::from_kubernetes(&cluster, document.into(), Timestamp::UNIX_EPOCH)
        .map_err(|error| rusqlite::Error::UserFunctionError(Box::new(std::io::Error::other(error))))
}
