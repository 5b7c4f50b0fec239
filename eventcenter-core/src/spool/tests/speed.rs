//! How fast the spool is, on a real disk: nothing is asserted, since that depends on the machine.

use std::time::Instant;

use super::super::fs::DiskFs;
use super::super::log::{Chunk, Log};
use super::super::record;
use super::*;

/// An event as Kubernetes 1.37 writes it: about 1.6 kB with managedFields.
const DOCUMENT: &str = include_str!("../../../benches/event.json");

/// Appends until there are so many bytes, so many records a commit, and gives records a second.
fn append(log: &mut Log, batch: u64, bytes: u64) -> f64 {
    let event = Event::from_kubernetes(&cluster(), DOCUMENT.into(), Timestamp::UNIX_EPOCH).unwrap();
    let position = at("123456789");
    let (mut next, mut written) = (1, 0);
    let begun = Instant::now();
    while written < bytes {
        let mut chunk = Chunk { first: next, ..Chunk::default() };
        for _ in 0..batch {
            let seq = chunk.end();
            let sinks = SinkSet::first(2);
            record::put_event(&mut chunk.records, seq, (0, 0), sinks, &event, Some(&position));
            chunk.count += 1;
        }
        (next, written) = (chunk.end(), written + chunk.records.len() as u64);
        log.commit(&chunk, 0).unwrap();
    }
    (next - 1) as f64 / begun.elapsed().as_secs_f64()
}

#[test]
#[ignore = "a measurement, for `cargo xtask bench`"]
fn records_a_second_and_recovery_of_a_gibibyte() {
    // Of the repository: a temporary folder may be in memory. One in memory shows what is not the disk's.
    let folder = std::env::var("SPOOL_FOLDER").unwrap_or(env!("CARGO_MANIFEST_DIR").to_owned());
    let folder = tempfile::tempdir_in(folder).unwrap();
    for (batch, bytes) in [(100, 512 << 20), (1000, 1 << 30)] {
        let fs = Arc::new(DiskFs::new(folder.path().join(batch.to_string())).unwrap());
        let mut log = Log::recover(Arc::clone(&fs) as Arc<dyn Fs>, 16 << 20).unwrap().log;
        let speed = append(&mut log, batch, bytes);
        eprintln!("spool: {speed:.0} records a second, {batch} a commit");
        drop(log);
        let begun = Instant::now();
        let recovered = Log::recover(fs, 16 << 20).unwrap();
        let (took, records) = (begun.elapsed(), recovered.next);
        eprintln!("recovery: {} MiB, {records} records, in {took:.2?}", bytes >> 20);
    }
}
