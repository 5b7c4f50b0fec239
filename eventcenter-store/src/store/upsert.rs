//! Takes events into a partition: one transaction for all of a batch that belong there.
//!
//! An Event is one row, found by its uid. A revision that is not newer than the row (by count, then time, then
//! resourceVersion) changes nothing, so whatever is delivered twice counts once.

mod code;
mod gap;
mod known;
mod text;

use std::collections::HashMap;

use eventcenter_core::{Cluster, Event, Gap};
use jiff::Timestamp;
use rusqlite::params;

use self::code::{code, uid, version};
pub(crate) use self::gap::declared;
use self::known::{Known, known};
pub(crate) use self::text::checksum;
use self::text::index;
use crate::occurrence::{Before, Worth, first_seen, kept_time, repeated};
use crate::store::neighbours::Later;
use crate::store::partition::{Partition, failed};
use crate::store::rollup::{Labels, Rollup};

/// What is known outside of the partition.
pub(crate) trait Around {
    /// The count that the Event has in the newest partition before this one.
    fn earlier_count(&mut self, uid: &[u8], event: &Event) -> rusqlite::Result<Option<u32>>;
    /// The count of an Event that this one was made anew from, in the newest partition before this one.
    fn predecessor(&mut self, event: &Event) -> rusqlite::Result<Option<u32>>;
    /// What is counted of the Event in a partition after this one. That one is told that it continues an older.
    fn later(&mut self, uid: &[u8], event: &Event) -> rusqlite::Result<Option<Later>>;
    /// Since when this cluster is watched without a gap.
    fn watched_since(&mut self, event: &Event) -> Option<Timestamp>;
    /// What a cluster is called.
    fn name(&self, cluster: &Cluster) -> String;
    /// The next mark of the store.
    fn next_mark(&mut self) -> i64;
    /// Whether what is written now is no live watch: an import, or a demo.
    fn is_recorded(&self) -> bool;
}

/// What became of the events of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Rows that are new.
    pub(crate) new: usize,
    /// Rows that have a newer state.
    pub(crate) newer: usize,
    /// Events that were known.
    pub(crate) known: usize,
}

/// Takes the events, in one transaction. After an error nothing was taken, and the partition must be opened anew.
pub(crate) fn take(
    partition: &mut Partition,
    events: &[&Event],
    around: &mut dyn Around,
) -> rusqlite::Result<Taken> {
    partition.connection.execute_batch("BEGIN IMMEDIATE")?;
    let taken = Upsert::begin_with(partition, around).take_all(events);
    let committed =
        taken.and_then(|taken| partition.connection.execute_batch("COMMIT").map(|()| taken));
    if committed.is_err() {
        // SQLite may have done so itself; what counts is the first error.
        partition.connection.execute_batch("ROLLBACK").ok();
    }
    committed
}

enum Change {
    New,
    Newer,
    None,
}

struct Upsert<'a> {
    partition: &'a mut Partition,
    around: &'a mut dyn Around,
    rollup: Rollup,
    /// The newest event of each cluster that something was taken of.
    heard: HashMap<i64, &'a Event>,
}

impl<'a> Upsert<'a> {
    fn begin_with(partition: &'a mut Partition, around: &'a mut dyn Around) -> Self {
        Self { partition, around, rollup: Rollup::default(), heard: HashMap::new() }
    }

