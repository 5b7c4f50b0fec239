//! Rows of a partition as events, and what an Event has in other partitions.

use eventcenter_core::{Event, Result};
use rusqlite::{OptionalExtension, params};

use super::reader::{Failure, Reader, lock, time};
use super::{Reading, micros};
use crate::ask::{Mark, Occurrence, OccurrencesAsk, PodRef, Range, Row, RowId};

/// Bits of a [`RowId`] that number a row of its partition: a million million.
const BITS: u32 = 40;

/// An Event among all partitions.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    uid: Vec<u8>,
    cluster: String,
}

/// What an Event occurred in a range, in one partition.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Occurred {
    pub(super) count: u64,
    pub(super) estimated: bool,
}

impl Reader {
    pub(super) fn row_id(&self, event: i64) -> RowId {
        RowId(self.span.number() << BITS | event)
    }

    /// The number of a row, if it is of this partition.
    pub(super) fn own(&self, id: RowId) -> Option<i64> {
        (id.0 >> BITS == self.span.number()).then_some(id.0 & ((1 << BITS) - 1))
    }

    pub(super) fn identity(&self, event: i64) -> Result<Option<Identity>, Failure> {
        let sql =
            "SELECT e.uid, c.uid FROM events e JOIN clusters c ON c.id = e.cluster WHERE e.id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement
            .query_row([event], |row| Ok(Identity { uid: row.get(0)?, cluster: row.get(1)? }));
        Ok(found.optional()?)
    }

    /// The row of an Event.
    pub(super) fn row_of(&self, identity: &Identity) -> Result<Option<i64>, Failure> {
        let cluster = self.clusters.iter().find(|(_, cluster)| cluster.id == identity.cluster);
        let Some((cluster, _)) = cluster else { return Ok(None) };
        let sql = "SELECT id FROM events WHERE uid = ?1 AND cluster = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row(params![identity.uid, cluster], |row| row.get(0));
        Ok(found.optional()?)
    }

    pub(super) fn occurred(&self, event: i64, range: Range) -> Result<Occurred, Failure> {
        let (from, until) = micros(range);
        let sql = "SELECT coalesce(sum(rise), 0), coalesce(max(estimated), 0) FROM occurrences
                   WHERE event = ?1 AND time >= ?2 AND time < ?3";
        let mut statement = self.connection.prepare_cached(sql)?;
        let occurred = statement.query_row(params![event, from, until], |row| {
            let count: i64 = row.get(0)?;
            Ok(Occurred { count: u64::try_from(count).unwrap_or(0), estimated: row.get(1)? })
        })?;
        Ok(occurred)
    }

    /// A row in whole, but for what it has in other partitions.
    pub(super) fn row(&self, event: i64, mark: i64, occurred: Occurred) -> Result<Row, Failure> {
        let sql = "SELECT e.cluster, e.received, d.dictionary, d.document,
                          p.id, coalesce(p.name, ''), coalesce(p.uid, ''), coalesce(n.text, '')
                   FROM events e JOIN documents d ON d.id = e.id LEFT JOIN objects p ON p.id = e.pod AND e.pod <> 0
                   LEFT JOIN words n ON n.id = p.namespace WHERE e.id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([event])?;
        let Some(row) = rows.next()? else {
            return Err(Failure::Document(std::io::ErrorKind::NotFound.into()));
        };
        let cluster: i64 = row.get(0)?;
        let bytes = row.get_ref(3)?.as_blob().unwrap_or_default();
        let document =
            lock(&self.unpacker).unpack(row.get(2)?, bytes).map_err(Failure::Document)?;
        let missing = || Failure::Document(std::io::ErrorKind::NotFound.into());
        let cluster = self.clusters.get(&cluster).ok_or_else(missing)?;
        let kept = Event::from_kubernetes(cluster, document.into(), time(row.get(1)?))
            .map_err(|error| Failure::Document(std::io::Error::other(error)))?;
        let pod = match row.get::<_, Option<i64>>(4)? {
            Some(_) => Some(PodRef { namespace: row.get(7)?, name: row.get(5)?, uid: row.get(6)? }),
            None => None,
        };
        Ok(Row {
            id: self.row_id(event),
            workload: kept.workload(),
            event: kept,
            occurrences: occurred.count,
            estimated: occurred.estimated,
            pod,
            mark: Mark(u64::try_from(mark).unwrap_or(0)),
        })
    }
}

/// See [`EventQuery::occurrences`](crate::EventQuery::occurrences).
pub(super) fn occurrences(reading: &mut Reading, ask: &OccurrencesAsk) -> Result<Vec<Occurrence>> {
    let mut found: Vec<(i64, Occurrence)> = Vec::new();
    for id in &ask.ids {
        let owner = (0..reading.readers.len())
            .find_map(|place| Some((place, reading.readers.get(place)?.own(*id)?)));
        let Some((place, event)) = owner else { continue };
        let identity = reading.attempt(place, |reader| reader.identity(event))?.flatten();
        let Some(identity) = identity else { continue };
        for place in 0..reading.readers.len() {
            let moments = reading.attempt(place, |reader| {
                let Some(event) = reader.row_of(&identity)? else { return Ok(Vec::new()) };
                reader.moments(event, *id, ask.range, ask.bounds.rows)
            })?;
            found.extend(moments.unwrap_or_default());
        }
    }
    found.sort_by_key(|(mark, occurrence)| (occurrence.at, *mark));
    found.truncate(ask.bounds.rows);
    Ok(found.into_iter().map(|(_, occurrence)| occurrence).collect())
}

impl Reader {
    /// Rises of an Event, each with its mark.
    fn moments(
        &self,
        event: i64,
        id: RowId,
        range: Range,
        limit: usize,
    ) -> Result<Vec<(i64, Occurrence)>, Failure> {
        let (from, until) = micros(range);
        let sql = "SELECT mark, time, rise, estimated FROM occurrences
                   WHERE event = ?1 AND time >= ?2 AND time < ?3 ORDER BY time, mark LIMIT ?4";
        let mut statement = self.connection.prepare_cached(sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let moments = statement.query_map(params![event, from, until, limit], |row| {
            let (at, rise, estimated) = (time(row.get(1)?), row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, Occurrence { id, at, rise, estimated }))
        })?;
        Ok(moments.collect::<rusqlite::Result<_>>()?)
    }
}
