//! Counts of occurrences, in groups.
//!
//! A grouping that asks for nothing but what the sums of a partition are kept by, of a query that does neither, is
//! answered from those: whole hours from the hours, the minutes beside them from the minutes, and what is left of the
//! first and the last minute from the occurrences. All other groupings are counted from the occurrences, in one pass
//! for all of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use eventcenter_core::{Level, Result};

use super::reader::{Failure, Reader, time};
use super::{Reading, micros};
use crate::ask::{Counts, CountsAsk, Dimension, Group, Grouping, bucket};
use crate::search::{Source, columns_of, condition};
use crate::store::rollup::{HOUR, MINUTE};

/// A bucket and values, to what occurred; times in microseconds.
type Groups = BTreeMap<(Option<i64>, Vec<String>), u64>;

#[derive(Debug, Default)]
struct Sums {
    groups: Groups,
    total: u64,
    estimated: u64,
}

/// Tables of sums, the length of their buckets, and what they are kept by; the smallest first.
const TABLES: &[(&str, &str, i64, &[&str])] = &[
    ("hour_reasons", "hour", HOUR, &["cluster", "level", "class", "reason"]),
    ("hour_namespaces", "hour", HOUR, &["cluster", "level", "namespace"]),
    ("hour_nodes", "hour", HOUR, &["cluster", "level", "node"]),
    ("hours", "hour", HOUR, &["cluster", "level", "class", "reason", "namespace"]),
    ("hour_workloads", "hour", HOUR, &["cluster", "level", "namespace", "workload"]),
    ("minutes", "minute", MINUTE, &["cluster", "level", "class", "reason", "namespace"]),
];

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

/// A piece of time, and the table that its sums are in.
#[derive(Debug, Clone, Copy)]
struct Piece {
    table: Option<(&'static str, &'static str, i64)>,
    from: i64,
    until: i64,
}

/// Cuts a range into pieces for tables of ever shorter buckets; what is left is counted from the occurrences.
fn pieces(from: i64, until: i64, tables: &[(&'static str, &'static str, i64)]) -> Vec<Piece> {
    let Some((table, rest)) = tables.split_first() else {
        return if from < until { vec![Piece { table: None, from, until }] } else { Vec::new() };
    };
    let unit = table.2;
    let begin = from.div_euclid(unit) + i64::from(from.rem_euclid(unit) > 0);
    let (begin, end) = (begin * unit, until.div_euclid(unit) * unit);
    if begin >= end {
        return pieces(from, until, rest);
    }
    let mut all = pieces(from, begin, rest);
    all.push(Piece { table: Some(*table), from: begin, until: end });
    all.extend(pieces(end, until, rest));
    all
}

fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Cluster => "cluster",
        Dimension::Level => "level",
        Dimension::Class => "class",
        Dimension::Reason => "reason",
        Dimension::Namespace => "namespace",
        Dimension::Kind => "kind",
        Dimension::Object => "object",
        Dimension::Node => "node",
        Dimension::Component => "component",
        Dimension::Workload => "workload",
    }
}

/// The tables that a grouping can be answered from, if the query asks for `asked` alone.
fn tables(grouping: &Grouping, asked: Option<&[&str]>) -> Vec<(&'static str, &'static str, i64)> {
    let Some(asked) = asked else { return Vec::new() };
    let needed: Vec<&str> =
        grouping.by.iter().map(|by| column(*by)).chain(asked.iter().copied()).collect();
    let fits = |unit: i64| {
        let offset = i64::from(grouping.offset_seconds) * 1_000_000;
        grouping.step.is_none_or(|step| {
            let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX);
            step > 0 && step % unit == 0 && offset % unit == 0
        })
    };
    let mut tables = Vec::new();
    for (table, name, unit, columns) in TABLES {
        let is_first = tables.iter().all(|(_, _, known)| known != unit);
        if is_first && fits(*unit) && needed.iter().all(|column| columns.contains(column)) {
            tables.push((*table, *name, *unit));
        }
    }
    tables
}

impl Reader {
    fn count(&mut self, ask: &CountsAsk, from: i64, until: i64) -> Result<Vec<Sums>, Failure> {
        let asked = columns_of(ask.query.tree());
        let mut coded: Vec<Coded> = ask.groupings.iter().map(|_| Coded::default()).collect();
        // Pieces of time that are counted from the occurrences, and for which groupings.
        let mut left: BTreeMap<(i64, i64), Vec<usize>> = BTreeMap::new();
        for (number, (grouping, coded)) in ask.groupings.iter().zip(&mut coded).enumerate() {
            for piece in pieces(from, until, &tables(grouping, asked.as_deref())) {
                match piece.table {
                    Some(table) => self.sum(ask, grouping, table, piece, coded)?,
                    None => left.entry((piece.from, piece.until)).or_default().push(number),
                }
            }
        }
        for ((from, until), numbers) in left {
            self.recount(ask, from, until, &numbers, &mut coded)?;
        }
        let groupings = ask.groupings.iter().zip(coded);
        groupings.map(|(grouping, coded)| self.named(grouping, coded)).collect()
    }

