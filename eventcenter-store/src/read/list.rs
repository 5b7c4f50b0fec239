//! Lists of events, page by page.
//!
//! A list by time is ordered by when each Event last occurred within the range. Nothing that arrives later moves a
//! page whose range ends before it.
//!
//! There are two ways to find a page. **Walking**: from occurrence to occurrence, in order, looking at each until the
//! page is full; good where many match. **Collecting**: all that match, then sorted; good where an index leads to few.
//! What looks like many is walked for a while, and collected if that does not fill the page.

use eventcenter_core::Result;
use rusqlite::params;

use super::reader::{Failure, Reader, time};
use super::rows::Occurred;
use super::{Reading, micros};
use crate::ask::{EventsAsk, Key, Order, Page, Range, Row};
use crate::search::{Condition, Source, condition, condition_counted};

/// Occurrences that are looked at in one go: some 20 ms. Few in tests, so that they go on often.
const WALK: i64 = if cfg!(test) { 5 } else { 10_000 };
/// Occurrences that are looked at in all, before everything that matches is collected after all.
const WALK_MOST: i64 = 20 * WALK;

/// A row that may be on the page.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    event: i64,
    time: i64,
}

/// See [`EventQuery::events`](crate::EventQuery::events).
pub(super) fn page(reading: &mut Reading, ask: &EventsAsk) -> Result<Page> {
    let limit = ask.limit.clamp(1, ask.bounds.rows.max(1));
    let (_, until) = micros(ask.range);
    let mut places: Vec<usize> = (0..reading.readers.len())
        .filter(|place| reading.readers.get(*place).is_some_and(|r| r.span.from < until))
        .collect();
    if ask.order == Order::Arrival {
        return arrival(reading, ask, &places, limit);
    }
    if ask.order == Order::Newest {
        places.reverse();
    }
    let mut rows: Vec<(Key, Row)> = Vec::new();
    for place in places {
        if rows.len() > limit {
            break;
        }
        by_time(reading, ask, place, limit + 1, &mut rows)?;
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(key, _)| *key);
    Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next })
}

/// Adds rows of one partition until there are `wanted`.
fn by_time(
    reading: &mut Reading,
    ask: &EventsAsk,
    place: usize,
    wanted: usize,
    rows: &mut Vec<(Key, Row)>,
) -> Result<()> {
    let condition = reading.attempt(place, |reader| {
        let many = many(wanted - rows.len(), reader.rows_there()?);
        let condition = condition_counted(reader, &ask.query, Source::Events, many)?;
        Ok((many, condition))
    })?;
    let Some((many, condition)) = condition else { return Ok(()) };
    let mut after = reading.readers.get(place).and_then(|reader| start(reader, ask));
    let mut walked = 0;
    while rows.len() < wanted {
        let want = wanted - rows.len();
        let step = reading.attempt(place, |reader| {
            if is_walked(&condition, many, walked) {
                reader.walk(ask, &condition, after, want)
            } else {
                reader.collect(ask, &condition, after, want)
            }
        })?;
        let Some(Step { found, after: next }) = step else { return Ok(()) };
        walked = match next {
            Some(_) if found.len() < want => walked + WALK,
            _ => walked,
        };
        after = next;
        for candidate in found {
            if let Some(row) = complete(reading, place, candidate, ask.range)? {
                rows.push((Key::Time(time(candidate.time), row.id), row));
            }
        }
        if after.is_none() {
            break;
        }
    }
    Ok(())
}

/// How many rows are too many to be collected. A walk passes, for each row that it finds, as many others as there are to
/// each that matches; to collect a row takes about twice as long as to pass one.
fn many(want: usize, rows_there: i64) -> i64 {
    let want = i64::try_from(want).unwrap_or(i64::MAX);
    (want.saturating_mul(rows_there) / 2).isqrt().max(1)
}

/// Whether to walk on.
fn is_walked(condition: &Condition, many: i64, walked: i64) -> bool {
    condition.hits.is_none_or(|hits| hits >= many) && walked < WALK_MOST
}

/// What a look at a partition has brought.
struct Step {
    found: Vec<Candidate>,
    /// Where to go on; none at the end of the range.
    after: Option<Candidate>,
}

/// Where a partition's rows begin on this page.
fn start(reader: &Reader, ask: &EventsAsk) -> Option<Candidate> {
    let Some(Key::Time(at, id)) = ask.after else { return None };
    let at = at.as_microsecond();
    // A key of another partition lies before everything here, or behind it: its time says so.
    let event = reader.own(id).unwrap_or(match ask.order {
        Order::Newest => i64::MAX,
        Order::Oldest | Order::Arrival => i64::MIN,
    });
    Some(Candidate { event, time: at })
}

/// The row, with what its Event occurred in older partitions; none if a newer partition shows it.
fn complete(
    reading: &mut Reading,
    place: usize,
    candidate: Candidate,
    range: Range,
) -> Result<Option<Row>> {
    let own = reading.attempt(place, |reader| {
        let mark = reader.mark(candidate)?;
        reader.row(candidate.event, mark, reader.occurred(candidate.event, range)?)
    })?;
    let Some(mut row) = own else { return Ok(None) };
    if reading.readers.len() == 1 {
        return Ok(Some(row));
    }
    let identity = reading.attempt(place, |reader| reader.identity(candidate.event))?.flatten();
    let Some(identity) = identity else { return Ok(None) };
    for other in 0..reading.readers.len() {
        if other == place {
            continue;
        }
        let occurred = reading.attempt(other, |reader| match reader.row_of(&identity)? {
            Some(event) => reader.occurred(event, range),
            None => Ok(Occurred::default()),
        })?;
        let occurred = occurred.unwrap_or_default();
        if occurred.count > 0 && other > place {
            return Ok(None);
        }
        row.occurrences += occurred.count;
        row.estimated |= occurred.estimated;
    }
    Ok(Some(row))
}

