//! Stand-ins for receivers and sources, for the tests of layers and of the pipeline.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Reply, Rig};
use crate::batch::{Batch, Receipt, Rejected};
use crate::error::{Action, Error, ErrorKind, Result};
use crate::sink::{Limits, Sink};
use crate::source::{Observed, Source};

/// A sink that keeps what it is handed, and answers as it is told. It keeps every promise that there is.
#[derive(Debug)]
pub struct MemorySink {
    name: String,
    limits: Limits,
    reply: Mutex<Reply>,
    accepted: watch::Sender<Vec<String>>,
}

impl MemorySink {
    /// An empty one, which takes 100 events at a time.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            limits: Limits::new().with_max_events(100),
            reply: Mutex::new(Reply::Accept),
            accepted: watch::Sender::new(Vec::new()),
        }
    }

    /// Sets what it says about its limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How it answers from now on.
    pub fn answer(&self, reply: Reply) {
        *lock(&self.reply) = reply;
    }

    /// Occurrence keys of what it has taken, in order.
    pub fn accepted(&self) -> Vec<String> {
        self.accepted.borrow().clone()
    }

    /// Waits until it has taken at least `count` events, and says which.
    pub async fn until(&self, count: usize) -> Vec<String> {
        let mut accepted = self.accepted.subscribe();
        let keys = accepted.wait_for(|keys| keys.len() >= count).await;
        keys.expect("the sender is ours").clone()
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(&self.name, kind, "as it was told")
    }
}

#[async_trait]
impl Sink for MemorySink {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let reply = lock(&self.reply).clone();
        let bad = match reply {
            Reply::Accept => None,
            Reply::RefuseOne(key) => Some(key),
            Reply::Throttle(delay) => {
                let error = self.error(ErrorKind::Throttled);
                return Err(error.with_action(Action::RetryAfter(delay)));
            }
            Reply::Refuse => return Err(self.error(ErrorKind::Refused)),
            Reply::TooLarge => return Err(self.error(ErrorKind::TooLarge)),
            Reply::LoseAnswer => {
                let keys = batch.events().iter().map(|event| event.occurrence_key());
                self.accepted.send_modify(|accepted| accepted.extend(keys));
                return Err(self.error(ErrorKind::Timeout).ambiguous());
            }
            Reply::Fail => return Err(self.error(ErrorKind::Unavailable)),
            Reply::Hang => pending().await,
        };
        let (mut taken, mut rejected) = (Vec::new(), Vec::new());
        for (index, event) in batch.events().iter().enumerate() {
            let key = event.occurrence_key();
            if bad.as_ref() == Some(&key) {
                rejected.push(Rejected { index, reason: "as it was told".to_owned() });
            } else {
                taken.push(key);
            }
        }
        self.accepted.send_modify(|accepted| accepted.append(&mut taken));
        Ok(Receipt::all().with_rejected(rejected))
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// The rig of a [`MemorySink`]: the shortest one there is.
#[derive(Debug)]
pub struct MemoryRig(Arc<MemorySink>);

impl MemoryRig {
    /// With a sink that takes batches.
    pub fn new() -> Self {
        Self(Arc::new(MemorySink::new("memory")))
    }

    /// With a sink that takes one event at a time.
    pub fn one_by_one() -> Self {
        Self(Arc::new(MemorySink::new("memory").with_limits(Limits::new())))
    }
}

impl Default for MemoryRig {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Rig for MemoryRig {
    async fn sink(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.0) as _
    }

    fn can(&self, _: &Reply) -> bool {
        true
    }

    fn answer(&self, reply: Reply) {
        self.0.answer(reply);
    }

    fn accepted(&self) -> Vec<String> {
        self.0.accepted()
    }

    fn secret(&self) -> Option<&str> {
        None
    }
}

/// A sink whose answers are written down beforehand. When they are used up it takes everything.
#[derive(Debug)]
pub struct FlakySink {
    limits: Limits,
    hangs: bool,
    script: Mutex<VecDeque<Result<Receipt>>>,
    deliveries: Mutex<Vec<Batch>>,
}

impl FlakySink {
    /// Answers like this, one delivery after another.
    pub fn new(script: impl IntoIterator<Item = Result<Receipt>>) -> Self {
        Self {
            limits: Limits::new().with_max_events(100),
            hangs: false,
            script: Mutex::new(script.into_iter().collect()),
            deliveries: Mutex::default(),
        }
    }

    /// Never answers, whatever it is asked.
    pub fn hanging() -> Self {
        Self { hangs: true, ..Self::new([]) }
    }

    /// Sets what it says about its limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The batches of all attempts, in order.
    pub fn deliveries(&self) -> Vec<Batch> {
        lock(&self.deliveries).clone()
    }

    async fn hang_if_told(&self) {
        if self.hangs {
            pending::<()>().await;
        }
    }
}

#[async_trait]
impl Sink for FlakySink {
    fn name(&self) -> &str {
        "flaky"
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        lock(&self.deliveries).push(batch.clone());
        self.hang_if_told().await;
        lock(&self.script).pop_front().unwrap_or_else(|| Ok(Receipt::all()))
    }

    async fn probe(&self) -> Result<()> {
        self.hang_if_told().await;
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        self.hang_if_told().await;
        Ok(())
    }
}

/// A source that yields what was written down beforehand, and then waits for ever, as sources do.
#[derive(Debug)]
pub struct VecSource {
    name: String,
    script: VecDeque<Result<Observed>>,
}

impl VecSource {
    /// Yields these, one after another.
    pub fn new(name: &str, script: impl IntoIterator<Item = Result<Observed>>) -> Self {
        Self { name: name.to_owned(), script: script.into_iter().collect() }
    }
}

#[async_trait]
impl Source for VecSource {
    fn name(&self) -> &str {
        &self.name
    }

    async fn next(&mut self) -> Result<Observed> {
        match self.script.pop_front() {
            Some(observed) => observed,
            None => pending().await,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Position;
    use crate::testing::events;

    #[tokio::test(start_paused = true)]
    async fn a_source_waits_when_its_script_is_over() {
        let position = Position::new("1", jiff::Timestamp::UNIX_EPOCH);
        let mut source = VecSource::new("vec", [Ok(Observed::Progress(position))]);
        assert!(matches!(source.next().await, Ok(Observed::Progress(_))));
        let wait = std::time::Duration::from_secs(3600);
        assert!(tokio::time::timeout(wait, source.next()).await.is_err());
    }

    #[tokio::test]
    async fn a_test_can_wait_for_what_a_sink_takes() {
        let sink = Arc::new(MemorySink::new("memory"));
        let waiting = tokio::spawn({
            let sink = Arc::clone(&sink);
            async move { sink.until(2).await }
        });
        sink.deliver(&Batch::new(events::many(2)).unwrap()).await.unwrap();
        assert_eq!(waiting.await.unwrap(), sink.accepted());
    }
}
