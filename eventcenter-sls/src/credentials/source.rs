//! What all sources of credentials share: the trait, files, and HTTP.

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{Credential, Secret};
use crate::client::install_crypto_provider;
use crate::error::{Error, ErrorKind, Result};

/// The largest answer or file that can hold a credential, in bytes.
const LARGEST: usize = 64 * 1024;

/// Where a credential is fetched from, each time anew. [`Cached`](super::Cached) makes a [`Provider`](super::Provider) of it.
#[async_trait]
pub trait Source: Debug + Send + Sync {
    /// The credential; `None` if this source is not set up on this machine, so that another may be asked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Credential`] when it is set up, and yields none.
    async fn fetch(&self) -> Result<Option<Credential>>;

    /// After how long a credential that does not expire is to be fetched again: files change.
    fn max_age(&self) -> Option<Duration>;
}

/// A failure to find a credential.
pub(super) fn failed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Credential, message.into())
}

/// What a source yields that was chosen by name: nothing is a failure of who chose it, and no reason to look elsewhere.
pub(super) async fn wanted(by: &str, source: impl Source) -> Result<Credential> {
    source
        .fetch()
        .await?
        .ok_or_else(|| failed(format!("{by} wants what this machine does not have")))
}

/// The text of a small file; `None` if there is no such file.
pub(super) async fn file(path: &Path) -> Result<Option<Zeroizing<String>>> {
    let name = path.display().to_string();
    let path = path.to_owned();
    let read = move || -> io::Result<String> {
        use std::io::Read as _;
        let mut text = String::with_capacity(4096);
        let largest = u64::try_from(LARGEST).unwrap_or(u64::MAX);
        std::fs::File::open(path)?.take(largest).read_to_string(&mut text)?;
        Ok(text)
    };
    let unreadable = |error: io::Error| failed(format!("cannot read {name}")).with_source(error);
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(text)) => Ok(Some(Zeroizing::new(text))),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Ok(Err(error)) => Err(unreadable(error)),
        Err(error) => Err(unreadable(io::Error::other(error))),
    }
}

/// Reads a document. What is wrong with it is said by its place, never by its text.
pub(super) fn json<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        failed(format!("{what} is not what it should be, at line {line} column {column}"))
    })
}

/// A service on this machine or in its network, which is asked directly: where there is none, connecting hangs.
pub(super) fn nearby() -> Result<reqwest::Client> {
    // A proxy would ask for a key of its own.
    made(http().no_proxy().connect_timeout(Duration::from_secs(1)))
}

/// A service of Alibaba Cloud.
pub(super) fn public() -> Result<reqwest::Client> {
    made(http().connect_timeout(Duration::from_secs(5)))
}

fn http() -> reqwest::ClientBuilder {
    install_crypto_provider();
    reqwest::Client::builder()
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
}

fn made(client: reqwest::ClientBuilder) -> Result<reqwest::Client> {
    client.build().map_err(|error| failed("cannot make an HTTP client").with_source(error))
}

/// Sends, and reads status and text. The failure is ambiguous unless there is nobody to connect to.
pub(super) async fn ask(
    what: &str,
    request: reqwest::RequestBuilder,
) -> Result<(u16, Zeroizing<String>)> {
    let lost = |error: reqwest::Error| {
        // Without the URL, whose query may hold a token.
        let somebody = !error.is_connect();
        failed(format!("no answer from {what}"))
            .with_ambiguity(somebody)
            .with_source(error.without_url())
    };
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status().as_u16();
    let mut body = Zeroizing::new(Vec::with_capacity(4096));
    while let Some(part) = response.chunk().await.map_err(lost)? {
        if body.len() + part.len() > LARGEST {
            let error = failed(format!("the answer of {what} is too long"));
            return Err(error.with_ambiguity(true));
        }
        body.extend_from_slice(&part);
    }
    let text = std::str::from_utf8(&body)
        .map_err(|_| failed(format!("{what} sent no text")).with_ambiguity(true))?;
    Ok((status, Zeroizing::new(text.to_owned())))
}

/// A temporary key as STS, the metadata service and credential services write it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Temporary {
    access_key_id: String,
    access_key_secret: String,
    security_token: String,
    #[serde(default)]
    expiration: Option<Timestamp>,
}

impl Temporary {
    pub(super) fn credential(self, origin: impl Into<String>) -> Result<Credential> {
        let (secret, token) =
            (Secret::from(self.access_key_secret), Secret::from(self.security_token));
        let origin = origin.into();
        if self.access_key_id.is_empty() || secret.reveal().is_empty() {
            return Err(failed(format!("{origin}: the access key is empty")));
        }
        let credential = Credential::new(self.access_key_id, secret).with_token(token);
        let credential = match self.expiration {
            Some(at) => credential.with_expiry(at),
            None => credential,
        };
        Ok(credential.with_origin(origin))
    }
}
