//! Saved searches: statements with a name. At most 100 a project.

use serde::{Deserialize, Serialize};

use crate::object::{Object, Other};

/// A saved search.
///
/// ```no_run
/// use eventcenter_sls::saved_search::SavedSearch;
/// # async fn example(project: eventcenter_sls::Project) -> eventcenter_sls::Result<()> {
/// let warnings = SavedSearch::new("k8s-warning", "k8s-event", "level: Warning");
/// project.saved_searches().ensure(&warnings).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SavedSearch {
    /// Its name in the API, 3 to 63 characters.
    #[serde(rename = "savedsearchName")]
    pub name: String,
    /// Its name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The logstore that is asked.
    pub logstore: String,
    /// Only logs of this topic; empty for all.
    pub topic: String,
    /// The statement.
    #[serde(rename = "searchQuery")]
    pub query: String,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

impl SavedSearch {
    /// A statement over one logstore.
    pub fn new(
        name: impl Into<String>,
        logstore: impl Into<String>,
        query: impl Into<String>,
    ) -> Self {
        let (name, logstore, query) = (name.into(), logstore.into(), query.into());
        Self { name, logstore, query, ..Self::default() }
    }
}

impl Object for SavedSearch {
    const PATH: &'static str = "/savedsearches";
    const LISTED: &'static str = "savedsearches";
    type Listed = String;

    fn name(&self) -> &str {
        &self.name
    }
}
