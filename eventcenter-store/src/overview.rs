//! The overview: what happened, what is worse than usual, and what to look at first.
//!
//! A pure function over an engine's answers: everything that ACK's event overview shows (totals, Errors today against
//! yesterday and last week, trend, OOM kills of Pods, GPU Xids, core components), and what asks for attention beside
//! it. Numbers are occurrences.
//!
//! **Days** begin at midnight of the reader's time zone, given as its offset from UTC now: on the day on which the
//! clocks change, yesterday is off by that hour. A day is compared *up to the same moment*: at 9 in the morning, with
//! yesterday until 9 in the morning.
//!
//! **Core components** are what the cluster itself is made of: the objects of `kube-system`, and the tasks of
//! managed node pools (`NLC.*`), level Warning and above.

mod details;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::{Level, Query, Result};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use details::{PodOom, Sample, Trouble, Xid, Xids};
pub(crate) use details::{pod_ooms, xids};

use crate::ask::{Answer, Bounds, Counts, Dimension, EventQuery, Group, Grouping, Range};
use crate::asker::Asker;

/// Asks for an overview.
#[derive(Debug, Clone)]
pub struct OverviewAsk {
    /// Of which events: `*`, or a cluster's.
    pub query: Arc<Query>,
    /// From when until when.
    pub range: Range,
    /// Now: today is the day of it, whatever the range.
    pub now: Timestamp,
    /// Offset of the reader's time zone from UTC, in seconds.
    pub offset_seconds: i32,
    /// What each question to the engine may cost.
    pub bounds: Bounds,
}

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// From when until when.
    pub range: Range,
    /// All occurrences in the range.
    pub total: u64,
    /// Of these, how many are estimates.
    pub estimated: u64,
    /// By level.
    pub levels: Levels,
    /// By known fault, most first; without those that are none.
    pub classes: Vec<Group>,
    /// By cluster, most first.
    pub clusters: Vec<Group>,
    /// Errors of today, and of the days it is compared with.
    pub errors: Compared,
    /// Warnings, likewise.
    pub warnings: Compared,
    /// Over time, by level.
    pub trend: Trend,
    /// Most frequent reasons of level Warning and above.
    pub reasons: Counts,
    /// Namespaces with most occurrences of level Warning and above.
    pub namespaces: Counts,
    /// Workloads, likewise.
    pub workloads: Counts,
    /// Nodes, likewise.
    pub nodes: Counts,
    /// Pods of which a process was killed for want of memory, newest first.
    pub pod_ooms: Vec<PodOom>,
    /// GPU faults.
    pub xids: Xids,
    /// Core components: reasons, and the newest events.
    pub core: Trouble,
    /// Images that could not be pulled: namespaces, and the newest events.
    pub image_pulls: Trouble,
    /// Pods that could not be placed, likewise.
    pub scheduling: Trouble,
    /// Probes that failed, likewise.
    pub probes: Trouble,
}

/// Occurrences by level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Levels {
    /// Of level Normal.
    pub normal: u64,
    /// Of level Warning.
    pub warning: u64,
    /// Of level Error.
    pub error: u64,
}

impl Levels {
    pub(crate) fn add(&mut self, level: &str, count: u64) {
        if level == Level::Error.as_str() {
            self.error += count;
        } else if level == Level::Warning.as_str() {
            self.warning += count;
        } else {
            self.normal += count;
        }
    }
}

/// A number of today beside those of other days, each from midnight up to the same moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Since midnight.
    pub today: u64,
    /// Of the day before.
    pub yesterday: u64,
    /// Of the same weekday, seven days ago.
    pub last_week: u64,
}

/// Occurrences over time, by level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trend {
    /// The length of a bucket, in seconds.
    pub step_seconds: u64,
    /// Oldest first; buckets without occurrences are left out.
    pub buckets: Vec<Bucket>,
}

/// One bucket of a [`Trend`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// When it begins.
    pub at: Timestamp,
    /// What occurred in it.
    pub levels: Levels,
}

/// Entries of a ranking.
const TOP: usize = 10;
/// Rows of a table of details.
const DETAILS: usize = 50;
/// What is worth a look.
const NOTABLE: &str = "level >= Warning";
/// What is said of core components, of whatever level.
pub(crate) const CORE: &str = "namespace : kube-system or reason : NLC.*";

