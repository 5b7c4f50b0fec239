//! GetLogs: search, and SQL.
//!
//! A statement is a search (`level: Warning and OOM`), or a search, a pipe and SQL over what it found. A search answers
//! in pages of at most 100 logs, which [`Logstore::search`] turns one by one; SQL answers at once, as many rows as its
//! `LIMIT` says (100 unless it says), so `line`, `offset` and `reverse` mean nothing to it. With `|with_pack_meta`
//! at its end a search is still one.
//!
//! **Progress.** The service answers after a while with what it has, and says `Incomplete`. It is asked again then,
//! after 0.1 s, twice as long each time and 10 s at most, 20 times and for 5 minutes at most; what it has by then is
//! returned, and [`Meta::is_complete`] says that it is not all.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Logstore, Row};
use crate::client::{Body, Call};
use crate::compress::Compression;
use crate::error::Result;
use crate::object::Other;

const PAGE: usize = 100;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const MOST_ATTEMPTS: usize = 20;
const LONGEST: Duration = Duration::from_secs(300);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// Logs from this time on, in seconds since 1970.
    pub from: i64,
    /// Logs before this time.
    pub to: i64,
    /// The statement; empty for all logs.
    pub query: String,
    /// Only logs of this topic; empty for all.
    pub topic: String,
    /// How many logs a page has: 0 to 100.
    pub line: usize,
    /// How many logs are left out.
    pub offset: usize,
    /// The newest first.
    pub reverse: bool,
    /// Whether SQL runs on machines of its own, for more data and more money.
    pub power_sql: bool,
    /// Further fields, such as `session`, `forward` and `highlight`.
    #[serde(flatten)]
    pub other: Other,
}

impl Query {
    /// All logs of a time, in seconds since 1970, the newest first.
    pub fn new(from: i64, to: i64) -> Self {
        Self {
            from,
            to,
            query: String::new(),
            topic: String::new(),
            line: PAGE,
            offset: 0,
            reverse: true,
            power_sql: false,
            other: Other::new(),
        }
    }

    /// Sets the statement.
    #[must_use]
    pub fn statement(mut self, statement: impl Into<String>) -> Self {
        self.query = statement.into();
        self
    }

    /// Sets the topic.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = topic.into();
        self
    }

    /// Sets how many logs a page has.
    #[must_use]
    pub fn lines(mut self, lines: usize) -> Self {
        self.line = lines;
        self
    }

    /// The oldest first.
    #[must_use]
    pub fn oldest_first(mut self) -> Self {
        self.reverse = false;
        self
    }

    /// Whether the statement has SQL in it: something behind the first pipe that is in no double quotes, other than
    /// `with_pack_meta`, which asks a search for what [`Logstore::context`] needs. A search knows no other quotes: in
    /// `it's` there is none.
    pub fn has_sql(&self) -> bool {
        let (mut quoted, mut escaped) = (false, false);
        for (at, character) in self.query.char_indices() {
            match character {
                _ if escaped => escaped = false,
                '\\' if quoted => escaped = true,
                '"' => quoted = !quoted,
                '|' if !quoted => {
                    let behind = self.query.get(at + 1..).unwrap_or_default().trim();
                    return !behind.eq_ignore_ascii_case("with_pack_meta");
                }
                _ => {}
            }
        }
        false
    }
}

/// What the service says of its answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Meta {
    /// `Complete` or `Incomplete`.
    pub progress: String,
    /// How many logs or rows there are in this answer.
    pub count: u64,
    /// The part of the statement behind the pipe.
    pub agg_query: String,
    /// The part of the statement before the pipe.
    pub where_query: String,
    /// Whether there was SQL.
    #[serde(rename = "hasSQL")]
    pub has_sql: bool,
    /// How many logs were read for it.
    pub processed_rows: u64,
    /// How many bytes were read for it.
    pub processed_bytes: u64,
    /// How long it took, in milliseconds.
    pub elapsed_millisecond: u64,
    /// The columns of SQL, in their order.
    pub keys: Vec<String>,
    /// Whether SQL saw all logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_accurate: Option<bool>,
    /// All else.
    #[serde(flatten)]
    pub other: Other,
}

impl Meta {
    /// Whether this is all.
    pub fn is_complete(&self) -> bool {
        self.progress.eq_ignore_ascii_case("complete")
    }
}

/// An answer.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Logs {
    /// What the service says of it.
    pub meta: Meta,
    /// Logs, or rows of SQL.
    pub data: Vec<Row>,
}

/// How many logs there are in a part of the time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bucket {
    /// From this second on.
    pub from: i64,
    /// Before this second.
    pub to: i64,
    /// So many logs.
    pub count: u64,
    /// `Complete` or `Incomplete`.
    pub progress: String,
}

/// Logs around one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Context {
    /// `Complete` or `Incomplete`.
    pub progress: String,
    /// How many there are.
    pub total_lines: u64,
    /// How many of them are before it.
    pub back_lines: u64,
    /// How many of them are behind it.
    pub forward_lines: u64,
    /// The logs, in their order. `__index_number__` is 0 for the one that was asked about.
    pub logs: Vec<Row>,
}

