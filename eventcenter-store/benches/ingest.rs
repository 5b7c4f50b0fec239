//! How fast events become durable, and what they weigh. `cargo bench -p eventcenter-store --bench ingest [-- EVENTS]`
//!
//! 1,000,000 updates of 7 days, with everything on: index, occurrences, sums, compressed documents. Figures are for
//! the writing thread and the one that makes the events up, which is subtracted.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends when it fails"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use eventcenter_core::{Batch, Sink};
use eventcenter_store::testing::Generator;
use eventcenter_store::{Store, StoreConfig};

fn main() {
    let events = std::env::args().filter_map(|argument| argument.parse().ok()).next();
    let events: usize = events.unwrap_or(1_000_000);
    let folder = tempfile::tempdir_in(".").unwrap();
    let store = Store::open(folder.path(), &StoreConfig::default()).unwrap();
    let sink = store.sink("store");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut generator = Generator::new(1, events as u64);
    let (mut writing, mut slowest) = (Duration::ZERO, Duration::ZERO);
    let mut left = events;
    while left > 0 {
        let made: Vec<_> = generator.by_ref().take(left.min(2000)).collect();
        if made.is_empty() {
            break;
        }
        left -= made.len();
        let begun = Instant::now();
        runtime.block_on(sink.deliver(&Batch::new(made).unwrap())).unwrap();
        writing += begun.elapsed();
        slowest = slowest.max(begun.elapsed());
    }
    let rate = events as f64 / writing.as_secs_f64();
    println!(
        "{events} updates: {rate:.0} a second durable, the slowest batch of 2,000 took {slowest:.1?}"
    );
    drop(sink);
    drop(store);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap().path();
        if file.extension() == Some("db".as_ref()) {
            weigh(&file);
        }
    }
}

/// Bytes of each table and index, for each event.
fn weigh(file: &Path) {
    let connection = rusqlite::Connection::open(file).unwrap();
    let rows: f64 =
        connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    let documents: f64 = connection
        .query_row("SELECT sum(length(document)) FROM events", [], |row| row.get(0))
        .unwrap();
    let bytes = std::fs::metadata(file).unwrap().len() as f64;
    println!(
        "{}: {rows} events, {:.0} bytes each, of which {:.0} are the document",
        file.file_name().unwrap().display(),
        bytes / rows,
        documents / rows
    );
    let sql = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 16";
    let mut statement = connection.prepare(sql).unwrap();
    let mut tables = statement.query([]).unwrap();
    while let Some(table) = tables.next().unwrap() {
        let (name, bytes): (String, f64) = (table.get(0).unwrap(), table.get(1).unwrap());
        println!("  {name:32} {:6.1}", bytes / rows);
    }
}
