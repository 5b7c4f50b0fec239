//! The calls that put logs, search for them, and count them.

use std::ops::Range;

use bytes::Bytes;
use serde_json::{Value, json};

use super::decode;
use super::reply::{Refusal, Reply};
use super::route::Call;
use super::search::{Row, Search};
use super::state::{Account, Logstore, no_logstore, no_project};

/// How old a log may be and how far ahead, in seconds.
const OLDEST: i64 = 7 * 24 * 3600;
const NEWEST: i64 = 15 * 60;

/// PutLogs.
pub(super) fn put(
    call: &Call<'_>,
    account: &mut Account,
    (project, name): (&str, &str),
    key: Option<&str>,
) -> Result<Reply, Refusal> {
    let kind = call.request.header("content-type").unwrap_or_default();
    if call.body.is_empty() {
        return Err(Refusal::new(400, "PostBodyInvalid", "the body is empty"));
    }
    if kind != "application/x-protobuf" {
        let message = format!("Content-Type {kind} is unsupported");
        return Err(Refusal::new(415, "InvalidContentType", message));
    }
    let logstore = account.logstore(project, name)?;
    // What is made is not there at once for all parts of the service.
    let too_new = |created| call.now.duration_since(created) < call.lag;
    if too_new(logstore.created) {
        return Err(no_logstore(name));
    }
    if too_new(account.project(project)?.created) {
        return Err(no_project(project));
    }
    match call.request.header("x-log-bodyrawsize") {
        None => {
            let message = "x-log-bodyrawsize does not exist in http header";
            return Err(Refusal::new(400, "MissingBodyRawSize", message));
        }
        Some(size) if size != call.body.len().to_string() => {
            let message = "x-log-bodyrawsize is not the size of the body";
            return Err(Refusal::new(400, "InvalidBodyRawSize", message));
        }
        Some(_) => {}
    }
    let group = decode::group(&call.body, call.most_logs)?;
    let now = call.now.as_second();
    let window = now - OLDEST..=now + NEWEST;
    if group.logs.iter().any(|log| !window.contains(&i64::from(log.time))) {
        return Err(Refusal::new(400, "PostBodyInvalid", "post data time is out of range"));
    }
    if !group.logs.is_empty() {
        let bytes = Bytes::copy_from_slice(&call.body);
        account.keep((project, name), key, bytes, call.now)?;
    }
    Ok(Reply::ok())
}

/// What a query asks for.
struct Query {
    time: Range<i64>,
    topic: String,
    statement: String,
    line: usize,
    offset: usize,
    reverse: bool,
}

/// GetLogsV2: the query is a JSON object.
pub(super) fn get(call: &Call<'_>, logstore: &Logstore) -> Result<Reply, Refusal> {
    let body = call.object()?;
    // Numbers and texts of numbers are both sent.
    let read = |name: &str| match body.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(value) => Some(value.to_string()),
    };
    let query = Query::read(read)?;
    let rows = query.rows(logstore)?;
    let found: Vec<_> = query.page(&rows).map(document).collect();
    let meta = json!({
        "progress": "Complete",
        "count": found.len(),
        "hasSQL": false,
        "aggQuery": "",
        "whereQuery": query.statement,
        "processedRows": rows.len(),
        "processedBytes": 0,
        "elapsedMillisecond": 1,
        "cpuSec": 0.0,
        "cpuCores": 0.0,
        "limited": 0,
        "keys": [],
        "terms": [],
        "mode": 0,
    });
    let answer = Reply::json(&json!({ "meta": meta, "data": found }));
    Ok(answer.with_header("x-log-progress", "Complete").with_header("x-log-count", found.len()))
}

/// GetLogs as it was: the query is in the parameters, what is said of the answer in its headers.
pub(super) fn get_old(call: &Call<'_>, logstore: &Logstore) -> Result<Reply, Refusal> {
    let query = Query::read(|name| call.parameter(name))?;
    let rows = query.rows(logstore)?;
    let found: Vec<_> = query.page(&rows).map(document).collect();
    let count = found.len();
    Ok(Reply::json(&Value::Array(found))
        .with_header("x-log-progress", "Complete")
        .with_header("x-log-count", count)
        .with_header("x-log-processed-rows", rows.len())
        .with_header("x-log-elapsed-millisecond", 1)
        .with_header("x-log-has-sql", false)
        .with_header("x-log-query-info", ""))
}

