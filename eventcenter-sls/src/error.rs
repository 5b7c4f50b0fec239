//! What went wrong, and what to do about it.
//!
//! An [`Error`] carries the decision as a [`Class`]; the text is for people. The service answers a failure with an HTTP
//! status and `{"errorCode": …, "errorMessage": …}`. Its codes have been spelt in several ways over the years, so a
//! [`Code`] stands for all spellings of one. Some codes mean several things (`Unauthorized`, `PostBodyInvalid`); only
//! here, where the class is found, is the message looked at.
//!
//! A reply without `x-log-requestid` was not written by SLS but by something on the way (a proxy, a captive portal),
//! whatever its status: that is [`ErrorKind::Foreign`], and tried again like a broken connection.
//!
//! At most 1 KiB of a reply that is not in the service's form is kept. Text from outside is shown with control
//! characters escaped, so that a line of a log stays a line.

mod code;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;

pub use code::Code;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How much of a reply that is no error of the service is kept, in bytes.
const QUOTE: usize = 1024;

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The service refused, and said why.
    Service,
    /// There was no connection, or it broke.
    Network,
    /// The answer did not come in time.
    Timeout,
    /// The answer does not come from SLS.
    Foreign,
    /// The answer comes from SLS and cannot be understood.
    Protocol,
    /// There is no credential to sign with.
    Credential,
    /// What was asked for cannot be sent: a setting, a name or a size.
    Usage,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Try again, with growing pauses.
    Retry,
    /// A quota of the project is used up: try again later, with fewer requests at a time.
    ProjectQuota,
    /// A quota of the logstore or of one shard is used up: as above.
    LogstoreQuota,
    /// The credential is not accepted: take a new one, try once, then slowly.
    Refresh,
    /// The clocks differ: sign by the service's and try at once.
    Resync,
    /// Too large: halve the batch, or cut the one value that is.
    Split,
    /// A log's time is more than 7 days old or 15 minutes ahead: move it into the window.
    Clamp,
    /// A person must act, or what was just created is not there yet: try slowly, and raise the alarm.
    Wait,
    /// The data has already been taken: count it as delivered.
    Done,
    /// It will fail again: give it up.
    Permanent,
}

/// A failure. It is small, because it is boxed.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    class: Class,
    ambiguous: bool,
    message: Cow<'static, str>,
    reply: Option<Reply>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What is known of the service's answer.
#[derive(Debug, Clone, Default)]
struct Reply {
    status: u16,
    code: Option<Code>,
    spelling: String,
    request_id: Option<String>,
    server_time: Option<Timestamp>,
    denied: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(alias = "ErrorCode", alias = "error_code")]
    #[serde(rename = "errorCode")]
    code: String,
    #[serde(alias = "ErrorMessage", alias = "error_message")]
    #[serde(rename = "errorMessage", default)]
    message: String,
    #[serde(rename = "accessDeniedDetail")]
    denied: Option<serde_json::Value>,
}

