//! Core components: what the cluster itself is made of, and how it is.
//!
//! A pure function over an engine's answers. Core is what the overview calls so: the objects of `kube-system`, and the
//! tasks of managed node pools (`NLC.*`). A **component** is the workload that an event is about
//! (`Deployment/coredns`); where that cannot be told, it is who reported it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use eventcenter_core::{Level, Query, Result};
use jiff::Timestamp;
use serde::Serialize;

use crate::ask::{
    Answer, Bounds, Counts, Dimension, EventQuery, Group, Grouping, Range, Row as Found,
};
use crate::asker::Asker;
use crate::overview::{CORE, Levels, Sample, trend_step};

/// Asks for core components.
#[derive(Debug, Clone)]
pub struct ComponentsAsk {
    /// Of which events: `*`, a cluster's, or some levels'.
    pub query: Arc<Query>,
    /// From when until when.
    pub range: Range,
    /// Offset of the reader's time zone from UTC, in seconds: where the buckets begin.
    pub offset_seconds: i32,
    /// What each question to the engine may cost.
    pub bounds: Bounds,
}

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Components {
    /// From when until when.
    pub range: Range,
    /// The search statement of everything here.
    pub statement: String,
    /// Occurrences by level.
    pub levels: Levels,
    /// The length of a bucket, in seconds.
    pub step_seconds: u64,
    /// Components with most occurrences, over time; the last is the rest, if there is one, without a name.
    pub by_component: Vec<Series>,
    /// The same by reason.
    pub by_reason: Vec<Series>,
    /// What happened to which: known faults first, then by level, then by number.
    pub rows: Vec<Row>,
    /// The newest tasks of managed node pools, newest first.
    pub tasks: Vec<Sample>,
}

/// One part of a stack over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Series {
    /// Whose; empty for the rest.
    pub name: String,
    /// All of it.
    pub total: u64,
    /// Oldest first; buckets without occurrences are left out.
    pub buckets: Vec<(Timestamp, u64)>,
}

/// Occurrences of one reason at one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The workload; else who reported it.
    pub component: String,
    /// The workload; empty where that cannot be told.
    pub workload: String,
    /// Who reported it.
    pub reporter: String,
    /// Why.
    pub reason: String,
    /// How bad it is.
    pub level: String,
    /// The known fault; empty where it is none.
    pub class: String,
    /// How often.
    pub count: u64,
    /// The newest of it, where it is among the newest events of all.
    pub newest: Option<Sample>,
}

/// Series of a stack, the rest not counted.
const SERIES: usize = 7;
/// Rows of the table.
const ROWS: usize = 300;
/// Events in which the newest of each row is looked for.
const NEWEST: usize = 1000;
/// Tasks of node pools.
const TASKS: usize = 50;

/// Asks `engine` for core components.
///
/// # Errors
///
/// Those of [`EventQuery`].
pub async fn components(
    engine: &dyn EventQuery,
    ask: &ComponentsAsk,
) -> Result<Answer<Components>> {
    let asker = Asker { engine, query: &ask.query, range: ask.range, bounds: ask.bounds };
    let core = asker.narrowed(CORE)?;
    let step = trend_step(ask.range);
    let over_time =
        |by| Grouping { by, step: Some(step), offset_seconds: ask.offset_seconds, top: usize::MAX };
    let table = vec![
        Dimension::Workload,
        Dimension::Component,
        Dimension::Reason,
        Dimension::Level,
        Dimension::Class,
    ];
    let groupings = vec![
        Grouping::top(Dimension::Level, usize::MAX),
        over_time(vec![Dimension::Workload, Dimension::Component]),
        over_time(vec![Dimension::Reason]),
        Grouping { by: table, ..Grouping::total() },
    ];
    let answer = asker.counts(&core, groupings).await?;
    let counts = |place: usize| answer.value.get(place).cloned().unwrap_or_default();
    let mut rows = rows(counts(3));
    if !rows.is_empty() {
        let newest = asker.newest(&core, NEWEST).await?;
        tell_newest(&mut rows, &newest.rows);
    }
    let tasks = asker.newest(&asker.narrowed("reason : NLC.*")?, TASKS).await?;
    let told = Components {
        range: ask.range,
        statement: CORE.to_owned(),
        levels: crate::overview::levels_of(answer.value.first()),
        step_seconds: step.as_secs(),
        by_component: series(&counts(1)),
        by_reason: series(&counts(2)),
        rows,
        tasks: tasks.rows.iter().map(Sample::from).collect(),
    };
    Ok(answer.map(|_| told))
}

/// The first of these values that says something.
fn name(values: &[String]) -> &str {
    values.iter().map(String::as_str).find(|value| !value.is_empty()).unwrap_or_default()
}

