//! The functions of SLS that people use on events, for SQLite.
//!
//! | function | gives | differs from SLS |
//! |---|---|---|
//! | `date_format(time, format)` | text, by MySQL's letters | UTC, not the zone of the console |
//! | `date_trunc(unit, time)` | `2026-11-25 01:00:00` | text, not a timestamp: it compares and sorts as one |
//! | `from_unixtime(seconds)` | `2026-11-25 01:02:03` | likewise |
//! | `to_unixtime(time)` | seconds since 1970 | a whole number |
//! | `time_series(time, window, format, padding)` | the window's begin, formatted | windows without events are not filled in |
//! | `count_if(condition)` | how often it holds | |
//! | `approx_distinct(value)` | how many different values | exact up to 4,096, within a few per cent beyond |
//! | `max_by(value, by)`, `min_by(value, by)` | the value where `by` is largest, smallest | the form with a number of values is not there |
//!
//! An argument that makes no sense (a unit that does not exist) gives NULL.

mod distinct;

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

use super::time::{formatted, text, time, truncated, windowed};
use distinct::Distinct;

/// Names of the functions, for the allow-list.
pub(super) const NAMES: &[&str] = &[
    "date_format",
    "date_trunc",
    "from_unixtime",
    "to_unixtime",
    "time_series",
    "count_if",
    "approx_distinct",
    "max_by",
    "min_by",
];

/// Makes the functions known to a connection.
pub(super) fn register(connection: &Connection) -> Result<()> {
    let pure = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("date_format", 2, pure, |context| {
        Ok(time(context.get_raw(0)).zip(word(context, 1)).and_then(|(at, f)| formatted(at, f)))
    })?;
    connection.create_scalar_function("date_trunc", 2, pure, |context| {
        let begin = word(context, 0).zip(time(context.get_raw(1)));
        Ok(begin.and_then(|(unit, at)| truncated(unit, at)).map(text))
    })?;
    connection.create_scalar_function("from_unixtime", 1, pure, |context| {
        Ok(time(context.get_raw(0)).map(text))
    })?;
    connection.create_scalar_function("to_unixtime", 1, pure, |context| {
        Ok(time(context.get_raw(0)).map(jiff::Timestamp::as_second))
    })?;
    connection.create_scalar_function("time_series", 4, pure, |context| {
        let begin = time(context.get_raw(0)).zip(word(context, 1));
        let begin = begin.and_then(|(at, window)| windowed(window, at));
        Ok(begin.zip(word(context, 2)).and_then(|(begin, format)| formatted(begin, format)))
    })?;
    connection.create_aggregate_function("count_if", 1, pure, CountIf)?;
    connection.create_aggregate_function("approx_distinct", 1, pure, ApproxDistinct)?;
    connection.create_aggregate_function("max_by", 2, pure, By { largest: true })?;
    connection.create_aggregate_function("min_by", 2, pure, By { largest: false })
}

fn word<'a>(context: &'a Context<'_>, place: usize) -> Option<&'a str> {
    match context.get_raw(place) {
        ValueRef::Text(text) => std::str::from_utf8(text).ok(),
        _ => None,
    }
}

struct CountIf;

impl Aggregate<i64, i64> for CountIf {
    fn init(&self, _: &mut Context<'_>) -> Result<i64> {
        Ok(0)
    }

    fn step(&self, context: &mut Context<'_>, count: &mut i64) -> Result<()> {
        let holds = match context.get_raw(0) {
            ValueRef::Integer(number) => number != 0,
            ValueRef::Real(number) => number != 0.0,
            ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => false,
        };
        *count += i64::from(holds);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, count: Option<i64>) -> Result<i64> {
        Ok(count.unwrap_or(0))
    }
}

struct ApproxDistinct;

impl Aggregate<Distinct, i64> for ApproxDistinct {
    fn init(&self, _: &mut Context<'_>) -> Result<Distinct> {
        Ok(Distinct::default())
    }

