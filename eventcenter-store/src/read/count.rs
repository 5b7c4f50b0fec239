//! Counts of occurrences, in groups.
//!
//! A grouping that asks for nothing but what the sums of a partition are kept by, of a query that does neither, is
//! answered from those: whole days and hours from theirs, the minutes beside them from the minutes, and what is left of
//! the first and the last minute from the occurrences. All other groupings are counted from the occurrences. Groupings
//! that read the same do so in one pass; what it yields is [tallied](Tally) by all that any of them asks for.

mod tally;

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use eventcenter_core::{Level, Result};
use tally::{Coded, Tally};

use super::reader::{Failure, Reader, time};
use super::{Reading, micros};
use crate::ask::{Counts, CountsAsk, Dimension, Group, Grouping};
use crate::search::{FEW, MANY, Source, condition, condition_counted, labels_of};
use crate::store::rollup::{Label, TABLES, Table};

/// A bucket and values, to what occurred; times in microseconds.
type Groups = BTreeMap<(Option<i64>, Vec<String>), u64>;

#[derive(Debug, Default)]
struct Sums {
    groups: Groups,
    total: u64,
    estimated: u64,
}

/// See [`EventQuery::counts`](crate::EventQuery::counts).
pub(super) fn counts(reading: &mut Reading, ask: &CountsAsk) -> Result<Vec<Counts>> {
    let mut sums: Vec<Sums> = ask.groupings.iter().map(|_| Sums::default()).collect();
    let (from, until) = micros(ask.range);
    for place in 0..reading.readers.len() {
        let found = reading.attempt(place, |reader| {
            let (from, until) = (from.max(reader.span.from), until.min(reader.span.until));
            if from < until { reader.count(ask, from, until) } else { Ok(Vec::new()) }
        })?;
        for (sum, found) in sums.iter_mut().zip(found.unwrap_or_default()) {
            for (key, count) in found.groups {
                *sum.groups.entry(key).or_default() += count;
            }
            sum.total += found.total;
            sum.estimated += found.estimated;
        }
    }
    Ok(sums.into_iter().zip(&ask.groupings).map(|(sum, grouping)| told(sum, grouping)).collect())
}

fn told(sums: Sums, grouping: &Grouping) -> Counts {
    let Sums { groups, total, estimated } = sums;
    let mut groups: Vec<Group> = groups
        .into_iter()
        .map(|((at, values), count)| Group { values, at: at.map(time), count })
        .collect();
    let mut others = 0;
    if grouping.step.is_none() {
        // The sort is stable: equal counts stand in the order of their values.
        groups.sort_by_key(|group| Reverse(group.count));
        let top = grouping.top.min(groups.len());
        others = groups.drain(top..).map(|group| group.count).sum();
    }
    Counts { groups, others, total, estimated }
}

/// A piece of time, and the table that its sums are in; none for the occurrences.
#[derive(Debug, Clone, Copy)]
struct Piece {
    table: Option<&'static Table>,
    from: i64,
    until: i64,
}

/// Cuts a range into pieces for tables of ever shorter buckets; what is left is counted from the occurrences.
fn pieces(from: i64, until: i64, tables: &[&'static Table]) -> Vec<Piece> {
    let Some((table, rest)) = tables.split_first() else {
        return if from < until { vec![Piece { table: None, from, until }] } else { Vec::new() };
    };
    let unit = table.unit;
    let begin = from.div_euclid(unit) + i64::from(from.rem_euclid(unit) > 0);
    let (begin, end) = (begin * unit, until.div_euclid(unit) * unit);
    if begin >= end {
        return pieces(from, until, rest);
    }
    let mut all = pieces(from, begin, rest);
    all.push(Piece { table: Some(table), from: begin, until: end });
    all.extend(pieces(end, until, rest));
    all
}

/// The label of sums that a dimension is; none if they are not kept by it.
fn label(dimension: Dimension) -> Option<Label> {
    Some(match dimension {
        Dimension::Cluster => Label::Cluster,
        Dimension::Level => Label::Level,
        Dimension::Class => Label::Class,
        Dimension::Reason => Label::Reason,
        Dimension::Namespace => Label::Namespace,
        Dimension::Kind => Label::Kind,
        Dimension::Node => Label::Node,
        Dimension::Workload => Label::Workload,
        Dimension::Component => Label::Component,
        Dimension::Object => return None,
    })
}

fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Object => "object",
        other => label(other).map_or("", Label::name),
    }
}

