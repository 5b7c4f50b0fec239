//! The life of a Pod, told from its events: also of one that is long gone.
//!
//! A pure function over an engine's answers. A Pod is asked for by name or by uid. A name may have had several
//! **lives**, one a uid (a StatefulSet gives its Pods the same name for ever); each is told by itself, oldest first.
//!
//! A life is drawn in **lanes**: what the scheduler, volumes, network, images, each container, probes, and its end
//! had to say, beside it what its controller said of it, and what happened to its node meanwhile. Each Event is a
//! point of its lane, with every rise of its count.
//!
//! **Durations** are differences of event times, which Kubernetes writes in whole seconds; how long a pull took is
//! what the kubelet says it took. A restart is a `Started` beyond the first of a container; if that Event had been
//! counted by others before it was first seen here, there may be more.
//!
//! **Steps** cut its beginning into what it waited for; **findings** say what is wrong with it.
//!
//! An event about the Pod that has no uid belongs to the life that had begun by then.

mod findings;
mod lane;
mod life;
mod steps;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use eventcenter_core::query::{quoted, tokens};
use eventcenter_core::{Query, Result};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use findings::{Cause, Finding, FindingKind};
pub use lane::{Lane, LaneKind, Moment, Point};
pub use life::{Container, Durations, End, Life, Pull};
pub use steps::{Step, StepKind};

use crate::ask::{Answer, Bounds, EventQuery, EventsAsk, Order, Page, Range, Row, RowId};
use crate::asker::moments;
use crate::statement::parsed;

/// Asks for a Pod's life.
#[derive(Debug, Clone)]
pub struct LifecycleAsk {
    /// The cluster's id or name.
    pub cluster: String,
    /// Which Pod.
    pub pod: PodChoice,
    /// From when until when.
    pub range: Range,
    /// What each question to the engine may cost. With more events than its rows, the oldest are told.
    pub bounds: Bounds,
}

/// Which Pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodChoice {
    /// All lives under this name.
    Name {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// One life.
    Uid(String),
}

/// See the [module](self).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lifecycle {
    /// The Pod's namespace; empty if nothing is known of it.
    pub namespace: String,
    /// The Pod's name; empty if nothing is known of it.
    pub name: String,
    /// Oldest first; none if nothing is known of it.
    pub lives: Vec<Life>,
    /// Whether there are more events than were told.
    pub truncated: bool,
}

/// Events of a node that are told beside one life.
const NODE_EVENTS: usize = 200;

/// Asks `engine` for a Pod's life.
///
/// # Errors
///
/// Those of [`EventQuery`].
pub async fn lifecycle(engine: &dyn EventQuery, ask: &LifecycleAsk) -> Result<Answer<Lifecycle>> {
    let teller = Teller { engine, ask };
    let which = match &ask.pod {
        PodChoice::Name { namespace, name } => {
            format!("name : {} and namespace : {}", quoted(name), quoted(namespace))
        }
        PodChoice::Uid(uid) => format!("uid : {}", quoted(uid)),
    };
    let found =
        teller.events(&format!("{which} and kind : Pod"), ask.range, ask.bounds.rows).await?;
    let Answer { value: Page { mut rows, next }, gaps, unread } = found;
    let mut told = Lifecycle { truncated: next.is_some(), ..Lifecycle::default() };
    match (&ask.pod, rows.first()) {
        (PodChoice::Name { namespace, name }, _) => {
            told.namespace.clone_from(namespace);
            told.name.clone_from(name);
        }
        (PodChoice::Uid(_), Some(row)) => {
            row.event.object().namespace.clone_into(&mut told.namespace);
            row.event.object().name.clone_into(&mut told.name);
        }
        (PodChoice::Uid(_), None) => return Ok(Answer { value: told, gaps, unread }),
    }

    if rows.is_empty() {
        return Ok(Answer { value: told, gaps, unread });
    }
    // Others speak of it by name; there is nothing to look for in a name without a letter or a digit.
    let is_named = tokens(&told.name).next().is_some();
    if is_named {
        rows.extend(teller.kills(&told).await?);
    }
    let points = teller.points(&rows).await?;
    told.lives = lives(&rows, points);
    if let PodChoice::Uid(uid) = &ask.pod {
        told.lives.retain(|life| life.uid == *uid);
    }
    if is_named {
        teller.tell_of_owner(&mut told).await?;
    }
    let newest = told.lives.len().saturating_sub(1);
    for (place, life) in told.lives.iter_mut().enumerate() {
        teller.tell_of_node(life, place == newest).await?;
    }
    told.lives.iter_mut().for_each(Life::conclude);
    Ok(Answer { value: told, gaps, unread })
}

/// Puts the questions of one life.
struct Teller<'a> {
    engine: &'a dyn EventQuery,
    ask: &'a LifecycleAsk,
}

