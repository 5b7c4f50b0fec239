//! SQL over the events that a search finds: `search | SELECT …`.
//!
//! The dialect is SQLite's, with the [functions](functions) of SLS that people use on events. `FROM log` may be left
//! out, as in SLS. There are two tables:
//!
//! | table | a row for each |
//! |---|---|
//! | `log` | Event that matches and occurred in the range; `occurrences` says how often it did |
//! | `occurrences` | rise of such an Event's count: when (`__time__`, `time`) and by how much (`rise`) |
//!
//! Columns have our names (`level`, `reason`, `namespace`, `name`, `message`, ...) and beside them those of a record of
//! kube-eventer in SLS (`"eventId.reason"`, `hostname`, `pod_name`, `__time__` in seconds, ...): [`views`].
//!
//! # What differs from SLS
//!
//! - A row of `log` is an Event with its `occurrences`, not a revision of it: sum those up where SLS counts rows.
//! - `log` has an Event once, in its newest state in the range; `occurrences` of an Event that lives across a boundary of
//!   partitions has the rises on either side, with the state that it had there.
//! - Names in double quotes are columns, never text; comparison of text minds the case.
//! - Without `LIMIT` there are up to [`Bounds::rows`] rows, not 100.
//!
//! # What is refused
//!
//! Everything but one `SELECT` over these tables with functions of a list: no other table, no `PRAGMA`, `ATTACH`,
//! write, file or extension. SQLite asks an authorizer for each when it reads the statement; partitions are opened for
//! reading alone besides. Text is at most [`LENGTH`] bytes, an answer [`ANSWER`]; what takes longer than its deadline
//! is stopped. A statement that SQLite cannot read is refused with its column in the whole statement.
//!
//! # Memory and space
//!
//! With a [`SqlWorker`] each statement is answered by a process of its own, within bounds of memory that the kernel
//! keeps, and nothing goes to disk. Without one it is answered here: sorts and groups that outgrow a cache go to files
//! in the system's folder for such, and their size is bounded by the deadline alone. Programs that answer others want a
//! worker; `event-center` has one.

mod functions;
mod guard;
mod select;
mod time;
mod views;
mod worker;

use std::sync::Arc;

use eventcenter_core::{Error, ErrorKind, Result};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde_json::Value;

use crate::ask::{Table, TableAsk};
use crate::read::{Reading, out_of_time};
use select::{Select, refused};

#[cfg(doc)]
use crate::ask::Bounds;

pub use worker::{SqlWorker, serve_sql};

/// Bytes of a text or a row, at most.
pub(crate) const LENGTH: i32 = 1_000_000;
/// Bytes of an answer, at most.
pub(crate) const ANSWER: usize = 32 << 20;

/// Where sorts and groups go that outgrow a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temporary {
    /// Into files: bounded by the deadline alone.
    Files,
    /// Nowhere: all of SQLite in this process keeps within so many bytes.
    Memory { heap: u64 },
}

/// See [`EventQuery::table`](crate::EventQuery::table).
pub(crate) fn table(reading: &mut Reading, ask: &TableAsk, temporary: Temporary) -> Result<Table> {
    let select = Select::parse(&ask.select)?;
    let mut connection =
        open(reading, temporary).map_err(|error| told(error, Some(&select), reading))?;
    let views = views::make(reading, ask, &connection)?;
    guard::watch(&mut connection, views).map_err(|error| told(error, Some(&select), reading))?;
    answer(&connection, &select, ask, reading)
}

fn open(reading: &Reading, temporary: Temporary) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_in_memory_with_flags(flags)?;
    connection.execute_batch("PRAGMA cache_size = -4000")?;
    connection.execute_batch(&match temporary {
        Temporary::Files => "PRAGMA temp_store = FILE".to_owned(),
        Temporary::Memory { heap } => {
            format!("PRAGMA temp_store = MEMORY; PRAGMA hard_heap_limit = {heap}")
        }
    })?;
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, LENGTH),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 50),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 32),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000),
        (Limit::SQLITE_LIMIT_COLUMN, 1000),
        (Limit::SQLITE_LIMIT_VDBE_OP, 1_000_000),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, value)?;
    }
    functions::register(&connection)?;
    let gate = Arc::clone(&reading.gate);
    connection.progress_handler(1000, Some(move || gate.is_over()))?;
    Ok(connection)
}

fn answer(
    connection: &Connection,
    select: &Select,
    ask: &TableAsk,
    reading: &Reading,
) -> Result<Table> {
    let told = |error| told(error, Some(select), reading);
    let mut statement = connection.prepare(&select.text).map_err(told)?;
    if !statement.readonly() {
        return Err(refused("only SELECT is answered"));
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut table = Table { columns, ..Table::default() };
    let mut bytes = 0;
    let mut rows = statement.query([]).map_err(told)?;
    while let Some(row) = rows.next().map_err(told)? {
        if table.rows.len() >= ask.bounds.rows {
            table.truncated = true;
            break;
        }
        let values = (0..table.columns.len()).map(|place| row.get_ref(place).map(value));
        let values = values.collect::<rusqlite::Result<Vec<Value>>>().map_err(told)?;
        bytes += values.iter().map(weight).sum::<usize>();
        if bytes > ANSWER {
            let message = "the answer is too large; ask for fewer rows or columns";
            return Err(Error::new("sql", ErrorKind::TooLarge, message).with("bytes", ANSWER));
        }
        table.rows.push(values);
    }
    Ok(table)
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
        }
    }
}

fn weight(value: &Value) -> usize {
    size_of::<Value>() + value.as_str().map_or(0, str::len)
}

pub(crate) fn too_large() -> Error {
    let message = "the statement takes more memory or space than it may";
    Error::new("sql", ErrorKind::TooLarge, message)
}

/// SQLite's words, and whose fault it is.
fn told(error: rusqlite::Error, select: Option<&Select>, reading: &Reading) -> Error {
    if reading.gate.is_over() {
        return out_of_time();
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::TooBig | ErrorCode::OutOfMemory | ErrorCode::DiskFull) => too_large(),
        Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure,
        ) => Error::new("sql", ErrorKind::Storage, "cannot read").with_source(error),
        Some(ErrorCode::AuthorizationForStatementDenied) => {
            refused("only the tables log and occurrences, and functions of a list, can be asked")
        }
        _ => match error {
            rusqlite::Error::SqlInputError { msg, offset, .. } => {
                let error = refused(&msg);
                match (select, usize::try_from(offset)) {
                    (Some(select), Ok(place)) => error.with("column", select.column(place)),
                    _ => error,
                }
            }
            rusqlite::Error::SqliteFailure(_, Some(message)) => refused(&message),
            error => refused("the statement cannot be answered").with_source(error),
        },
    }
}

#[cfg(test)]
mod tests;
