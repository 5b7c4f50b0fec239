//! Where the sinks stand, read from disk: the positions that the records before a cursor hold.
//!
//! A segment begins with the positions of all sources as of its first record, and its records move them; so the
//! positions at a cursor are found by reading one segment up to there. Between two looks the place is kept, and what
//! came in between is read once more, from the page cache as a rule. Where nobody asks it costs nothing.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::fs::Fs;
use super::record::{Tables, read_payload};
use super::segment::Scan;
use super::{Shared, Spool};
use crate::error::{Error, ErrorKind, Result};
use crate::handover::{At, Handover, Stand};

/// Looks where the sinks of a spool stand. Goes on after the pipeline has ended.
#[derive(Debug)]
pub struct Standing {
    spool: Spool,
    tracks: Vec<Option<Track>>,
}

/// A place in a segment, and the positions there.
#[derive(Debug)]
struct Track {
    first: u64,
    scan: Scan,
    tables: Tables,
}

impl Standing {
    pub(crate) fn of(spool: Spool) -> Self {
        Self { spool, tracks: Vec::new() }
    }

    /// The newest positions on disk.
    #[cfg(test)]
    pub(crate) fn newest(&self) -> BTreeMap<String, At> {
        look(&self.spool.0, &mut Vec::new()).unwrap().newest
    }

    /// The note for a successor that would take over now; none if the plan [knows of none](crate::Plan::with_handover).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when the spool cannot be read.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing, but the next call reads a segment from its beginning.
    pub async fn note(&mut self) -> Result<Option<Handover>> {
        let (spool, mut tracks) = (self.spool.clone(), std::mem::take(&mut self.tracks));
        let looked = tokio::task::spawn_blocking(move || {
            let Some(succession) = spool.succession() else { return Ok((None, tracks)) };
            let stand = look(&spool.0, &mut tracks)?;
            Ok((Some(succession.note(&stand)), tracks))
        });
        let failed = |error: io::Error| {
            Error::new("spool", ErrorKind::Storage, "cannot look where sinks stand")
                .with_source(error)
        };
        let looked = looked.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        let (note, tracks) = looked.map_err(failed)?;
        self.tracks = tracks;
        Ok(note)
    }
}

/// Where all sinks stand, and the newest that is on disk.
fn look(shared: &Shared, tracks: &mut Vec<Option<Track>>) -> io::Result<Stand> {
    let mut tries = 3;
    loop {
        match look_now(shared, tracks) {
            // A segment was settled and removed meanwhile; the cursors have gone on.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries > 0 => tries -= 1,
            stand => return stand,
        }
    }
}

fn look_now(shared: &Shared, tracks: &mut Vec<Option<Track>>) -> io::Result<Stand> {
    let cursors = shared.queue().cursors.clone();
    let (durable, _) = *shared.durable.borrow();
    tracks.resize_with(cursors.len() + 1, || None);
    let mut positions = cursors
        .iter()
        .chain([&durable])
        .zip(tracks)
        .map(|(&cursor, track)| positions_at(shared, track, cursor))
        .collect::<io::Result<Vec<_>>>()?;
    let newest = positions.pop().unwrap_or_default();
    Ok(Stand { sinks: positions, cursors, newest })
}

/// The same for a spool that is being opened: a sink that is new stands nowhere. Each segment is read once, whatever the
/// number of sinks in it, for a term may be running.
pub(super) fn look_once(shared: &Shared) -> io::Result<Stand> {
    let cursors = shared.queue().cursors.clone();
    let (durable, _) = *shared.durable.borrow();
    let mut order: Vec<usize> = (0..cursors.len()).collect();
    order.sort_unstable_by_key(|&place| cursors.get(place));
    let (mut track, mut sinks) = (None, vec![BTreeMap::new(); cursors.len()]);
    for place in order {
        let cursor = cursors.get(place).copied().unwrap_or_default();
        let positions = positions_at(shared, &mut track, cursor)?;
        let file = shared.cursors.get(place).map(Mutex::lock);
        let is_new = file.is_some_and(|file| file.unwrap_or_else(PoisonError::into_inner).is_new());
        if let Some(sink) = sinks.get_mut(place).filter(|_| !is_new) {
            *sink = positions;
        }
    }
    let newest = positions_at(shared, &mut track, durable)?;
    Ok(Stand { sinks, cursors, newest })
}

/// The positions of all sources before the record `cursor`. Where a record cannot be read it is those before it, which
/// are older: that repeats, and loses nothing.
fn positions_at(
    shared: &Shared,
    track: &mut Option<Track>,
    cursor: u64,
) -> io::Result<BTreeMap<String, At>> {
    let first = {
        let segments = shared.segments();
        // What was before the oldest has been settled by everybody, or was dropped and declared.
        let place = segments.place_of(cursor).unwrap_or(0);
        let Some(row) = segments.0.get(place) else { return Ok(BTreeMap::new()) };
        row.first
    };
    if track.as_ref().is_none_or(|track| track.first != first || track.scan.next_seq() > cursor) {
        *track = match Scan::open(&*shared.fs, first)? {
            Some((header, scan)) => Some(Track { first, scan, tables: header.tables }),
            None => return Err(io::Error::other("a segment has no header")),
        };
    }
    let Some(Track { scan, tables, .. }) = track else { return Ok(BTreeMap::new()) };
    while scan.next_seq() < cursor {
        let Some((_, payload)) = scan.next()? else { break };
        if let Some(payload) = read_payload(payload) {
            tables.apply(&payload);
        }
    }
    let rows = tables.sources.iter();
    let stands = rows.filter_map(|row| {
        let (value, at) = row.position.clone()?;
        Some((row.name.clone(), At(value, at)))
    });
    Ok(stands.collect())
}

/// A file with what the spool is called among the spools of other replicas: 16 hexadecimal digits, drawn once.
const NAME: &str = "name";

/// The name of the spool in `fs`, which gets one if it has none. A name that cannot be read was never told to anybody.
pub(super) fn own_name(fs: &dyn Fs) -> io::Result<String> {
    let is_there = fs.list()?.iter().any(|file| file == NAME);
    let file = if is_there { fs.open(NAME)? } else { fs.create(NAME)? };
    let mut name = [0; 16];
    if file.read_at(&mut name, 0)? == name.len() && name.iter().all(u8::is_ascii_hexdigit) {
        return Ok(name.iter().copied().map(char::from).collect());
    }
    let name = format!("{:016x}", rand::random::<u64>());
    file.write_at(name.as_bytes(), 0)?;
    file.sync_data()?;
    fs.sync()?;
    Ok(name)
}
