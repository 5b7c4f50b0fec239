//! The machine, as far as credentials are looked for on it: passed in, so that tests have one of their own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Secret;
use crate::clock::{Clock, SystemClock};

/// Where the metadata service of ECS is, on every machine of Alibaba Cloud.
const METADATA: &str = "http://100.100.100.200";

/// Variables, files, services and the clock of a machine.
#[derive(Clone)]
pub struct Surroundings {
    variables: Variables,
    root: PathBuf,
    metadata: String,
    sts: Option<String>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
enum Variables {
    Process,
    Told(Arc<BTreeMap<String, Secret>>),
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            variables: Variables::Process,
            root: PathBuf::from("/"),
            metadata: METADATA.to_owned(),
            sts: None,
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for Surroundings {
    /// Without variables, some of which are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Surroundings {
    /// These of this process.
    pub fn new() -> Self {
        Self::default()
    }

    /// These variables instead of the process's.
    #[must_use]
    pub fn variables<K: Into<String>, V: Into<Secret>>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let pair = |(name, value): (K, V)| (name.into(), value.into());
        self.variables = Variables::Told(Arc::new(variables.into_iter().map(pair).collect()));
        self
    }

    /// Looks for absolute paths below this folder. Default `/`.
    #[must_use]
    pub fn root(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = root.into();
        self
    }

    /// Where the metadata service of ECS is. Default `http://100.100.100.200`.
    #[must_use]
    pub fn metadata(mut self, url: impl Into<String>) -> Self {
        self.metadata = url.into();
        self
    }

    /// Where the Security Token Service is. By default `ALIBABA_CLOUD_STS_REGION` and
    /// `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED` say; without them `https://sts.aliyuncs.com`.
    #[must_use]
    pub fn sts(mut self, url: impl Into<String>) -> Self {
        self.sts = Some(url.into());
        self
    }

    /// What time it is. Default: this machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// A variable; an empty one is none.
    pub(super) fn variable(&self, name: &str) -> Option<Secret> {
        let value = match &self.variables {
            Variables::Process => std::env::var(name).ok().map(Secret::from),
            Variables::Told(told) => told.get(name).cloned(),
        };
        value.filter(|value| !value.reveal().is_empty())
    }

    /// A variable that is no secret.
    pub(super) fn plain(&self, name: &str) -> Option<String> {
        self.variable(name).map(|value| value.reveal().to_owned())
    }

    /// Whether a variable says yes.
    pub(super) fn is_set(&self, name: &str) -> bool {
        let yes = |value: &Secret| matches!(value.reveal().to_lowercase().as_str(), "true" | "1");
        self.variable(name).as_ref().is_some_and(yes)
    }

    /// Where an absolute path is; others stay as they are.
    pub(super) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        path.strip_prefix("/").map_or_else(|_| path.to_owned(), |path| self.root.join(path))
    }

    /// A file in the home folder.
    pub(super) fn at_home(&self, path: &str) -> Option<PathBuf> {
        Some(self.path(self.plain("HOME")?).join(path))
    }

    pub(super) fn metadata_url(&self, path: &str) -> String {
        format!("{}/latest/{path}", self.metadata.trim_end_matches('/'))
    }

    pub(super) fn sts_url(&self) -> String {
        if let Some(url) = &self.sts {
            return url.clone();
        }
        let region = self.plain("ALIBABA_CLOUD_STS_REGION");
        match (region, self.is_set("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED")) {
            (Some(region), true) => format!("https://sts-vpc.{region}.aliyuncs.com"),
            (Some(region), false) => format!("https://sts.{region}.aliyuncs.com"),
            (None, _) => "https://sts.aliyuncs.com".to_owned(),
        }
    }

    pub(super) fn clock_of(&self) -> &Arc<dyn Clock> {
        &self.clock
    }
}
