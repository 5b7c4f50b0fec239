//! What stands behind the `?`: read once, and whatever is unknown or wrong is named.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::config::HumanDuration;
use eventcenter_core::query::quoted;
use eventcenter_core::{Clock, Query};
use eventcenter_store::ask::{Bounds, Dimension, Key, Order, Range, RowId};
use jiff::Timestamp;

use crate::config::LimitsConfig;
use crate::cursor;
use crate::problem::Problem;

/// Without `since` or `from`, this much is looked at.
const USUAL: Duration = Duration::from_secs(24 * 3600);

/// The parameters of a request.
#[derive(Debug)]
pub(crate) struct Params(BTreeMap<String, String>);

impl Params {
    /// Reads them; `known` are those that the request may have.
    pub(crate) fn read(query: Option<&str>, known: &[&str]) -> Result<Self, Problem> {
        let mut params = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let name = name.escape_debug();
                let detail = format!("unknown parameter `{name}`; known here: {known}");
                return Err(Problem::bad(detail));
            }
            if params.insert(name.clone().into_owned(), value.into_owned()).is_some() {
                return Err(Problem::bad(format!("`{name}` is given twice")));
            }
        }
        Ok(Self(params))
    }

    /// For a request that has none.
    pub(crate) fn none(query: Option<&str>) -> Result<(), Problem> {
        Self::read(query, &[]).map(drop)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The statement as it was written.
    pub(crate) fn statement(&self) -> &str {
        self.text("query").unwrap_or_default()
    }

    /// `query`, narrowed to `cluster`.
    pub(crate) fn query(&self) -> Result<Arc<Query>, Problem> {
        self.narrowed(Query::parse(self.statement())?, "cluster")
    }

    /// `query`, narrowed to the value of the parameter `key`, which is a key of statements too; itself without one.
    pub(crate) fn narrowed(&self, query: Query, key: &str) -> Result<Arc<Query>, Problem> {
        let narrowed = match self.text(key) {
            Some(value) => query.and(&format!("{key} : {}", quoted(value)))?,
            None => query,
        };
        Ok(Arc::new(narrowed))
    }

    /// `since`, or `from` and `until`.
    pub(crate) fn range(&self, clock: &dyn Clock) -> Result<Range, Problem> {
        let now = clock.now();
        if self.text("since").is_some() && self.text("from").is_some() {
            let detail = "`since` and `from` are two ways to say the same; give one";
            return Err(Problem::bad(detail).code("two-ranges"));
        }
        let back = |back| Range::back(now, back);
        let usual = back(Some(USUAL));
        let from = match (self.text("since"), self.time("from")?) {
            (Some("all"), _) => back(None).from,
            (Some(since), _) => {
                let since: HumanDuration = since
                    .parse()
                    .map_err(|error| Problem::bad(format!("`since`: {error}, or all")))?;
                back(Some(since.get())).from
            }
            (None, Some(from)) => from,
            (None, None) => usual.from,
        };
        let until = self.time("until")?.unwrap_or(usual.until);
        if from >= until {
            let detail = "the range is empty: it begins at or after its end";
            return Err(Problem::bad(detail).code("empty-range"));
        }
        Ok(Range { from, until })
    }

    fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let seconds =
            || text.parse::<i64>().ok().and_then(|second| Timestamp::from_second(second).ok());
        text.parse().ok().or_else(seconds).map(Some).ok_or_else(|| {
            let detail =
                format!("`{name}` is no time; write 2026-11-25T01:02:03Z, or seconds since 1970");
            Problem::bad(detail).code("no-time").value("name", name)
        })
    }

    pub(crate) fn number(&self, name: &str, usual: usize, most: usize) -> Result<usize, Problem> {
        match self.text(name) {
            None => Ok(usual),
            Some(text) => text
                .parse()
                .ok()
                .filter(|number| (1..=most).contains(number))
                .ok_or_else(|| Problem::bad(format!("`{name}` is a number from 1 to {most}"))),
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::bad(format!("`{name}` is true or false"))),
        }
    }

    /// Characters of a message, at most.
    pub(crate) fn cut(&self) -> Result<usize, Problem> {
        self.number("cut", usize::MAX, 1_000_000)
    }

    /// Offset of the reader's time zone from UTC, in seconds.
    pub(crate) fn offset(&self) -> Result<i32, Problem> {
        match self.text("offset") {
            None => Ok(0),
            Some(text) => {
                text.parse().ok().filter(|offset: &i32| offset.abs() <= 86_400).ok_or_else(|| {
                    Problem::bad("`offset` is a time zone's offset from UTC in seconds")
                })
            }
        }
    }

    pub(crate) fn order(&self) -> Result<Order, Problem> {
        match self.text("order") {
            None | Some("newest") => Ok(Order::Newest),
            Some("oldest") => Ok(Order::Oldest),
            Some("arrival") => Ok(Order::Arrival),
            Some(_) => Err(Problem::bad("`order` is newest, oldest or arrival")),
        }
    }

    /// Where to go on: what a page gave as `next`, or in a list by time any time, with what happened then.
    pub(crate) fn after(&self, order: Order) -> Result<Option<Key>, Problem> {
        let Some(text) = self.text("after") else { return Ok(None) };
        let before = |time| match order {
            Order::Newest => Key::Time(time, RowId(i64::MAX)),
            Order::Oldest | Order::Arrival => Key::Time(time, RowId(i64::MIN)),
        };
        // Stores keep microseconds.
        let time =
            || Timestamp::from_microsecond(text.parse::<Timestamp>().ok()?.as_microsecond()).ok();
        let key = cursor::decode(text).or_else(|| time().map(before));
        let fits = |key: &Key| matches!(key, Key::Mark(_)) == (order == Order::Arrival);
        key.filter(fits)
            .map(Some)
            .ok_or_else(|| Problem::bad("`after` is not what a page of this list gave as `next`"))
    }

    /// One or more dimensions, joined by commas.
    pub(crate) fn dimensions(
        &self,
        name: &str,
        usual: &[Dimension],
    ) -> Result<Vec<Dimension>, Problem> {
        let Some(text) = self.text(name) else { return Ok(usual.to_vec()) };
        let dimension = |value: &str| {
            serde_json::from_value(value.trim().into()).map_err(|_| {
                Problem::bad(format!(
                    "`{name}` is one of cluster, level, class, reason, namespace, kind, object, node, component, workload"
                ))
            })
        };
        text.split(',').map(dimension).collect()
    }
}

/// What an answer may cost.
pub(crate) fn bounds(limits: &LimitsConfig) -> Bounds {
    Bounds { deadline: limits.deadline.get(), ..Bounds::default() }
}