    /// Adds what a table of sums says of a piece of time.
    fn sum(
        &mut self,
        ask: &CountsAsk,
        grouping: &Grouping,
        (table, name, unit): (&str, &str, i64),
        piece: Piece,
        coded: &mut Coded,
    ) -> Result<(), Failure> {
        let condition = condition(self, &ask.query, Source::Sums)?.sql;
        let columns: String = grouping.by.iter().map(|by| format!(", s.{}", column(*by))).collect();
        let bucket_sql = match grouping.step {
            Some(step) => {
                let step = i64::try_from(step.as_micros()).unwrap_or(i64::MAX) / unit;
                let offset = i64::from(grouping.offset_seconds) * 1_000_000 / unit;
                // Rounds down before 1970, too.
                format!(
                    "((s.{name} + {offset}) - (((s.{name} + {offset}) % {step} + {step}) % {step}) - {offset})"
                )
            }
            None => "0".to_owned(),
        };
        let sql = format!(
            "SELECT {bucket_sql} AS bucket{columns}, sum(s.rise), sum(s.estimated) FROM {table} s
             WHERE s.{name} >= {} AND s.{name} < {} AND {condition} GROUP BY bucket{columns}",
            piece.from / unit,
            piece.until / unit,
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let by = grouping.by.len();
        while let Some(row) = rows.next()? {
            let at = row.get::<_, i64>(0)?.saturating_mul(unit);
            let values = (1..=by).map(|place| row.get(place)).collect::<rusqlite::Result<_>>()?;
            let at = grouping.step.map(|_| at);
            coded.add(at, values, row.get(by + 1)?, row.get(by + 2)?);
        }
        Ok(())
    }

    /// Counts occurrences, once for all these groupings.
    fn recount(
        &mut self,
        ask: &CountsAsk,
        from: i64,
        until: i64,
        numbers: &[usize],
        coded: &mut [Coded],
    ) -> Result<(), Failure> {
        let condition = condition(self, &ask.query, Source::Events)?;
        let mut columns: Vec<&str> = numbers
            .iter()
            .filter_map(|number| ask.groupings.get(*number))
            .flat_map(|grouping| &grouping.by)
            .map(|by| column(*by))
            .collect();
        columns.sort_unstable();
        columns.dedup();
        let selected: String =
            columns.iter().map(|name| format!(", {}", Source::Events.column(name))).collect();
        // What an index leads to is looked up first, else every occurrence of the piece is.
        let join = if condition.hits.is_some() {
            "events e CROSS JOIN objects o ON o.id = e.object CROSS JOIN occurrences x ON x.event = e.id"
        } else {
            "occurrences x CROSS JOIN events e ON e.id = x.event CROSS JOIN objects o ON o.id = e.object"
        };
        let sql = format!(
            "SELECT x.time, x.rise, x.estimated{selected} FROM {join}
             WHERE x.time >= {from} AND x.time < {until} AND {}",
            condition.sql
        );
        let places: Vec<Vec<usize>> = numbers
            .iter()
            .filter_map(|number| ask.groupings.get(*number))
            .map(|grouping| {
                let place = |by: &Dimension| columns.binary_search(&column(*by)).unwrap_or(0) + 3;
                grouping.by.iter().map(place).collect()
            })
            .collect();
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (at, rise, is_estimated) = (row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?);
            let estimated = if is_estimated { rise } else { 0 };
            for (number, places) in numbers.iter().zip(&places) {
                let Some((grouping, coded)) =
                    ask.groupings.get(*number).zip(coded.get_mut(*number))
                else {
                    continue;
                };
                let values =
                    places.iter().map(|place| row.get(*place)).collect::<rusqlite::Result<_>>()?;
                let at = grouping.step.map(|step| bucket(at, step, grouping.offset_seconds));
                coded.add(at, values, rise, estimated);
            }
        }
        Ok(())
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

/// Sums of one partition, by the numbers of its words.
#[derive(Debug, Default)]
struct Coded {
    groups: HashMap<(Option<i64>, Vec<i64>), u64>,
    total: u64,
    estimated: u64,
}

impl Coded {
    fn add(&mut self, at: Option<i64>, values: Vec<i64>, rise: i64, estimated: i64) {
        let rise = u64::try_from(rise).unwrap_or(0);
        // Sums of what was taken back are 0, and no group.
        if rise > 0 {
            *self.groups.entry((at, values)).or_default() += rise;
            self.total += rise;
            self.estimated += u64::try_from(estimated).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_into_hours_minutes_and_what_is_left() {
        let tables = [("hours", "hour", HOUR), ("minutes", "minute", MINUTE)];
        let cut = |from, until| {
            let pieces = pieces(from, until, &tables);
            pieces
                .iter()
                .map(|p| (p.table.map_or("", |t| t.0), p.from, p.until))
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