impl Teller<'_> {
    async fn events(&self, which: &str, range: Range, limit: usize) -> Result<Answer<Page>> {
        let query: Arc<Query> =
            parsed(&format!("cluster : {} and ({which})", quoted(&self.ask.cluster)))?;
        let (order, bounds) = (Order::Oldest, self.ask.bounds);
        self.engine.events(&EventsAsk { query, range, order, after: None, limit, bounds }).await
    }

    /// OOM kills that are told about the node, where the message says that it was this Pod.
    async fn kills(&self, told: &Lifecycle) -> Result<Vec<Row>> {
        let pod = quoted(&format!("{}/{}", told.namespace, told.name));
        let which = format!("pod : {pod} and class : PodOOM and kind : Node");
        let mut rows = self.events(&which, self.ask.range, self.ask.bounds.rows).await?.value.rows;
        rows.retain(|row| {
            row.pod
                .as_ref()
                .is_some_and(|pod| pod.namespace == told.namespace && pod.name == told.name)
        });
        Ok(rows)
    }

    /// What each row occurred in the range.
    async fn points(&self, rows: &[Row]) -> Result<HashMap<RowId, Vec<Moment>>> {
        moments(self.engine, rows, self.ask.range, self.ask.bounds).await
    }

    /// When its controller created and deleted it.
    async fn tell_of_owner(&self, told: &mut Lifecycle) -> Result<()> {
        let which = format!(
            "message : {} and namespace : {} and (reason : SuccessfulCreate or reason : SuccessfulDelete)",
            quoted(&told.name),
            quoted(&told.namespace)
        );
        let mut rows = self.events(&which, self.ask.range, self.ask.bounds.rows).await?.value.rows;
        rows.retain(|row| names(row.event.message(), &told.name));
        let mut points = self.points(&rows).await?;
        for row in &rows {
            for moment in points.remove(&row.id).unwrap_or_default() {
                let creates = row.event.reason() == "SuccessfulCreate";
                // A life is created before its first event, and deleted after it.
                let life = if creates {
                    let slack = SignedDuration::from_secs(1);
                    told.lives.iter_mut().find(|life| life.from + slack >= moment.at)
                } else {
                    told.lives.iter_mut().rev().find(|life| life.from <= moment.at)
                };
                if let Some(life) = life {
                    if creates {
                        let object = row.event.object();
                        life.owner = Some(format!("{}/{}", object.kind, object.name));
                    }
                    life.add(LaneKind::Controller, "", Point::new(row, vec![moment]));
                }
            }
        }
        Ok(())
    }

    /// What happened to its node meanwhile. A node that goes down takes the word from its Pods: of the newest life, if
    /// it has no end, until the end of the range.
    async fn tell_of_node(&self, life: &mut Life, is_newest: bool) -> Result<()> {
        if life.node.is_empty() {
            return Ok(());
        }
        let which = format!("kind : Node and name : {}", quoted(&life.node));
        let mut until = life.until.checked_add(SignedDuration::from_secs(1)).unwrap_or(life.until);
        if is_newest && life.ending().is_none() {
            until = until.max(self.ask.range.until);
        }
        let meanwhile = Range { from: life.from, until };
        let rows = self.events(&which, meanwhile, NODE_EVENTS).await?.value.rows;
        let mut points = self.points(&rows).await?;
        for row in &rows {
            let mut moments = points.remove(&row.id).unwrap_or_default();
            moments.retain(|moment| meanwhile.contains(moment.at));
            let known = life.lanes.iter().flat_map(|lane| &lane.points).any(|p| p.id == row.id);
            if !moments.is_empty() && !known {
                life.add(LaneKind::Node, "", Point::new(row, moments));
            }
        }
        Ok(())
    }
}

/// Whether a name stands in a message as a whole word.
fn names(message: &str, name: &str) -> bool {
    message.split([' ', ':', ',', '"']).any(|word| word == name)
}

/// One life for each uid, oldest first; events without one belong to the life that had begun by then.
fn lives(rows: &[Row], mut points: HashMap<RowId, Vec<Moment>>) -> Vec<Life> {
    let mut by_uid: BTreeMap<&str, Life> = BTreeMap::new();
    let mut loose: Vec<(&Row, Vec<Moment>)> = Vec::new();
    for row in rows {
        let moments = points.remove(&row.id).unwrap_or_default();
        if moments.is_empty() {
            continue;
        }
        match uid(row) {
            "" => loose.push((row, moments)),
            uid => by_uid.entry(uid).or_insert_with(|| Life::new(uid)).take(row, moments),
        }
    }
    let mut lives: Vec<Life> = by_uid.into_values().collect();
    lives.sort_by_key(|life| life.from);
    for (row, moments) in loose {
        let first = moments.first().map_or(Timestamp::MIN, |moment| moment.at);
        if lives.is_empty() {
            lives.push(Life::new(""));
        }
        let begun = lives.iter().rposition(|life| life.from <= first).unwrap_or(0);
        if let Some(life) = lives.get_mut(begun) {
            life.take(row, moments);
        }
    }
    lives
}

/// The uid of the Pod that a row is about; empty where it is not known.
fn uid(row: &Row) -> &str {
    match &row.pod {
        Some(pod) if !pod.uid.is_empty() => &pod.uid,
        _ if row.event.object().kind == "Pod" => row.event.object().uid,
        _ => "",
    }
}

#[cfg(test)]
mod tests;
