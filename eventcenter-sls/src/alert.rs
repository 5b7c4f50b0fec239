//! Alerts: a query that is asked on a schedule, and what is said of its answer.
//!
//! An alert is a *job* of the type `Alert`. The API has two doors to it, `/alerts` (used by [`Alert`]) and `/jobs`
//! ([`Job`], which also has exports, transformations and scheduled queries). Whether an alert is on is read in `status`
//! and changed by [`enable`](crate::object::Objects::enable) and [`disable`](crate::object::Objects::disable) alone.
//! What an alert does with what it found (policies, actions, people) are [resource records](crate::resource).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::object::{Object, Objects, Other};

/// How bad it is.
pub mod severity {
    /// To be read some day.
    pub const REPORT: u8 = 2;
    /// Little.
    pub const LOW: u8 = 4;
    /// Some.
    pub const MEDIUM: u8 = 6;
    /// Much.
    pub const HIGH: u8 = 8;
    /// Everything.
    pub const CRITICAL: u8 = 10;
}

/// A job of any type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Job {
    /// Its name in the API.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Such as `Alert`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it does.
    pub configuration: Value,
    /// When it does it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// `ENABLED` or `DISABLED`, as the service says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// An alert.
///
/// ```no_run
/// use eventcenter_sls::alert::{Alert, AlertQuery, Condition, Schedule, severity};
///
/// # async fn example(project: eventcenter_sls::Project) -> eventcenter_sls::Result<()> {
/// let mut alert = Alert::new("k8s-oom", "Pod OOM", Schedule::every("1m"));
/// let statement = "level: Warning and OOM | select count(1) as cnt";
/// alert.configuration.query_list.push(AlertQuery::over("k8s-log-c1", "k8s-event", statement));
/// let condition = Condition::new(severity::HIGH, "cnt > 0");
/// alert.configuration.severity_configurations.push(condition);
/// project.alerts().ensure(&alert).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Alert {
    /// Its name in the API.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it asks, and when that is an alert.
    pub configuration: AlertConfiguration,
    /// When it asks.
    pub schedule: Schedule,
    /// `ENABLED` or `DISABLED`, as the service says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// What an alert asks, and when that is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertConfiguration {
    /// `2.0`; the older ones have other fields.
    pub version: String,
    /// `default`, or `tpl` for one of a template.
    #[serde(rename = "type")]
    pub kind: String,
    /// The dashboard that it belongs to.
    #[serde(default)]
    pub dashboard: String,
    /// What it asks.
    #[serde(default)]
    pub query_list: Vec<AlertQuery>,
    /// Which answers are an alert, and how bad that is; the first that fits counts.
    #[serde(default)]
    pub severity_configurations: Vec<Condition>,
    /// How many times in a row.
    #[serde(default = "one")]
    pub threshold: u32,
    /// Whether no answer at all is an alert.
    #[serde(default)]
    pub no_data_fire: bool,
    /// Whether to say when it is over.
    #[serde(default)]
    pub send_resolved: bool,
    /// What is said, as `key` and `value`.
    #[serde(default)]
    pub annotations: Vec<Tag>,
    /// What it is known by.
    #[serde(default)]
    pub labels: Vec<Tag>,
    /// All else: joins, groups, policies.
    #[serde(flatten)]
    pub other: Other,
}

/// A key and its value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value, in which `${field}` is a field of the answer.
    pub value: String,
}

/// One query of an alert.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlertQuery {
    /// `log`, `metric` or `meta`.
    pub store_type: String,
    /// The project that is asked.
    pub project: String,
    /// The logstore that is asked.
    pub store: String,
    /// The statement.
    pub query: String,
    /// `Relative`, `Truncated` or `Custom`.
    pub time_span_type: String,
    /// From when, such as `-5m`.
    pub start: String,
    /// Until when, such as `now`.
    pub end: String,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// When an answer is an alert.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// How bad it is: see [`severity`].
    pub severity: u8,
    /// `condition`, such as `cnt > 0`, and `countCondition`, such as `__count__ > 0`.
    pub eval_condition: Other,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// When a job runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Schedule {
    /// `FixedRate`, `Hourly`, `Daily`, `Weekly`, `Cron`, `DryRun` or `Resident`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Such as `1m`, for `FixedRate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// For `Cron`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron_expression: Option<String>,
    /// Such as `+0800`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

fn one() -> u32 {
    1
}

impl Default for AlertConfiguration {
    fn default() -> Self {
        Self {
            version: "2.0".to_owned(),
            kind: "default".to_owned(),
            dashboard: "internal-alert-analysis".to_owned(),
            query_list: Vec::new(),
            severity_configurations: Vec::new(),
            threshold: 1,
            no_data_fire: false,
            send_resolved: false,
            annotations: Vec::new(),
            labels: Vec::new(),
            other: Other::new(),
        }
    }
}

impl Alert {
    /// An alert without queries.
    pub fn new(name: impl Into<String>, display: impl Into<String>, schedule: Schedule) -> Self {
        Self { name: name.into(), display_name: display.into(), schedule, ..Self::default() }
    }
}

impl AlertQuery {
    /// A statement over the last five minutes of a logstore.
    pub fn over(
        project: impl Into<String>,
        logstore: impl Into<String>,
        query: impl Into<String>,
    ) -> Self {
        Self {
            store_type: "log".to_owned(),
            project: project.into(),
            store: logstore.into(),
            query: query.into(),
            time_span_type: "Relative".to_owned(),
            start: "-5m".to_owned(),
            end: "now".to_owned(),
            other: Other::new(),
        }
    }
}

impl Condition {
    /// An alert when any row of the answer meets `condition`; an empty one is met by all.
    pub fn new(severity: u8, condition: impl Into<String>) -> Self {
        let mut eval_condition = Other::new();
        eval_condition.insert("condition".to_owned(), condition.into().into());
        eval_condition.insert("countCondition".to_owned(), "__count__ > 0".into());
        Self { severity, eval_condition, other: Other::new() }
    }
}

impl Schedule {
    /// Again and again, such as every `1m`.
    pub fn every(interval: impl Into<String>) -> Self {
        let (kind, interval) = ("FixedRate".to_owned(), Some(interval.into()));
        Self { kind, interval, ..Self::default() }
    }
}

impl Object for Alert {
    const PATH: &'static str = "/alerts";
    const LISTED: &'static str = "results";
    const READ_ONLY: &'static [&'static str] =
        &["createTime", "lastModifyTime", "lastModifiedTime", "state", "status"];
    type Listed = Self;

    fn name(&self) -> &str {
        &self.name
    }
}

impl Object for Job {
    const PATH: &'static str = "/jobs";
    const LISTED: &'static str = "results";
    const READ_ONLY: &'static [&'static str] =
        &["createTime", "lastModifyTime", "lastModifiedTime", "state", "status"];
    type Listed = Self;

    fn name(&self) -> &str {
        &self.name
    }
}

/// What can be switched on and off.
pub trait Switched: Object {}

impl Switched for Alert {}
impl Switched for Job {}

impl<T: Switched> Objects<T> {
    /// Switches it on.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn enable(&self, name: &str) -> Result<()> {
        self.act(name, "enable").await
    }

    /// Switches it off.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn disable(&self, name: &str) -> Result<()> {
        self.act(name, "disable").await
    }
}