impl Logstore {
    /// Asks until the answer is complete, or that takes too long. One page of a search; all rows of SQL.
    ///
    /// ```no_run
    /// use eventcenter_sls::logstore::Query;
    ///
    /// # async fn example(logstore: eventcenter_sls::Logstore) -> eventcenter_sls::Result<()> {
    /// let statement = "level: Warning | select pod_name, count(1) as c group by pod_name";
    /// let answer = logstore.query(&Query::new(1_700_000_000, 1_700_003_600).statement(statement)).await?;
    /// for row in &answer.data {
    ///     println!("{:?} {:?}", row.get("pod_name"), row.get("c"));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The service's. A mistake in SQL is [`Code::ParameterInvalid`](crate::Code::ParameterInvalid), with a message for
    /// who wrote it.
    pub async fn query(&self, query: &Query) -> Result<Logs> {
        let mut query = query.clone();
        if query.has_sql() {
            // The service refuses an offset together with SQL.
            (query.line, query.offset, query.reverse) = (0, 0, false);
        }
        let call = self.path(Call::post("/logstores")).words("logs").body(Body::json(&query)?);
        let call = call.header("accept-encoding", accepted()).repeatable();
        until_complete(async || {
            let logs: Logs = self.call(call.clone()).await?.json()?;
            Ok((logs.meta.is_complete(), logs))
        })
        .await
    }

    /// The pages of a search, one by one.
    ///
    /// ```no_run
    /// use eventcenter_sls::logstore::Query;
    ///
    /// # async fn example(logstore: eventcenter_sls::Logstore) -> eventcenter_sls::Result<()> {
    /// let query = Query::new(1_700_000_000, 1_700_003_600).statement("level: Warning");
    /// let mut pages = logstore.search(query);
    /// while let Some(page) = pages.next().await? {
    ///     println!("{} logs", page.data.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn search(&self, query: Query) -> Pages {
        Pages { logstore: self.clone(), query: Some(query) }
    }

    /// How many logs there are, over the time: cheap, and without the logs. `interval` is the length of a part in
    /// seconds; the service chooses one if it is 0.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn histogram(&self, query: &Query, interval: u64) -> Result<Vec<Bucket>> {
        let mut call = self.path(Call::get("/logstores")).query("type", "histogram");
        call = call.query("from", query.from.to_string()).query("to", query.to.to_string());
        call = call.query("topic", query.topic.clone()).query("query", query.query.clone());
        if interval > 0 {
            call = call.query("interval", interval.to_string());
        }
        until_complete(async || {
            let buckets: Vec<Bucket> = self.call(call.clone()).await?.json()?;
            let complete = |bucket: &Bucket| bucket.progress.eq_ignore_ascii_case("complete");
            Ok((buckets.iter().all(complete), buckets))
        })
        .await
    }

    /// The logs around one that was found by a search with `|with_pack_meta` at its end: `pack_id` and `pack_meta` are
    /// its `__tag__:__pack_id__` and `__pack_meta__`. At most 100 each way, and one at least.
    ///
    /// # Errors
    ///
    /// The service's.
    pub async fn context(
        &self,
        pack_id: &str,
        pack_meta: &str,
        back: usize,
        forward: usize,
    ) -> Result<Context> {
        let call = self
            .path(Call::get("/logstores"))
            .query("type", "context_log")
            .query("pack_id", pack_id.to_owned())
            .query("pack_meta", pack_meta.to_owned())
            .query("back_lines", back.to_string())
            .query("forward_lines", forward.to_string());
        until_complete(async || {
            let context: Context = self.call(call.clone()).await?.json()?;
            Ok((context.progress.eq_ignore_ascii_case("complete"), context))
        })
        .await
    }
}

/// A search, page by page.
#[derive(Debug)]
pub struct Pages {
    logstore: Logstore,
    query: Option<Query>,
}

impl Pages {
    /// The next page; `None` behind the last. SQL has one.
    ///
    /// A page that is not complete is the last: where the next one begins is not known.
    ///
    /// # Errors
    ///
    /// The service's. It may be asked for again.
    pub async fn next(&mut self) -> Result<Option<Logs>> {
        let Some(query) = &mut self.query else { return Ok(None) };
        let page = self.logstore.query(query).await?;
        let got = page.data.len();
        query.offset += got;
        let more = !query.has_sql() && page.meta.is_complete() && got > 0 && got >= query.line;
        if !more {
            self.query = None;
        }
        Ok(Some(page).filter(|page| !page.data.is_empty() || !page.meta.is_complete()))
    }
}

/// What an answer may be compressed with.
pub(super) fn accepted() -> String {
    let names = Compression::ALL.iter().filter_map(|compression| compression.name());
    // Official clients ask for these two; deflate is for what is sent.
    let names: Vec<_> = names.filter(|name| *name != "deflate").collect();
    names.join(",")
}

async fn until_complete<T>(ask: impl AsyncFn() -> Result<(bool, T)>) -> Result<T> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    for _ in 1..MOST_ATTEMPTS {
        let (complete, answer) = ask().await?;
        if complete || started.elapsed() + pause > LONGEST {
            return Ok(answer);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(ask().await?.1)
}

/// Makes a text that may hold anything a text of SQL: `it's` becomes `'it''s'`.
///
/// ```
/// assert_eq!(eventcenter_sls::logstore::sql_text("it's"), "'it''s'");
/// ```
pub fn sql_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Makes a name a column of SQL: `eventId.reason` becomes `"eventId.reason"`.
pub fn sql_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Makes a text that may hold anything one phrase of a search.
///
/// ```
/// assert_eq!(eventcenter_sls::logstore::search_text(r#"a "b""#), r#""a \"b\"""#);
/// ```
pub fn search_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_never_becomes_complete_is_returned_after_twenty_questions_or_five_minutes() {
        for (answer_after, questions) in [(Duration::ZERO, 20), (Duration::from_secs(60), 5)] {
            let asked = Cell::new(0);
            let answer = until_complete(async || {
                asked.set(asked.get() + 1);
                tokio::time::sleep(answer_after).await;
                Ok((false, asked.get()))
            });
            assert_eq!(answer.await.unwrap(), questions);
        }
    }
}
