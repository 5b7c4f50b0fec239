//! What a watch sends, line by line.

use super::*;

impl EventWatch {
    /// Something has arrived.
    pub(super) fn watched(&mut self, sent: Sent) -> Option<Observed> {
        let Phase::Watch(stream) = &self.phase else { return None };
        let (arrived, beat) = (stream.exchange.arrived(), stream.exchange.beat());
        self.vitals.beats(beat);
        match sent {
            Sent::Opened => {
                self.vitals.synced();
                None
            }
            Sent::Line(Line::Whole(line)) => self.line(&line, arrived, beat),
            Sent::Line(Line::TooLong(raw)) => Some(self.too_long(raw)),
            Sent::End => self.watch_ended(),
        }
    }

    fn line(&mut self, line: &Bytes, arrived: Timestamp, beat: Instant) -> Option<Observed> {
        match Change::by_place(line).or_else(|| Change::by_meaning(line)) {
            Some(Change::Event(object)) => self.event(line, object, arrived, beat),
            Some(Change::Deleted(object)) => {
                self.untold |= self.known.advance_surely(&Meta::version(object), arrived);
                self.came_through();
                if beat < self.told + TELL { None } else { self.tell() }
            }
            Some(Change::Bookmark(object)) => {
                self.came_through();
                let has_moved = self.known.advance(&Meta::version(object), arrived);
                has_moved.then(|| self.progress(beat))
            }
            Some(Change::Error(object)) => {
                let failure = Failure::from_stream(&self.name, object).unwrap_or_else(|| {
                    let message = "the watch ended with an error that cannot be read";
                    Failure::passing(&self.name, ErrorKind::Protocol, message)
                });
                match failure.kind {
                    Kind::Expired { .. } => Some(self.expired(&failure)),
                    _ => self.failed(&failure),
                }
            }
            None => {
                let error = self.protocol("a line of the watch is no change");
                Some(self.unreadable(line, error, beat))
            }
        }
    }

    /// An event, and the position after it.
    fn event(
        &mut self,
        line: &Bytes,
        object: &[u8],
        arrived: Timestamp,
        beat: Instant,
    ) -> Option<Observed> {
        self.came_through();
        // The one copy: a slice would keep the whole frame in memory for as long as the event lives.
        let read = self.read(Bytes::copy_from_slice(object), arrived);
        let read = read.or_else(|error| match Change::by_meaning(line) {
            Some(Change::Event(other)) if other != object => {
                self.read(Bytes::copy_from_slice(other), arrived)
            }
            _ => Err(error),
        });
        match read {
            // A watch sends what is after the position; a server that repeats itself is not passed on.
            Ok(event) if self.known.covers(event.resource_version()) => None,
            Ok(event) => {
                self.known.advance(event.resource_version(), arrived);
                Some(Observed::Event(Box::new(event), self.telling(beat)))
            }
            Err(error) => {
                let version = Meta::version(object);
                if self.known.covers(&version) {
                    return None;
                }
                self.known.advance(&version, arrived);
                Some(self.unreadable(object, error, beat))
            }
        }
    }

    /// The server has ended the watch in good order.
    fn watch_ended(&mut self) -> Option<Observed> {
        let Phase::Watch(stream) = &self.phase else { return None };
        if !stream.was_worthwhile() {
            let message = "the watch ended at once";
            return self.failed(&Failure::passing(&self.name, ErrorKind::Protocol, message));
        }
        if stream.reached_horizon() {
            let Position { value, at } = &stream.horizon;
            // Where versions are no numbers, an event may have come from above the horizon.
            self.untold |= if stream.fruitful {
                self.known.advance_surely(value, *at)
            } else {
                self.known.advance(value, *at)
            };
            self.term.lengthen();
        }
        self.came_through();
        self.open();
        self.tell()
    }

    /// The watch could not be opened, or was cut off.
    pub(super) fn watch_failed(&mut self, failure: &Failure) -> Option<Observed> {
        let Phase::Watch(stream) = &self.phase else { return None };
        match failure.kind {
            Kind::Expired { .. } => return Some(self.expired(failure)),
            // A version that is no number, and makes no sense to this server.
            Kind::Invalid if !self.known.is_number() => {
                let horizon = stream.horizon.value.clone();
                return Some(self.begin_anew(&horizon));
            }
            _ => {}
        }
        if !stream.was_worthwhile() {
            return self.failed(failure);
        }
        if stream.was_idle() {
            self.term.shorten();
        }
        self.vitals.cut(failure);
        self.came_through();
        let wait = self.backoff.fail(failure);
        self.pause(wait);
        self.tell()
    }

    /// The server does what it should.
    fn came_through(&mut self) {
        self.backoff.reset();
        self.expiries.reset();
    }

    fn unreadable(&mut self, raw: &[u8], error: Error, beat: Instant) -> Observed {
        let position = self.telling(beat);
        Observed::Unreadable { raw: Bytes::copy_from_slice(raw), error, position }
    }

    /// The beginning of a document that is over the limit. Its version is not known: half a document is no JSON.
    pub(super) fn too_long(&self, raw: Bytes) -> Observed {
        let error = Error::new(&*self.name, ErrorKind::TooLarge, "the document is too long")
            .with("limit", MAX_DOCUMENT);
        Observed::Unreadable { raw, error, position: self.known.position() }
    }

    pub(super) fn protocol(&self, message: &str) -> Error {
        Error::new(&*self.name, ErrorKind::Protocol, message)
    }
}
