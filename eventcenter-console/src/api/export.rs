//! Everything that matches, as a stream: a page at a time is in memory, and read when the client has taken the one
//! before.
//!
//! CSV: a cell that a spreadsheet would take for a formula (it begins with `=`, `+`, `-`, `@`, a tab or a carriage
//! return) has an apostrophe before it. An export that breaks off after it has begun ends without its last line feed
//! and with a reset connection, so that it is not taken for whole.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use eventcenter_core::Error;
use eventcenter_store::ask::{EventsAsk, Key, Order, Row};
use futures::stream;

use super::Reply;
use crate::Shared;
use crate::params::{Params, bounds};
use crate::problem::Problem;

const PAGE: usize = 1000;

pub(crate) async fn ndjson(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let ask = ask(&shared, query.as_deref())?;
    let first = shared.engine.events(&ask).await?.value;
    Ok(stream_of(
        shared,
        ask,
        (first.rows, first.next),
        "application/x-ndjson",
        Vec::new(),
        |row, out| {
            row.event.write_json(out);
            out.push(b'\n');
        },
    ))
}

pub(crate) async fn csv(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Reply {
    let ask = ask(&shared, query.as_deref())?;
    let first = shared.engine.events(&ask).await?.value;
    let head = b"time,level,class,reason,cluster,namespace,kind,name,node,component,count,occurrences,message\r\n";
    let page = (first.rows, first.next);
    Ok(stream_of(shared, ask, page, "text/csv; charset=utf-8", head.to_vec(), |row, out| {
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
            cell(text, out);
        }
        out.extend_from_slice(b"\r\n");
    }))
}

fn ask(shared: &Shared, query: Option<&str>) -> Result<EventsAsk, Problem> {
    let params = Params::read(query, &["query", "cluster", "since", "from", "until", "order"])?;
    let order = params.order()?;
    if order == Order::Arrival {
        return Err(Problem::bad("`order` of an export is newest or oldest"));
    }
    Ok(EventsAsk {
        query: params.query()?,
        range: params.range(&*shared.clock)?,
        order,
        after: None,
        limit: PAGE,
        bounds: bounds(&shared.config.limits),
    })
}

/// A cell as RFC 4180 writes it.
pub(super) fn cell(text: &str, out: &mut Vec<u8>) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !is_formula && !text.contains([',', '"', '\n', '\r']) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    if is_formula {
        out.push(b'\'');
    }
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

type Page = (Vec<Row>, Option<Key>);

struct Export {
    shared: Arc<Shared>,
    ask: EventsAsk,
    /// The page to send next; none after the last.
    page: Option<Page>,
    head: Vec<u8>,
    left: usize,
    write: fn(&Row, &mut Vec<u8>),
}

fn stream_of(
    shared: Arc<Shared>,
    ask: EventsAsk,
    page: Page,
    kind: &'static str,
    head: Vec<u8>,
    write: fn(&Row, &mut Vec<u8>),
) -> Response {
    let left = shared.config.limits.export_rows;
    let export = Export { shared, ask, page: Some(page), head, left, write };
    let chunks = stream::try_unfold(export, |mut export| async move {
        let chunk = export.chunk().await?;
        Ok::<_, Error>(chunk.map(|chunk| (chunk, export)))
    });
    ([(header::CONTENT_TYPE, kind)], Body::from_stream(chunks)).into_response()
}

impl Export {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let Some((mut rows, next)) = self.page.take() else { return Ok(None) };
        rows.truncate(self.left);
        self.left -= rows.len();
        let mut out = std::mem::take(&mut self.head);
        rows.iter().for_each(|row| (self.write)(row, &mut out));
        if let Some(next) = next.filter(|_| self.left > 0) {
            self.ask.after = Some(next);
            let page = self.shared.engine.events(&self.ask).await?.value;
            self.page = Some((page.rows, page.next));
        }
        Ok(Some(out.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_whatever_is_in_it() {
        for (text, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("-1", "\"'-1\""),
            ("@x\ny", "\"'@x\ny\""),
            ("", ""),
        ] {
            let mut out = Vec::new();
            cell(text, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), written);
        }
    }
}