/// The tables that a grouping can be answered from, if the query asks for `asked` alone: one for each length.
fn tables(grouping: &Grouping, asked: Option<&[Label]>) -> Vec<&'static Table> {
    let by: Option<Vec<Label>> = grouping.by.iter().map(|by| label(*by)).collect();
    let Some((asked, by)) = asked.zip(by) else { return Vec::new() };
    let is_kept = |table: &Table| by.iter().chain(asked).all(|label| table.labels.contains(label));
    let fits = |unit: i64| {
        let offset = i64::from(grouping.offset_seconds) * 1_000_000;
        grouping.step.is_none_or(|step| {
            let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX);
            step > 0 && step % unit == 0 && offset % unit == 0
        })
    };
    let mut tables: Vec<&Table> = Vec::new();
    for table in TABLES {
        let is_first = tables.iter().all(|known| known.unit != table.unit);
        if is_first && fits(table.unit) && is_kept(table) {
            tables.push(table);
        }
    }
    tables
}

impl Reader {
    fn count(&mut self, ask: &CountsAsk, from: i64, until: i64) -> Result<Vec<Sums>, Failure> {
        let asked = labels_of(ask.query.tree());
        let mut coded: Vec<Coded> = ask.groupings.iter().map(|_| Coded::default()).collect();
        // What is read, and for which groupings.
        let mut passes: Vec<(Piece, Vec<usize>)> = Vec::new();
        for (number, grouping) in ask.groupings.iter().enumerate() {
            for piece in pieces(from, until, &tables(grouping, asked.as_deref())) {
                let same = |other: &Piece| {
                    (other.table, other.from, other.until) == (piece.table, piece.from, piece.until)
                };
                match passes.iter_mut().find(|(known, _)| same(known)) {
                    Some((_, numbers)) => numbers.push(number),
                    None => passes.push((piece, vec![number])),
                }
            }
        }
        for (piece, numbers) in passes {
            let tally = Tally::new(&ask.groupings, &numbers);
            let sql = match piece.table {
                Some(table) => {
                    let first = table.labels.first();
                    let is_led = asked.iter().flatten().any(|label| first == Some(label));
                    self.of_sums(ask, table, piece, is_led, &tally)?
                }
                None => self.of_occurrences(ask, piece, &tally)?,
            };
            let mut statement = self.connection.prepare(&sql)?;
            tally.take(statement.query([])?, &mut coded)?;
        }
        let groupings = ask.groupings.iter().zip(coded);
        groupings.map(|(grouping, coded)| self.named(grouping, coded)).collect()
    }