    fn take_all(mut self, events: &[&'a Event]) -> rusqlite::Result<Taken> {
        let mut taken = Taken::default();
        for event in events {
            match self.take(event)? {
                Change::New => taken.new += 1,
                Change::Newer => taken.newer += 1,
                Change::None => taken.known += 1,
            }
        }
        self.mark_clusters()?;
        self.rollup.flush(&self.partition.connection)?;
        Ok(taken)
    }

    fn take(&mut self, event: &'a Event) -> rusqlite::Result<Change> {
        let cluster = self.partition.names.cluster(
            &self.partition.connection,
            event.cluster(),
            |cluster| self.around.name(cluster),
        )?;
        let uid = uid(event);
        let time = kept_time(event).as_microsecond();
        let change = match known(&self.partition.connection, &uid, cluster)? {
            Some(known)
                if (event.count(), time, version(event))
                    <= (known.count, known.time, known.version) =>
            {
                return Ok(Change::None);
            }
            Some(known) => {
                self.repeat(event, cluster, &uid, time, &known)?;
                Change::Newer
            }
            None => {
                self.begin(event, cluster, &uid, time)?;
                Change::New
            }
        };
        let newest = self.heard.entry(cluster).or_insert(event);
        if newest.received() < event.received() {
            *newest = event;
        }
        if event.reason() == Gap::REASON && event.component() == "eventcenter" {
            gap::keep(&self.partition.connection, event, cluster)?;
        }
        Ok(change)
    }

    fn begin(
        &mut self,
        event: &Event,
        cluster: i64,
        uid: &[u8],
        time: i64,
    ) -> rusqlite::Result<()> {
        let Partition { connection, names, .. } = &mut *self.partition;
        let coded = code(connection, names, event, cluster)?;
        let (earlier, before) = self.before(event, coded.object, uid)?;
        let mut worth = first_seen(event.count(), event.first(), before);
        if self.around.later(uid, event)? == Some(Later::All) {
            worth = Worth::NONE;
        }
        let (dictionary, document) = self.document(event)?;
        let connection = &self.partition.connection;
        let mut insert = connection.prepare_cached(
            "INSERT INTO events (uid, cluster, object, kind, namespace, workload, pod, reason, component, node, type, class,
                level, count, time, first, version, received, occurrences, estimated, continues, text)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
        )?;
        insert.execute(params![
            uid,
            cluster,
            coded.object,
            coded.labels.kind,
            coded.labels.namespace,
            coded.labels.workload,
            coded.pod,
            coded.labels.reason,
            coded.labels.component,
            coded.labels.node,
            coded.event_type,
            coded.labels.class,
            coded.labels.level,
            event.count(),
            time,
            event.first().map(Timestamp::as_microsecond),
            version(event),
            event.received().as_microsecond(),
            worth.rise,
            worth.estimated,
            earlier.is_some(),
            checksum(event),
        ])?;
        drop(insert);
        let id = connection.last_insert_rowid();
        let mut insert = connection.prepare_cached("INSERT INTO documents VALUES (?1, ?2, ?3)")?;
        insert.execute(params![id, dictionary, document])?;
        drop(insert);
        index(connection, id, event)?;
        self.occurred(id, coded.labels, time, worth)
    }

    fn repeat(
        &mut self,
        event: &Event,
        cluster: i64,
        uid: &[u8],
        time: i64,
        known: &Known,
    ) -> rusqlite::Result<()> {
        let Partition { connection, names, .. } = &mut *self.partition;
        let coded = code(connection, names, event, cluster)?;
        let mut worth = repeated(event.count(), known.count);
        if worth != Worth::NONE && self.around.later(uid, event)? == Some(Later::All) {
            worth = Worth::NONE;
        }
        let (dictionary, document) = self.document(event)?;
        let text = checksum(event);
        let connection = &self.partition.connection;
        let mut update = connection.prepare_cached(
            "UPDATE events SET object = ?2, kind = ?3, namespace = ?4, workload = ?5, pod = ?6, reason = ?7,
                component = ?8, node = ?9, type = ?10, class = ?11, level = ?12, count = ?13, time = ?14, first = ?15,
                version = ?16, received = ?17, occurrences = occurrences + ?18, text = ?19
             WHERE id = ?1",
        )?;
        update.execute(params![
            known.id,
            coded.object,
            coded.labels.kind,
            coded.labels.namespace,
            coded.labels.workload,
            coded.pod,
            coded.labels.reason,
            coded.labels.component,
            coded.labels.node,
            coded.event_type,
            coded.labels.class,
            coded.labels.level,
            event.count(),
            time,
            event.first().map(Timestamp::as_microsecond),
            version(event),
            event.received().as_microsecond(),
            worth.rise,
            text,
        ])?;
        drop(update);
        let mut update = connection
            .prepare_cached("UPDATE documents SET dictionary = ?2, document = ?3 WHERE id = ?1")?;
        update.execute(params![known.id, dictionary, document])?;
        drop(update);
        if text != known.text {
            connection.prepare_cached("DELETE FROM found WHERE rowid = ?1")?.execute([known.id])?;
            index(connection, known.id, event)?;
        }
        if coded.labels != known.labels {
            self.relabel(known, coded.labels)?;
        }
        self.occurred(known.id, coded.labels, time, worth)
    }

