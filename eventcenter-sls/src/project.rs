//! A project: what holds logstores, and everything that belongs to them.

use std::sync::Arc;

use crate::client::{Answer, Call, Client};
use crate::error::Result;
use crate::logstore::Logstore;

/// One project, by its name. It need not exist.
#[derive(Debug, Clone)]
pub struct Project {
    client: Client,
    name: Arc<str>,
}

impl Project {
    pub(crate) fn new(client: Client, name: Arc<str>) -> Self {
        Self { client, name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One logstore of it.
    pub fn logstore(&self, name: impl Into<Arc<str>>) -> Logstore {
        Logstore::new(self.clone(), name.into())
    }

    /// Sends a call to this project.
    ///
    /// # Errors
    ///
    /// As for [`Client::call`].
    pub async fn call(&self, call: Call) -> Result<Answer> {
        self.client.call(&call.project(Arc::clone(&self.name))).await
    }

    /// The client it is asked with.
    pub fn client(&self) -> &Client {
        &self.client
    }
}
