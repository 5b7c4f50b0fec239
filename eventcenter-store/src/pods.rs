//! The finder of Pods: by a part of a name, of a namespace, of a workload or of a node; also those that are gone.
//!
//! A pure function over an engine's answers. A Pod is one whose events are kept: the one that something happened to
//! last comes first. What it lately was is said by its newest event that matches; its levels count all of its events
//! in the range.
//!
//! Pods are found by reading events, newest first, and leaving out the Pods that are known: each question brings at
//! least one that is new, and there are at most [`ROUNDS`]. So a Pod with a million events costs as much as one with
//! ten.

use std::collections::HashMap;
use std::sync::Arc;

use eventcenter_core::query::quoted;
use eventcenter_core::{Level, Query, Result};
use jiff::Timestamp;
use serde::Serialize;

use crate::ask::{
    Answer, Bounds, CountsAsk, Dimension, EventQuery, EventsAsk, Grouping, Order, Range, Row,
};
use crate::overview::Levels;
use crate::statement::{narrowed, parsed};

/// Asks for Pods.
#[derive(Debug, Clone)]
pub struct PodsAsk {
    /// Which of their events: `*`, or a cluster's, or Warnings alone.
    pub query: Arc<Query>,
    /// Parts of names, with spaces between: a Pod has all of them in its name, namespace, workload or node.
    /// `shop/web` is a namespace's end and a name's beginning, or a workload. `*` and `?` are wildcards.
    pub text: String,
    /// From when until when.
    pub range: Range,
    /// So many Pods, at most [`MOST`].
    pub limit: usize,
    /// What each question to the engine may cost.
    pub bounds: Bounds,
}

/// Pods of one answer, at most: a statement has room to name so many.
pub const MOST: usize = 50;
/// Words of a text that are looked at.
const WORDS: usize = 8;
/// Questions that one search may put.
const ROUNDS: usize = 8;
/// Events of one question.
const ROWS: usize = 300;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pods {
    /// The one with the newest event first.
    pub pods: Vec<FoundPod>,
    /// Whether there are more.
    pub more: bool,
}

/// One Pod: all lives under its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundPod {
    /// The cluster's id.
    pub cluster: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The workload it belongs to, where that can be told.
    pub workload: Option<String>,
    /// The node it was seen on; empty where that is not known.
    pub node: String,
    /// When the newest of its events that match occurred.
    pub at: Timestamp,
    /// How bad that one is.
    pub level: Level,
    /// Why.
    pub reason: String,
    /// The text for people. Untrusted.
    pub message: String,
    /// All that occurred to it in the range.
    pub levels: Levels,
}

type Key = (String, String, String);

/// Asks `engine` for Pods.
///
/// # Errors
///
/// Those of [`EventQuery`].
pub async fn pods(engine: &dyn EventQuery, ask: &PodsAsk) -> Result<Answer<Pods>> {
    let limit = ask.limit.clamp(1, MOST);
    let mut which = String::from("kind : Pod");
    for word in ask.text.split_whitespace().take(WORDS) {
        which.push_str(" and ");
        which.push_str(&has(word));
    }
    let matching = narrowed(&ask.query, &which)?;
    let mut found: Vec<FoundPod> = Vec::new();
    let mut known: HashMap<Key, usize> = HashMap::new();
    let mut answer: Option<Answer<()>> = None;
    let mut more = true;
    for _ in 0..ROUNDS {
        let query = match found.as_slice() {
            [] => matching.clone(),
            known => narrowed(&matching, &format!("not ({})", either(known)))?,
        };
        let page = EventsAsk {
            query,
            range: ask.range,
            order: Order::Newest,
            after: None,
            limit: ROWS.min(ask.bounds.rows),
            bounds: ask.bounds,
        };
        let page = engine.events(&page).await?;
        for row in &page.value.rows {
            match known.get(&key(row)) {
                Some(place) => {
                    if let Some(pod) = found.get_mut(*place) {
                        pod.learn(row);
                    }
                }
                None if found.len() < limit => {
                    known.insert(key(row), found.len());
                    found.push(FoundPod::new(row));
                }
                // One more than was asked for: that is all that is to be known of it.
                None => continue,
            }
        }
        let seen = page.value.rows.iter().any(|row| !known.contains_key(&key(row)));
        more = seen || page.value.next.is_some();
        answer.get_or_insert(page.map(|_| ()));
        if !more || found.len() >= limit {
            break;
        }
    }
    count(engine, ask, &mut found, &known).await?;
    let answer = answer.unwrap_or_else(|| Answer::whole(()));
    Ok(answer.map(|()| Pods { pods: found, more }))
}

/// All that occurred to the Pods that were found.
async fn count(
    engine: &dyn EventQuery,
    ask: &PodsAsk,
    found: &mut [FoundPod],
    known: &HashMap<Key, usize>,
) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let by = vec![Dimension::Cluster, Dimension::Object, Dimension::Level];
    let counts = CountsAsk {
        query: parsed(&format!("kind : Pod and ({})", either(found)))?,
        range: ask.range,
        groupings: vec![Grouping { by, ..Grouping::total() }],
        bounds: ask.bounds,
    };
    for group in engine.counts(&counts).await?.value.iter().flat_map(|counts| &counts.groups) {
        let [cluster, object, level] = group.values.as_slice() else { continue };
        let mut parts = object.splitn(3, '/').skip(1).map(str::to_owned);
        let (Some(namespace), Some(name)) = (parts.next(), parts.next()) else { continue };
        let place = known.get(&(cluster.clone(), namespace, name));
        if let Some(pod) = place.and_then(|place| found.get_mut(*place)) {
            pod.levels.add(level, group.count);
        }
    }
    Ok(())
}

impl FoundPod {
    fn new(row: &Row) -> Self {
        let (cluster, namespace, name) = key(row);
        let event = &row.event;
        Self {
            cluster,
            namespace,
            name,
            workload: row.workload.clone(),
            node: event.host().to_owned(),
            at: event.time(),
            level: event.level(),
            reason: event.reason().to_owned(),
            message: event.message().to_owned(),
            levels: Levels::default(),
        }
    }

    /// An older event may know what the newest does not say.
    fn learn(&mut self, row: &Row) {
        if self.node.is_empty() {
            row.event.host().clone_into(&mut self.node);
        }
        if self.workload.is_none() {
            self.workload.clone_from(&row.workload);
        }
    }
}

fn key(row: &Row) -> Key {
    let object = row.event.object();
    (row.event.cluster().id.clone(), object.namespace.to_owned(), object.name.to_owned())
}

/// One of these Pods.
fn either(pods: &[FoundPod]) -> String {
    let pod = |pod: &FoundPod| {
        let name = quoted(&format!("{}/{}", pod.namespace, pod.name));
        format!("(cluster : {} and pod : {name})", quoted(&pod.cluster))
    };
    pods.iter().map(pod).collect::<Vec<_>>().join(" or ")
}

/// A Pod that has this word in one of its names.
fn has(word: &str) -> String {
    let word = pattern(word);
    match word.split_once('/') {
        Some((namespace, name)) => {
            format!("(workload : *{word}* or (namespace : *{namespace} and name : {name}*))")
        }
        None => {
            let keys = ["name", "namespace", "workload", "node"];
            let any: Vec<_> = keys.iter().map(|key| format!("{key} : *{word}*")).collect();
            format!("({})", any.join(" or "))
        }
    }
}

/// A word without anything that is an operator of statements: what no name holds is any one character.
fn pattern(word: &str) -> String {
    let known = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '_' | '/' | '*' | '?');
    word.chars().take(253).map(|c| if known(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests;