impl Reader {
    /// The mark of an Event's occurrence at this time.
    fn mark(&self, candidate: Candidate) -> Result<i64, Failure> {
        let sql = "SELECT max(mark) FROM occurrences WHERE event = ?1 AND time = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_row(params![candidate.event, candidate.time], |row| row.get(0))?)
    }

    pub(crate) fn rows_there(&self) -> Result<i64, Failure> {
        let sql = "SELECT coalesce(max(id), 0) FROM events";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Looks at occurrences one after another, [`WALK`] at most.
    fn walk(
        &self,
        ask: &EventsAsk,
        condition: &Condition,
        after: Option<Candidate>,
        want: usize,
    ) -> Result<Step, Failure> {
        let (from, until) = micros(ask.range);
        let (direction, after) = beginning(ask.order, after);
        let steps = format!(
            "SELECT DISTINCT time, event FROM occurrences INDEXED BY occurrences_time
             WHERE time >= {from} AND time < {until} {after}
             ORDER BY time {direction}, event {direction} LIMIT {WALK}"
        );
        // Only the last occurrence within the range places an Event.
        let sql = format!(
            "SELECT w.time, w.event, {condition} AND NOT EXISTS (
                 SELECT 1 FROM occurrences x WHERE x.event = w.event AND x.time > w.time AND x.time < {until})
             FROM ({steps}) w CROSS JOIN events e ON e.id = w.event
             ORDER BY w.time {direction}, w.event {direction}",
            condition = condition.sql,
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let (mut found, mut steps, mut last) = (Vec::new(), 0, None);
        while let Some(row) = rows.next()? {
            steps += 1;
            let candidate = Candidate { time: row.get(0)?, event: row.get(1)? };
            last = Some(candidate);
            if row.get(2)? {
                found.push(candidate);
                if found.len() == want {
                    return Ok(Step { found, after: last });
                }
            }
        }
        Ok(Step { found, after: last.filter(|_| steps == WALK) })
    }

    fn collect(
        &self,
        ask: &EventsAsk,
        condition: &Condition,
        after: Option<Candidate>,
        want: usize,
    ) -> Result<Step, Failure> {
        let (from, until) = micros(ask.range);
        let (direction, after) = beginning(ask.order, after);
        let sql = format!(
            "SELECT time, event FROM (
                 SELECT (SELECT max(x.time) FROM occurrences x
                         WHERE x.event = e.id AND x.time >= {from} AND x.time < {until}) AS time, e.id AS event
                 FROM events e WHERE {condition})
             WHERE time IS NOT NULL {after}
             ORDER BY time {direction}, event {direction} LIMIT {want}",
            condition = condition.sql,
        );
        let mut statement = self.connection.prepare(&sql)?;
        let found = statement
            .query_map([], |row| Ok(Candidate { time: row.get(0)?, event: row.get(1)? }))?;
        let found: Vec<Candidate> = found.collect::<rusqlite::Result<_>>()?;
        let after = found.last().copied().filter(|_| found.len() == want);
        Ok(Step { found, after })
    }

    /// Occurrences in the order of their marks.
    fn arrived(
        &mut self,
        ask: &EventsAsk,
        after: i64,
        want: usize,
    ) -> Result<Vec<(i64, i64)>, Failure> {
        let (from, until) = micros(ask.range);
        let condition = condition(self, &ask.query, Source::Events)?;
        let sql = format!(
            "SELECT x.mark, x.event FROM occurrences x CROSS JOIN events e ON e.id = x.event
             WHERE x.mark > {after} AND x.time >= {from} AND x.time < {until} AND {condition}
             ORDER BY x.mark LIMIT {want}",
            condition = condition.sql,
        );
        let mut statement = self.connection.prepare(&sql)?;
        let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }
}

/// The direction of a list by time, and the condition that it begins behind this candidate.
fn beginning(order: Order, after: Option<Candidate>) -> (&'static str, String) {
    let (compare, direction) = match order {
        Order::Newest => ("<", "DESC"),
        Order::Oldest | Order::Arrival => (">", "ASC"),
    };
    let after = after.map_or(String::new(), |Candidate { event, time }| {
        format!("AND (time, event) {compare} ({time}, {event})")
    });
    (direction, after)
}

fn arrival(reading: &mut Reading, ask: &EventsAsk, places: &[usize], limit: usize) -> Result<Page> {
    let after = match ask.after {
        Some(Key::Mark(mark)) => i64::try_from(mark.0).unwrap_or(i64::MAX),
        Some(Key::Time(..)) | None => i64::MIN,
    };
    let mut found: Vec<(i64, usize, i64)> = Vec::new();
    for place in places {
        let arrived = reading.attempt(*place, |reader| reader.arrived(ask, after, limit + 1))?;
        found.extend(arrived.into_iter().flatten().map(|(mark, event)| (mark, *place, event)));
    }
    found.sort_unstable();
    let more = found.len() > limit;
    found.truncate(limit);
    let mut rows = Vec::with_capacity(found.len());
    for (mark, place, event) in found {
        rows.extend(reading.attempt(place, |reader| {
            reader.row(event, mark, reader.occurred(event, ask.range)?)
        })?);
    }
    let next = rows.last().filter(|_| more).map(|row| Key::Mark(row.mark));
    Ok(Page { rows, next })
}
