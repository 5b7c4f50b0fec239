//! The whole pipeline in one process: its source, its sinks and its disk are played. Time is paused, so an outage of an
//! hour takes no time.

mod delivery;
mod disk;
mod lives;
mod reigns;
mod sinks;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::*;
use crate::batch::{Batch, Receipt};
use crate::clock::FixedClock;
use crate::event::Event;
use crate::sink::Limits;
use crate::source::Observed;
use crate::spool::SpoolConfig;
use crate::spool::sim::SimFs;

fn cluster() -> Arc<Cluster> {
    Arc::new(Cluster { id: "c1".to_owned(), name: "prod".to_owned() })
}

/// Yields the events 1, 2, 3 ... up to a last one; its position is the number.
#[derive(Debug)]
struct Numbers {
    next: u64,
    last: u64,
    pause: Duration,
}

impl Numbers {
    fn boxed(attach: &Attach, last: u64, pause: Duration) -> Box<dyn Source> {
        let reached = attach.position("numbers").map_or(0, |p| p.value.parse().unwrap());
        Box::new(Self { next: reached + 1, last, pause })
    }
}

fn number(n: u64) -> Event {
    let message = "x".repeat(usize::try_from(n * 37 % 300).unwrap());
    let document = format!(
        r#"{{"metadata":{{"uid":"e","resourceVersion":"{n}"}},"reason":"R{n}","message":"{message}"}}"#
    );
    Event::from_kubernetes(&cluster(), document.into(), Timestamp::UNIX_EPOCH).unwrap()
}

#[async_trait]
impl Source for Numbers {
    fn name(&self) -> &str {
        "numbers"
    }

    async fn next(&mut self) -> Result<Observed> {
        if self.next > self.last {
            std::future::pending::<()>().await;
        }
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        let n = self.next;
        self.next += 1;
        let position = Position::new(n.to_string(), Timestamp::UNIX_EPOCH);
        Ok(Observed::Event(Box::new(number(n)), position))
    }
}

type Script = Box<dyn Fn(&Batch) -> Result<Receipt> + Send + Sync>;

/// Keeps what it was handed, and answers as it is told.
struct Keeper {
    name: &'static str,
    max_events: usize,
    kept: Arc<Mutex<Vec<u64>>>,
    answer: Script,
    pause: Duration,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Keeper {
    fn new(name: &'static str, kept: &Arc<Mutex<Vec<u64>>>) -> Self {
        let (kept, answer) = (Arc::clone(kept), Box::new(|_: &Batch| Ok(Receipt::all())));
        Self { name, max_events: 7, kept, answer, pause: Duration::ZERO }
    }
}

#[async_trait]
impl Sink for Keeper {
    fn name(&self) -> &str {
        self.name
    }

    fn limits(&self) -> Limits {
        Limits::new().with_max_events(self.max_events)
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        let receipt = (self.answer)(batch)?;
        let refused: Vec<_> = receipt.rejected.iter().map(|rejected| rejected.index).collect();
        let mut kept = self.kept.lock().unwrap();
        for (index, event) in batch.events().iter().enumerate() {
            if !refused.contains(&index) {
                kept.push(event.resource_version().parse().unwrap_or(0));
            }
        }
        Ok(receipt)
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

fn small() -> SpoolConfig {
    SpoolConfig { max_bytes: 4 << 20, memory: 8 << 10, ..SpoolConfig::default() }
}

fn open(folder: &Path, fs: &SimFs, sinks: Vec<Keeper>) -> Pipeline {
    let sinks = sinks.into_iter().map(|sink| Arc::new(sink) as Arc<dyn Sink>).collect();
    let clock = Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH));
    let plan = Plan::new(folder, sinks).unwrap();
    plan.with_fs(Arc::new(fs.clone())).with_spool(small()).with_clock(clock).open().unwrap()
}

fn all(last: u64) -> BTreeSet<u64> {
    (1..=last).collect()
}

/// Waits, in paused time, until `done`.
async fn until(done: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never came to that");
}

#[test]
fn a_second_program_on_one_state_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let sink = || Arc::new(Keeper::new("a", &Arc::default())) as Arc<dyn Sink>;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let first = Plan::new(folder.path(), vec![sink()]).unwrap().open().unwrap();
        let error = Plan::new(folder.path(), vec![sink()]).unwrap().open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("another program"), "{error}");
        drop(first);
        Plan::new(folder.path(), vec![sink()]).unwrap().open().unwrap();
        let twice = Plan::new(folder.path(), vec![sink(), sink()]).unwrap_err();
        assert!(twice.to_string().contains("two sinks are called"), "{twice}");
    });
}

#[test]
fn a_state_folder_that_is_a_file_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let sink = Arc::new(Keeper::new("a", &Arc::default())) as Arc<dyn Sink>;
    let error = Plan::new(file.path(), vec![sink]).unwrap().open().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let path = file.path().display().to_string();
    assert_eq!(
        error.to_string(),
        format!("state: the state folder is no folder (state_dir={path})")
    );
}
