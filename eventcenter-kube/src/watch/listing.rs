//! A page of the list, part by part.

use super::*;

impl EventWatch {
    /// A part of the page has arrived.
    pub(super) fn listed(&mut self, part: Part) -> Option<Observed> {
        let Phase::List(page) = &self.phase else { return None };
        let (asked, arrived) = (page.exchange.asked(), page.exchange.arrived());
        self.vitals.beats(page.exchange.beat());
        match part {
            Part::Head(meta) => self.list_shows(&meta, asked),
            Part::Item(raw) => self.item(raw, arrived),
            Part::TooLong(raw) => Some(self.too_long(raw)),
            Part::End(meta) => {
                self.list_shows(&meta, asked).or_else(|| self.page_complete(meta, asked))
            }
        }
    }

    /// The page says which version it shows. That is behind us if the server was restored since we asked last.
    fn list_shows(&mut self, meta: &ListMeta, asked: Timestamp) -> Option<Observed> {
        if self.known.is_foreign_to(&meta.resource_version) {
            return Some(self.begin_anew(&meta.resource_version));
        }
        self.list.as_mut()?.shows(&meta.resource_version, asked);
        None
    }

    /// An item, with the position from before the list.
    fn item(&mut self, raw: Bytes, arrived: Timestamp) -> Option<Observed> {
        let read = self.read(self.target.typed(raw.clone()), arrived);
        let list = self.list.as_mut()?;
        match read {
            Ok(event) => {
                let is_wanted = list.admit(&event) && !self.known.covers(event.resource_version());
                is_wanted.then(|| Observed::Event(Box::new(event), self.known.position()))
            }
            Err(error) => {
                // Without a name it has no place in the list: it may be handed out again.
                let is_wanted = Meta::of(&raw).is_none_or(|Meta { metadata: it, .. }| {
                    list.admit_key(&it.namespace, &it.name, &it.resource_version)
                        && !self.known.covers(&it.resource_version)
                });
                let position = self.known.position();
                is_wanted.then_some(Observed::Unreadable { raw, error, position })
            }
        }
    }

    /// The next page, or the watch.
    fn page_complete(&mut self, meta: ListMeta, asked: Timestamp) -> Option<Observed> {
        self.vitals.page();
        self.backoff.reset();
        match self.list.as_mut()?.page_done(meta, asked) {
            Next::Page => {
                self.open();
                None
            }
            Next::Settled(position) => {
                self.list = None;
                self.known.settle(position.clone());
                self.vitals.synced();
                self.watch_from_known(position);
                Some(self.progress(Instant::now()))
            }
        }
    }

    /// The page came to nothing, or broke off. What was handed out of it is not handed out again.
    pub(super) fn list_failed(&mut self, failure: &Failure) -> Option<Observed> {
        let list = self.list.as_mut()?;
        match (&failure.kind, list.token()) {
            (Kind::Expired { fresh }, Some(_)) => {
                let goes_on = list.token_expired(fresh.clone());
                warn!(source = %self.name, goes_on, "the list took too long for the API server");
            }
            // A token of an API server that was replaced meanwhile.
            (Kind::Invalid, Some(_)) => {
                list.token_expired(None);
            }
            _ => list.page_failed(),
        }
        self.failed(failure)
    }
}
