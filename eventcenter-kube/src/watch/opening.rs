//! What is asked next, and what a failure leads to.

use super::*;

impl EventWatch {
    /// Asks for what is owed: the list, or else where the server stands, before the watch.
    pub(super) fn open(&mut self) {
        self.vitals.asks("list");
        self.phase = match &self.list {
            Some(list) => Phase::List(self.page(&self.target.page(list.token()))),
            None => Phase::Probe(self.page(&self.target.probe())),
        };
    }

    /// The server has said where it stands.
    pub(super) fn probed(&mut self, meta: &ListMeta) -> Option<Observed> {
        let Phase::Probe(page) = &self.phase else { return None };
        let horizon = Position::new(meta.resource_version.clone(), page.exchange.asked());
        if self.known.is_origin() || self.known.is_foreign_to(&horizon.value) {
            return Some(self.begin_anew(&horizon.value));
        }
        if self.known.version().is_some() {
            self.watch_from_known(horizon);
            return None;
        }
        // `start: now`. Nothing before this is wanted.
        self.known.settle(horizon.clone());
        self.watch_from_known(horizon);
        Some(self.progress(Instant::now()))
    }

    /// Opens a watch from the known version; the server has stood at `horizon`.
    pub(super) fn watch_from_known(&mut self, horizon: Position) {
        let term = self.term.draw();
        let patience = Patience { answer: self.request_timeout, frame: term + OVERTIME };
        let uri = self.target.watch(self.known.version().unwrap_or_default(), term);
        self.vitals.asks("watch");
        self.phase = Phase::Watch(Stream::new(self.get(&uri, patience), horizon, term));
    }

    /// The server is behind us: what we know means nothing to it, and all that it has is wanted.
    ///
    /// From here on the position says so too. If it stayed, and the program died before the list was complete,
    /// the server might have passed the old version when the program comes back; nothing would tell then.
    pub(super) fn begin_anew(&mut self, version: &str) -> Observed {
        let now = self.around.clock.now();
        let reason = match self.known.version() {
            Some(known) => format!(
                "the API server stands at resourceVersion {version}, but {known} is known: was it \
                 restored from a backup?"
            ),
            None => "the list after a restore of the API server was interrupted".to_owned(),
        };
        let gap = self.gap(Grade::Events, now, reason);
        self.known.forget(now);
        self.untold = false;
        self.list = Some(List::new(None));
        self.open();
        gap
    }

    /// The server has forgotten the known version: what it still has is listed, but for what is known.
    pub(super) fn expired(&mut self, failure: &Failure) -> Observed {
        let now = self.around.clock.now();
        let reason = format!(
            "the API server no longer has the changes after resourceVersion {}",
            self.known.version().unwrap_or_default()
        );
        let gap = self.gap(self.known.grade(now, self.event_ttl), now, reason);
        self.untold = false;
        self.list = Some(List::new(None));
        self.vitals.cut(failure);
        // A counter of its own: lists that succeed in between are no progress.
        let wait = self.expiries.fail(failure);
        self.pause(wait);
        gap
    }

    /// A request came to nothing; what is owed is tried again later.
    pub(super) fn failed(&mut self, failure: &Failure) -> Option<Observed> {
        let wait = self.backoff.fail(failure);
        self.vitals.fails(failure, self.backoff.failures(), self.target.api_group());
        if failure.kind == Kind::Absent && self.target.other_api() {
            info!(source = %self.name, group = self.target.api_group(), "trying the other API");
        }
        self.pause(wait);
        self.tell()
    }

    pub(super) fn pause(&mut self, wait: Duration) {
        self.phase = Phase::Pause(Box::pin(sleep(wait)));
    }

    /// The position, if it has moved without being told.
    pub(super) fn tell(&mut self) -> Option<Observed> {
        self.untold.then(|| self.progress(Instant::now()))
    }

    pub(super) fn progress(&mut self, now: Instant) -> Observed {
        Observed::Progress(self.telling(now))
    }

    /// The position, for something that is handed out.
    pub(super) fn telling(&mut self, now: Instant) -> Position {
        self.told = now;
        self.untold = false;
        self.known.position()
    }

    pub(super) fn read(&self, raw: Bytes, arrived: Timestamp) -> Result<Event> {
        let event = Event::from_kubernetes(&self.around.cluster, raw, arrived)?;
        // Whatever an API server keeps has one. Without it this is something else, and all of its kind would be one.
        if event.uid().is_empty() {
            return Err(self.protocol("the document has no uid"));
        }
        Ok(event)
    }

    fn gap(&self, grade: Grade, until: Timestamp, reason: String) -> Observed {
        Observed::Gap(Gap { grade, since: Some(self.known.at()), until, count: None, reason })
    }

    fn page(&self, uri: &str) -> Page {
        let patience = Patience { answer: self.request_timeout, frame: self.request_timeout };
        Page::new(self.get(uri, patience), &self.name)
    }

    fn get(&self, uri: &str, patience: Patience) -> Exchange {
        Exchange::get(self.around.server.client(), uri, patience, &self.name, &self.around.clock)
    }
}
