//! The part of the spool that is in memory: what is not durable yet, and the newest events for sinks that keep up.
//!
//! Memory is bounded by a number of bytes. The ring gives up its oldest events first, whoever still wants them:
//! they are on disk, where a sink that lags reads them. An event that is not durable stays, so when the disk does
//! not keep up it is [`Queue::is_full`] that bounds the memory: intake waits.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::log::Chunk;
use super::record::{self, SourceRow, Tables};
use crate::event::{Cluster, Event};
use crate::sink_set::SinkSet;
use crate::source::Position;

/// A source and the cluster of its events, as places in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceId {
    pub(super) source: u16,
    pub(super) cluster: u16,
}

#[derive(Debug)]
struct Entry {
    seq: u64,
    sinks: SinkSet,
    event: Arc<Event>,
    weight: usize,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Queue {
    memory: usize,
    tables: Tables,
    pending: Chunk,
    /// Positions that no event carries: sources that saw nothing that anybody wants.
    progress: BTreeMap<u16, Position>,
    ring: VecDeque<Entry>,
    ring_bytes: usize,
    durable: u64,
    /// By sink: the number of the first record that is not settled.
    pub(super) cursors: Vec<u64>,
    /// The least place of a sink that is not configured any more.
    parked: u64,
}

impl Queue {
    pub(super) fn new(
        memory: usize,
        tables: Tables,
        next: u64,
        cursors: Vec<u64>,
        parked: u64,
    ) -> Self {
        Self {
            memory,
            tables,
            pending: Chunk { first: next, ..Chunk::default() },
            progress: BTreeMap::new(),
            ring: VecDeque::new(),
            ring_bytes: 0,
            durable: next,
            cursors,
            parked,
        }
    }

    /// The place of a source and of its cluster; both are made known to the log when they are new.
    pub(super) fn register(&mut self, source: &str, cluster: &Arc<Cluster>) -> Option<SourceId> {
        let clusters = &mut self.tables.clusters;
        let cluster_place =
            clusters.iter().position(|known| known == cluster).unwrap_or_else(|| {
                clusters.push(Arc::clone(cluster));
                clusters.len() - 1
            });
        let sources = &mut self.tables.sources;
        let source_place =
            sources.iter().position(|known| known.name == source).unwrap_or_else(|| {
                sources.push(SourceRow { name: source.to_owned(), position: None });
                sources.len() - 1
            });
        let id = SourceId {
            source: u16::try_from(source_place).ok()?,
            cluster: u16::try_from(cluster_place).ok()?,
        };
        let seq = self.pending.end();
        record::put_tables(&mut self.pending.records, seq, &self.tables);
        self.pending.count += 1;
        self.pending.tables = Some(self.tables.clone());
        Some(id)
    }

    #[cfg(test)]
    pub(super) fn tables_for_tests(&self) -> Tables {
        self.tables.clone()
    }

    /// A cluster that events came from, for those that are about none.
    pub(super) fn any_cluster(&self) -> Option<Arc<Cluster>> {
        self.tables.clusters.first().cloned()
    }

    /// Whether the disk is so far behind that more must wait: a quarter of the memory is for what is not durable.
    pub(super) fn is_full(&self) -> bool {
        self.pending.count > 0 && self.pending.records.len() >= self.memory / 4
    }

    /// Takes an event. True if it is the first one that waits.
    pub(super) fn append(
        &mut self,
        id: SourceId,
        sinks: SinkSet,
        event: &Arc<Event>,
        position: Option<Position>,
    ) -> bool {
        let was_empty = self.pending.count == 0;
        let seq = self.pending.end();
        let place = (id.source, id.cluster);
        record::put_event(&mut self.pending.records, seq, place, sinks, event, position.as_ref());
        self.pending.count += 1;
        if let Some(position) = position {
            self.progress.remove(&id.source);
            self.pending.positions.insert(id.source, position);
        }
        let weight = event.weight();
        self.ring.push_back(Entry { seq, sinks, event: Arc::clone(event), weight });
        self.ring_bytes += weight;
        self.trim();
        was_empty
    }

