//! Dashboards: charts over queries.
//!
//! The console writes more fields than are documented, and new kinds of charts: who wants one like the console's makes
//! it there, reads it, and changes what he must. At most 100 dashboards a project, 100 charts a dashboard.

use serde::{Deserialize, Serialize};

use crate::object::{Object, Other};

/// A dashboard.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dashboard {
    /// Its name in the API.
    #[serde(rename = "dashboardName")]
    pub name: String,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it shows.
    pub charts: Vec<Chart>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// One chart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chart {
    /// Its name, unique in its dashboard.
    pub title: String,
    /// What kind it is, such as `table`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it asks.
    pub search: Search,
    /// Where it stands and how it looks, as the console wants it.
    pub display: Other,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

/// What a chart asks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Search {
    /// The logstore that is asked.
    pub logstore: String,
    /// Only logs of this topic; empty for all.
    pub topic: String,
    /// The statement.
    pub query: String,
    /// From when, such as `-3600s`.
    pub start: String,
    /// Until when, such as `now`.
    pub end: String,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

impl Dashboard {
    /// An empty one.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// What a listing says of a dashboard.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DashboardItem {
    /// Its name in the API.
    #[serde(rename = "dashboardName")]
    pub name: String,
    /// Its name for people.
    pub display_name: String,
}

impl Object for Dashboard {
    const PATH: &'static str = "/dashboards";
    const LISTED: &'static str = "dashboardItems";
    type Listed = DashboardItem;

    fn name(&self) -> &str {
        &self.name
    }
}
