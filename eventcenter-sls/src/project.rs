//! A project: what holds logstores, and everything that belongs to them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Job};
use crate::client::{Answer, Call, Client};
use crate::dashboard::Dashboard;
use crate::error::Result;
use crate::logstore::{Logstore, LogstoreSettings};
use crate::logtail::{Config, MachineGroup, PipelineConfig};
use crate::object::{Ensured, Object, Objects, Other, Slot};
use crate::saved_search::SavedSearch;

/// One project, by its name. It need not exist.
///
/// ```no_run
/// use eventcenter_sls::Client;
/// use eventcenter_sls::project::ProjectSettings;
///
/// # async fn example(client: Client) -> eventcenter_sls::Result<()> {
/// let project = client.project("k8s-log-c1");
/// project.ensure(&ProjectSettings::new("events of cluster c1")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Project {
    client: Client,
    name: Arc<str>,
}

/// What is set of a project, and what the service says of it.
///
/// A project's name is 3 to 63 lower-case letters, digits and hyphens, and belongs to one account in a region.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectSettings {
    /// Its name. What is sent has that of the [`Project`].
    #[serde(rename = "projectName")]
    pub name: String,
    /// What it is about.
    pub description: String,
    /// `LRS` or `ZRS`: in how many zones its data is kept. Set once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_redundancy_type: Option<String>,
    /// Its group of resources. Set once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_group_id: Option<String>,
    /// Whether what is deleted is kept for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recycle_bin_enabled: Option<bool>,
    /// `Normal` or `Disable`, as the service says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The account, as the service says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The region, as the service says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

impl ProjectSettings {
    /// A project with a description.
    pub fn new(description: impl Into<String>) -> Self {
        Self { description: description.into(), ..Self::default() }
    }
}

impl Object for ProjectSettings {
    const PATH: &'static str = "/";
    const LISTED: &'static str = "projects";
    const READ_ONLY: &'static [&'static str] =
        &["createTime", "lastModifyTime", "status", "owner", "region", "quota", "location"];
    const SET_ONCE: &'static [&'static str] = &["dataRedundancyType", "resourceGroupId"];
    type Listed = Self;

    fn name(&self) -> &str {
        &self.name
    }
}

impl Client {
    /// The projects of the account, to be listed.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn projects(&self) -> Result<Vec<ProjectSettings>> {
        Objects::<ProjectSettings>::new(self.clone(), None).all().await
    }
}

impl Project {
    pub(crate) fn new(client: Client, name: Arc<str>) -> Self {
        Self { client, name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client it is asked with.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a call to this project.
    ///
    /// # Errors
    ///
    /// As for [`Client::call`].
    pub async fn call(&self, call: Call) -> Result<Answer> {
        self.client.call(&call.project(Arc::clone(&self.name))).await
    }

    fn slot(&self) -> Slot {
        let place = Call::get("/").project(Arc::clone(&self.name));
        Slot {
            client: self.client.clone(),
            collection: place.clone(),
            item: place,
            read_only: ProjectSettings::READ_ONLY,
            set_once: ProjectSettings::SET_ONCE,
        }
    }

    fn named(&self, settings: &ProjectSettings) -> ProjectSettings {
        ProjectSettings { name: self.name.as_ref().to_owned(), ..settings.clone() }
    }

    /// Makes it. It can be used after some seconds.
    ///
    /// # Errors
    ///
    /// [`is_already_there`](crate::Error::is_already_there) also when the name is another account's: to
    /// [`get`](Self::get) it fails then.
    pub async fn create(&self, settings: &ProjectSettings) -> Result<()> {
        self.slot().create(&self.named(settings)).await
    }

    /// Reads what is set.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found) when it is not there.
    pub async fn get(&self) -> Result<ProjectSettings> {
        self.slot().get().await
    }

    /// Changes what is set.
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found) when it is not there.
    pub async fn update(&self, settings: &ProjectSettings) -> Result<()> {
        self.slot().update(&self.named(settings)).await
    }

    /// Removes it, with everything that is in it. Whether it was there.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn delete(&self) -> Result<bool> {
        self.slot().delete().await
    }

    /// Makes it, or makes it so. See [`object`](crate::object).
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn ensure(&self, wanted: &ProjectSettings) -> Result<Ensured> {
        self.slot().ensure(&self.named(wanted)).await
    }

    /// One logstore of it.
    pub fn logstore(&self, name: impl Into<Arc<str>>) -> Logstore {
        Logstore::new(self.clone(), name.into())
    }

    /// Its logstores.
    pub fn logstores(&self) -> Objects<LogstoreSettings> {
        self.objects()
    }

    /// Its dashboards.
    pub fn dashboards(&self) -> Objects<Dashboard> {
        self.objects()
    }

    /// Its saved searches.
    pub fn saved_searches(&self) -> Objects<SavedSearch> {
        self.objects()
    }

    /// Its alerts.
    pub fn alerts(&self) -> Objects<Alert> {
        self.objects()
    }

    /// Its jobs of one type, such as `Alert`, `ScheduledSQL` or `Export`.
    pub fn jobs(&self, kind: impl Into<String>) -> Objects<Job> {
        self.objects().only("jobType", kind)
    }

    /// Its configurations of Logtail.
    pub fn configs(&self) -> Objects<Config> {
        self.objects()
    }

    /// Its configurations of Logtail in the newer form.
    pub fn pipeline_configs(&self) -> Objects<PipelineConfig> {
        self.objects()
    }

    /// Its groups of machines.
    pub fn machine_groups(&self) -> Objects<MachineGroup> {
        self.objects()
    }

    fn objects<T: Object>(&self) -> Objects<T> {
        Objects::new(self.client.clone(), Some(Arc::clone(&self.name)))
    }
}
