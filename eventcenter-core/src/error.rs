//! The one public error: what happened, and what to do next.
//!
//! An [`Error`] carries its decision. Layers and the worker act on [`Error::action`]; nobody matches on text or
//! downcasts a cause. Each [`ErrorKind`] has a default action, which the sink overrides when the receiver knows
//! better:
//!
//! | kind | typical evidence | default action |
//! |---|---|---|
//! | `Config` | robot removed, 404, bad URL | `Suspend` |
//! | `Auth` | 401, 403, bad signature | `Refresh` |
//! | `Throttled` | 429 | `Retry` |
//! | `TooLarge` | 413 | `Split` |
//! | `Refused` | 400, 422, schema violation | `DeadLetter` |
//! | `Unavailable` | 5xx, connection refused or reset, DNS | `Retry` |
//! | `Timeout` | deadline passed | `Retry` |
//! | `Protocol` | an answer that makes no sense | `Retry` |
//! | `Storage` | ENOSPC, EIO, checksum | `Retry` |
//! | `OutcomeUnknown` | sent as often as may be, and never an answer | `SetAside` |
//!
//! `Display` is one lowercase line without the cause, for logs; `Debug` is for people. Neither ever holds a
//! secret, or a URL with its query.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::config::KeyPath;

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What happened. See the [table](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Cannot work until a person changes something.
    Config,
    /// The credential was refused.
    Auth,
    /// The receiver asks for patience.
    Throttled,
    /// The batch, or one event of it, is over a limit.
    TooLarge,
    /// Understood, and will never be taken.
    Refused,
    /// The receiver, or the path to it, is down.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// The answer, or the input, makes no sense.
    Protocol,
    /// Our own disk.
    Storage,
    /// It was sent as often as it may be, and no answer said whether it was taken: the
    /// [retry layer](crate::layer::retry)'s word.
    OutcomeUnknown,
}

