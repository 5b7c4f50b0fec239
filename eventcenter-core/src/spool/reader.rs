//! One sink's view of the spool: its events from its cursor on.
//!
//! The newest come from memory, as long as the sink keeps up; older ones from disk. Both hand out what is durable
//! and nothing else.

use std::io;
use std::sync::{Arc, PoisonError};

use super::Shared;
use super::fs::{Fs, is_damage};
use super::queue::Window;
use super::record::{EventPayload, Payload, Tables, read_payload};
use super::segment::{Scan, Segments};
use crate::error::{Error, ErrorKind, Result};
use crate::sink::Limits;
use crate::source::Gap;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Reader {
    shared: Arc<Shared>,
    sink: usize,
    next: u64,
    disk: Option<DiskReader>,
    /// How often the disk has refused to give back the record `next`.
    refused: u32,
}

/// So often a record that the disk refuses to give back is asked for; then the rest of its segment is passed over.
const PATIENCE: u32 = 3;

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, sink: usize) -> Self {
        let next = shared.queue().cursors.get(sink).copied().unwrap_or_default();
        Self { shared, sink, next, disk: None, refused: 0 }
    }

    /// The next events, as many as the limits allow; at least one event or one damaged record. None at the end:
    /// the spool is closed, and everything was handed out.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing, but may read from disk again.
    pub(crate) async fn next(&mut self, limits: &Limits) -> Result<Option<Window>> {
        let mut durable = self.shared.durable.subscribe();
        loop {
            let (end, closed) = *durable.borrow_and_update();
            // The spool may have dropped the oldest for a sink that lags.
            self.next = self.next.max(self.shared.floor(self.sink));
            if self.next < end {
                let mut window = self.read(limits, end).await?;
                if self.shared.floor(self.sink) > self.next {
                    // Dropped, counted and declared while it was being read.
                    (window.damaged, window.absent) = (0, false);
                }
                self.next = window.end;
                if !window.events.is_empty() || window.damaged > 0 || window.absent {
                    return Ok(Some(window));
                }
                // Nothing that this sink wants: settled without a delivery.
                self.shared.settle(self.sink, window.end)?;
            } else if closed || durable.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    async fn read(&mut self, limits: &Limits, end: u64) -> Result<Window> {
        let mut budget = Budget::new(limits);
        let from_memory = self.shared.queue().read(self.sink, self.next, |len| budget.takes(len));
        if let Some(window) = from_memory {
            self.disk = None;
            return Ok(window);
        }
        let mut disk = self.disk.take().filter(|disk| disk.scan.next_seq() == self.next);
        let (shared, sink, from) = (Arc::clone(&self.shared), self.sink, self.next);
        let budget = Budget::new(limits);
        let read = tokio::task::spawn_blocking(move || {
            let window = read_disk(&shared, &mut disk, sink, from, end, budget);
            (window, disk)
        });
        let (window, disk) = read.await.map_err(|error| {
            Error::new("spool", ErrorKind::Storage, "the reading thread ended").with_source(error)
        })?;
        let error = match window {
            Ok(window) => {
                (self.disk, self.refused) = (disk, 0);
                return Ok(window);
            }
            Err(error) => error,
        };
        self.refused += u32::from(is_damage(&error));
        match place(&self.shared.segments(), self.next, end) {
            Some(segment) if self.refused >= PATIENCE => {
                self.refused = 0;
                let damaged = segment.end - self.next;
                Ok(Window { end: segment.end, damaged, ..Window::default() })
            }
            _ => Err(Error::new("spool", ErrorKind::Storage, "cannot read").with_source(error)),
        }
    }
}

/// What still fits in a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    events: usize,
    bytes: usize,
    taken: usize,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { events: limits.max_events.max(1), bytes: limits.max_bytes, taken: 0 }
    }

    /// A single event is taken whatever its size.
    pub(crate) fn takes(&mut self, len: usize) -> bool {
        let fits = self.taken == 0 || (self.taken < self.events && len <= self.bytes);
        if fits {
            self.taken += 1;
            self.bytes = self.bytes.saturating_sub(len);
        }
        fits
    }
}

