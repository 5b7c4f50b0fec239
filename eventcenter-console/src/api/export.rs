//! Everything that matches, as a stream: a page at a time is in memory, and read when the client has taken the one
//! before.
//!
//! **What it lacks.** The headers `eventcenter-gaps` and `eventcenter-unread` say how many declared losses touch the
//! range, and how many parts could not be read, as far as that was known at the beginning. NDJSON ends with a line of
//! its own that tells them: `{"end":{"events":2,"truncated":false,"gaps":[],"unread":[]}}`. An export without that line
//! is not whole. CSV has no place for such a line: when it comes to lack more than its headers said, or there are more
//! rows than `limits.export_rows`, it breaks off. What breaks off ends with a reset connection, so that it is not taken
//! for whole.
//!
//! **Cells** of CSV are plain text: see [`plain_csv`].

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use eventcenter_core::{Error, ErrorKind, plain_csv, plain_json};
use eventcenter_store::Answer;
use eventcenter_store::ask::{EventsAsk, GapRecord, Key, Order, Page, Row};
use futures::stream;
use serde::Serialize;

use super::Reply;
use crate::Shared;
use crate::params::{Params, bounds};
use crate::problem::Problem;

const PAGE: usize = 1000;
const GAPS: HeaderName = HeaderName::from_static("eventcenter-gaps");
const UNREAD: HeaderName = HeaderName::from_static("eventcenter-unread");
const COLUMNS: &[u8] = b"time,level,class,reason,cluster,namespace,kind,name,node,component,count,occurrences,message\r\n";

pub(crate) async fn ndjson(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    export(shared, query.as_deref(), Form::Ndjson).await
}

pub(crate) async fn csv(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    export(shared, query.as_deref(), Form::Csv).await
}

async fn export(shared: Arc<Shared>, query: Option<&str>, form: Form) -> Reply {
    let params = Params::read(query, &["query", "cluster", "since", "from", "until", "order"])?;
    let order = params.order()?;
    if order == Order::Arrival {
        return Err(Problem::bad("`order` of an export is newest or oldest"));
    }
    let ask = EventsAsk {
        query: params.query()?,
        range: params.range(&*shared.clock)?,
        order,
        after: None,
        limit: PAGE,
        bounds: bounds(&shared.config.limits),
    };
    // What is wrong with the question is said before the answer begins.
    let first = shared.engine.events(&ask).await?;
    let (gaps, unread) = (first.gaps.len(), first.unread.len());
    let lacking = lacks(&first);
    let export =
        Export { shared, ask, form, next: Next::Page(first), said: (gaps, unread), events: 0 };
    let chunks = stream::try_unfold(export, |mut export| async move {
        let chunk = export.chunk().await?;
        Ok::<_, Error>(chunk.map(|chunk| (chunk, export)))
    });
    let head = [(header::CONTENT_TYPE, form.kind())];
    let response: Response = (head, lacking, Body::from_stream(chunks)).into_response();
    Ok(response)
}

/// How much an answer lacks, for a file that cannot say it.
pub(super) fn lacks<T>(answer: &Answer<T>) -> [(HeaderName, HeaderValue); 2] {
    [(GAPS, answer.gaps.len().into()), (UNREAD, answer.unread.len().into())]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Ndjson,
    Csv,
}

struct Export {
    shared: Arc<Shared>,
    ask: EventsAsk,
    form: Form,
    next: Next,
    /// The gaps, and the parts that were not read, that the headers told.
    said: (usize, usize),
    /// How many were sent.
    events: usize,
}

/// What to send next.
enum Next {
    Page(Answer<Page>),
    /// The page that begins here.
    Ask(Key),
    Nothing,
}

/// The last line of NDJSON.
#[derive(Serialize)]
struct Line<'a> {
    end: End<'a>,
}

#[derive(Serialize)]
struct End<'a> {
    /// How many went before.
    events: usize,
    /// Whether there are more than an export has.
    truncated: bool,
    gaps: &'a [GapRecord],
    unread: &'a [String],
}

impl Export {
    /// A page; none after the last.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let mut answer = match std::mem::replace(&mut self.next, Next::Nothing) {
            Next::Page(answer) => answer,
            Next::Ask(key) => {
                self.ask.after = Some(key);
                self.shared.engine.events(&self.ask).await?
            }
            Next::Nothing => return Ok(None),
        };
        let mut out = Vec::new();
        if self.events == 0 && self.form == Form::Csv {
            out.extend_from_slice(COLUMNS);
        }
        let Page { rows, next } = &mut answer.value;
        let left = self.shared.config.limits.export_rows - self.events;
        let truncated = rows.len() > left || (rows.len() == left && next.is_some());
        rows.truncate(left);
        rows.iter().for_each(|row| self.form.write(row, &mut out));
        self.events += rows.len();
        match *next {
            Some(next) if !truncated => self.next = Next::Ask(next),
            _ => self.end(&answer, truncated, &mut out)?,
        }
        Ok(Some(out.into()))
    }

    /// Behind the last page.
    fn end(&self, answer: &Answer<Page>, truncated: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        let Answer { gaps, unread, .. } = answer;
        if self.form == Form::Ndjson {
            let end = End { events: self.events, truncated, gaps, unread };
            let line = serde_json::to_string(&Line { end });
            let line = line.map_err(|error| broken("the end is no JSON").with_source(error))?;
            out.extend_from_slice(plain_json(&line).as_bytes());
            out.push(b'\n');
            return Ok(());
        }
        if truncated {
            return Err(broken("there are more rows than limits.export_rows"));
        }
        if gaps.len() > self.said.0 || unread.len() > self.said.1 {
            return Err(broken("it lacks more than its headers say"));
        }
        Ok(())
    }
}

fn broken(message: &'static str) -> Error {
    Error::new("export", ErrorKind::Protocol, message)
}

impl Form {
    fn kind(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    fn write(self, row: &Row, out: &mut Vec<u8>) {
        match self {
            Self::Ndjson => {
                let mut line = Vec::new();
                row.event.write_json(&mut line);
                out.extend_from_slice(plain_json(&String::from_utf8_lossy(&line)).as_bytes());
                out.push(b'\n');
            }
            Self::Csv => record(row, out),
        }
    }
}

fn record(row: &Row, out: &mut Vec<u8>) {
    let (event, object) = (&row.event, row.event.object());
    let (time, count) = (event.time().to_string(), event.count().to_string());
    let occurrences = row.occurrences.to_string();
    let cells = [
        time.as_str(),
        event.level().as_str(),
        event.class().map_or("", |class| class.name),
        event.reason(),
        &event.cluster().name,
        object.namespace,
        object.kind,
        object.name,
        event.host(),
        event.component(),
        &count,
        &occurrences,
        event.message(),
    ];
    for (place, text) in cells.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(plain_csv(text).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}
