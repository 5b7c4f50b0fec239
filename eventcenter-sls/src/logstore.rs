//! A logstore: where logs are put, asked for and pulled.

mod pull;
mod put;
mod query;
mod row;
mod settings;
mod shard;

use std::sync::Arc;

use crate::client::{Answer, Call};
use crate::error::Result;
use crate::project::Project;

pub use pull::{Cursor, From, Pull, Pulled};
pub use put::{LARGEST_GROUP, Receipt, Route};
pub use query::{Bucket, Context, Logs, Meta, Pages, Query, search_text, sql_name, sql_text};
pub use row::Row;
pub use settings::LogstoreSettings;
pub use shard::Shard;

/// One logstore, by its name. It need not exist.
#[derive(Debug, Clone)]
pub struct Logstore {
    project: Project,
    name: Arc<str>,
}

impl Logstore {
    pub(crate) fn new(project: Project, name: Arc<str>) -> Self {
        Self { project, name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The project it belongs to.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Sends a call whose path was begun with [`path`](Self::path).
    async fn call(&self, call: Call) -> Result<Answer> {
        self.project.call(call).await
    }

    /// Turns a call of `/logstores` into one of this logstore.
    fn path(&self, call: Call) -> Call {
        call.segment(&self.name)
    }
}

#[cfg(test)]
mod tests;
