//! A value that lives on a thread of its own, because using it may block: a pipe that nobody reads, a disk that
//! hangs.
//!
//! Not `spawn_blocking`: a runtime that shuts down waits for its blocking tasks, so that a pipe that nobody reads
//! would keep the program from ending.

use std::fmt;
use std::io;
use std::thread;

use tokio::sync::{mpsc, oneshot};

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

pub(crate) struct OwnThread<T> {
    jobs: mpsc::Sender<Job<T>>,
}

impl<T: Send + 'static> OwnThread<T> {
    /// Moves `value` to a new thread, which ends when this is dropped and the work in hand is done.
    pub(crate) fn new(name: &str, mut value: T) -> io::Result<Self> {
        let (jobs, mut queue) = mpsc::channel::<Job<T>>(1);
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Some(job) = queue.blocking_recv() {
                job(&mut value);
            }
        })?;
        Ok(Self { jobs })
    }

    /// Does `work` there. Dropped before it begins, it is not done; what has begun is finished.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut T) -> io::Result<R> + Send + 'static,
    ) -> io::Result<R> {
        let (answer, result) = oneshot::channel();
        let job: Job<T> = Box::new(move |value| {
            if !answer.is_closed() {
                // Nobody listens any more: the result is of no use.
                answer.send(work(value)).ok();
            }
        });
        let gone = || io::Error::other("its thread has ended");
        self.jobs.send(job).await.map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

impl<T> fmt::Debug for OwnThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnThread")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as blocking;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_not_begun() {
        let (go, blocked) = blocking::channel::<()>();
        let thread = OwnThread::new("test", Vec::new()).unwrap();
        let patience = Duration::from_millis(20);
        let begun = thread.run(move |done: &mut Vec<u8>| {
            blocked.recv().ok();
            done.push(1);
            Ok(())
        });
        assert!(tokio::time::timeout(patience, begun).await.is_err());
        for late in [2, 3] {
            let waiting = thread.run(move |done| {
                done.push(late);
                Ok(())
            });
            assert!(tokio::time::timeout(patience, waiting).await.is_err());
        }
        go.send(()).unwrap();
        assert_eq!(thread.run(|done| Ok(done.clone())).await.unwrap(), [1]);
    }
}
