//! What is found, on a terminal or for other programs.

use std::io::Write;

use clap::Args;
use eventcenter_core::HumanDuration;
use eventcenter_core::plain_json;
use eventcenter_sls::logstore::{Query, Row};
use jiff::Timestamp;

use super::{Target, Trouble};
use crate::center::{Format, print};

/// What is asked.
#[derive(Debug, Args)]
pub struct QueryOptions {
    /// Such as `level: Error`, or `* | select count(1) as n`
    statement: String,
    /// How far back: 15m, 2h, 7d
    #[arg(long, default_value = "15m")]
    since: HumanDuration,
    /// Until when, RFC 3339; default now
    #[arg(long)]
    until: Option<Timestamp>,
    /// Logs at most, the newest first. Of a `select`: say LIMIT in it
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Only logs of this topic
    #[arg(long, default_value = "")]
    topic: String,
}

/// Asks, and prints what is found.
///
/// # Errors
///
/// See [`Trouble`].
pub async fn query(target: &Target, options: &QueryOptions, format: Format) -> Result<(), Trouble> {
    let logstore = target.logstore()?;
    // The second that has begun is looked at too.
    let to = options.until.unwrap_or_else(Timestamp::now).as_second() + 1;
    let since = i64::try_from(options.since.get().as_secs()).unwrap_or(i64::MAX);
    let query = Query::new(to.saturating_sub(since).max(0), to)
        .statement(options.statement.as_str())
        .topic(options.topic.as_str())
        .lines(options.limit.min(100));
    let is_sql = query.has_sql();
    let mut pages = logstore.search(query);
    let (mut rows, mut columns, mut complete) = (Vec::new(), Vec::new(), true);
    while let Some(page) = pages.next().await? {
        complete = page.meta.is_complete();
        columns = page.meta.keys;
        rows.extend(page.data);
        if !is_sql && rows.len() >= options.limit {
            rows.truncate(options.limit);
            break;
        }
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match format {
        Format::Ndjson => {
            for row in &rows {
                let line = serde_json::to_string(row).map_err(std::io::Error::other)?;
                writeln!(out, "{}", plain_json(&line))?;
            }
        }
        Format::Table if !is_sql => logs(&mut out, &rows)?,
        Format::Table | Format::Csv => table(&mut out, columns, &rows, format)?,
    }
    out.flush()?;
    if !complete {
        let message = "the service did not finish: there may be more\n";
        std::io::stderr().write_all(message.as_bytes())?;
    }
    Ok(())
}

/// Logs for people: the time, and all else as `key: value`.
fn logs(out: &mut impl Write, rows: &[Row]) -> std::io::Result<()> {
    let mut lines = vec![vec!["TIME (UTC)".to_owned(), "LOG".to_owned()]];
    for row in rows {
        let time = row.time().and_then(|time| Timestamp::from_second(time).ok());
        let time = time.map(|time| time.strftime("%F %T").to_string()).unwrap_or_default();
        let fields = row.iter().filter(|(key, _)| !key.starts_with("__"));
        let fields: Vec<_> = fields.map(|(key, value)| format!("{key}: {value}")).collect();
        lines.push(vec![time, fields.join("  ")]);
    }
    print::aligned(out, &lines)
}

/// Rows below their columns: those of SQL in their order, or all that some log has.
fn table(
    out: &mut impl Write,
    mut columns: Vec<String>,
    rows: &[Row],
    format: Format,
) -> std::io::Result<()> {
    if columns.is_empty() {
        for (key, _) in rows.iter().flat_map(Row::iter) {
            if !columns.iter().any(|column| column == key) {
                columns.push(key.to_owned());
            }
        }
    }
    let cells = |row: &Row| -> Vec<String> {
        columns.iter().map(|column| row.get(column).unwrap_or_default().to_owned()).collect()
    };
    let lines: Vec<_> = std::iter::once(columns.clone()).chain(rows.iter().map(cells)).collect();
    if format == Format::Table {
        return print::aligned(out, &lines);
    }
    lines.iter().try_for_each(|line| print::csv(out, line.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |json| serde_json::from_str(json).unwrap();
        vec![
            row(
                r#"{"__time__":"1700000000","__source__":"10.0.0.1","level":"Warning","pod":"web-0"}"#,
            ),
            row(r#"{"__time__":"1700000001","message":"a \"b\",\u001b[2J"}"#),
        ]
    }

    #[test]
    fn logs_are_lines_that_cannot_order_a_terminal() {
        let mut out = Vec::new();
        logs(&mut out, &rows()).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "TIME (UTC)           LOG\n\
             2023-11-14 22:13:20  level: Warning  pod: web-0\n\
             2023-11-14 22:13:21  message: a \"b\",␛[2J\n"
        );
    }

    #[test]
    fn csv_has_every_key_that_some_log_has() {
        let mut out = Vec::new();
        table(&mut out, Vec::new(), &rows(), Format::Csv).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "__time__,__source__,level,pod,message\r\n\
             1700000000,10.0.0.1,Warning,web-0,\r\n\
             1700000001,,,,\"a \"\"b\"\",␛[2J\"\r\n"
        );
    }
}
