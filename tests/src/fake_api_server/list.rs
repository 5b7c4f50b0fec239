//! LIST: pages in key order, all of one snapshot.

use std::ops::Bound;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::bulk::{BASE, BulkRun, Stamp, Template};
use super::fault::Fault;
use super::object::{Api, Object};
use super::outlet::{Framing, Outlet, Over};
use super::query::{Query, Token, Version};
use super::state::State;
use super::status::Status;
use crate::loopback::Body;

/// One page, decided on under the lock and sent after it.
pub(crate) struct Page {
    api: Api,
    revision: u64,
    token: Option<String>,
    remaining: Option<u64>,
    items: Items,
}

enum Items {
    Stored(Vec<Arc<Object>>),
    /// Places of the key order, both ends included.
    Generated(Arc<BulkRun>, u64, u64),
}

impl Page {
    /// Finds the page a query asks for.
    pub(crate) fn find(state: &State, query: &Query) -> Result<Self, Status> {
        let current = match &state.bulk {
            Some(run) => BASE + run.present(),
            None => state.store.revision(),
        };
        let revision = revision(state, query, current)?;
        if let Some(run) = &state.bulk {
            return Self::generated(run, query, revision, state.token_epoch);
        }

        let snapshot = state.store.snapshot(revision);
        let after = query.token.as_ref().map(|token| token.after.as_str());
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = snapshot
            .range::<str, _>((from, Bound::Unbounded))
            .map(|(_, object)| object)
            .filter(|object| wanted(query, object));
        let limit =
            query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let items: Vec<_> = found.by_ref().take(limit).map(Arc::clone).collect();
        let remaining = found.count() as u64;
        let token = items.last().filter(|_| remaining > 0).map(|last| {
            Token { rv: Some(revision), after: last.key(), epoch: state.token_epoch }.write()
        });
        Ok(Self {
            api: query.api,
            revision,
            token,
            // The real server does not know how many of the rest a selector would keep.
            remaining: (remaining > 0 && query.selector.is_empty()).then_some(remaining),
            items: Items::Stored(items),
        })
    }

    fn generated(
        run: &Arc<BulkRun>,
        query: &Query,
        revision: u64,
        epoch: u64,
    ) -> Result<Self, Status> {
        plain_only(query)?;
        let after =
            query.token.as_ref().and_then(|token| BulkRun::place(&token.after)).unwrap_or(0);
        let there = revision - BASE;
        let last = after.saturating_add(query.limit.unwrap_or(u64::MAX)).min(there);
        let remaining = there.saturating_sub(last);
        let token = (remaining > 0)
            .then(|| Token { rv: Some(revision), after: BulkRun::key(last), epoch }.write());
        Ok(Self {
            api: query.api,
            revision,
            token,
            remaining: (remaining > 0).then_some(remaining),
            items: Items::Generated(Arc::clone(run), after + 1, last),
        })
    }

    /// Sends it, from a task of its own.
    pub(crate) fn body(self, fault: Option<Fault>, gzip: bool) -> Body {
        let (to, rest) = mpsc::channel(4);
        let out = Outlet::new(to, fault, Framing::Items, gzip);
        tokio::spawn(self.send(out));
        Body::Stream { burst: None, rest }
    }

    async fn send(self, mut out: Outlet) -> Result<(), Over> {
        let mut meta = format!(r#""resourceVersion":"{}""#, self.revision);
        if let Some(token) = &self.token {
            meta.push_str(&format!(r#","continue":"{token}""#));
        }
        if let Some(remaining) = self.remaining {
            meta.push_str(&format!(r#","remainingItemCount":{remaining}"#));
        }
        let version = self.api.version();
        out.raw(
            format!(
                r#"{{"kind":"EventList","apiVersion":"{version}","metadata":{{{meta}}},"items":["#
            )
            .as_bytes(),
        );
        out.settle().await?;
        match &self.items {
            Items::Stored(objects) => {
                for object in objects {
                    out.event(&object.item(self.api)).await?;
                }
            }
            Items::Generated(run, first, last) => {
                let template = Template::new(run, self.api, Framing::Items);
                let mut item = template.blank();
                let now = Stamp::now();
                for place in *first..=*last {
                    template.render(&mut item, run, place, &now);
                    out.event(&item).await?;
                }
            }
        }
        out.settle().await?;
        out.raw(b"]}\n");
        out.finish().await
    }
}

/// The version a list is read at.
fn revision(state: &State, query: &Query, current: u64) -> Result<u64, Status> {
    if let Some(token) = &query.token {
        let Some(version) = token.rv else {
            return Ok(current);
        };
        if token.epoch != state.token_epoch || state.list_is_too_old(version) {
            return Err(fresh_token(state, token));
        }
        return Ok(version);
    }
    match (query.version, query.exact) {
        (Version::At(asked), _) if asked > current => Err(Status::too_large(asked, current)),
        // With a limit and nothing said, the version is taken exactly, for history's sake.
        (Version::At(asked), Some(true)) => exactly(state, asked),
        (Version::At(asked), None) if query.limit.is_some() => exactly(state, asked),
        _ => Ok(current),
    }
}

fn exactly(state: &State, asked: u64) -> Result<u64, Status> {
    if state.list_is_too_old(asked) { Err(Status::too_old("list")) } else { Ok(asked) }
}

/// The refusal of an expired token: it carries one that reads on at whatever is there now.
pub(crate) fn fresh_token(state: &State, expired: &Token) -> Status {
    let after = expired.after.clone();
    Status::continue_expired(Token { rv: None, after, epoch: state.token_epoch }.write())
}

pub(crate) fn wanted(query: &Query, object: &Object) -> bool {
    query.namespace.as_ref().is_none_or(|ns| *ns == object.metadata.namespace)
        && query.selector.matches(object)
}

/// Generated Events cannot be selected from; saying so beats sending the wrong ones.
pub(crate) fn plain_only(query: &Query) -> Result<(), Status> {
    if query.namespace.is_some() || !query.selector.is_empty() {
        return Err(Status::new(400, "generated Events have no namespaces and no selectors"));
    }
    Ok(())
}
