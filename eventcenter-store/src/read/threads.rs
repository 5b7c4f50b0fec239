//! The threads that read: few, and always the same ones.
//!
//! The allocator keeps for each thread what that once needed, some 10 MiB after an overview. Among the blocking threads of
//! a runtime every one gets its turn at reading sooner or later; so reading has threads of its own, as many as questions are
//! answered at a time. They start with the first question, and end when the store is closed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use eventcenter_core::Result;
use tokio::sync::oneshot;

use crate::store::failed;

type Job = Box<dyn FnOnce() + Send>;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Threads {
    /// None until something is to be done.
    jobs: Mutex<Option<Sender<Job>>>,
}

impl Threads {
    /// Does this on one of so many threads, which may block.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        count: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        self.send(count, Box::new(move || drop(answer.send(work()))))?;
        answered.await.map_err(|_| failed("the reading thread ended"))
    }

    fn send(&self, count: usize, job: Job) -> Result<()> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = match &mut *jobs {
            Some(sender) => sender,
            none => none.insert(start(count)?),
        };
        sender.send(job).map_err(|_| failed("the reading threads ended"))
    }
}

fn start(count: usize) -> Result<Sender<Job>> {
    let (sender, receiver) = channel();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..count {
        let receiver = Arc::clone(&receiver);
        let thread = std::thread::Builder::new().name("read".to_owned());
        let started = thread.spawn(move || work_on(&receiver));
        started.map_err(|error| failed("cannot start a reading thread").with_source(error))?;
    }
    Ok(sender)
}

/// Until nobody is left who could send a job.
fn work_on(jobs: &Mutex<Receiver<Job>>) {
    loop {
        // One waits for a job, the others for their turn to wait.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // Who asked is told by the end of the channel; the thread is there for the next.
        catch_unwind(AssertUnwindSafe(job)).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_that_panics_takes_no_thread_along() {
        let threads = Threads::default();
        for _ in 0..3 {
            let error = threads.run(2, || -> u8 { panic!("as tests do") }).await.unwrap_err();
            assert!(error.to_string().contains("the reading thread ended"), "{error}");
        }
        let name = threads.run(2, || std::thread::current().name().map(str::to_owned)).await;
        assert_eq!(name.unwrap().as_deref(), Some("read"));
    }

    #[tokio::test]
    async fn as_many_are_answered_at_a_time_as_there_are_threads() {
        let threads = Threads::default();
        let both = Arc::new(std::sync::Barrier::new(2));
        let wait = || {
            let both = Arc::clone(&both);
            threads.run(2, move || both.wait().is_leader())
        };
        let (one, other) = tokio::join!(wait(), wait());
        assert_ne!(one.unwrap(), other.unwrap());
    }
}
