//! What the spool still has, for who wants it a second time.
//!
//! Segments go when every sink has settled them and [`SpoolConfig::keep`](super::SpoolConfig::keep) is over. The one that
//! is being written never goes. A segment that goes while it is read is passed over.

use std::io;
use std::sync::Arc;

use super::reader::{Extent, place};
use super::record::{Payload, Tables, read_payload};
use super::segment::Scan;
use super::{OWN, REPLAYED, Shared};
use crate::event::Event;

/// What stands in the past.
#[derive(Debug, Clone)]
pub enum Past {
    /// An event.
    Event {
        /// The event.
        event: Arc<Event>,
        /// Whether the sink is yet to get it anyway.
        is_waiting: bool,
    },
    /// Something that cannot be read, in words.
    Unread(String),
}

/// Reads the past of one sink from disk, oldest first. Blocks.
#[derive(Debug)]
pub(crate) struct History {
    shared: Arc<Shared>,
    sink: usize,
    next: u64,
    end: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    extent: Extent,
    scan: Scan,
    tables: Tables,
}

impl History {
    pub(super) fn new(shared: Arc<Shared>, sink: usize, end: u64) -> Self {
        let next = shared.segments().0.first().map_or(end, |row| row.first);
        Self { shared, sink, next, end, open: None }
    }

    /// What comes next; none at the end. Events that came from a watch or a monitor, or were dead letters: what the spool
    /// itself has declared to one sink, and what was sent a second time, is no history.
    pub(crate) fn next(&mut self) -> io::Result<Option<Past>> {
        while self.next < self.end {
            let found = match self.open.take() {
                Some(open) => self.read(open)?,
                None => self.begin()?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Opens the segment in which `next` is, or goes on behind it.
    fn begin(&mut self) -> io::Result<Option<Past>> {
        let found = {
            let segments = self.shared.segments();
            let oldest = segments.0.first().map_or(self.end, |row| row.first);
            self.next = self.next.max(oldest);
            place(&segments, self.next, self.end)
        };
        let Some(extent) = found.filter(|extent| extent.end > self.next) else {
            self.next = self.end;
            return Ok(None);
        };
        match Scan::open(&*self.shared.fs, extent.first) {
            Ok(Some((header, scan))) => {
                self.open = Some(Open { extent, scan, tables: header.tables });
                Ok(None)
            }
            Ok(None) => Ok(Some(self.pass_over(extent))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.next = extent.end;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Reads to the next event, at most to the end of the segment.
    fn read(&mut self, mut open: Open) -> io::Result<Option<Past>> {
        let Open { extent, scan, tables } = &mut open;
        while self.next < extent.end {
            let Some((seq, payload)) = scan.next()? else {
                return Ok(Some(self.pass_over(*extent)));
            };
            let is_new = seq >= self.next;
            self.next = self.next.max(seq + 1);
            match read_payload(payload) {
                Some(Payload::Event(event)) if is_new => {
                    let source = tables.sources.get(usize::from(event.source));
                    if source.is_some_and(|row| row.name == OWN || row.name == REPLAYED) {
                        continue;
                    }
                    let own = self.shared.sink_name(self.sink);
                    let own = tables.sinks.iter().position(|name| name == own);
                    let is_meant = own.is_some_and(|own| event.sinks.contains(own));
                    let is_waiting = is_meant && seq >= self.shared.floor(self.sink);
                    if let Some(event) = event.event(tables) {
                        self.open = Some(open);
                        return Ok(Some(Past::Event { event, is_waiting }));
                    }
                }
                Some(later @ Payload::Tables(_)) => tables.apply(&later),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Damage: what follows in this segment cannot be found.
    fn pass_over(&mut self, extent: Extent) -> Past {
        let records = extent.end - self.next;
        self.next = extent.end;
        Past::Unread(format!("{records} records of the spool cannot be read"))
    }
}
