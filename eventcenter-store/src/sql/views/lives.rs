//! Events that live across a boundary of partitions: one row in `log`, as in a list of events.
//!
//! Of such an Event each partition has a row. The newest of those that occurred in the range is shown, whether or not
//! it matches; its `occurrences` are those of all of them. Rows that continue an older partition are marked, and few.

use std::collections::BTreeMap;

use eventcenter_core::Result;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::told;
use super::Part;
use crate::read::{Failure, Reader, Reading};

/// An Event among all partitions.
struct Identity {
    uid: Vec<u8>,
    cluster: String,
}

/// What an older partition has of an Event, in the range.
struct Older {
    event: i64,
    continues: bool,
    occurrences: i64,
    estimated: bool,
}

/// Rows that a newer partition shows, and what is added to those that are shown, by the place of their partition.
#[derive(Default)]
struct Joined {
    gone: BTreeMap<usize, Vec<i64>>,
    more: BTreeMap<usize, Vec<(i64, i64, bool)>>,
}

/// Finds them, makes `temp.gone` and `temp.more` of the parts, and marks these. Parts come oldest first.
pub(super) fn join(
    reading: &mut Reading,
    connection: &Connection,
    parts: &mut [Part],
) -> Result<()> {
    let mut joined = Joined::default();
    for (number, part) in parts.iter().enumerate().skip(1) {
        let continuing = reading.attempt(part.place, |reader| continuing(reader, part))?;
        for (event, identity) in continuing.unwrap_or_default() {
            let (mut occurrences, mut estimated) = (0, false);
            for older in parts.iter().take(number).rev() {
                let found =
                    reading.attempt(older.place, |reader| find(reader, older, &identity))?;
                let Some(Some(found)) = found else { continue };
                if found.occurrences > 0 {
                    joined.gone.entry(older.place).or_default().push(found.event);
                    occurrences += found.occurrences;
                    estimated |= found.estimated;
                }
                if !found.continues {
                    break;
                }
            }
            if occurrences > 0 {
                let more = joined.more.entry(part.place).or_default();
                more.push((event, occurrences, estimated));
            }
        }
    }
    for part in parts.iter_mut() {
        part.has_gone = joined.gone.contains_key(&part.place);
        part.has_more = joined.more.contains_key(&part.place);
    }
    joined.note(connection).map_err(|error| told(error, None, reading))
}

impl Joined {
    fn note(self, connection: &Connection) -> rusqlite::Result<()> {
        for (place, events) in self.gone {
            connection.execute_batch(&format!(
                "CREATE TEMP TABLE gone{place} (event INTEGER NOT NULL) STRICT"
            ))?;
            let insert = format!("INSERT INTO temp.gone{place} VALUES (?1)");
            let mut insert = connection.prepare(&insert)?;
            for event in events {
                insert.execute([event])?;
            }
        }
        for (place, events) in self.more {
            connection.execute_batch(&format!(
                "CREATE TEMP TABLE more{place}
                 (event INTEGER NOT NULL PRIMARY KEY, occurrences INTEGER NOT NULL, estimated INTEGER NOT NULL)
                 STRICT, WITHOUT ROWID"
            ))?;
            let insert = format!("INSERT INTO temp.more{place} VALUES (?1, ?2, ?3)");
            let mut insert = connection.prepare(&insert)?;
            for (event, occurrences, estimated) in events {
                insert.execute(params![event, occurrences, estimated])?;
            }
        }
        Ok(())
    }
}

/// Rows that continue an older partition, and occurred in the range.
fn continuing(
    reader: &mut Reader,
    part: &Part,
) -> std::result::Result<Vec<(i64, Identity)>, Failure> {
    let occurred = if part.is_within {
        "e.occurrences > 0".to_owned()
    } else {
        let in_range = part.in_range("x.time");
        format!("EXISTS (SELECT 1 FROM occurrences x WHERE x.event = e.id AND {in_range})")
    };
    let sql = format!(
        "SELECT e.id, e.uid, c.uid FROM events e JOIN clusters c ON c.id = e.cluster
         WHERE e.continues = 1 AND {occurred}"
    );
    let mut statement = reader.connection.prepare(&sql)?;
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, Identity { uid: row.get(1)?, cluster: row.get(2)? }))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn find(
    reader: &mut Reader,
    part: &Part,
    identity: &Identity,
) -> std::result::Result<Option<Older>, Failure> {
    let sql = "SELECT e.id, e.continues, coalesce(sum(x.rise), 0), coalesce(max(x.estimated), 0)
               FROM events e LEFT JOIN occurrences x ON x.event = e.id AND x.time >= ?3 AND x.time < ?4
               WHERE e.uid = ?1 AND e.cluster = (SELECT id FROM clusters WHERE clusters.uid = ?2) GROUP BY e.id";
    let mut statement = reader.connection.prepare_cached(sql)?;
    let Identity { uid, cluster } = identity;
    let found = statement.query_row(params![uid, cluster, part.from, part.until], |row| {
        Ok(Older {
            event: row.get(0)?,
            continues: row.get(1)?,
            occurrences: row.get(2)?,
            estimated: row.get(3)?,
        })
    });
    Ok(found.optional()?)
}
