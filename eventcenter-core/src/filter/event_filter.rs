//! A filter, compiled.

use std::collections::BTreeMap;

use super::config::FilterConfig;
use super::pattern::{Pattern, Patterns};
use super::words::{Plain, Words};
use super::{Filter, Verdict};
use crate::config::{ConfigError, KeyPath};
use crate::event::{Event, Level, ObjectRef};
use crate::query::{Node, Query};

/// What client-go's aggregator puts before the message of an event that stands for several.
const COMBINED: &str = "(combined from similar events): ";

/// A compiled [`FilterConfig`]. A test looks at cheap fields first, and allocates nothing but for
/// wildcards, `count`, `workload` and `pod` of a `query`.
#[derive(Debug)]
pub struct EventFilter {
    level: Level,
    fields: Box<[(Field, Words)]>,
    cluster_scoped: bool,
    labels: Box<[Pair]>,
    annotations: Box<[Pair]>,
    message: Option<Words>,
    query: Option<Query>,
}

/// A label's key, and what its value may be.
type Pair = (Box<str>, Words);

/// What a key looks at.
#[derive(Debug, Clone, Copy)]
enum Field {
    Kind,
    Reason,
    Namespace,
    Name,
    Component,
    Host,
}

impl EventFilter {
    /// Compiles a filter.
    ///
    /// # Errors
    ///
    /// When it is empty, has `cluster_scoped` without `namespaces`, a key without a pattern, a kind in lower case, or regular expressions
    /// that are too large together. The error's key is relative to the filter.
    pub fn compile(config: &FilterConfig) -> Result<Self, ConfigError> {
        if config.cluster_scoped && config.namespaces.is_empty() {
            return Err(ConfigError::new(
                KeyPath::root().key("cluster_scoped"),
                "it says whether events about objects without a namespace pass `namespaces`, which is not here",
            ));
        }
        if config.is_empty() {
            return Err(ConfigError::new(
                KeyPath::root(),
                "an empty filter takes every event; leave it out if that is meant",
            ));
        }
        if config.query.as_ref().is_some_and(|query| *query.tree() == Node::All) {
            return Err(ConfigError::new(
                KeyPath::root().key("query"),
                "this statement finds every event; leave it out if that is meant",
            ));
        }
        if let Some(kind) = config.kinds.as_slice().iter().find_map(lower_case) {
            return Err(ConfigError::new(
                KeyPath::root().key("kinds"),
                format!(
                    "{kind:?} would match nothing: a kind is written as in a manifest, such as Pod"
                ),
            ));
        }
        let mut fields = Vec::new();
        for (key, field, patterns) in [
            ("kinds", Field::Kind, &config.kinds),
            ("reasons", Field::Reason, &config.reasons),
            ("namespaces", Field::Namespace, &config.namespaces),
            ("names", Field::Name, &config.names),
            ("components", Field::Component, &config.components),
            ("hosts", Field::Host, &config.hosts),
        ] {
            if !patterns.is_empty() {
                let words = words(patterns, Plain::Equals, || KeyPath::root().key(key))?;
                fields.push((field, words));
            }
        }
        let message = (!config.message.is_empty())
            .then(|| words(&config.message, Plain::Contains, || KeyPath::root().key("message")))
            .transpose()?;
        Ok(Self {
            level: config.level.unwrap_or(Level::Normal),
            fields: fields.into(),
            cluster_scoped: config.cluster_scoped,
            labels: pairs("labels", &config.labels)?,
            annotations: pairs("annotations", &config.annotations)?,
            message,
            query: config.query.clone(),
        })
    }

    /// Whether the event is wanted.
    pub fn matches(&self, event: &Event) -> bool {
        let object = event.object();
        event.level() >= self.level
            && self.fields.iter().all(|(field, words)| self.field(*field, words, event, &object))
            && self.labels.iter().all(|pair| has(event.labels(), pair))
            && self.annotations.iter().all(|pair| has(event.annotations(), pair))
            && self.message.as_ref().is_none_or(|words| {
                let message = event.message();
                words.take(message.strip_prefix(COMBINED).unwrap_or(message))
            })
            && self.query.as_ref().is_none_or(|query| query.matches(event))
    }

    fn field(&self, field: Field, words: &Words, event: &Event, object: &ObjectRef<'_>) -> bool {
        match field {
            Field::Namespace if object.is_cluster_scoped() => self.cluster_scoped,
            Field::Namespace => words.take(object.namespace),
            Field::Kind => words.take(object.kind),
            Field::Name => words.take(object.name),
            Field::Reason => words.take(event.reason()),
            Field::Component => words.take(event.component()),
            Field::Host => words.take(event.host()),
        }
    }
}

impl Filter for EventFilter {
    fn test(&self, event: &Event) -> Verdict {
        if self.matches(event) { Verdict::Match } else { Verdict::Miss }
    }
}

/// A kind that is lower case, such as `pod`: kinds are CamelCase by convention, and a route that never matches is
/// noticed late. (A kind that does begin so is found by `/^pod$/`.)
fn lower_case(kind: &Pattern) -> Option<&str> {
    match kind {
        Pattern::Text(kind) if kind.starts_with(|c: char| c.is_ascii_lowercase()) => Some(kind),
        _ => None,
    }
}

fn words(
    patterns: &Patterns,
    plain: Plain,
    key: impl FnOnce() -> KeyPath,
) -> Result<Words, ConfigError> {
    Words::compile(patterns, plain).map_err(|message| ConfigError::new(key(), message))
}

fn pairs(key: &str, pairs: &BTreeMap<String, Patterns>) -> Result<Box<[Pair]>, ConfigError> {
    pairs
        .iter()
        .map(|(name, patterns)| {
            let path = || KeyPath::root().key(key).key(name);
            if patterns.is_empty() {
                return Err(ConfigError::new(path(), "no pattern is given; \"*\" takes any value"));
            }
            Ok((name.as_str().into(), words(patterns, Plain::Equals, path)?))
        })
        .collect()
}

fn has<'a>(mut pairs: impl Iterator<Item = (&'a str, &'a str)>, (key, words): &Pair) -> bool {
    pairs.any(|(name, value)| *name == **key && words.take(value))
}

#[cfg(test)]
mod tests;