    fn step(&self, context: &mut Context<'_>, seen: &mut Distinct) -> Result<()> {
        match context.get_raw(0) {
            ValueRef::Null => {}
            ValueRef::Integer(number) => seen.add(0, &number.to_be_bytes()),
            ValueRef::Real(number) => seen.add(1, &number.to_be_bytes()),
            ValueRef::Text(bytes) => seen.add(2, bytes),
            ValueRef::Blob(bytes) => seen.add(3, bytes),
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, seen: Option<Distinct>) -> Result<i64> {
        Ok(seen.map_or(0, |seen| seen.count()))
    }
}

struct By {
    largest: bool,
}

impl Aggregate<Option<(Value, Value)>, Option<Value>> for By {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<(Value, Value)>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, best: &mut Option<(Value, Value)>) -> Result<()> {
        let by = context.get_raw(1);
        let better = match (by, &best) {
            (ValueRef::Null, _) => false,
            (_, None) => true,
            (by, Some((_, best))) => match compare(by, best.into()) {
                Some(order) if self.largest => order.is_gt(),
                Some(order) => order.is_lt(),
                None => false,
            },
        };
        if better {
            *best = Some((context.get(0)?, context.get(1)?));
        }
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        best: Option<Option<(Value, Value)>>,
    ) -> Result<Option<Value>> {
        Ok(best.flatten().map(|(value, _)| value))
    }
}

/// Numbers with numbers, text with text, as SQLite orders them; numbers come before text.
fn compare(left: ValueRef<'_>, right: ValueRef<'_>) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (ValueRef::Integer(left), ValueRef::Integer(right)) => Some(left.cmp(&right)),
        (ValueRef::Integer(left), ValueRef::Real(right)) => (left as f64).partial_cmp(&right),
        (ValueRef::Real(left), ValueRef::Integer(right)) => left.partial_cmp(&(right as f64)),
        (ValueRef::Real(left), ValueRef::Real(right)) => left.partial_cmp(&right),
        (ValueRef::Text(left), ValueRef::Text(right))
        | (ValueRef::Blob(left), ValueRef::Blob(right)) => Some(left.cmp(right)),
        (left, right) => Some(rank(left).cmp(&rank(right))),
    }
}

fn rank(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Null => 0,
        ValueRef::Integer(_) | ValueRef::Real(_) => 1,
        ValueRef::Text(_) => 2,
        ValueRef::Blob(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(sql: &str) -> Value {
        let connection = Connection::open_in_memory().expect("a database");
        register(&connection).expect("functions");
        connection.query_row(sql, [], |row| row.get(0)).expect(sql)
    }

    #[test]
    fn each_function_answers_as_the_table_says() {
        let text = |text: &str| Value::Text(text.to_owned());
        let values = "from (select column1 as a, column2 as b from (values (1, 'x'), (2, 'y'), (2, null), (3, 'y')))";
        let cases = [
            ("select date_format(1795568523, '%H:%i')", text("01:02")),
            ("select date_format('2026-11-25 01:02:03', '%H:%i')", text("01:02")),
            ("select date_format(null, '%H:%i')", Value::Null),
            ("select date_trunc('hour', 1795568523)", text("2026-11-25 01:00:00")),
            ("select date_trunc('aeon', 1795568523)", Value::Null),
            ("select from_unixtime(1795568523)", text("2026-11-25 01:02:03")),
            ("select to_unixtime('2026-11-25 01:02:03')", Value::Integer(1_795_568_523)),
            ("select time_series(1795568523, '1h', '%H:%i', '0')", text("01:00")),
            (&format!("select count_if(a > 1) {values}"), Value::Integer(3)),
            (&format!("select count_if(a > 1) {values} where false"), Value::Integer(0)),
            (&format!("select approx_distinct(b) {values}"), Value::Integer(2)),
            (&format!("select max_by(b, a) {values}"), text("y")),
            (&format!("select min_by(a, b) {values}"), Value::Integer(1)),
            (&format!("select max_by(a, b) {values} where false"), Value::Null),
        ];
        for (sql, expected) in cases {
            assert_eq!(answer(sql), expected, "{sql}");
        }
    }
}