    /// What a table of sums says of a piece of time. `is_led`: the query asks for what stands first in the key, behind the
    /// time; then each bucket is looked up by itself, and what else is in it is never read.
    fn of_sums(
        &mut self,
        ask: &CountsAsk,
        table: &Table,
        piece: Piece,
        is_led: bool,
        tally: &Tally,
    ) -> Result<String, Failure> {
        let condition = condition(self, &ask.query, Source::Sums)?.sql;
        let Table { name, unit_name, unit, .. } = table;
        let (from, until) = (piece.from / unit, piece.until / unit);
        let buckets = if is_led {
            format!(
                "s.{unit_name} IN (WITH RECURSIVE bucket (at) AS (
                     VALUES ({from}) UNION ALL SELECT at + 1 FROM bucket WHERE at + 1 < {until})
                 SELECT at FROM bucket)"
            )
        } else {
            format!("s.{unit_name} >= {from} AND s.{unit_name} < {until}")
        };
        Ok(format!(
            "SELECT s.{unit_name} * {unit}, s.rise, s.estimated{} FROM {name} s
             WHERE {buckets} AND {condition}",
            tally.selected(Source::Sums),
        ))
    }

    /// The occurrences of a piece of time.
    fn of_occurrences(
        &mut self,
        ask: &CountsAsk,
        Piece { from, until, .. }: Piece,
        tally: &Tally,
    ) -> Result<String, Failure> {
        // Whichever is less is looked up first: what an index leads to, or what occurred. To count many of either costs
        // more than the choice is worth.
        let sql = format!(
            "SELECT count(*) FROM (
                 SELECT 1 FROM occurrences WHERE time >= {from} AND time < {until} LIMIT {MANY})"
        );
        let occurred: i64 = self.connection.query_row(&sql, [], |row| row.get(0))?;
        let most = if occurred >= MANY { FEW } else { occurred.max(1) };
        let condition = condition_counted(self, &ask.query, Source::Events, most)?;
        let is_led = |hits: i64| hits < occurred || occurred >= MANY;
        let join = if condition.hits.is_some_and(is_led) {
            "events e CROSS JOIN occurrences x ON x.event = e.id"
        } else {
            "occurrences x CROSS JOIN events e ON e.id = x.event"
        };
        Ok(format!(
            "SELECT x.time, x.rise, x.rise * x.estimated{} FROM {join}
             WHERE x.time >= {from} AND x.time < {until} AND {}",
            tally.selected(Source::Events),
            condition.sql
        ))
    }

    /// Words instead of numbers.
    fn named(&self, grouping: &Grouping, coded: Coded) -> Result<Sums, Failure> {
        let Coded { groups, total, estimated } = coded;
        let mut known: HashMap<(Dimension, i64), String> = HashMap::new();
        let mut named = Groups::new();
        for ((at, values), count) in groups {
            let mut names = Vec::with_capacity(values.len());
            for (by, value) in grouping.by.iter().zip(values) {
                let name = match known.get(&(*by, value)) {
                    Some(name) => name.clone(),
                    None => {
                        let name = self.value(*by, value)?;
                        known.insert((*by, value), name.clone());
                        name
                    }
                };
                names.push(name);
            }
            *named.entry((at, names)).or_default() += count;
        }
        Ok(Sums { groups: named, total, estimated })
    }

    fn value(&self, by: Dimension, value: i64) -> Result<String, Failure> {
        let sql = match by {
            Dimension::Cluster => "SELECT uid FROM clusters WHERE id = ?1",
            Dimension::Level => {
                let level = match value {
                    0 => Level::Normal,
                    1 => Level::Warning,
                    _ => Level::Error,
                };
                return Ok(level.to_string());
            }
            Dimension::Object => {
                "SELECT k.text || '/' || n.text || '/' || o.name FROM objects o
                 JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace WHERE o.id = ?1"
            }
            _ => "SELECT text FROM words WHERE id = ?1",
        };
        Ok(self.connection.prepare_cached(sql)?.query_row([value], |row| row.get(0))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::rollup::{HOUR, MINUTE};

    #[test]
    fn a_range_is_cut_into_hours_minutes_and_what_is_left() {
        let one = |name| TABLES.iter().find(|table| table.name == name).unwrap();
        let tables = [one("hours"), one("minutes")];
        let cut = |from, until| {
            let pieces = pieces(from, until, &tables);
            pieces
                .iter()
                .map(|p| (p.table.map_or("", |t| t.name), p.from, p.until))
                .collect::<Vec<_>>()
        };
        assert_eq!(cut(0, 2 * HOUR), [("hours", 0, 2 * HOUR)]);
        assert_eq!(
            cut(-MINUTE - 5, HOUR + 2 * MINUTE + 7),
            [
                ("", -MINUTE - 5, -MINUTE),
                ("minutes", -MINUTE, 0),
                ("hours", 0, HOUR),
                ("minutes", HOUR, HOUR + 2 * MINUTE),
                ("", HOUR + 2 * MINUTE, HOUR + 2 * MINUTE + 7),
            ]
        );
        assert_eq!(cut(5, 7), [("", 5, 7)]);
        assert_eq!(cut(5, 5), []);
    }
}
