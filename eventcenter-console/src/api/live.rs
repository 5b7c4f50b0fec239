//! The live tail: events as they are taken, as server-sent events.
//!
//! | `event` | `data` |
//! |---|---|
//! | (none) | an event, as in lists |
//! | `gap` | a declared loss that the tail may have: one that ended after it began, or after it broke off |
//! | `unread` | what could not be read, in words: a list |
//! | `problem` | why the tail ends |
//!
//! The id of each says how far the tail has looked, and when. Who comes back with `Last-Event-ID` gets everything since,
//! from the store, so nothing is missed between two connections and nothing is kept for who is away. While nothing
//! matches, an id without data comes every 15 s, so that a rare statement does not look again at what it has seen, and so
//! that whatever closes silent connections on the way does not.
//!
//! A client that reads slowly is sent the next page when it has taken the one before: one page is in memory for it. A
//! tail ends at once when the program stops.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, Sse};
use eventcenter_core::{Query, Stopped};
use eventcenter_store::Answer;
use eventcenter_store::ask::{EventsAsk, GapRecord, Key, Mark, Order, Page, Range};
use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::{Reply, text};
use crate::Shared;
use crate::guard::Lasting;
use crate::params::{Params, bounds};
use crate::problem::Problem;
use crate::row::{EventJson, Told};

const PAGE: usize = 200;
/// Between two looks at an engine that does not say when it has taken events.
const LOOK: Duration = Duration::from_secs(1);
/// Between two ids without data.
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
    let permit = permit.map_err(|_| Problem::busy("too many live tails are open").code("tails"))?;
    let resumed =
        headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(params.text("after"));
    let place = match resumed {
        Some(id) => {
            Place::read(id).ok_or_else(|| Problem::bad("`Last-Event-ID` is no mark of ours"))?
        }
        None => Place { mark: shared.state().await?.mark, at: shared.clock.now() },
    };
    let tail = Tail {
        query,
        range,
        form: told,
        after: place.mark,
        since: place.at,
        woken: shared.mark.clone(),
        stopped: shared.stop.listen(),
        gaps: Vec::new(),
        unread: Vec::new(),
        beat: Instant::now() + BEAT,
        shared,
        _permit: permit,
    };
    let mut response = Sse::new(tail.events()).into_response();
    response.extensions_mut().insert(Lasting);
    Ok(response)
}

/// How far a tail has looked, and when: `<mark>.<second>`. A mark alone is as old as can be.
struct Place {
    mark: Mark,
    at: Timestamp,
}

impl Place {
    fn read(id: &str) -> Option<Self> {
        let (mark, second) = match id.split_once('.') {
            Some((mark, second)) => (mark, second.parse().ok()?),
            None => (id, Timestamp::MIN.as_second()),
        };
        Some(Self { mark: mark.parse().map(Mark).ok()?, at: Timestamp::from_second(second).ok()? })
    }

    fn id(&self) -> String {
        format!("{}.{}", self.mark.0, self.at.as_second())
    }
}

struct Tail {
    shared: Arc<Shared>,
    query: Arc<Query>,
    range: Range,
    /// How much of an event is sent.
    form: Told,
    /// Everything up to here was looked at.
    after: Mark,
    /// Losses that ended before are of no concern.
    since: Timestamp,
    woken: Option<watch::Receiver<Mark>>,
    stopped: Stopped,
    /// Losses that were told.
    gaps: Vec<GapRecord>,
    /// What was told to be unread.
    unread: Vec<String>,
    /// When an id is due.
    beat: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Tail {
    fn events(self) -> impl Stream<Item = Result<Sent, Infallible>> {
        let pages = stream::unfold(Some(self), |tail| async move {
            let mut tail = tail?;
            let mut stopped = tail.stopped.clone();
            let page = tokio::select! {
                biased;
                () = stopped.stopping() => return None,
                page = tail.page() => page,
            };
            match page {
                Ok(page) => Some((page, Some(tail))),
                // Told, and then closed: the client comes back with the last id.
                Err(problem) => {
                    let told = text(&problem).unwrap_or_default();
                    Some((vec![Sent::default().event("problem").data(told)], None))
                }
            }
        });
        pages.flat_map(|page| stream::iter(page.into_iter().map(Ok)))
    }

    /// What is to be sent next; waits until there is something.
    async fn page(&mut self) -> Result<Vec<Sent>, Problem> {
        loop {
            let is_due = self.beat <= Instant::now();
            // Before the look: what is taken meanwhile is looked at the next time.
            let taken = match &mut self.woken {
                Some(woken) => Some(*woken.borrow_and_update()),
                // Not at every look: it costs a look at everything.
                None if is_due => Some(self.shared.state().await?.mark),
                None => None,
            };
            let answer = self.look().await?;
            let sent = self.told(&answer, taken)?;
            if !sent.is_empty() || is_due {
                self.beat = Instant::now() + BEAT;
                let beat = || vec![Sent::default().id(self.id())];
                return Ok(if sent.is_empty() { beat() } else { sent });
            }
            self.wait().await;
        }
    }

    async fn look(&self) -> Result<Answer<Page>, Problem> {
        let ask = EventsAsk {
            query: Arc::clone(&self.query),
            range: self.range,
            order: Order::Arrival,
            after: Some(Key::Mark(self.after)),
            limit: PAGE,
            bounds: bounds(&self.shared.config.limits),
        };
        Ok(self.shared.engine.events(&ask).await?)
    }

    /// An answer, as it is sent. Up to `taken` nothing is left when it is not full.
    fn told(&mut self, answer: &Answer<Page>, taken: Option<Mark>) -> Result<Vec<Sent>, Problem> {
        let (mut sent, page) = (Vec::new(), &answer.value);
        for row in &page.rows {
            self.after = row.mark;
            let data = text(&EventJson::new(row, self.form))?;
            sent.push(Sent::default().id(self.id()).data(data));
        }
        if let Some(taken) = taken.filter(|_| page.rows.len() < PAGE) {
            self.after = self.after.max(taken);
        }
        for gap in &answer.gaps {
            if gap.until >= self.since && !self.gaps.contains(gap) {
                self.gaps.push(gap.clone());
                sent.push(self.said("gap", gap)?);
            }
        }
        if !answer.unread.is_empty() && answer.unread != self.unread {
            self.unread.clone_from(&answer.unread);
            sent.push(self.said("unread", &answer.unread)?);
        }
        Ok(sent)
    }

    fn said(&self, name: &str, value: &impl Serialize) -> Result<Sent, Problem> {
        Ok(Sent::default().id(self.id()).event(name).data(text(value)?))
    }

    fn id(&self) -> String {
        Place { mark: self.after, at: self.shared.clock.now() }.id()
    }

    /// Until the engine has taken something, or an id is due.
    async fn wait(&mut self) {
        let woken = async {
            let woken = match &mut self.woken {
                Some(woken) => woken.changed().await.is_ok(),
                None => false,
            };
            if !woken {
                tokio::time::sleep(LOOK).await;
            }
        };
        // A time that is over is an id that is due.
        tokio::time::timeout_at(self.beat, woken).await.ok();
    }
}