/// A place in a segment, kept between reads.
#[derive(Debug)]
struct DiskReader {
    first: u64,
    scan: Scan,
    tables: Tables,
    sink: String,
}

/// Reads from the segment in which `from` is, at most to its end.
fn read_disk(
    shared: &Shared,
    disk: &mut Option<DiskReader>,
    sink: usize,
    from: u64,
    durable: u64,
    mut budget: Budget,
) -> io::Result<Window> {
    let mut window = Window { end: from, ..Window::default() };
    let Some(segment) = place(&shared.segments(), from, durable) else {
        // Nothing so old is left: this sink was not configured for a while. On to the oldest that there is.
        let oldest = shared.segments().0.first().map_or(durable, |row| row.first);
        window.end = oldest.max(from);
        window.absent = from > 0;
        return Ok(window);
    };
    if disk.as_ref().is_none_or(|disk| disk.first != segment.first) {
        *disk = DiskReader::open(&*shared.fs, segment.first, shared.sink_name(sink))?;
    }
    let Some(reader) = disk else {
        window.damaged = segment.end - from;
        window.end = segment.end;
        return Ok(window);
    };
    let mut own = reader.own();
    while window.end < segment.end {
        let (seq, payload) = match reader.scan.next() {
            Ok(Some(record)) => record,
            Ok(None) => {
                // Damage: what follows in this segment cannot be found.
                window.damaged = segment.end - window.end;
                window.end = segment.end;
                break;
            }
            // What stands before the place that cannot be read is not lost with it.
            Err(_) if window.end > from => {
                *disk = None;
                break;
            }
            Err(error) => return Err(error),
        };
        let payload = read_payload(payload);
        if seq >= from
            && let (Some(Payload::Event(event)), Some(own)) = (&payload, own)
            && event.sinks.contains(own)
            && is_left(shared, sink, seq, event, &reader.tables)
        {
            if !budget.takes(event.document.len()) {
                reader.scan.unread();
                return Ok(window);
            }
            match event.event(&reader.tables) {
                Some(event) => window.events.push(event),
                None => window.damaged += 1,
            }
        }
        if payload.is_none() && seq >= from {
            // Of a kind that this version does not know.
            window.damaged += 1;
        }
        if let Some(tables @ Payload::Tables(_)) = &payload {
            reader.tables.apply(tables);
            own = reader.own();
        }
        window.end = window.end.max(seq + 1);
    }
    Ok(window)
}

/// Whether it is for this sink to be delivered here: not if the leader of another time has done so.
fn is_left(
    shared: &Shared,
    sink: usize,
    seq: u64,
    event: &EventPayload<'_>,
    tables: &Tables,
) -> bool {
    let Some(succession) = shared.succession.get().filter(|its| its.is_backlog(seq)) else {
        return true;
    };
    let source = tables.sources.get(usize::from(event.source));
    match (source, event.event(tables)) {
        // A gap has no version of its own, and is told by whoever has it.
        (Some(_), Some(event)) if Gap::is(&event) => true,
        (Some(source), Some(event)) => {
            let sink = shared.sink_name(sink);
            succession.is_left_to(sink, &source.name, event.resource_version())
        }
        // What cannot be read is counted by who reads it.
        _ => true,
    }
}

impl DiskReader {
    /// The place of the sink in the tables.
    fn own(&self) -> Option<usize> {
        self.tables.sinks.iter().position(|name| *name == self.sink)
    }

    fn open(fs: &dyn Fs, first: u64, sink: &str) -> io::Result<Option<Self>> {
        let opened = Scan::open(fs, first)?;
        Ok(opened.map(|(header, scan)| Self {
            first,
            scan,
            tables: header.tables,
            sink: sink.to_owned(),
        }))
    }
}

/// A segment, and the number of the first record after what may be read of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) first: u64,
    pub(super) end: u64,
}

pub(super) fn place(segments: &Segments, from: u64, durable: u64) -> Option<Extent> {
    let place = segments.place_of(from)?;
    let end = segments.end_of(place).unwrap_or(durable).min(durable);
    let row = segments.0.get(place)?;
    Some(Extent { first: row.first, end })
}

impl Shared {
    pub(super) fn segments(&self) -> std::sync::MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
