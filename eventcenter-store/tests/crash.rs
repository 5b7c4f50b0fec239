//! A store that is killed while it writes, over and over, is in the end the one that was never killed.

#![cfg(feature = "sqlite")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and its child tells how far it came"
)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use eventcenter_core::{Batch, FixedClock, Health, Sink};
use eventcenter_store::testing::Generator;
use eventcenter_store::{Store, StoreConfig};
use rusqlite::Connection;

const EVENTS: u64 = 12_000;
const BATCH: usize = 400;

/// Delivers the batches from this one on, and says after each that it was confirmed.
fn write(folder: &Path, from: usize) {
    let mut generator = Generator::new(3, EVENTS);
    let clock = Arc::new(FixedClock::new(generator.range().until));
    let config = serde_json::json!({ "retention": { "age": "16d" } });
    let config: StoreConfig = serde_json::from_value(config).unwrap();
    let store = Store::open_with(folder, &config, clock, &Health::new()).unwrap();
    let sink = store.sink("store");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    generator.by_ref().take(from * BATCH).for_each(drop);
    for number in from.. {
        let events: Vec<_> = generator.by_ref().take(BATCH).collect();
        let Some(batch) = Batch::new(events) else { break };
        let receipt = runtime.block_on(sink.deliver(&batch)).unwrap();
        assert_eq!(receipt.rejected, Vec::new());
        println!("\nconfirmed {number}");
    }
}

/// What is in it, but for the numbers of rows.
fn content(folder: &Path) -> Vec<String> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension() == Some("db".as_ref()))
        .collect();
    files.sort();
    let mut content = Vec::new();
    for file in files {
        let connection = Connection::open(&file).unwrap();
        let whole: String =
            connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(whole, "ok", "{}", file.display());
        content.push(file.file_name().unwrap().to_string_lossy().into_owned());
        for sql in [
            "SELECT hex(uid) || ' ' || count || ' ' || time || ' ' || occurrences || ' ' || estimated || ' ' || continues
             FROM events ORDER BY uid",
            "SELECT hex(uid) || ' ' || o.time || ' ' || o.rise || ' ' || o.estimated
             FROM occurrences o JOIN events e ON e.id = o.event ORDER BY o.mark",
            "SELECT minute || ' ' || level || ' ' || c.text || ' ' || r.text || ' ' || n.text || ' ' || rise
             FROM minutes JOIN words c ON c.id = class JOIN words r ON r.id = reason JOIN words n ON n.id = namespace
             ORDER BY 1",
            "SELECT hour || ' ' || sum(rise) || ' ' || sum(estimated) FROM hours GROUP BY hour",
            "SELECT count(*) || ' found' FROM found",
        ] {
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
            content.extend(rows.map(Result::unwrap));
        }
    }
    content
}

#[test]
fn a_store_that_is_killed_while_it_writes_lacks_nothing_and_counts_nothing_twice() {
    let (never, often) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(never.path(), 0);
    let (mut from, mut kills) = (0, 0);
    loop {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "the_child", "--nocapture"])
            .env("STORE", often.path())
            .env("FROM", from.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut confirmed = lines.filter_map(|line| line.strip_prefix("confirmed ")?.parse().ok());
        // In the middle of the batch after the third, or the fourth, ...
        match confirmed.nth(2 + kills % 3) {
            Some(last) => {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                // The spool delivers the last one again, since it may not have noted that it was confirmed.
                from = last;
            }
            None => {
                assert!(child.wait().unwrap().success());
                break;
            }
        }
    }
    assert!(kills >= 5, "{kills} kills");
    assert_eq!(content(often.path()), content(never.path()));
}

#[test]
#[ignore = "is run, and killed, by the other"]
fn the_child() {
    let Some(folder) = std::env::var_os("STORE") else { return };
    write(Path::new(&folder), std::env::var("FROM").unwrap().parse().unwrap());
}
