//! The faults a test can order, and the queue they wait in.

use std::collections::VecDeque;
use std::time::Duration;

use super::status::Status;

/// Which requests a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// A watch on Events.
    Watch,
    /// A list of Events, first page or later.
    List,
    /// A list request that carries a continue token.
    Continue,
    /// Any request at all; a fault of a body strikes watches and lists only.
    Any,
}

/// What goes wrong. `after_events` counts the Events that still come through unharmed.
#[derive(Clone, Debug)]
pub enum Fault {
    /// An answer with this status. Without `body` it is a `metav1.Status` of that code.
    Status {
        /// 429, 500, 503, 410, ...
        code: u16,
        /// The value of the header Retry-After: seconds or an HTTP date.
        retry_after: Option<String>,
        /// The body, whatever it is.
        body: Option<String>,
    },
    /// RST before the headers.
    Reset,
    /// FIN before the headers.
    Close,
    /// The request is taken, and nothing ever comes back.
    HangBeforeHeaders,
    /// 410 with a fresh continue token, as for a list that took longer than the compaction
    /// interval. Strikes requests with a continue token only.
    ContinueExpired,
    /// Closes the connection in the middle of an Event.
    CutMidLine {
        /// Events before the one that is cut.
        after_events: u64,
    },
    /// Hands the bytes out in small pieces.
    SlowBytes {
        /// Bytes of a piece.
        per_chunk: usize,
        /// Pause after each piece.
        pause: Duration,
    },
    /// The headers come, and then silence for ever with the socket open: a lost peer. Neither
    /// `timeoutSeconds` nor a polite stop ends it.
    HalfOpen {
        /// Events before the silence.
        after_events: u64,
    },
    /// Compresses the body if the request's Accept-Encoding allows it: a list as one gzip member, a
    /// watch with a member for each line.
    Gzip,
    /// A watch delivers each Event twice.
    DuplicateDelivery,
    /// Puts bytes that are no Event into the stream, once, as a line of a watch or as an item of a
    /// list, and goes on.
    GarbageLine {
        /// Events before the garbage.
        after_events: u64,
        /// The line, without its newline; it need not be UTF-8.
        bytes: Vec<u8>,
    },
    /// A watch says that its resourceVersion is too old, and ends.
    Error410InStream {
        /// Events before the error.
        after_events: u64,
    },
    /// A watch says something else is wrong, and ends.
    InStreamError {
        /// Events before the error.
        after_events: u64,
        /// The `code` of the Status.
        code: u16,
        /// Its `message`.
        message: String,
    },
}

impl Fault {
    /// An answer with this status and nothing special.
    #[must_use]
    pub fn status(code: u16) -> Self {
        Self::Status { code, retry_after: None, body: None }
    }

    /// 429 with this Retry-After.
    #[must_use]
    pub fn throttled(retry_after: &str) -> Self {
        Self::Status { code: 429, retry_after: Some(retry_after.to_owned()), body: None }
    }

    /// An ADDED line whose object is no Event.
    #[must_use]
    pub fn bad_object() -> Self {
        let line = br#"{"type":"ADDED","object":{"metadata":42}}"#;
        Self::GarbageLine { after_events: 0, bytes: line.to_vec() }
    }

    /// A line that is not even UTF-8.
    #[must_use]
    pub fn bad_utf8() -> Self {
        let line = b"{\"type\":\"ADDED\",\"object\":{\"message\":\"\xff\xfe\xc3\x28\"}}";
        Self::GarbageLine { after_events: 0, bytes: line.to_vec() }
    }

    fn strikes(&self, request: Kind) -> bool {
        match self {
            Self::Status { .. } | Self::Reset | Self::Close | Self::HangBeforeHeaders => true,
            Self::ContinueExpired => request == Kind::Continue,
            Self::DuplicateDelivery
            | Self::Error410InStream { .. }
            | Self::InStreamError { .. } => request == Kind::Watch,
            Self::CutMidLine { .. }
            | Self::SlowBytes { .. }
            | Self::HalfOpen { .. }
            | Self::Gzip
            | Self::GarbageLine { .. } => request != Kind::Other,
        }
    }

    /// The lines this fault ends a watch with.
    pub(crate) fn last_line(&self) -> Option<(u64, Vec<u8>)> {
        match self {
            Self::Error410InStream { after_events } => {
                Some((*after_events, Status::too_old("watch").line()))
            }
            Self::InStreamError { after_events, code, message } => {
                Some((*after_events, Status::new(*code, message.as_str()).line()))
            }
            _ => None,
        }
    }
}

/// What a request is, for the matching of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Watch,
    List,
    Continue,
    Other,
}

/// Faults in the order they were ordered in.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    queue: VecDeque<(On, u32, Fault)>,
}

impl Faults {
    pub(crate) fn push(&mut self, on: On, times: u32, fault: Fault) {
        let possible = [Kind::Watch, Kind::List, Kind::Continue, Kind::Other]
            .into_iter()
            .any(|kind| matches(on, kind) && fault.strikes(kind));
        assert!(possible, "{fault:?} can never strike a request of kind {on:?}");
        if times > 0 {
            self.queue.push_back((on, times, fault));
        }
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }

    /// How many times faults are still to strike.
    pub(crate) fn pending(&self) -> u64 {
        self.queue.iter().map(|(_, times, _)| u64::from(*times)).sum()
    }

    /// The first fault that strikes such a request.
    pub(crate) fn take(&mut self, kind: Kind) -> Option<Fault> {
        let at = self.queue.iter().position(|(on, _, f)| matches(*on, kind) && f.strikes(kind))?;
        let (_, times, fault) = self.queue.get_mut(at)?;
        *times -= 1;
        if *times == 0 {
            return self.queue.remove(at).map(|(_, _, fault)| fault);
        }
        Some(fault.clone())
    }
}

fn matches(on: On, kind: Kind) -> bool {
    match on {
        On::Watch => kind == Kind::Watch,
        On::List => matches!(kind, Kind::List | Kind::Continue),
        On::Continue => kind == Kind::Continue,
        On::Any => true,
    }
}
