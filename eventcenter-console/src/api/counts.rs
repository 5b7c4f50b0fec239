//! How often: over time, by values, and the overview.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use eventcenter_core::config::HumanDuration;
use eventcenter_store::ask::{Counts, CountsAsk, Dimension, Grouping, Range};
use eventcenter_store::overview::{OverviewAsk, overview as told};
use jiff::Timestamp;
use serde::Serialize;

use super::{Reply, json};
use crate::Shared;
use crate::params::{Params, bounds};
use crate::problem::Problem;

/// Buckets of a histogram, at most.
const BUCKETS: i64 = 2000;
/// Lengths of a bucket that people count in, in seconds.
const STEPS: [u64; 14] =
    [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86_400, 7 * 86_400];

/// Values of a facet, at most, and usually.
const MOST_VALUES: usize = 1000;
const VALUES: usize = 10;

/// Over time; with `facets` by values too, for which the matches need not be looked for twice.
pub(crate) async fn histogram(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Reply {
    let known =
        ["query", "cluster", "since", "from", "until", "by", "step", "offset", "facets", "top"];
    let params = Params::read(query.as_deref(), &known)?;
    let range = kept(&shared, params.range(&*shared.clock)?).await?;
    let step = step(params.text("step"), range)?;
    let over_time = Grouping {
        by: params.dimensions("by", &[Dimension::Level])?,
        step: Some(step),
        offset_seconds: params.offset()?,
        top: usize::MAX,
    };
    let by = params.dimensions("facets", &[])?;
    let top = params.number("top", VALUES, MOST_VALUES)?;
    let groupings = by.iter().map(|by| Grouping::top(*by, top)).chain([over_time]).collect();
    let bounds = bounds(&shared.config.limits);
    let ask = CountsAsk { query: params.query()?, range, groupings, bounds };
    let answer = shared.engine.counts(&ask).await?;
    #[derive(Serialize)]
    struct Histogram<'a> {
        range: Range,
        step_seconds: u64,
        #[serde(flatten)]
        counts: Option<&'a Counts>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        facets: Vec<Facet<'a>>,
    }
    let (counts, step_seconds) = (answer.value.last(), step.as_secs());
    let facets = faceted(&by, &answer.value);
    json(&answer, Histogram { range, step_seconds, counts, facets })
}

#[derive(Serialize)]
struct Facet<'a> {
    by: Dimension,
    #[serde(flatten)]
    counts: &'a Counts,
}

/// The first counts of an answer, each with what it is by.
fn faceted<'a>(by: &[Dimension], counts: &'a [Counts]) -> Vec<Facet<'a>> {
    by.iter().zip(counts).map(|(&by, counts)| Facet { by, counts }).collect()
}

pub(crate) async fn facets(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let known = ["query", "cluster", "since", "from", "until", "by", "top"];
    let params = Params::read(query.as_deref(), &known)?;
    let usual = [
        Dimension::Level,
        Dimension::Class,
        Dimension::Reason,
        Dimension::Namespace,
        Dimension::Kind,
        Dimension::Node,
        Dimension::Component,
    ];
    let by = params.dimensions("by", &usual)?;
    let top = params.number("top", VALUES, MOST_VALUES)?;
    let ask = CountsAsk {
        query: params.query()?,
        range: params.range(&*shared.clock)?,
        groupings: by.iter().map(|by| Grouping::top(*by, top)).collect(),
        bounds: bounds(&shared.config.limits),
    };
    let answer = shared.engine.counts(&ask).await?;
    #[derive(Serialize)]
    struct Facets<'a> {
        facets: Vec<Facet<'a>>,
    }
    json(&answer, Facets { facets: faceted(&by, &answer.value) })
}

pub(crate) async fn overview(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Reply {
    let known = ["query", "cluster", "since", "from", "until", "offset"];
    let params = Params::read(query.as_deref(), &known)?;
    let ask = OverviewAsk {
        query: params.query()?,
        range: kept(&shared, params.range(&*shared.clock)?).await?,
        now: shared.clock.now(),
        offset_seconds: params.offset()?,
        bounds: bounds(&shared.config.limits),
    };
    let answer = shared.in_time(told(&*shared.engine, &ask)).await?;
    json(&answer, &answer.value)
}

/// The part of the range in which there is anything: `since=all` begins with the oldest event.
pub(super) async fn kept(shared: &Shared, range: Range) -> Result<Range, Problem> {
    if range.from > Timestamp::MIN {
        return Ok(range);
    }
    let oldest = shared.state().await?.range.map(|kept| kept.from);
    let from = oldest.filter(|oldest| *oldest < range.until);
    Ok(Range { from: from.unwrap_or(Timestamp::UNIX_EPOCH).min(range.until), ..range })
}

/// What is asked for, or a length that makes some hundred buckets.
fn step(text: Option<&str>, range: Range) -> Result<Duration, Problem> {
    let seconds = range.until.duration_since(range.from).as_secs().max(1);
    let Some(text) = text else {
        let fits = |step: &&u64| seconds / i64::try_from(**step).unwrap_or(1) <= 120;
        return Ok(Duration::from_secs(STEPS.iter().find(fits).copied().unwrap_or(30 * 86_400)));
    };
    let step: HumanDuration =
        text.parse().map_err(|error| Problem::bad(format!("`step`: {error}")))?;
    let whole = i64::try_from(step.get().as_secs()).unwrap_or(i64::MAX);
    if whole < 1 || seconds / whole > BUCKETS {
        return Err(Problem::bad(format!(
            "`step` is at least 1s, and makes at most {BUCKETS} buckets of the range"
        )));
    }
    Ok(Duration::from_secs(step.get().as_secs()))
}
