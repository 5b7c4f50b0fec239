//! Resources and their records: what alerts share, in the account and not in a project.
//!
//! A *resource* is a kind of record. The service's own are, among others, `sls.alert.alert_policy`,
//! `sls.alert.action_policy`, `sls.alert.content_template`, `sls.alert.action_webhook`, `sls.alert.global_config`,
//! `sls.common.user` and `sls.common.user_group`.

use std::borrow::Cow;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::{Body, Call, Client};
use crate::error::Result;
use crate::object::{Object, Objects, Other};

/// A kind of record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// `userdefine` for one's own.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its columns, as JSON in a text.
    pub schema: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// One record.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// What it is known by, unique in its resource.
    pub id: String,
    /// Its name for people.
    pub tag: String,
    /// What it says: an object, or JSON in a text. Both occur.
    pub value: Value,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

impl Object for Resource {
    const PATH: &'static str = "/resources";
    const LISTED: &'static str = "items";
    type Listed = Self;

    fn name(&self) -> &str {
        &self.name
    }
}

impl Object for Record {
    const PATH: &'static str = "/resources";
    const LISTED: &'static str = "items";
    type Listed = Self;

    fn name(&self) -> &str {
        &self.id
    }
}

impl Client {
    /// The kinds of records.
    pub fn resources(&self) -> Objects<Resource> {
        Objects::new(self.clone(), None)
    }

    /// The records of one kind, such as `sls.alert.action_policy`.
    ///
    /// ```no_run
    /// # async fn example(client: eventcenter_sls::Client) -> eventcenter_sls::Result<()> {
    /// let users = client.records("sls.common.user");
    /// for user in users.all().await? {
    ///     println!("{} {}", user.id, user.tag);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn records(&self, resource: &str) -> Records {
        let place = Call::get(Record::PATH).segment(resource).words("records");
        Records { objects: Objects::at(self.clone(), place.clone()), client: self.clone(), place }
    }
}

/// The records of one resource.
#[derive(Debug, Clone)]
pub struct Records {
    objects: Objects<Record>,
    client: Client,
    place: Call,
}

impl Records {
    /// Makes it, or replaces what has its id.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn upsert(&self, record: &Record) -> Result<()> {
        let call = self.place.clone().method(Method::PUT).body(Body::json(record)?);
        self.client.call(&call).await.map(drop)
    }

    /// Removes those with these ids.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn delete(&self, ids: &[&str]) -> Result<()> {
        let ids: Cow<'static, str> = ids.join(",").into();
        let call = self.place.clone().method(Method::DELETE).query("ids", ids);
        self.client.call(&call).await.map(drop)
    }

    /// Makes it.
    ///
    /// # Errors
    ///
    /// [`is_already_there`](crate::Error::is_already_there) when there is one of this id.
    pub async fn create(&self, record: &Record) -> Result<()> {
        self.objects.create(record).await
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found) when there is none of this id.
    pub async fn get(&self, id: &str) -> Result<Record> {
        self.objects.get(id).await
    }

    /// Replaces it.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found) when there is none of this id.
    pub async fn update(&self, record: &Record) -> Result<()> {
        self.objects.update(record).await
    }

    /// All of them.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn all(&self) -> Result<Vec<Record>> {
        self.objects.all().await
    }
}
