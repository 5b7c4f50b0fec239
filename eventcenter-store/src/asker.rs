//! Questions that are alike, put to an engine one after another: of one statement, over one range.

use std::collections::HashMap;
use std::sync::Arc;

use eventcenter_core::{Query, Result};

use crate::ask::{
    Answer, Bounds, Counts, CountsAsk, EventQuery, EventsAsk, Grouping, Occurrence, OccurrencesAsk,
    Order, Page, Range, Row, RowId,
};
use crate::lifecycle::Moment;
use crate::statement::narrowed;

/// Puts the questions of one page.
#[derive(Clone, Copy)]
pub(crate) struct Asker<'a> {
    pub(crate) engine: &'a dyn EventQuery,
    /// What all of them are narrowed from.
    pub(crate) query: &'a Arc<Query>,
    pub(crate) range: Range,
    pub(crate) bounds: Bounds,
}

impl<'a> Asker<'a> {
    /// The same, over another range.
    pub(crate) fn over(self, range: Range) -> Self {
        Self { range, ..self }
    }

    /// What the questions are about, narrowed.
    pub(crate) fn narrowed(&self, more: &str) -> Result<Arc<Query>> {
        narrowed(self.query, more)
    }

    /// How often these occurred, in groups.
    pub(crate) async fn counts(
        &self,
        query: &Arc<Query>,
        groupings: Vec<Grouping>,
    ) -> Result<Answer<Vec<Counts>>> {
        let ask =
            CountsAsk { query: query.clone(), range: self.range, groupings, bounds: self.bounds };
        self.engine.counts(&ask).await
    }

    /// The newest of these, newest first.
    pub(crate) async fn newest(&self, query: &Arc<Query>, limit: usize) -> Result<Page> {
        let ask = EventsAsk {
            query: query.clone(),
            range: self.range,
            order: Order::Newest,
            after: None,
            limit,
            bounds: self.bounds,
        };
        Ok(self.engine.events(&ask).await?.value)
    }

    /// When each of these occurred in the range.
    pub(crate) async fn moments(&self, rows: &[Row]) -> Result<HashMap<RowId, Vec<Moment>>> {
        moments(self.engine, rows, self.range, self.bounds).await
    }
}

/// When each of these occurred in a range, oldest first.
pub(crate) async fn moments(
    engine: &dyn EventQuery,
    rows: &[Row],
    range: Range,
    bounds: Bounds,
) -> Result<HashMap<RowId, Vec<Moment>>> {
    let ids = rows.iter().map(|row| row.id).collect();
    let ask = OccurrencesAsk { ids, range, bounds };
    let mut moments: HashMap<RowId, Vec<Moment>> = HashMap::new();
    for Occurrence { id, at, rise, estimated } in engine.occurrences(&ask).await?.value {
        moments.entry(id).or_default().push(Moment { at, rise, estimated });
    }
    Ok(moments)
}
