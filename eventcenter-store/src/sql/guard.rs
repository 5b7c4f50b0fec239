//! The authorizer: what a statement may name.
//!
//! SQLite asks for each table, column and function when it reads a statement, and says in which view the name stands.
//! Our views have an inner half with a name that nobody can guess: what stands in there is ours. A `WITH` of the
//! user's own may be called like a view, and so the outer name proves nothing.

use std::collections::HashSet;

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

use super::functions;

/// Names of the views.
#[derive(Debug, Clone)]
pub(super) struct Views {
    /// Those that a statement names.
    pub(super) open: Vec<String>,
    /// Those that read the partitions.
    pub(super) inner: Vec<String>,
}

/// Functions of SQLite that read nothing but their arguments, and make no more than [`LENGTH`](super::LENGTH) of them.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    "abs", "avg", "char", "coalesce", "concat", "concat_ws", "count", "cume_dist", "date", "datetime", "dense_rank",
    "first_value", "format", "glob", "group_concat", "hex", "if", "ifnull", "iif", "instr", "json", "json_array",
    "json_array_length", "json_extract", "json_group_array", "json_group_object", "json_object", "json_type",
    "json_valid", "->", "->>", "julianday", "lag", "last_value", "lead", "length", "like", "lower", "ltrim", "max",
    "min", "nth_value", "ntile", "nullif", "octet_length", "percent_rank", "printf", "quote", "rank", "replace",
    "round", "row_number", "rtrim", "sign", "strftime", "string_agg", "substr", "substring", "sum", "time",
    "timediff", "total", "trim", "typeof", "unicode", "unixepoch", "upper", "current_date", "current_time",
    "current_timestamp",
];

/// From here on only `SELECT` over the views.
pub(super) fn watch(connection: &mut Connection, views: Views) -> rusqlite::Result<()> {
    let real = real_tables(connection)?;
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        if may(&views, &real, &context) { Authorization::Allow } else { Authorization::Deny }
    }))
}

/// Names of all tables, also of those that SQLite makes when they are named.
fn real_tables(connection: &Connection) -> rusqlite::Result<HashSet<String>> {
    let sql = "SELECT lower(name) FROM pragma_table_list UNION SELECT lower(name) FROM pragma_module_list";
    let mut names = connection.prepare(sql)?;
    let names = names.query_map([], |row| row.get(0))?;
    names.collect()
}

fn may(views: &Views, real: &HashSet<String>, context: &AuthContext<'_>) -> bool {
    let is_ours =
        context.accessor.is_some_and(|view| views.inner.iter().any(|inner| inner == view));
    match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        // A `WITH` of which no column is used is named without a database, as a table would be.
        AuthAction::Read { table_name, column_name: "" }
            if context.database_name.is_none()
                && !real.contains(&table_name.to_ascii_lowercase())
                && !table_name.to_ascii_lowercase().starts_with("sqlite_") =>
        {
            true
        }
        AuthAction::Read { table_name, .. } => {
            let is_view = |name: &String| name.eq_ignore_ascii_case(table_name);
            let is_temporary = context.database_name.is_none_or(|name| name == "temp");
            is_ours
                || is_temporary
                    && (views.open.iter().any(is_view) || views.inner.iter().any(is_view))
        }
        AuthAction::Function { function_name } => {
            let is = |name: &&str| name.eq_ignore_ascii_case(function_name);
            is_ours || FUNCTIONS.iter().any(&is) || functions::NAMES.iter().any(is)
        }
        _ => false,
    }
}