/// Asks `engine` for everything that an overview shows.
///
/// # Errors
///
/// Those of [`EventQuery`].
pub async fn overview(engine: &dyn EventQuery, ask: &OverviewAsk) -> Result<Answer<Overview>> {
    let step = trend_step(ask.range);
    let all = Asker { engine, query: &ask.query, range: ask.range, bounds: ask.bounds };
    let notable = all.narrowed(NOTABLE)?;
    let mut trend = Grouping::over_time(Dimension::Level, step);
    trend.offset_seconds = ask.offset_seconds;
    let whole = all
        .counts(
            &ask.query,
            vec![
                Grouping::top(Dimension::Level, usize::MAX),
                Grouping::top(Dimension::Class, usize::MAX),
                Grouping::top(Dimension::Cluster, TOP),
                trend,
            ],
        )
        .await?;
    let tops = [Dimension::Reason, Dimension::Namespace, Dimension::Workload, Dimension::Node];
    let tops = tops.map(|by| Grouping::top(by, TOP)).to_vec();
    let tops = all.counts(&notable, tops).await?;

    let mut days = [Levels::default(); 3];
    for (levels, back) in days.iter_mut().zip([0, 1, 7]) {
        let range = day_until(ask.now, ask.offset_seconds, back);
        let groups = vec![Grouping::top(Dimension::Level, usize::MAX)];
        let counts = all.over(range).counts(&notable, groups).await?;
        *levels = levels_of(counts.value.first());
    }

    let mut whole_counts = whole.value.into_iter();
    let (levels, classes, clusters, trend) = (
        whole_counts.next().unwrap_or_default(),
        whole_counts.next().unwrap_or_default(),
        whole_counts.next().unwrap_or_default(),
        whole_counts.next().unwrap_or_default(),
    );
    let mut tops = tops.value.into_iter();
    let [reasons, namespaces, workloads, nodes] =
        [(); 4].map(|()| without_unnamed(tops.next().unwrap_or_default()));
    let overview = Overview {
        range: ask.range,
        total: levels.total,
        estimated: levels.estimated,
        levels: levels_of(Some(&levels)),
        classes: without_unnamed(classes).groups,
        clusters: clusters.groups,
        errors: compared(&days, |levels| levels.error),
        warnings: compared(&days, |levels| levels.warning),
        trend: Trend { step_seconds: step.as_secs(), buckets: buckets(&trend) },
        reasons,
        namespaces,
        workloads,
        nodes,
        pod_ooms: pod_ooms(&all).await?,
        xids: xids(&all).await?,
        core: details::trouble(&all, &format!("{NOTABLE} and ({CORE})"), Dimension::Reason).await?,
        image_pulls: details::trouble(&all, details::IMAGE_PULLS, Dimension::Namespace).await?,
        scheduling: details::trouble(&all, details::SCHEDULING, Dimension::Namespace).await?,
        probes: details::trouble(&all, details::PROBES, Dimension::Namespace).await?,
    };
    Ok(Answer { value: overview, gaps: whole.gaps, unread: whole.unread })
}

/// Buckets so that at most 120 make the range.
pub(crate) fn trend_step(range: Range) -> Duration {
    const STEPS: [u64; 10] = [60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400, 604_800, 2_592_000];
    let seconds = range.until.as_second().saturating_sub(range.from.as_second());
    let seconds = u64::try_from(seconds).unwrap_or(0);
    let step = STEPS.into_iter().find(|step| seconds / step <= 120);
    Duration::from_secs(step.unwrap_or(seconds / 120))
}

/// The day that began so many days before today's midnight, up to this moment of it.
fn day_until(now: Timestamp, offset_seconds: i32, days_back: i64) -> Range {
    let since_midnight = (now.as_second() + i64::from(offset_seconds)).rem_euclid(86_400);
    let back = SignedDuration::from_hours(24 * days_back);
    let until = now.checked_sub(back).unwrap_or(Timestamp::MIN);
    let midnight = Timestamp::from_second(until.as_second() - since_midnight);
    Range { from: midnight.unwrap_or(Timestamp::MIN), until }
}

pub(crate) fn levels_of(counts: Option<&Counts>) -> Levels {
    let mut levels = Levels::default();
    for group in counts.iter().flat_map(|counts| &counts.groups) {
        levels.add(group.values.first().map_or("", String::as_str), group.count);
    }
    levels
}

fn compared(days: &[Levels; 3], of: impl Fn(&Levels) -> u64) -> Compared {
    let [today, yesterday, last_week] = days;
    Compared { today: of(today), yesterday: of(yesterday), last_week: of(last_week) }
}

/// Events that have no such value are no entry of a ranking, but stay in its total.
pub(crate) fn without_unnamed(mut counts: Counts) -> Counts {
    counts.groups.retain(|group| group.values.iter().all(|value| !value.is_empty()));
    counts
}

pub(crate) fn buckets(counts: &Counts) -> Vec<Bucket> {
    let mut buckets: BTreeMap<Timestamp, Levels> = BTreeMap::new();
    for group in &counts.groups {
        if let (Some(at), Some(level)) = (group.at, group.values.first()) {
            buckets.entry(at).or_default().add(level, group.count);
        }
    }
    buckets.into_iter().map(|(at, levels)| Bucket { at, levels }).collect()
}

#[cfg(test)]
mod tests;
