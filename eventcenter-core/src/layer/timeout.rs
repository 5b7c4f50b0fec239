//! A deadline for each attempt.
//!
//! When it passes, the attempt is dropped where it stands and the error is of kind `Timeout`. It is ambiguous for
//! a delivery, which the receiver may have taken all the same.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::batch::{Batch, Receipt};
use crate::error::{Error, ErrorKind, Result};
use crate::sink::{Layer, Limits, Sink};

/// Gives every call of a sink a deadline.
#[derive(Debug, Clone, Copy)]
pub struct TimeoutLayer {
    deadline: Duration,
}

impl TimeoutLayer {
    /// A call may take so long.
    pub fn new(deadline: Duration) -> Self {
        Self { deadline }
    }
}

impl Layer for TimeoutLayer {
    fn layer(&self, inner: Arc<dyn Sink>) -> Arc<dyn Sink> {
        Arc::new(Timeout { deadline: self.deadline, inner })
    }
}

#[derive(Debug)]
struct Timeout {
    deadline: Duration,
    inner: Arc<dyn Sink>,
}

impl Timeout {
    async fn bound<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Option<Result<T>> {
        tokio::time::timeout(self.deadline, call).await.ok()
    }

    fn late(&self) -> Error {
        Error::new(self.inner.name(), ErrorKind::Timeout, "no answer in time")
            .with("deadline", format!("{:?}", self.deadline))
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sink for Timeout {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let answer = self.bound(self.inner.deliver(batch)).await;
        answer.unwrap_or_else(|| Err(self.late().ambiguous()))
    }

    async fn probe(&self) -> Result<()> {
        self.bound(self.inner.probe()).await.unwrap_or_else(|| Err(self.late()))
    }

    async fn close(&self) -> Result<()> {
        self.bound(self.inner.close()).await.unwrap_or_else(|| Err(self.late()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::error::Action;
    use crate::testing::{FlakySink, events};

    #[tokio::test(start_paused = true)]
    async fn a_hanging_attempt_ends_at_the_deadline_and_is_ambiguous() {
        let begun = Instant::now();
        let sink = TimeoutLayer::new(Duration::from_secs(7)).layer(Arc::new(FlakySink::hanging()));
        let error = sink.deliver(&events::ordinary().into()).await.unwrap_err();
        assert_eq!(begun.elapsed(), Duration::from_secs(7));
        assert_eq!((error.kind(), error.action()), (ErrorKind::Timeout, Action::Retry));
        assert!(error.is_ambiguous());
        assert_eq!(error.to_string(), "flaky: no answer in time (deadline=7s)");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_hangs_wrote_nothing_and_is_not_ambiguous() {
        let sink = TimeoutLayer::new(Duration::from_secs(7)).layer(Arc::new(FlakySink::hanging()));
        assert!(!sink.probe().await.unwrap_err().is_ambiguous());
        assert!(!sink.close().await.unwrap_err().is_ambiguous());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_in_time_is_passed_on_as_it_is() {
        let refused = || Error::new("flaky", ErrorKind::Refused, "no");
        let flaky =
            Arc::new(FlakySink::new([Err(refused()), Ok(Receipt::all().with_duplicates(1))]));
        let sink = TimeoutLayer::new(Duration::from_secs(7)).layer(flaky);
        let batch = events::ordinary().into();
        assert_eq!(sink.deliver(&batch).await.unwrap_err().action(), Action::DeadLetter);
        assert_eq!(sink.deliver(&batch).await.unwrap().duplicates, 1);
    }
}