/// GetHistograms: how many logs there are in each part of the time.
pub(super) fn histogram(call: &Call<'_>, logstore: &Logstore) -> Result<Reply, Refusal> {
    let query = Query::read(|name| call.parameter(name))?;
    let rows = query.rows(logstore)?;
    let length = query.time.end - query.time.start;
    let step = call.number("interval")?.filter(|step| *step > 0).unwrap_or(length / 60).max(1);
    if length / step > 10_000 {
        return Err(Refusal::parameter("the interval is too small"));
    }
    let mut parts = Vec::new();
    let mut from = query.time.start;
    while from < query.time.end {
        let to = (from + step).min(query.time.end);
        let count = rows.iter().filter(|(time, _)| (from..to).contains(time)).count();
        parts.push(json!({ "from": from, "to": to, "count": count, "progress": "Complete" }));
        from = to;
    }
    let answer = Reply::json(&Value::Array(parts));
    Ok(answer.with_header("x-log-progress", "Complete").with_header("x-log-count", rows.len()))
}

impl Query {
    fn read(read: impl Fn(&str) -> Option<String>) -> Result<Self, Refusal> {
        let refuse = |code: &str, what: &str| Refusal::new(400, code, format!("{what} is invalid"));
        let time = |name: &str| {
            let time = read(name).and_then(|text| text.parse::<i64>().ok());
            time.ok_or_else(|| refuse("InvalidTimeRange", name))
        };
        let time = time("from")?..time("to")?;
        if time.is_empty() {
            return Err(refuse("InvalidTimeRange", "from and to"));
        }
        let number = |name: &str, usual: usize, code: &str| match read(name).as_deref() {
            None | Some("") => Ok(usual),
            Some(text) => text.parse::<usize>().map_err(|_| refuse(code, name)),
        };
        let line = number("line", 100, "InvalidLine")?;
        if line > 100 {
            return Err(refuse("InvalidLine", "line"));
        }
        let reverse = match read("reverse").as_deref().map(str::to_lowercase).as_deref() {
            None | Some("" | "false") => false,
            Some("true") => true,
            Some(_) => return Err(refuse("InvalidReverse", "reverse")),
        };
        Ok(Self {
            time,
            topic: read("topic").unwrap_or_default(),
            statement: read("query").unwrap_or_default(),
            line,
            offset: number("offset", 0, "InvalidOffset")?,
            reverse,
        })
    }

    /// All that is found, in the order that was asked for.
    fn rows(&self, logstore: &Logstore) -> Result<Vec<(i64, Row)>, Refusal> {
        let Some(index) = &logstore.index else {
            let message = "logstore without index config";
            return Err(Refusal::new(400, "IndexConfigNotExist", message));
        };
        let search = Search::new(&self.statement, index)?;
        let mut found = Vec::new();
        for kept in logstore.groups() {
            // It was decoded once, when it was put.
            let Ok(group) = decode::group(&kept.bytes, usize::MAX) else { continue };
            let topic = group.topic.as_deref().unwrap_or_default();
            if !self.topic.is_empty() && self.topic != topic {
                continue;
            }
            for log in &group.logs {
                let time = i64::from(log.time);
                if !self.time.contains(&time) {
                    continue;
                }
                let owned = |(key, value): &(_, _)| (format!("{key}"), format!("{value}"));
                let mut row: Row = log.contents.iter().map(owned).collect();
                row.push(("__topic__".to_owned(), topic.to_owned()));
                let source = group.source.as_deref().unwrap_or_default();
                row.push(("__source__".to_owned(), source.to_owned()));
                let tag = |(key, value): &(_, _)| (format!("__tag__:{key}"), format!("{value}"));
                row.extend(group.tags.iter().map(tag));
                if search.matches(&row) {
                    found.push((time, log.time_ns, kept.cursor, row));
                }
            }
        }
        found.sort_by_key(|(time, ns, cursor, _)| (*time, *ns, *cursor));
        if self.reverse {
            found.reverse();
        }
        Ok(found.into_iter().map(|(time, _, _, row)| (time, row)).collect())
    }

    fn page<'a>(&self, rows: &'a [(i64, Row)]) -> impl Iterator<Item = &'a (i64, Row)> {
        rows.iter().skip(self.offset).take(self.line)
    }
}

/// A log as it is answered: every value is a text.
fn document((time, row): &(i64, Row)) -> Value {
    let pairs = row.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
    let mut document: serde_json::Map<_, _> = pairs.collect();
    document.insert("__time__".to_owned(), time.to_string().into());
    Value::Object(document)
}
