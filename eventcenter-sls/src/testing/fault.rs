//! What goes wrong on purpose.

use std::time::Duration;

use bytes::Bytes;

use super::reply::{Refusal, Reply};

/// One thing that goes wrong with one request.
///
/// ```
/// use std::time::Duration;
/// use eventcenter_sls::testing::Fault;
///
/// let busy = Fault::refuse(503, "ServerBusy", "the server is busy").after(Duration::from_millis(50));
/// # drop(busy);
/// ```
#[derive(Debug, Clone)]
pub struct Fault {
    pub(super) delay: Duration,
    pub(super) act: Act,
}

#[derive(Debug, Clone)]
pub(super) enum Act {
    /// The request is carried out, and answered.
    Obey,
    /// This is the answer, and nothing is carried out.
    Answer(Reply),
    /// The connection is reset, and nothing is carried out.
    Cut,
    /// The request is carried out, and the connection is reset instead of an answer.
    LoseAnswer,
    /// Neither is anything carried out, nor does an answer come.
    Hang,
}

impl Fault {
    fn new(act: Act) -> Self {
        Self { delay: Duration::ZERO, act }
    }

    /// The service refuses with this status, code and message.
    pub fn refuse(status: u16, code: &str, message: &str) -> Self {
        Self::new(Act::Answer(Refusal::new(status, code, message).into()))
    }

    /// Something on the way answers instead of the service: there is no request id.
    pub fn foreign(status: u16, body: impl Into<Bytes>) -> Self {
        let reply = Reply { status, from_sls: false, ..Reply::ok() };
        Self::new(Act::Answer(reply.with_body("text/html", body)))
    }

    /// The request is carried out, only later: see [`after`](Self::after).
    pub fn late(delay: Duration) -> Self {
        Self::new(Act::Obey).after(delay)
    }

    /// The connection is reset after the request was read; it is not carried out.
    pub fn cut() -> Self {
        Self::new(Act::Cut)
    }

    /// The request is carried out, and the connection is reset before the answer: the client cannot know.
    pub fn lose_answer() -> Self {
        Self::new(Act::LoseAnswer)
    }

    /// The request is read and never answered; it is not carried out.
    pub fn hang() -> Self {
        Self::new(Act::Hang)
    }

    /// The same after this time.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}
