//! What Logtail (LoongCollector) collects: configurations, and the groups of machines that they are applied to.

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::client::Call;
use crate::error::Result;
use crate::object::{Object, Other};
use crate::project::Project;

/// A configuration in the older form. At most 100 a project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// Its name.
    #[serde(rename = "configName")]
    pub name: String,
    /// `plugin`, `file`, `syslog` or `streamlog`.
    pub input_type: String,
    /// What is collected, in a form of each type.
    pub input_detail: Value,
    /// `LogService`.
    pub output_type: String,
    /// `projectName` and `logstoreName`.
    pub output_detail: Other,
    /// A line as it is collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_sample: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// A configuration in the newer form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineConfig {
    /// Its name.
    #[serde(rename = "configName")]
    pub name: String,
    /// Where it comes from.
    pub inputs: Vec<Value>,
    /// What is done to it.
    pub processors: Vec<Value>,
    /// Where it goes.
    pub flushers: Vec<Value>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// Machines that are configured alike. At most 200 a project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MachineGroup {
    /// Its name.
    #[serde(rename = "groupName")]
    pub name: String,
    /// `ip`, or `userdefined` for names that the machines give themselves.
    #[serde(rename = "machineIdentifyType")]
    pub identified_by: String,
    /// These addresses or names.
    #[serde(rename = "machineList")]
    pub machines: Vec<String>,
    /// `externalName` and `groupTopic`.
    #[serde(rename = "groupAttribute")]
    pub attribute: Other,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// A machine that has said it is there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Its address.
    pub ip: String,
    /// Its own name.
    #[serde(rename = "machine-uniqueid")]
    pub unique_id: String,
    /// The name that it gives itself.
    #[serde(rename = "userdefined-id")]
    pub user_defined_id: String,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

impl Object for Config {
    const PATH: &'static str = "/configs";
    const LISTED: &'static str = "configs";
    type Listed = String;

    fn name(&self) -> &str {
        &self.name
    }
}

impl Object for PipelineConfig {
    const PATH: &'static str = "/pipelineconfigs";
    const LISTED: &'static str = "configs";
    type Listed = Value;

    fn name(&self) -> &str {
        &self.name
    }
}

impl Object for MachineGroup {
    const PATH: &'static str = "/machinegroups";
    const LISTED: &'static str = "machinegroups";
    type Listed = String;

    fn name(&self) -> &str {
        &self.name
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Names {
    configs: Vec<String>,
    machinegroups: Vec<String>,
    machines: Vec<Machine>,
}

impl Project {
    /// Applies a configuration to a group. To do so again changes nothing.
    ///
    /// ```no_run
    /// # async fn example(project: eventcenter_sls::Project) -> eventcenter_sls::Result<()> {
    /// project.apply_config("nodes", "k8s-event").await?;
    /// assert_eq!(project.applied_configs("nodes").await?, ["k8s-event"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_not_found`](crate::Error::is_not_found) when one of the two is not there.
    pub async fn apply_config(&self, group: &str, config: &str) -> Result<()> {
        self.call(applied(group, config)).await.map(drop)
    }

    /// Takes a configuration from a group.
    ///
    /// # Errors
    ///
    /// As for [`apply_config`](Self::apply_config).
    pub async fn remove_config(&self, group: &str, config: &str) -> Result<()> {
        self.call(applied(group, config).method(Method::DELETE)).await.map(drop)
    }

    /// The configurations of a group.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn applied_configs(&self, group: &str) -> Result<Vec<String>> {
        let call = Call::get("/machinegroups").segment(group).words("configs");
        Ok(self.call(call).await?.json::<Names>()?.configs)
    }

    /// The groups of a configuration.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn applied_groups(&self, config: &str) -> Result<Vec<String>> {
        let call = Call::get("/configs").segment(config).words("machinegroups");
        Ok(self.call(call).await?.json::<Names>()?.machinegroups)
    }

    /// The machines of a group that have said they are there; the first 500.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn machines(&self, group: &str) -> Result<Vec<Machine>> {
        let call = Call::get("/machinegroups").segment(group).words("machines");
        let call = call.query("offset", "0").query("size", "500");
        Ok(self.call(call).await?.json::<Names>()?.machines)
    }
}

fn applied(group: &str, config: &str) -> Call {
    Call::put("/machinegroups").segment(group).words("configs").segment(config)
}
