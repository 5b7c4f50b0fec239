//! Takes events into a partition: one transaction for all of a batch that belong there.
//!
//! An Event is one row, found by its uid. A revision that is not newer than the row (by count, then time, then
//! resourceVersion) changes nothing, so whatever is delivered twice counts once.

use eventcenter_core::query::{fold, tokens};
use eventcenter_core::{Event, Gap, Level};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::occurrence::{Before, Worth, first_seen, kept_time, repeated};
use crate::store::partition::{Names, ObjectKey, Partition, failed, unpacker};
use crate::store::rollup::{Labels, Rollup};

/// What is known outside of the partition.
pub(crate) trait Around {
    /// The count that the Event has in the newest partition before this one.
    fn earlier_count(&mut self, uid: &[u8], cluster: &str) -> rusqlite::Result<Option<u32>>;
    /// Since when this cluster is watched without a gap.
    fn watched_since(&mut self, event: &Event) -> Option<Timestamp>;
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
    let mut rollup = Rollup::default();
    let mut taken = Taken::default();
    partition.connection.execute_batch("BEGIN IMMEDIATE")?;
    for event in events {
        let result = Upsert { partition, rollup: &mut rollup, around }.take(event);
        match result {
            Ok(Change::New) => taken.new += 1,
            Ok(Change::Newer) => taken.newer += 1,
            Ok(Change::None) => taken.known += 1,
            Err(error) => return roll_back(&partition.connection, error),
        }
    }
    let flushed = rollup.flush(&partition.connection);
    match flushed.and_then(|()| partition.connection.execute_batch("COMMIT")) {
        Ok(()) => Ok(taken),
        Err(error) => roll_back(&partition.connection, error),
    }
}

fn roll_back<T>(connection: &Connection, error: rusqlite::Error) -> rusqlite::Result<T> {
    // SQLite may have done so itself; what counts is the first error.
    connection.execute_batch("ROLLBACK").ok();
    Err(error)
}

enum Change {
    New,
    Newer,
    None,
}

struct Upsert<'a> {
    partition: &'a mut Partition,
    rollup: &'a mut Rollup,
    around: &'a mut dyn Around,
}

/// An event, as numbers.
struct Coded {
    labels: Labels,
    object: i64,
    pod: i64,
    component: i64,
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
    /// Whether it has occurred in this partition.
    has_begun: bool,
}

/// A rise of a row's count.
struct Rise {
    id: i64,
    mark: i64,
    time: i64,
    worth: Worth,
    again: bool,
}

