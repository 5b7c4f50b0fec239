//! What is asked.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::Method;
use serde::Serialize;

use crate::compress::Compression;
use crate::error::{Error, ErrorKind, Result};
use crate::sign::{Pair, percent_encode};

/// One call of the API, before it is signed. To clone it copies no body.
///
/// ```
/// use eventcenter_sls::client::Call;
///
/// let call = Call::put("/jobs").segment("k8s-oom").query("action", "enable").project("k8s-log-c1");
/// assert_eq!(call.path(), "/jobs/k8s-oom");
/// ```
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) method: Method,
    pub(super) project: Option<Arc<str>>,
    path: String,
    pub(super) query: Vec<Pair<'static>>,
    pub(super) headers: Vec<(&'static str, Cow<'static, str>)>,
    pub(super) body: Option<Body>,
    repeatable: bool,
    bad_segment: bool,
}

/// A body as it is sent.
#[derive(Debug, Clone)]
pub struct Body {
    pub(super) bytes: Bytes,
    pub(super) raw_len: usize,
    pub(super) compression: Compression,
    pub(super) content_type: &'static str,
}

impl Body {
    /// A document, not compressed: the service takes no other for settings.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Usage`] when it cannot be written as JSON.
    pub fn json(document: &impl Serialize) -> Result<Self> {
        let bytes = serde_json::to_vec(document).map_err(|error| {
            Error::new(ErrorKind::Usage, "this cannot be written as JSON").with_source(error)
        })?;
        let raw_len = bytes.len();
        let content_type = "application/json";
        Ok(Self { bytes: bytes.into(), raw_len, compression: Compression::None, content_type })
    }

    /// A [`LogGroup`](crate::LogGroup) as protobuf, compressed here.
    ///
    /// # Errors
    ///
    /// As for [`Compression::compress`].
    pub fn logs(group: &[u8], compression: Compression) -> Result<Self> {
        let bytes = compression.compress(group)?;
        let raw_len = group.len();
        Ok(Self { bytes, raw_len, compression, content_type: "application/x-protobuf" })
    }

    /// How many bytes are sent.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes they were before compression.
    pub fn raw_len(&self) -> usize {
        self.raw_len
    }
}

impl Call {
    fn new(method: Method, path: &str) -> Self {
        // A POST may make something that is not to be made twice.
        let repeatable = method != Method::POST;
        Self {
            method,
            project: None,
            path: path.to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            repeatable,
            bad_segment: false,
        }
    }

    /// A `GET` of a path, which holds no names: these are [segments](Self::segment).
    pub fn get(path: &str) -> Self {
        Self::new(Method::GET, path)
    }

    /// A `POST`.
    pub fn post(path: &str) -> Self {
        Self::new(Method::POST, path)
    }

    /// A `PUT`.
    pub fn put(path: &str) -> Self {
        Self::new(Method::PUT, path)
    }

    /// A `DELETE`.
    pub fn delete(path: &str) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Asks the project's host, instead of the service's.
    #[must_use]
    pub fn project(mut self, name: impl Into<Arc<str>>) -> Self {
        self.project = Some(name.into());
        self
    }

    /// Continues the path with a part of its own, percent-encoded here.
    #[must_use]
    pub fn segment(mut self, name: &str) -> Self {
        // These mean something else in a path, and are removed on the way.
        self.bad_segment |= matches!(name, "" | "." | "..");
        self.path = format!("{}/{}", self.path.trim_end_matches('/'), percent_encode(name));
        self
    }

    /// Continues the path with fixed words, such as `shards/lb`.
    #[must_use]
    pub fn words(mut self, words: &str) -> Self {
        self.path = format!("{}/{words}", self.path.trim_end_matches('/'));
        self
    }

    /// Adds a parameter.
    #[must_use]
    pub fn query(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a parameter unless it is none.
    #[must_use]
    pub fn query_opt<T: Into<Cow<'static, str>>>(
        self,
        name: &'static str,
        value: Option<T>,
    ) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header, in lower case. Those that every request has are added when it is sent.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds a body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    /// The same place, asked otherwise.
    pub(crate) fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// May be carried out twice: it is repeated when its answer was lost. So it is without this, except for `POST`.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Must not be carried out twice.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// The path, percent-encoded.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    /// That it can be sent at all.
    pub(super) fn check(&self) -> Result<()> {
        if self.bad_segment {
            return Err(Error::new(ErrorKind::Usage, "a name in a path must not be empty or dots"));
        }
        let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match &self.project {
            Some(name) if name.is_empty() || name.len() > 63 || !name.bytes().all(good) => {
                let message = "a project's name is 3 to 63 lower-case letters, digits and hyphens";
                Err(Error::new(ErrorKind::Usage, message))
            }
            _ => Ok(()),
        }
    }
}