/// The names with most occurrences, and the rest.
fn series(counts: &Counts) -> Vec<Series> {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for Group { values, count, .. } in &counts.groups {
        *totals.entry(name(values)).or_default() += count;
    }
    let mut names: Vec<_> = totals.into_iter().filter(|(name, _)| !name.is_empty()).collect();
    names.sort_by_key(|(_, total)| std::cmp::Reverse(*total));
    names.truncate(SERIES);
    let places: HashMap<&str, usize> =
        names.iter().enumerate().map(|(place, (name, _))| (*name, place)).collect();
    let mut buckets: Vec<BTreeMap<Timestamp, u64>> = vec![BTreeMap::new(); names.len() + 1];
    for Group { values, at, count } in &counts.groups {
        let place = places.get(name(values)).copied().unwrap_or(names.len());
        if let (Some(at), Some(buckets)) = (at, buckets.get_mut(place)) {
            *buckets.entry(*at).or_default() += count;
        }
    }
    let names = names.iter().map(|(name, _)| *name).chain([""]);
    let told = names.zip(buckets).map(|(name, buckets)| Series {
        name: name.to_owned(),
        total: buckets.values().sum(),
        buckets: buckets.into_iter().collect(),
    });
    told.filter(|series| series.total > 0).collect()
}

fn rows(counts: Counts) -> Vec<Row> {
    let told = counts.groups.into_iter().filter_map(|Group { values, count, .. }| {
        let [workload, reporter, reason, level, class] = <[String; 5]>::try_from(values).ok()?;
        let component = if workload.is_empty() { reporter.clone() } else { workload.clone() };
        Some(Row { component, workload, reporter, reason, level, class, count, newest: None })
    });
    let mut rows: Vec<Row> = told.collect();
    let badness = |level: &str| match level {
        level if level == Level::Error.as_str() => 0,
        level if level == Level::Warning.as_str() => 1,
        _ => 2,
    };
    // The sort is stable: they come with most occurrences first.
    rows.sort_by_key(|row| (row.class.is_empty(), badness(&row.level)));
    rows.truncate(ROWS);
    rows
}

/// `newest` come newest first.
fn tell_newest(rows: &mut [Row], newest: &[Found]) {
    let mut first: HashMap<(String, &str, &str, &str), &Found> = HashMap::new();
    for found in newest {
        let event = &found.event;
        let workload = found.workload.clone().unwrap_or_default();
        let key = (workload, event.component(), event.reason(), event.level().as_str());
        first.entry(key).or_insert(found);
    }
    for row in rows {
        let key = (row.workload.clone(), &*row.reporter, &*row.reason, &*row.level);
        row.newest = first.get(&key).map(|found| Sample::from(*found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::scene::{Said, Scene, time};
    use serde_json::json;

    fn system(name: &str) -> serde_json::Value {
        json!({"kind": "Deployment", "namespace": "kube-system", "name": name, "uid": name})
    }

    #[tokio::test]
    async fn known_faults_come_first_and_each_reason_is_counted_at_its_component() {
        let mut scene = Scene::new();
        let say = |at, reason| Said::new(at, reason, "m").about(system("coredns"));
        for at in ["01:00:00", "01:01:00", "02:00:00"] {
            scene.say(&say(at, "ScalingReplicaSet").by("deployment-controller"));
        }
        scene.say(&say("02:00:00", "Slow").warning());
        scene.say(&say("03:00:00", "FailedMount").warning());
        let task = json!({"kind": "Node", "name": "worker-1", "uid": "worker-1"});
        let task = Said::new("04:00:00", "NLC.Task.RestartECS.Fail", "m").about(task);
        scene.say(&task.warning().by("nlc"));
        scene.say(&Said::new("05:00:00", "Unhealthy", "not core").warning());
        let ask = ComponentsAsk {
            query: Arc::new(Query::all()),
            range: Range { from: time("00:00:00"), until: time("12:00:00") },
            offset_seconds: 0,
            bounds: Bounds::default(),
        };
        let told = components(&scene.store, &ask).await.expect("components").value;
        assert_eq!(told.levels, Levels { normal: 3, warning: 2, error: 1 });
        let rows: Vec<_> =
            told.rows.iter().map(|row| (&*row.component, &*row.reason, row.count)).collect();
        assert_eq!(rows[0], ("Deployment/coredns", "FailedMount", 1));
        assert_eq!(rows[3], ("Deployment/coredns", "ScalingReplicaSet", 3));
        assert!(rows.contains(&("nlc", "NLC.Task.RestartECS.Fail", 1)), "{rows:?}");
        assert_eq!(told.rows[3].newest.as_ref().map(|newest| newest.at), Some(time("02:00:00")));
        assert_eq!(told.tasks.len(), 1);
        let coredns = &told.by_component[0];
        assert_eq!((&*coredns.name, coredns.total), ("Deployment/coredns", 5));
        assert_eq!(coredns.buckets.iter().map(|(_, count)| count).sum::<u64>(), 5);
    }

    #[test]
    fn what_is_beyond_the_series_is_the_rest() {
        let at = Some(time("00:00:00"));
        let groups = (1..=9).map(|n| Group { values: vec![format!("r{n}")], at, count: n });
        let told = series(&Counts { groups: groups.collect(), ..Counts::default() });
        let totals: Vec<_> = told.iter().map(|series| (&*series.name, series.total)).collect();
        assert_eq!(totals.first(), Some(&("r9", 9)));
        assert_eq!(totals.last(), Some(&("", 3)), "r1 and r2");
    }
}
