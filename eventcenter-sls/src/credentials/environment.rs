//! Access keys in environment variables.
//!
//! | spelling | of |
//! |---|---|
//! | `ALIBABA_CLOUD_ACCESS_KEY_ID`, `…_SECRET`, `ALIBABA_CLOUD_SECURITY_TOKEN` | the official clients |
//! | `AccessKeyId`, `AccessKeySecret` | kube-eventer |
//! | `ACCESS_KEY_ID`, `ACCESS_KEY_SECRET` | the Secret `alibaba-addon-secret`, as add-ons of ACK map it |
//!
//! The first spelling of which anything is set is the one that counts; half a key is an error.

use std::time::Duration;

use async_trait::async_trait;

use super::source::failed;
use super::{Credential, Source, Surroundings};
use crate::error::Result;

const SPELLINGS: [(&str, &str, Option<&str>); 3] = [
    (
        "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        Some("ALIBABA_CLOUD_SECURITY_TOKEN"),
    ),
    ("AccessKeyId", "AccessKeySecret", None),
    ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", None),
];

/// An access key in the environment.
#[derive(Debug)]
pub struct Environment(Surroundings);

impl Environment {
    /// In the environment of these surroundings.
    pub fn new(surroundings: &Surroundings) -> Self {
        Self(surroundings.clone())
    }
}

#[async_trait]
impl Source for Environment {
    async fn fetch(&self) -> Result<Option<Credential>> {
        for (id_name, secret_name, token_name) in SPELLINGS {
            let (id, secret) = (self.0.plain(id_name), self.0.variable(secret_name));
            let (id, secret) = match (id, secret) {
                (None, None) => continue,
                (Some(_), None) => return Err(failed(format!("{id_name} without {secret_name}"))),
                (None, Some(_)) => return Err(failed(format!("{secret_name} without {id_name}"))),
                (Some(id), Some(secret)) => (id, secret),
            };
            let credential = Credential::new(id, secret);
            let credential = match token_name.and_then(|name| self.0.variable(name)) {
                Some(token) => credential.with_token(token),
                None => credential,
            };
            return Ok(Some(credential.with_origin(format!("environment ({id_name})"))));
        }
        Ok(None)
    }

    /// A process's environment does not change.
    fn max_age(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn fetch(variables: &[(&str, &str)]) -> Result<Option<Credential>> {
        let surroundings = Surroundings::new().variables(variables.iter().copied());
        Environment::new(&surroundings).fetch().await
    }

    #[tokio::test]
    async fn every_spelling_is_read_and_the_official_one_goes_first() {
        for (id, secret, _) in SPELLINGS {
            let found = fetch(&[(id, "the-id"), (secret, "s3cr3t")]).await.unwrap().unwrap();
            assert_eq!((found.id(), found.secret().reveal()), ("the-id", "s3cr3t"));
            assert!(found.origin().contains(id));
        }
        let all = [
            ("AccessKeyId", "old"),
            ("AccessKeySecret", "s3cr3t"),
            ("ALIBABA_CLOUD_ACCESS_KEY_ID", "new"),
            ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s3cr3t"),
            ("ALIBABA_CLOUD_SECURITY_TOKEN", "t0k3n"),
        ];
        let found = fetch(&all).await.unwrap().unwrap();
        assert_eq!((found.id(), found.token().unwrap().reveal()), ("new", "t0k3n"));
        assert_eq!(fetch(&[("AccessKeyId", ""), ("PATH", "/bin")]).await.unwrap(), None);
    }

    #[tokio::test]
    async fn half_a_key_is_an_error_that_names_the_other_half() {
        let error = fetch(&[("AccessKeySecret", "s3cr3t")]).await.unwrap_err().to_string();
        assert!(error.contains("AccessKeySecret without AccessKeyId"), "{error}");
        assert!(!error.contains("s3cr3t"), "{error}");
    }
}