    /// The same Event in an older partition, and what is known from there or from an Event that it continues.
    fn before(
        &mut self,
        event: &Event,
        object: i64,
        uid: &[u8],
    ) -> rusqlite::Result<(Option<u32>, Before)> {
        let first = event.first().map(Timestamp::as_microsecond);
        // One that claims to begin in the future is kept under its arrival, a different one each time that it is listed.
        let lived = self.partition.span.from..=kept_time(event).as_microsecond();
        // What was created before may begin to claim that it first happened later.
        let is_created_before =
            event.created().is_some_and(|created| created.as_microsecond() < *lived.start());
        let is_older = is_created_before || first.is_none_or(|first| !lived.contains(&first));
        let earlier = if is_older { self.around.earlier_count(uid, event)? } else { None };
        let watched_since = self.around.watched_since(event);
        if earlier.is_some() || event.count() <= 1 {
            return Ok((earlier, Before { count: earlier, watched_since }));
        }
        // The same message too: two containers may begin to fail in the same second. And a lower count: two recorders
        // may say the same.
        let mut find = self.partition.connection.prepare_cached(
            "SELECT max(count) FROM events WHERE object = ?1 AND first = ?2 AND text = ?3 AND count < ?4",
        )?;
        let values = params![object, first, checksum(event), event.count()];
        let found = find.query_row(values, |row| row.get(0))?;
        let count = match found {
            None if is_older => self.around.predecessor(event)?,
            found => found,
        };
        Ok((None, Before { count, watched_since }))
    }

    fn document(&mut self, event: &Event) -> rusqlite::Result<(i64, Vec<u8>)> {
        let mut document = Vec::new();
        event.write_document(&mut document);
        self.partition.packer.pack(&document).map_err(failed)
    }

    fn occurred(
        &mut self,
        id: i64,
        labels: Labels,
        time: i64,
        worth: Worth,
    ) -> rusqlite::Result<()> {
        if worth.rise == 0 {
            return Ok(());
        }
        let mark = self.around.next_mark();
        let mut insert = self.partition.connection.prepare_cached(
            "INSERT INTO occurrences (mark, event, time, rise, estimated) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        insert.execute(params![mark, id, time, worth.rise, worth.estimated])?;
        self.rollup.add(labels, time, i64::from(worth.rise), worth.estimated);
        Ok(())
    }

    /// What occurred before counts under the newest state too.
    fn relabel(&mut self, known: &Known, labels: Labels) -> rusqlite::Result<()> {
        let mut find = self
            .partition
            .connection
            .prepare_cached("SELECT time, rise, estimated FROM occurrences WHERE event = ?1")?;
        let mut rows = find.query([known.id])?;
        while let Some(row) = rows.next()? {
            let (time, rise, is_estimated) = (row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?);
            self.rollup.add(known.labels, time, -rise, is_estimated);
            self.rollup.add(labels, time, rise, is_estimated);
        }
        Ok(())
    }

    fn mark_clusters(&mut self) -> rusqlite::Result<()> {
        let mut update = self.partition.connection.prepare_cached(
            "UPDATE clusters SET received = max(received, ?2), watched_since = ?3, recorded = min(recorded, ?4)
             WHERE id = ?1",
        )?;
        for (cluster, newest) in &self.heard {
            let watched_since = self.around.watched_since(newest).map(Timestamp::as_microsecond);
            let received = newest.received().as_microsecond();
            update.execute(params![cluster, received, watched_since, self.around.is_recorded()])?;
        }
        Ok(())
    }
}
