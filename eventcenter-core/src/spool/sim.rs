//! A disk for tests: it tears writes, forgets what was not synced, fills up and fails.
//!
//! Files live in memory. [`SimFs::kill`] is the death of the process: everything that was written is kept.
//! [`SimFs::power_cut`] keeps what was synced; of each write that was not, it keeps all, nothing, or a part. In both
//! cases the handles of before are dead: what a thread still does through them fails.

#![expect(clippy::cast_possible_truncation, reason = "offsets of a disk that is in memory")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::fs::{File, Fs};

/// "Input/output error" on Linux.
const EIO: i32 = 5;

/// See the [module](self); clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimFs {
    disk: Arc<Mutex<Disk>>,
    /// Whoever holds it keeps syncs from coming back.
    stall: Arc<Mutex<()>>,
    life: u64,
}

#[derive(Debug)]
struct Disk {
    life: u64,
    random: StdRng,
    files: BTreeMap<String, Contents>,
    /// Files that were removed, until that is synced.
    removed: BTreeMap<String, Contents>,
    /// Bytes that still fit.
    room: u64,
    /// So many operations fail with EIO.
    failing: u32,
    /// Files of which no byte can be read, from these offsets on.
    bad: BTreeMap<String, u64>,
    /// So many operations are done before the process dies, in the middle of whatever it does.
    until_death: u64,
}

#[derive(Debug, Clone, Default)]
struct Contents {
    synced: Vec<u8>,
    now: Vec<u8>,
    unsynced: Vec<Change>,
    /// Whether the file's existence is synced.
    exists: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

impl SimFs {
    /// An empty disk, whose misfortunes follow from `seed`.
    pub fn new(seed: u64) -> Self {
        let disk = Disk {
            life: 0,
            random: StdRng::seed_from_u64(seed),
            files: BTreeMap::new(),
            removed: BTreeMap::new(),
            room: u64::MAX,
            failing: 0,
            bad: BTreeMap::new(),
            until_death: u64::MAX,
        };
        Self { disk: Arc::new(Mutex::new(disk)), stall: Arc::default(), life: 0 }
    }

    /// The disk after the process died.
    #[must_use]
    pub fn kill(&self) -> Self {
        let mut disk = self.lock();
        disk.life += 1;
        disk.until_death = u64::MAX;
        Self { disk: Arc::clone(&self.disk), stall: Arc::clone(&self.stall), life: disk.life }
    }

    /// The disk after the power was cut.
    #[must_use]
    pub fn power_cut(&self) -> Self {
        let mut guard = self.lock();
        let disk = &mut *guard;
        for (name, contents) in std::mem::take(&mut disk.removed) {
            if contents.exists && disk.random.random() {
                disk.files.entry(name).or_insert(contents);
            }
        }
        let random = &mut disk.random;
        disk.files.retain(|_, contents| {
            let kept = contents.exists || random.random();
            contents.tear(random);
            kept
        });
        disk.life += 1;
        disk.until_death = u64::MAX;
        Self { disk: Arc::clone(&self.disk), stall: Arc::clone(&self.stall), life: disk.life }
    }

    /// Lets so many more bytes fit; then it is full.
    pub fn set_room(&self, bytes: u64) {
        self.lock().room = bytes;
    }

    /// Lets so many operations fail.
    pub fn fail(&self, operations: u32) {
        self.lock().failing = operations;
    }

    /// Lets no sync come back before the guard is dropped.
    pub fn stall(&self) -> MutexGuard<'_, ()> {
        self.stall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets no read of a file succeed from this offset on: a bad sector.
    pub fn spoil(&self, name: &str, from: u64) {
        self.lock().bad.insert(name.to_owned(), from);
    }

    /// Lets the process die after so many operations: between a write and its sync, between two files.
    pub fn die_after(&self, operations: u64) {
        self.lock().until_death = operations;
    }

    /// Flips one bit of a file, in what is synced too.
    pub fn flip_bit(&self, name: &str, offset: usize) {
        if let Some(contents) = self.lock().files.get_mut(name) {
            for bytes in [&mut contents.synced, &mut contents.now] {
                if let Some(byte) = bytes.get_mut(offset) {
                    *byte ^= 1;
                }
            }
        }
    }

