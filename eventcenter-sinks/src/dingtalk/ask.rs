//! Who is called by a message: `at`, by rule.

use std::collections::BTreeSet;

use eventcenter_core::{Batch, Error, ErrorKind, KeyPath, Query, Result};
use serde::Deserialize;

/// Calls these people when an event matches.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct AtConfig {
    /// A search statement. Default every event.
    pub query: Option<String>,
    /// By the numbers of their telephones, as DingTalk knows them. They must be in the group.
    pub mobiles: Vec<String>,
    /// By their user ids.
    pub users: Vec<String>,
    /// Everybody.
    pub all: bool,
}

/// The rules of [`AtConfig`], read.
#[derive(Debug)]
pub(super) struct At(Vec<(Query, AtConfig)>);

/// Who is called by one message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Called {
    pub(super) mobiles: BTreeSet<String>,
    pub(super) users: BTreeSet<String>,
    pub(super) all: bool,
}

impl At {
    pub(super) fn compile(name: &str, rules: Vec<AtConfig>) -> Result<Self> {
        let compiled = rules.into_iter().enumerate().map(|(place, rule)| {
            let key = |key: &str| KeyPath::root().key("at").index(place).key(key);
            let query =
                Query::parse(rule.query.as_deref().unwrap_or_default()).map_err(|error| {
                    Error::new(name, ErrorKind::Config, error.to_string()).in_setting(key("query"))
                })?;
            if !rule.all && rule.mobiles.is_empty() && rule.users.is_empty() {
                let error =
                    Error::new(name, ErrorKind::Config, "this calls nobody: mobiles, users or all");
                return Err(error.in_setting(KeyPath::root().key("at").index(place)));
            }
            Ok((query, rule))
        });
        compiled.collect::<Result<_>>().map(Self)
    }

    pub(super) fn called(&self, batch: &Batch) -> Called {
        let mut called = Called::default();
        let rules = self
            .0
            .iter()
            .filter(|(query, _)| batch.events().iter().any(|event| query.matches(event)));
        for (_, rule) in rules {
            called.mobiles.extend(rule.mobiles.iter().cloned());
            called.users.extend(rule.users.iter().cloned());
            called.all |= rule.all;
        }
        called
    }
}
