//! What was answered.

use bytes::Bytes;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

/// An answer of the service that is no failure.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) request_id: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    /// The HTTP status, 200 to 299.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The service's number of the request, which its support asks for.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// A header such as `x-log-cursor`; `None` when it is not there, or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body, decompressed.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as a document.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] when it is not JSON of this shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::new(ErrorKind::Protocol, "the answer is not the document that was expected")
                .with_source(error)
        })
    }
}
