//! The live tail: events as they are taken, as server-sent events.
//!
//! The id of each is its mark. Who comes back with `Last-Event-ID` gets everything since, from the store, so nothing
//! is missed between two connections and nothing is kept for who is away. A client that reads slowly is sent the
//! next page when it has taken the one before: one page is in memory for it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use eventcenter_core::Query;
use eventcenter_store::ask::{EventsAsk, Key, Mark, Order, Range};
use futures::{Stream, StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::Reply;
use crate::Shared;
use crate::params::{Params, bounds};
use crate::problem::Problem;
use crate::row::{EventJson, Told};

const PAGE: usize = 200;
/// Between two looks at an engine that does not say when it has taken events.
const LOOK: Duration = Duration::from_secs(1);
/// Between two comments, for whatever closes silent connections on the way.
const BEAT: Duration = Duration::from_secs(15);

pub(crate) async fn live(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Reply {
    let params =
        Params::read(query.as_deref(), &["query", "cluster", "since", "from", "after", "cut"])?;
    let query = params.query()?;
    let told = Told { document: false, message: params.cut()? };
    // Without a beginning a late event is shown as well, and occurrences are all that there were.
    let is_ranged = params.text("since").or(params.text("from")).is_some();
    let from = if is_ranged { params.range(&*shared.clock)?.from } else { Range::ALL.from };
    let range = Range { from, ..Range::ALL };
    let permit = Arc::clone(&shared.tails).try_acquire_owned();
    let permit = permit.map_err(|_| Problem::busy("too many live tails are open"))?;
    let resumed =
        headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(params.text("after"));
    let after = match resumed {
        Some(id) => {
            id.parse().map(Mark).map_err(|_| Problem::bad("`Last-Event-ID` is no mark of ours"))?
        }
        None => shared.engine.state().await?.mark,
    };
    let woken = shared.mark.clone();
    let tail = Tail { shared, query, range, told, after, woken, _permit: permit };
    let keep_alive = KeepAlive::new().interval(BEAT);
    Ok(Sse::new(tail.events()).keep_alive(keep_alive).into_response())
}

struct Tail {
    shared: Arc<Shared>,
    query: Arc<Query>,
    range: Range,
    told: Told,
    after: Mark,
    woken: Option<watch::Receiver<Mark>>,
    _permit: OwnedSemaphorePermit,
}

impl Tail {
    fn events(self) -> impl Stream<Item = Result<Sent, Infallible>> {
        let pages = stream::unfold(Some(self), |tail| async move {
            let mut tail = tail?;
            match tail.page().await {
                Ok(page) => Some((page, Some(tail))),
                // Told, and then closed: the client comes back with the last id.
                Err(problem) => {
                    let told = serde_json::to_string(&problem).unwrap_or_default();
                    Some((vec![Sent::default().event("problem").data(told)], None))
                }
            }
        });
        pages.flat_map(|page| stream::iter(page.into_iter().map(Ok)))
    }

    /// The next events; waits until there are some.
    async fn page(&mut self) -> Result<Vec<Sent>, Problem> {
        loop {
            if let Some(woken) = &mut self.woken {
                woken.borrow_and_update();
            }
            let ask = EventsAsk {
                query: Arc::clone(&self.query),
                range: self.range,
                order: Order::Arrival,
                after: Some(Key::Mark(self.after)),
                limit: PAGE,
                bounds: bounds(&self.shared.config.limits),
            };
            let page = self.shared.engine.events(&ask).await?.value;
            if let Some(last) = page.rows.last() {
                self.after = last.mark;
                let sent = page.rows.iter().filter_map(|row| {
                    let data = serde_json::to_string(&EventJson::new(row, self.told)).ok()?;
                    Some(Sent::default().id(row.mark.0.to_string()).data(data))
                });
                return Ok(sent.collect());
            }
            let woken = match &mut self.woken {
                Some(woken) => woken.changed().await.is_ok(),
                None => false,
            };
            if !woken {
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}
