//! Takes events into a partition: one transaction for all of a batch that belong there.
//!
//! An Event is one row, found by its uid. A revision that is not newer than the row (by count, then time, then
//! resourceVersion) changes nothing, so whatever is delivered twice counts once.

use std::collections::HashMap;

use eventcenter_core::query::{fold, tokens};
use eventcenter_core::{Cluster, Event, Gap, Level};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::occurrence::{Before, Worth, first_seen, kept_time, repeated};
use crate::store::neighbours::Later;
use crate::store::partition::{Names, ObjectKey, Partition, failed};
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

/// An event, as numbers.
struct Coded {
    labels: Labels,
    object: i64,
    pod: i64,
    event_type: i64,
}

/// The row that is there.
struct Known {
    id: i64,
    labels: Labels,
    count: u32,
    time: i64,
    version: i64,
    text: u32,
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
        let change = match self.known(&uid, cluster)? {
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
            self.gap(event, cluster)?;
        }
        Ok(change)
    }

    fn known(&self, uid: &[u8], cluster: i64) -> rusqlite::Result<Option<Known>> {
        let mut find = self.partition.connection.prepare_cached(
            "SELECT id, count, time, version, text, level, class, reason, node, namespace, workload, kind,
                component
             FROM events WHERE uid = ?1 AND cluster = ?2",
        )?;
        find.query_row(params![uid, cluster], |row| {
            let labels = Labels {
                cluster,
                level: row.get(5)?,
                class: row.get(6)?,
                reason: row.get(7)?,
                node: row.get(8)?,
                namespace: row.get(9)?,
                workload: row.get(10)?,
                kind: row.get(11)?,
                component: row.get(12)?,
            };
            let (id, count, time) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Known { id, labels, count, time, version: row.get(3)?, text: row.get(4)? })
        })
        .optional()
    }

    fn begin(
        &mut self,
        event: &Event,
        cluster: i64,
        uid: &[u8],
        time: i64,
    ) -> rusqlite::Result<()> {
        let coded = self.code(event, cluster)?;
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
        let coded = self.code(event, cluster)?;
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
        let is_older = first.is_none_or(|first| !lived.contains(&first));
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

    fn code(&mut self, event: &Event, cluster: i64) -> rusqlite::Result<Coded> {
        let (connection, names) = (&self.partition.connection, &mut self.partition.names);
        let object = event.object();
        let namespace = names.word(connection, object.namespace)?;
        let workload = names.word(connection, &event.workload().unwrap_or_default())?;
        let kind = names.word(connection, object.kind)?;
        let key = ObjectKey {
            cluster,
            kind,
            namespace,
            name: object.name.to_owned(),
            uid: object.uid.to_owned(),
        };
        let labels = Labels {
            cluster,
            level: level(event.level()),
            class: names.word(connection, event.class().map_or("", |class| class.name))?,
            reason: names.word(connection, event.reason())?,
            namespace,
            kind,
            component: names.word(connection, event.component())?,
            node: names.word(connection, event.host())?,
            workload,
        };
        let object = names.object(connection, key, workload)?;
        let pod =
            if event.object().kind == "Pod" { 0 } else { pod(connection, names, event, cluster)? };
        let event_type = names.word(connection, event.event_type())?;
        Ok(Coded { labels, object, pod, event_type })
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

    fn gap(&mut self, event: &Event, cluster: i64) -> rusqlite::Result<()> {
        let gap = declared(event);
        self.partition.connection.execute(
            "INSERT OR REPLACE INTO gaps VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                event.uid(),
                cluster,
                gap.is_of_events,
                gap.since.map(Timestamp::as_microsecond),
                gap.until.as_microsecond(),
                gap.count,
                event.message(),
            ],
        )?;
        Ok(())
    }
}

/// What the annotations of a declared loss say.
pub(crate) struct Declared {
    pub(crate) is_of_events: bool,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Timestamp,
    pub(crate) count: Option<i64>,
}

/// Reads a declared loss; see [`Gap::into_event`].
pub(crate) fn declared(event: &Event) -> Declared {
    let annotation = |wanted: &str| {
        let mut annotations = event.annotations();
        annotations.find(|(key, _)| *key == wanted).map(|(_, value)| value)
    };
    let time = |key| annotation(key).and_then(|time| time.parse().ok());
    Declared {
        is_of_events: annotation("eventcenter/gap-grade") == Some("events"),
        since: time("eventcenter/gap-since"),
        until: time("eventcenter/gap-until").unwrap_or(event.time()),
        count: annotation("eventcenter/gap-count").and_then(|count| count.parse().ok()),
    }
}

/// The Pod of an event about something else, as an object; 0 if it is about none.
fn pod(
    connection: &Connection,
    names: &mut Names,
    event: &Event,
    cluster: i64,
) -> rusqlite::Result<i64> {
    let Some(pod) = event.pod() else { return Ok(0) };
    let kind = names.word(connection, "Pod")?;
    if pod.name.is_empty() {
        // By its uid alone: another event may have said the name.
        let sql =
            "SELECT id FROM objects WHERE uid = ?1 AND kind = ?2 AND cluster = ?3 AND name <> ''";
        let mut find = connection.prepare_cached(sql)?;
        let found = find.query_row(params![pod.uid, kind, cluster], |row| row.get(0)).optional()?;
        if let Some(found) = found {
            return Ok(found);
        }
    }
    let namespace = names.word(connection, pod.namespace)?;
    // As the Pod's own events say it, which find this row.
    let workload = names.word(connection, &pod.workload().unwrap_or_default())?;
    let (name, uid) = (pod.name.to_owned(), pod.uid.into_owned());
    names.object(connection, ObjectKey { cluster, kind, namespace, name, uid }, workload)
}

/// The words of an event, for searches.
fn index(connection: &Connection, id: i64, event: &Event) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO found (rowid, message, reason, name) VALUES (?1, ?2, ?3, ?4)",
    )?;
    insert.execute(params![
        id,
        words(event.message()),
        words(event.reason()),
        words(event.object().name)
    ])?;
    Ok(())
}

/// Folded words with spaces between: what SQLite's tokenizer `ascii` cuts up again just so.
fn words(text: &str) -> String {
    let mut words = String::with_capacity(text.len() + 8);
    for token in tokens(text) {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&fold(token));
    }
    words
}

/// Of all that is indexed: an Event with the same says the same.
pub(crate) fn checksum(event: &Event) -> u32 {
    let mut sum = crc32c::crc32c(event.message().as_bytes());
    for text in [event.reason(), event.object().name] {
        sum = crc32c::crc32c_append(crc32c::crc32c_append(sum, &[0]), text.as_bytes());
    }
    sum
}

/// A UUID as its 16 bytes, anything else as it is. An Event without a uid is known by its name.
pub(crate) fn uid(event: &Event) -> Vec<u8> {
    match event.uid() {
        "" => format!("{}/{}", event.namespace(), event.name()).into_bytes(),
        uid => packed_uuid(uid).map_or_else(|| uid.as_bytes().to_vec(), |bytes| bytes.to_vec()),
    }
}

fn packed_uuid(text: &str) -> Option<[u8; 16]> {
    let is_dashed = |at: usize| text.as_bytes().get(at) == Some(&b'-');
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if text.len() != 36 || ![8, 13, 18, 23].into_iter().all(is_dashed) || !is_lower {
        return None;
    }
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    let mut bytes = [0; 16];
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn level(level: Level) -> i64 {
    match level {
        Level::Normal => 0,
        Level::Warning => 1,
        Level::Error => 2,
    }
}

fn version(event: &Event) -> i64 {
    event.resource_version().parse().unwrap_or(0)
}