    /// Bytes of all files.
    pub fn used(&self) -> usize {
        self.lock().files.values().map(|contents| contents.now.len()).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let mut disk = self.lock();
        if disk.life != self.life {
            return Err(io::Error::other("the process is dead"));
        }
        if disk.until_death == 0 {
            return Err(io::Error::other("the process is dead"));
        }
        disk.until_death -= 1;
        if disk.failing > 0 {
            disk.failing -= 1;
            return Err(io::Error::from_raw_os_error(EIO));
        }
        Ok(disk)
    }
}

impl Contents {
    /// What the disk holds after the power was cut.
    fn tear(&mut self, random: &mut StdRng) {
        let mut kept = std::mem::take(&mut self.synced);
        for change in self.unsynced.drain(..) {
            match change {
                Change::Write(offset, data) => {
                    let part = match random.random_range(0..3) {
                        0 => 0..0,
                        1 => 0..data.len(),
                        _ => {
                            let from = random.random_range(0..=data.len());
                            from..random.random_range(from..=data.len())
                        }
                    };
                    write(&mut kept, offset as usize + part.start, &data[part]);
                }
                Change::Length(len) if random.random() => kept.resize(len as usize, 0),
                Change::Length(_) => {}
            }
        }
        self.now.clone_from(&kept);
        self.synced = kept;
        self.exists = true;
    }
}

fn write(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    if bytes.len() < offset + data.len() {
        bytes.resize(offset + data.len(), 0);
    }
    bytes[offset..offset + data.len()].copy_from_slice(data);
}

impl Fs for SimFs {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.alive()?.files.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        let mut disk = self.alive()?;
        if disk.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        disk.files.insert(name.to_owned(), Contents::default());
        drop(disk);
        self.open(name)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn File>> {
        if !self.alive()?.files.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Box::new(SimFile { fs: self.clone(), name: name.to_owned() }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.alive()?;
        let contents = disk.files.remove(name).ok_or(io::ErrorKind::NotFound)?;
        disk.room = disk.room.saturating_add(contents.now.len() as u64);
        disk.removed.insert(name.to_owned(), contents);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.alive()?;
        disk.removed.clear();
        disk.files.values_mut().for_each(|contents| contents.exists = true);
        Ok(())
    }
}

#[derive(Debug)]
struct SimFile {
    fs: SimFs,
    name: String,
}

impl SimFile {
    fn with<T>(
        &self,
        work: impl FnOnce(&mut Contents, &mut u64) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut guard = self.fs.alive()?;
        let disk = &mut *guard;
        let contents = disk.files.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
        work(contents, &mut disk.room)
    }
}

impl File for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bad = self.fs.lock().bad.get(&self.name).copied();
        if bad.is_some_and(|from| offset + buffer.len() as u64 > from) {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.with(|contents, _| {
            let rest = contents.now.get(offset as usize..).unwrap_or_default();
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            Ok(len)
        })
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.with(|contents, room| {
            let growth = (offset + data.len() as u64).saturating_sub(contents.now.len() as u64);
            // A full disk takes what fits, as a real one does.
            let fits = growth <= *room;
            let data = if fits { data } else { &data[..data.len() / 2] };
            *room = room.saturating_sub(growth);
            write(&mut contents.now, offset as usize, data);
            contents.unsynced.push(Change::Write(offset, data.to_vec()));
            if fits { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        drop(self.fs.stall());
        self.with(|contents, _| {
            contents.synced.clone_from(&contents.now);
            contents.unsynced.clear();
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|contents, room| {
            *room = room.saturating_add((contents.now.len() as u64).saturating_sub(len));
            contents.now.resize(len as usize, 0);
            contents.unsynced.push(Change::Length(len));
            Ok(())
        })
    }

    fn size(&self) -> io::Result<u64> {
        self.with(|contents, _| Ok(contents.now.len() as u64))
    }
}