    /// Takes a position that no event carries.
    pub(super) fn progress(&mut self, id: SourceId, position: Position) {
        self.progress.insert(id.source, position);
    }

    /// The number of the next record.
    pub(super) fn end(&self) -> u64 {
        self.pending.end()
    }

    /// How many bytes wait.
    pub(super) fn pending_bytes(&self) -> usize {
        self.pending.records.len()
    }

    /// Takes what waits, for the log; none if there is nothing.
    pub(super) fn take(&mut self) -> Option<Chunk> {
        for (source, position) in std::mem::take(&mut self.progress) {
            let seq = self.pending.end();
            record::put_progress(&mut self.pending.records, seq, source, &position);
            self.pending.count += 1;
            self.pending.positions.insert(source, position);
        }
        if self.pending.count == 0 {
            return None;
        }
        let next = Chunk {
            records: Vec::with_capacity(self.pending.records.len()),
            first: self.pending.end(),
            ..Chunk::default()
        };
        Some(std::mem::replace(&mut self.pending, next))
    }

    /// Everything below `durable` is on disk now.
    pub(super) fn made_durable(&mut self, durable: u64) {
        self.durable = durable;
        self.trim();
    }

    /// The sink at `place` has settled everything below `next`.
    pub(super) fn settled(&mut self, place: usize, next: u64) {
        if let Some(cursor) = self.cursors.get_mut(place) {
            *cursor = next.max(*cursor);
        }
        self.trim();
    }

    /// The number below which every sink has settled everything.
    pub(super) fn settled_by_all(&self) -> u64 {
        self.cursors.iter().copied().min().unwrap_or(self.durable).min(self.durable)
    }

    /// The same, with the sinks that are not configured any more: below it nobody wants anything from disk.
    pub(super) fn wanted_by_nobody(&self) -> u64 {
        self.settled_by_all().min(self.parked)
    }

    /// Bytes of events in memory.
    pub(super) fn memory_bytes(&self) -> usize {
        self.ring_bytes + self.pending.records.len()
    }

    /// Drops from memory what nobody needs there: what all have settled, and the oldest of what is durable when
    /// there is too much.
    fn trim(&mut self) {
        let settled = self.settled_by_all();
        while let Some(oldest) = self.ring.front() {
            let needless = oldest.seq < settled
                || (self.ring_bytes > self.memory / 2 && oldest.seq < self.durable);
            if !needless {
                break;
            }
            self.ring_bytes -= oldest.weight;
            self.ring.pop_front();
        }
    }

    /// What the sink at `place` wants from record `from` on, up to what is durable; none if memory does not reach
    /// back that far. `take` is told each event's weight and says whether it still fits.
    pub(super) fn read(
        &self,
        place: usize,
        from: u64,
        mut fits: impl FnMut(usize) -> bool,
    ) -> Option<Window> {
        let oldest = self.ring.front().map_or(self.durable, |entry| entry.seq);
        if from < oldest {
            return None;
        }
        let start = self.ring.partition_point(|entry| entry.seq < from);
        let mut window = Window { end: from, ..Window::default() };
        for entry in self.ring.range(start..).take_while(|entry| entry.seq < self.durable) {
            if entry.sinks.contains(place) {
                if !fits(entry.event.raw().len()) {
                    return Some(window);
                }
                window.events.push(Arc::clone(&entry.event));
            }
            window.end = entry.seq + 1;
        }
        window.end = self.durable.max(window.end);
        Some(window)
    }
}

/// Some events for one sink, and what is settled with them.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub(crate) events: Vec<Arc<Event>>,
    /// The number of the first record after them.
    pub(crate) end: u64,
    /// How many records before that could not be read.
    pub(crate) damaged: u64,
    /// Whether records before that were removed while this sink was not configured.
    pub(crate) absent: bool,
}