impl Error {
    /// A failure for which there is no reply. Its class follows from its kind.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let class = match kind {
            ErrorKind::Network | ErrorKind::Timeout | ErrorKind::Foreign => Class::Retry,
            ErrorKind::Credential => Class::Wait,
            ErrorKind::Service | ErrorKind::Protocol | ErrorKind::Usage => Class::Permanent,
        };
        let message = message.into();
        let ambiguous = matches!(kind, ErrorKind::Timeout | ErrorKind::Foreign);
        Self(Box::new(Inner { kind, class, ambiguous, message, reply: None, source: None }))
    }

    /// The failure that a reply tells of. `body` may be anything; `request_id` is `x-log-requestid`, and
    /// `server_time` is `x-log-time`, or else `Date`.
    pub fn from_reply(
        status: u16,
        request_id: Option<&str>,
        server_time: Option<Timestamp>,
        body: &[u8],
    ) -> Self {
        let said = serde_json::from_slice::<Body>(body).ok();
        let Some(request_id) = request_id else {
            let mut error = Self::new(ErrorKind::Foreign, "the answer does not come from SLS");
            if let Some(text) = quote(body) {
                error.0.message = format!("the answer does not come from SLS: {text}").into();
            }
            error.0.reply = Some(Reply { status, server_time, ..Reply::default() });
            return error;
        };
        let (spelling, message, denied) = match said {
            Some(body) => (body.code, body.message, body.denied.map(|detail| detail.to_string())),
            None => (String::new(), quote(body).unwrap_or_default(), None),
        };
        let code = Code::from_spelling(&spelling);
        let mut error = Self::new(ErrorKind::Service, message);
        error.0.class = code::class(status, code, &error.0.message);
        error.0.ambiguous = status >= 500 && status != 503;
        let request_id = Some(request_id.to_owned());
        error.0.reply = Some(Reply { status, code, spelling, request_id, server_time, denied });
        error
    }

    /// Adds the cause. Its text is shown behind ours, so it must hold no secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says whether the request may have been carried out all the same.
    #[must_use]
    pub fn with_ambiguity(mut self, ambiguous: bool) -> Self {
        self.0.ambiguous = ambiguous;
        self
    }

    /// Says what to do, where that does not follow from the kind.
    #[must_use]
    pub(crate) fn with_class(mut self, class: Class) -> Self {
        self.0.class = class;
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What to do next.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// Whether the request may have been carried out all the same, so that to repeat it may do it twice.
    pub fn is_ambiguous(&self) -> bool {
        self.0.ambiguous
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.reply.as_ref().map(|reply| reply.status)
    }

    /// The service's code, if it is one that is known here.
    pub fn code(&self) -> Option<Code> {
        self.0.reply.as_ref()?.code
    }

    /// Whether what was asked for is not there. Some kinds of objects have no code for that, only words.
    pub fn is_not_found(&self) -> bool {
        match self.code() {
            Some(code) if code != Code::ParameterInvalid => code.is_missing(),
            None if self.kind() == ErrorKind::Service && self.status() == Some(404) => true,
            _ => self.says("not exist"),
        }
    }

    /// Whether what was to be made is there already. As above.
    pub fn is_already_there(&self) -> bool {
        match self.code() {
            Some(code) if code != Code::ParameterInvalid => code.is_existing(),
            _ => self.says("already exist"),
        }
    }

    fn says(&self, words: &str) -> bool {
        self.kind() == ErrorKind::Service && self.message().to_ascii_lowercase().contains(words)
    }

    /// The service's code as it was spelt; empty when there was none.
    pub fn spelling(&self) -> &str {
        self.0.reply.as_ref().map_or("", |reply| &reply.spelling)
    }

    /// What the service, or this crate, has to say.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The service's number of the request, which its support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.0.reply.as_ref()?.request_id.as_deref()
    }

    /// The clock of whoever answered, in whole seconds.
    pub fn server_time(&self) -> Option<Timestamp> {
        self.0.reply.as_ref()?.server_time
    }

    /// Which policy denied it (JSON), where the service says so.
    pub fn access_denied(&self) -> Option<&str> {
        self.0.reply.as_ref()?.denied.as_deref()
    }
}

/// The beginning of what was answered instead of an error in the service's form.
fn quote(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body.get(..QUOTE).unwrap_or(body));
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spelling = self.spelling();
        if !spelling.is_empty() {
            write!(f, "{}: ", spelling.escape_debug())?;
        }
        write!(f, "{}", self.0.message.escape_debug())?;
        if let Some(status) = self.status() {
            write!(f, " (status={status}")?;
            if let Some(id) = self.request_id() {
                write!(f, ", request_id={}", id.escape_debug())?;
            }
            f.write_str(")")?;
        }
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}: {self}", self.0.kind, self.0.class)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // What it says is part of our text already; its own causes are not.
        self.0.source.as_ref().and_then(|source| source.source())
    }
}

#[cfg(test)]
mod tests;
