//! The finder of Pods: by a part of a name, of a namespace, of a workload or of a node; also those that are gone.
//!
//! A pure function over an engine's answers. A Pod is one whose events are kept: the one that something happened to
//! last comes first. What it lately was is said by its newest event that matches; its levels count all of its events
//! in the range.
//!
//! Pods are found by reading events, newest first, and leaving out the Pods that are known: each question brings at
//! least one that is new, and there are at most eight. So a Pod with a million events costs as much as one with
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
    let mut found = Found { limit, ..Found::default() };
    let mut lacks: Option<Answer<()>> = None;
    for _ in 0..ROUNDS {
        let page = EventsAsk {
            query: found.others(&matching)?,
            range: ask.range,
            order: Order::Newest,
            after: None,
            limit: ROWS.min(ask.bounds.rows),
            bounds: ask.bounds,
        };
        let page = engine.events(&page).await?;
        found.more = page.value.next.is_some();
        page.value.rows.iter().for_each(|row| found.take(row));
        lacks.get_or_insert(page.map(|_| ()));
        if !found.more || found.pods.len() >= limit {
            break;
        }
    }
    let Found { mut pods, more, .. } = found;
    for pod in &mut pods {
        count(engine, ask, pod).await?;
    }
    let answer = lacks.unwrap_or_else(|| Answer::whole(()));
    Ok(answer.map(|()| Pods { pods, more }))
}

/// What was found so far.
#[derive(Default)]
struct Found {
    pods: Vec<FoundPod>,
    /// Their places.
    known: HashMap<Key, usize>,
    limit: usize,
    more: bool,
}

impl Found {
    /// The statement, without the Pods that are known.
    fn others(&self, matching: &Arc<Query>) -> Result<Arc<Query>> {
        if self.pods.is_empty() {
            return Ok(matching.clone());
        }
        let known: Vec<_> = self.pods.iter().map(FoundPod::which).collect();
        narrowed(matching, &format!("not ({})", known.join(" or ")))
    }

    fn take(&mut self, row: &Row) {
        let key = key(row);
        let place = self.known.get(&key).copied();
        if let Some(pod) = place.and_then(|place| self.pods.get_mut(place)) {
            pod.learn(row);
        } else if self.pods.len() < self.limit {
            self.known.insert(key, self.pods.len());
            self.pods.push(FoundPod::new(row));
        } else {
            // That there is one more than was asked for is all that is to be known of it.
            self.more = true;
        }
    }
}

/// All that occurred to a Pod, kills that are told about its node included. One question a Pod: an index leads to its
/// events, where a question for all of them would read the whole range.
async fn count(engine: &dyn EventQuery, ask: &PodsAsk, pod: &mut FoundPod) -> Result<()> {
    let counts = CountsAsk {
        query: parsed(&pod.which())?,
        range: ask.range,
        groupings: vec![Grouping::top(Dimension::Level, usize::MAX)],
        bounds: ask.bounds,
    };
    for group in engine.counts(&counts).await?.value.iter().flat_map(|counts| &counts.groups) {
        pod.levels.add(group.values.first().map_or("", String::as_str), group.count);
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

    /// The statement that finds its events.
    fn which(&self) -> String {
        let name = quoted(&format!("{}/{}", self.namespace, self.name));
        format!("(cluster : {} and pod : {name})", quoted(&self.cluster))
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