impl Upsert<'_> {
    fn take(&mut self, event: &Event) -> rusqlite::Result<Change> {
        let cluster = self.partition.names.cluster(&self.partition.connection, event.cluster())?;
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
                self.repeat(event, cluster, time, &known)?;
                Change::Newer
            }
            None => {
                self.begin(event, cluster, &uid, time)?;
                Change::New
            }
        };
        self.mark_cluster(event, cluster)?;
        if event.reason() == Gap::REASON && event.component() == "eventcenter" {
            self.gap(event, cluster)?;
        }
        Ok(change)
    }

    fn known(&self, uid: &[u8], cluster: i64) -> rusqlite::Result<Option<Known>> {
        let mut find = self.partition.connection.prepare_cached(
            "SELECT e.id, e.count, e.time, e.version, e.text, e.level, e.class, e.reason, e.node, o.namespace, o.workload, e.begun <> 0
             FROM events e JOIN objects o ON o.id = e.object WHERE e.uid = ?1 AND e.cluster = ?2",
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
            };
            let (id, count, time, has_begun) =
                (row.get(0)?, row.get(1)?, row.get(2)?, row.get(11)?);
            let (version, text) = (row.get(3)?, row.get(4)?);
            Ok(Known { id, labels, count, time, version, text, has_begun })
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
        let worth = first_seen(event.count(), event.first(), before);
        let (dictionary, document) = self.document(event)?;
        let mark = self.mark(worth);
        let connection = &self.partition.connection;
        let mut insert = connection.prepare_cached(
            "INSERT INTO events (uid, cluster, object, pod, reason, component, node, type, class, level, count, time, age,
                version, delay, begun, occurrences, estimated, continues, text, dictionary, document)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
        )?;
        insert.execute(params![
            uid,
            cluster,
            coded.object,
            coded.pod,
            coded.labels.reason,
            coded.component,
            coded.labels.node,
            coded.event_type,
            coded.labels.class,
            coded.labels.level,
            event.count(),
            time,
            age(event, time),
            version(event),
            delay(event, time),
            mark,
            worth.rise,
            worth.estimated,
            earlier.is_some(),
            checksum(event),
            dictionary,
            document,
        ])?;
        drop(insert);
        let id = connection.last_insert_rowid();
        words_of(connection, INDEX, id, event)?;
        self.occurred(Rise { id, mark, time, worth, again: false }, coded.labels)
    }

    fn repeat(
        &mut self,
        event: &Event,
        cluster: i64,
        time: i64,
        known: &Known,
    ) -> rusqlite::Result<()> {
        let coded = self.code(event, cluster)?;
        let worth = repeated(event.count(), known.count);
        let (dictionary, document) = self.document(event)?;
        let mark = self.mark(worth);
        let text = checksum(event);
        // An index without contents has to be told what it forgets.
        let old = if text == known.text { None } else { Some(self.old(event, known.id)?) };
        let connection = &self.partition.connection;
        let mut update = connection.prepare_cached(
            "UPDATE events SET object = ?2, pod = ?3, reason = ?4, component = ?5, node = ?6, type = ?7, class = ?8,
                level = ?9, count = ?10, time = ?11, age = ?12, version = ?13, delay = ?14,
                begun = iif(begun = 0, ?15, begun), occurrences = occurrences + ?16, text = ?17, dictionary = ?18,
                document = ?19
             WHERE id = ?1",
        )?;
        update.execute(params![
            known.id,
            coded.object,
            coded.pod,
            coded.labels.reason,
            coded.component,
            coded.labels.node,
            coded.event_type,
            coded.labels.class,
            coded.labels.level,
            event.count(),
            time,
            age(event, time),
            version(event),
            delay(event, time),
            mark,
            worth.rise,
            text,
            dictionary,
            document,
        ])?;
        drop(update);
        if let Some(old) = old {
            let sql = "INSERT INTO found (found, rowid, message, reason, name) VALUES ('delete', ?1, ?2, ?3, ?4)";
            words_of(connection, sql, known.id, &old)?;
            words_of(connection, INDEX, known.id, event)?;
        }
        if coded.labels != known.labels {
            self.relabel(known, coded.labels)?;
        }
        let rise = Rise { id: known.id, mark, time, worth, again: known.has_begun };
        self.occurred(rise, coded.labels)
    }

    /// The same Event in an older partition, and what is known from there or from an Event that it continues.
    fn before(
        &mut self,
        event: &Event,
        object: i64,
        uid: &[u8],
    ) -> rusqlite::Result<(Option<u32>, Before)> {
        let first = event.first().map(Timestamp::as_microsecond);
        let is_older = first.is_none_or(|first| first < self.partition.span.from);
        let earlier =
            if is_older { self.around.earlier_count(uid, &event.cluster().id)? } else { None };
        let watched_since = self.around.watched_since(event);
        if earlier.is_some() || event.count() <= 1 {
            return Ok((earlier, Before { count: earlier, watched_since }));
        }
        let mut find = self.partition.connection.prepare_cached(
            "SELECT max(e.count) FROM events e JOIN words w ON w.id = e.reason
             WHERE e.object = ?1 AND w.text = ?2 AND e.time - e.age = ?3",
        )?;
        let count = find.query_row(params![object, event.reason(), first], |row| row.get(0))?;
        Ok((None, Before { count, watched_since }))
    }

    fn code(&mut self, event: &Event, cluster: i64) -> rusqlite::Result<Coded> {
        let (connection, names) = (&self.partition.connection, &mut self.partition.names);
        let object = event.object();
        let namespace = names.word(connection, object.namespace)?;
        let workload = names.word(connection, &event.workload().unwrap_or_default())?;
        let key = ObjectKey {
            cluster,
            kind: names.word(connection, object.kind)?,
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
            node: names.word(connection, event.host())?,
            workload,
        };
        let object = names.object(connection, key, workload)?;
        let pod =
            if event.object().kind == "Pod" { 0 } else { pod(connection, names, event, cluster)? };
        let component = names.word(connection, event.component())?;
        let event_type = names.word(connection, event.event_type())?;
        Ok(Coded { labels, object, pod, component, event_type })
    }

    /// The state of an Event that is stored.
    fn old(&self, event: &Event, id: i64) -> rusqlite::Result<Event> {
        let connection = &self.partition.connection;
        let sql = "SELECT dictionary, document FROM events WHERE id = ?1";
        let (dictionary, packed): (i64, Vec<u8>) = connection
            .prepare_cached(sql)?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut unpacker = unpacker(connection)?;
        let document = unpacker.unpack(dictionary, &packed).map_err(failed)?;
        Event::from_kubernetes(event.cluster(), document.into(), event.received())
            .map_err(|error| failed(std::io::Error::other(error)))
    }

    fn document(&mut self, event: &Event) -> rusqlite::Result<(i64, Vec<u8>)> {
        let mut document = Vec::new();
        event.write_document(&mut document);
        self.partition.packer.pack(&document).map_err(failed)
    }

    /// The mark of a rise; 0 if it is none.
    fn mark(&mut self, worth: Worth) -> i64 {
        if worth.rise == 0 { 0 } else { self.around.next_mark() }
    }

    fn occurred(&mut self, rise: Rise, labels: Labels) -> rusqlite::Result<()> {
        let Rise { id, mark, time, worth, again } = rise;
        if worth.rise == 0 {
            return Ok(());
        }
        let mut insert = self.partition.connection.prepare_cached(
            "INSERT INTO occurrences (mark, event, time, rise, estimated, again) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        insert.execute(params![mark, id, time, worth.rise, worth.estimated, again])?;
        self.rollup.add(labels, time, i64::from(worth.rise), worth.estimated);
        Ok(())
    }

    /// What occurred before counts under the newest state too.
    fn relabel(&mut self, known: &Known, labels: Labels) -> rusqlite::Result<()> {
        let mut find = self
            .partition
            .connection
            .prepare_cached("SELECT time, rise, estimated FROM occurrences WHERE mark = (SELECT begun FROM events WHERE id = ?1)
             UNION ALL SELECT time, rise, estimated FROM occurrences WHERE event = ?1 AND again = 1")?;
        let mut rows = find.query([known.id])?;
        while let Some(row) = rows.next()? {
            let (time, rise, is_estimated) = (row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?);
            self.rollup.add(known.labels, time, -rise, is_estimated);
            self.rollup.add(labels, time, rise, is_estimated);
        }
        Ok(())
    }

    fn mark_cluster(&mut self, event: &Event, cluster: i64) -> rusqlite::Result<()> {
        let watched_since = self.around.watched_since(event).map(Timestamp::as_microsecond);
        let mut update = self.partition.connection.prepare_cached(
            "UPDATE clusters SET received = max(received, ?2), watched_since = ?3, recorded = ?4 WHERE id = ?1",
        )?;
        let received = event.received().as_microsecond();
        update.execute(params![cluster, received, watched_since, self.around.is_recorded()])?;
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
        let sql = "SELECT id FROM objects WHERE uid = ?1 AND uid <> '' AND kind = ?2 AND cluster = ?3 AND name <> ''";
        let mut find = connection.prepare_cached(sql)?;
        let found = find.query_row(params![pod.uid, kind, cluster], |row| row.get(0)).optional()?;
        if let Some(found) = found {
            return Ok(found);
        }
    }
    let namespace = names.word(connection, pod.namespace)?;
    let (name, uid) = (pod.name.to_owned(), pod.uid.into_owned());
    names.object(connection, ObjectKey { cluster, kind, namespace, name, uid }, 0)
}

const INDEX: &str = "INSERT INTO found (rowid, message, reason, name) VALUES (?1, ?2, ?3, ?4)";

/// Tells the index the words of an event.
fn words_of(connection: &Connection, sql: &str, id: i64, event: &Event) -> rusqlite::Result<()> {
    let [message, reason, name] = [event.message(), event.reason(), event.object().name].map(words);
    connection.prepare_cached(sql)?.execute(params![id, message, reason, name])?;
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

fn checksum(event: &Event) -> u32 {
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

/// How long before `time` it first happened, in microseconds.
fn age(event: &Event, time: i64) -> Option<i64> {
    event.first().map(|first| time - first.as_microsecond())
}

/// How long after `time` it was received, in microseconds.
fn delay(event: &Event, time: i64) -> i64 {
    event.received().as_microsecond() - time
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