impl ErrorKind {
    /// The kind as a label value, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Auth => "auth",
            Self::Throttled => "throttled",
            Self::TooLarge => "too_large",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Storage => "storage",
            Self::OutcomeUnknown => "outcome_unknown",
        }
    }

    fn default_action(self) -> Action {
        match self {
            Self::Config => Action::Suspend,
            Self::Auth => Action::Refresh,
            Self::TooLarge => Action::Split,
            Self::Refused => Action::DeadLetter,
            Self::OutcomeUnknown => Action::SetAside,
            Self::Throttled
            | Self::Unavailable
            | Self::Timeout
            | Self::Protocol
            | Self::Storage => Action::Retry,
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The same again, later.
    Retry,
    /// The same again, but not before this long has passed: the receiver said so.
    RetryAfter(Duration),
    /// Halve the batch.
    Split,
    /// Set aside what will never be taken: of several events each half is tried, to find the bad one.
    DeadLetter,
    /// Set the whole batch aside, and send no part of it again: it may have been taken.
    SetAside,
    /// Get a new credential, then once more at once; refused again, it is [`Suspend`](Self::Suspend). A sink that reads
    /// its [`Secret`](crate::Secret) for each delivery has the new one, if somebody has put one there.
    Refresh,
    /// Leave the target alone, keep what is meant for it, look again slowly: a person has to act.
    Suspend,
}

/// What went wrong in `component`, of which [kind](ErrorKind), and what to do about it.
///
/// ```
/// use eventcenter_core::{Action, Error, ErrorKind};
///
/// let error = Error::new("webhook", ErrorKind::Throttled, "the receiver asks for patience")
///     .with("status", 429)
///     .with_action(Action::RetryAfter(std::time::Duration::from_secs(7)));
/// assert_eq!(error.to_string(), "webhook: the receiver asks for patience (status=429)");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    component: String,
    kind: ErrorKind,
    action: Action,
    ambiguous: bool,
    message: String,
    context: Vec<(&'static str, String)>,
    setting: KeyPath,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with the default action of its kind. `message` is lowercase, without a period or secrets.
    pub fn new(component: impl Into<String>, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            component: component.into(),
            kind,
            action: kind.default_action(),
            ambiguous: false,
            message: message.into(),
            context: Vec::new(),
            setting: KeyPath::root(),
            source: None,
        }))
    }

    /// Adds a fact, such as an HTTP status. Never a secret, never a URL with a query.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Names the setting that it is about, as seen from who read it: whoever knows the file finds the line.
    #[must_use]
    pub fn in_setting(mut self, setting: KeyPath) -> Self {
        self.0.setting = setting.join(std::mem::take(&mut self.0.setting));
        self
    }

    /// Says what to do instead of the default of its kind.
    #[must_use]
    pub fn with_action(mut self, action: Action) -> Self {
        self.0.action = action;
        self
    }

    /// Adds the cause. It is shown by `Debug` and by those who print [`source`](StdError::source): it must hold
    /// no secret either.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Marks that the receiver may have taken the batch nevertheless: the request was sent, the answer lost.
    #[must_use]
    pub fn ambiguous(mut self) -> Self {
        self.0.ambiguous = true;
        self
    }

    /// Who speaks: a sink's name, a source's name, a part of the pipeline.
    pub fn component(&self) -> &str {
        &self.0.component
    }

    /// What happened.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What to do next.
    pub fn action(&self) -> Action {
        self.0.action
    }

    /// Whether the receiver may have taken the batch nevertheless.
    pub fn is_ambiguous(&self) -> bool {
        self.0.ambiguous
    }

    /// The sentence, without component and context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The facts, in the order in which they were added.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// The setting that it is about; the root if it is about none.
    pub fn setting(&self) -> &KeyPath {
        &self.0.setting
    }

    /// What the innermost cause says, such as "Connection refused (os error 111)"; none without a cause. For the
    /// logs, where the wrappers in between only repeat each other.
    pub fn root_cause(&self) -> Option<String> {
        let causes = std::iter::successors(self.source(), |&cause| cause.source());
        causes.last().map(ToString::to_string)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.component, self.0.message)?;
        for (place, (key, value)) in self.0.context.iter().enumerate() {
            let before = if place == 0 { " (" } else { ", " };
            write!(f, "{before}{key}={value}")?;
        }
        if self.0.context.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.component, self.0.message)?;
        write!(f, "\n  kind: {:?}, action: {:?}", self.0.kind, self.0.action)?;
        if self.0.ambiguous {
            f.write_str(", ambiguous")?;
        }
        for (key, value) in &self.0.context {
            write!(f, "\n  {key}: {value}")?;
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "\n  caused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_and_debug_tells_the_whole_chain() {
        let error = Error::new("spool", ErrorKind::Storage, "cannot write")
            .with("file", "000.seg")
            .with("at", 17)
            .with_source(std::io::Error::other("no space left on device"))
            .ambiguous();
        assert_eq!(error.to_string(), "spool: cannot write (file=000.seg, at=17)");
        assert_eq!(
            format!("{error:?}"),
            "spool: cannot write\n  kind: Storage, action: Retry, ambiguous\n  file: 000.seg\n  at: 17\n  \
             caused by: no space left on device"
        );
    }

    #[test]
    fn the_root_cause_is_the_innermost_one() {
        let refused = || std::io::Error::other("connection refused");
        let error = || Error::new("webhook", ErrorKind::Unavailable, "cannot connect");
        assert_eq!(error().root_cause(), None);
        let one = error().with_source(refused());
        assert_eq!(one.root_cause().as_deref(), Some("connection refused"));
        let two = Error::new("sink", ErrorKind::Unavailable, "is down").with_source(one);
        assert_eq!(two.root_cause().as_deref(), Some("connection refused"));
    }

    #[test]
    fn a_result_stays_small() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
