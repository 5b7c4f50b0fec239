//! Who signs: the [`Credential`] and where it comes from.
//!
//! The client asks its [`Provider`] before every attempt, so that a credential that was rotated is used by the next
//! request, and tells it when the service refused one. A [`Credential`] is a provider; [`usual`] finds the one that this
//! machine has; [`Cached`] makes a provider of any [`Source`].

mod addon_secret;
mod cached;
mod chain;
mod cli_profile;
mod credentials_uri;
mod ecs_role;
mod environment;
mod ini_profile;
#[cfg(test)]
mod served;
mod source;
mod sts;
mod surroundings;
#[cfg(feature = "ack-token")]
mod token_file;

use std::borrow::Cow;
use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

pub use addon_secret::AddonSecret;
pub use cached::Cached;
pub use chain::{Chain, usual};
pub use cli_profile::CliProfile;
pub use credentials_uri::CredentialsUri;
pub use ecs_role::EcsRole;
pub use environment::Environment;
pub use ini_profile::IniProfile;
pub use source::Source;
pub use sts::{AssumeRole, AssumeRoleWithOidc};
pub use surroundings::Surroundings;
#[cfg(feature = "ack-token")]
pub use token_file::TokenFile;

use crate::error::Result;

/// Text that prints as `***`, and is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(Zeroizing::new(text.into()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// An access key, with the token of the Security Token Service when it is a temporary one.
///
/// ```
/// use eventcenter_sls::Credential;
///
/// let credential = Credential::new("LTAI1", "s3cr3t").with_token("t0k3n");
/// assert!(!format!("{credential:?}").contains("s3cr3t"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    id: String,
    secret: Secret,
    token: Option<Secret>,
    expires_at: Option<Timestamp>,
    origin: Cow<'static, str>,
}

impl Credential {
    /// A key of an account or a RAM user, which does not expire.
    pub fn new(id: impl Into<String>, secret: impl Into<Secret>) -> Self {
        let origin = Cow::Borrowed("static");
        Self { id: id.into(), secret: secret.into(), token: None, expires_at: None, origin }
    }

    /// Adds the token of a temporary key. An empty one is none.
    #[must_use]
    pub fn with_token(mut self, token: impl Into<Secret>) -> Self {
        self.token = Some(token.into()).filter(|token| !token.reveal().is_empty());
        self
    }

    /// Says when it expires.
    #[must_use]
    pub fn with_expiry(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Says where it comes from, such as `environment`: for people to read, and no secret.
    #[must_use]
    pub fn with_origin(mut self, origin: impl Into<Cow<'static, str>>) -> Self {
        self.origin = origin.into();
        self
    }

    /// The access key's id, which is no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The access key's secret.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The token of a temporary key.
    pub fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    /// When it expires; `None` for a key that does not.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Where it comes from.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// Where credentials come from.
///
/// `get` is called before every attempt: whatever is slow (files, the metadata service, STS) is for the provider to
/// remember.
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync {
    /// The credential to sign with now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Credential`](crate::ErrorKind::Credential) when there is none.
    async fn get(&self) -> Result<Credential>;

    /// The service refused `used`: the next [`get`](Self::get) should look for a newer one.
    async fn invalidate(&self, used: &Credential);
}

/// A credential is a provider of itself.
#[async_trait]
impl Provider for Credential {
    async fn get(&self) -> Result<Self> {
        Ok(self.clone())
    }

    /// There is no newer one.
    async fn invalidate(&self, _used: &Credential) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_a_secret() {
        let credential = Credential::new("an-id", "the-secret").with_token("the-token");
        let shown = format!("{credential:?} {:#?}", credential.secret());
        assert!(shown.contains("an-id"), "{shown}");
        assert!(!shown.contains("the-"), "{shown}");
    }

    #[test]
    fn an_empty_token_is_none() {
        assert_eq!(Credential::new("id", "secret").with_token("").token(), None);
    }
}
