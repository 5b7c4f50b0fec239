//! Cursors, and pulling groups of logs shard by shard.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::body::Compression;
use super::decode;
use super::http::LARGEST_BODY;
use super::reply::{Refusal, Reply};
use super::route::Call;
use super::state::{Kept, Shard};

const SECOND: i64 = 1_000_000_000;

fn encode(cursor: i64) -> String {
    STANDARD.encode(cursor.to_string())
}

fn decoded(cursor: &str) -> Result<i64, Refusal> {
    let text = STANDARD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let invalid = || Refusal::new(400, "InvalidCursor", format!("cursor {cursor} is invalid"));
    text.and_then(|text| text.parse().ok()).ok_or_else(invalid)
}

/// The cursor behind all that is there.
fn end(shard: &Shard) -> i64 {
    shard.groups.back().map_or(0, |last| last.cursor + 1)
}

/// GetCursor.
pub(super) fn cursor(call: &Call<'_>, shard: &Shard) -> Result<Reply, Refusal> {
    let first_from = |from: i64| {
        let found = shard.groups.iter().find(|kept| kept.cursor >= from);
        found.map_or_else(|| end(shard), |kept| kept.cursor)
    };
    let cursor = match call.parameter("from").as_deref() {
        Some("begin") => first_from(0),
        Some("end") => end(shard),
        Some(from) => match from.parse::<i64>() {
            Ok(from) => first_from(from.saturating_mul(SECOND)),
            Err(_) => return Err(Refusal::parameter(format!("from {from} is invalid"))),
        },
        None => return Err(Refusal::parameter("parameter from is missing")),
    };
    Ok(Reply::json(&json!({ "cursor": encode(cursor) })))
}

/// GetCursorTime.
pub(super) fn cursor_time(call: &Call<'_>) -> Result<Reply, Refusal> {
    let cursor = decoded(&call.parameter("cursor").unwrap_or_default())?;
    Ok(Reply::json(&json!({ "cursor_time": cursor / SECOND })))
}

/// PullLogs.
pub(super) fn logs(call: &Call<'_>, shard: &Shard) -> Result<Reply, Refusal> {
    let from = decoded(&call.parameter("cursor").unwrap_or_default())?;
    let to = call.parameter("end_cursor").map(|cursor| decoded(&cursor)).transpose()?;
    let count = call.number("count")?.unwrap_or(100);
    let most = usize::try_from(count).ok().filter(|count| (1..=1000).contains(count));
    let most = most.ok_or_else(|| Refusal::parameter("count must be in 1..1000"))?;
    if call.parameter("query").is_some_and(|query| !query.trim().is_empty()) {
        return Err(Refusal::parameter("the double has no SPL"));
    }
    let to = to.unwrap_or(i64::MAX);
    let mut size = 0;
    let fits = |kept: &&Kept| {
        // One group is given in any case.
        let first = size == 0;
        size += kept.bytes.len() + 8;
        first || size <= LARGEST_BODY
    };
    let asked = shard.groups.iter().filter(|kept| (from..to).contains(&kept.cursor)).take(most);
    let groups: Vec<&Kept> = asked.take_while(fits).collect();
    let raw = decode::list(groups.iter().map(|kept| kept.bytes.as_ref()));
    let next = groups.last().map_or(from, |last| last.cursor + 1);
    let mut reply = Reply::ok()
        .with_header("x-log-bodyrawsize", raw.len())
        .with_header("x-log-count", groups.len())
        .with_header("x-log-cursor", encode(next));
    if let Some(last) = groups.last() {
        reply = reply.with_header("x-log-read-last-cursor", last.cursor);
    }
    let accepted = call.request.header("accept-encoding").unwrap_or_default();
    let body = match Compression::accepted(accepted) {
        Some((compression, name)) if !raw.is_empty() => {
            reply = reply.with_header("x-log-compresstype", name);
            compression.compress(&raw)
        }
        _ => raw,
    };
    Ok(reply.with_body("application/x-protobuf", body))
}
