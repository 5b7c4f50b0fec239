//! One source after another: the first that is set up on this machine is the one.
//!
//! | | source | set up when |
//! |---|---|---|
//! | 1 | [`AddonSecret`] | `/var/alibaba-addon-secret` has the files |
//! | 2 | [`Environment`] | an access key is in the variables, in any spelling |
//! | 3 | [`TokenFile`](super::TokenFile) | there is `/var/addon/token-config` |
//! | 4 | [`AssumeRoleWithOidc`] | ACK's webhook has set the three variables |
//! | 5 | [`CliProfile`] | there is `~/.aliyun/config.json` |
//! | 6 | [`IniProfile`] | there is `~/.alibabacloud/credentials`, with the profile |
//! | 7 | [`EcsRole`] | the metadata service answers, and names a role |
//! | 8 | [`CredentialsUri`] | `ALIBABA_CLOUD_CREDENTIALS_URI` is set |
//!
//! What is configured for one program alone goes before all of these, and is no part of a chain. A source that is set up
//! and fails ends the search: to go on would be to act as somebody else.

use std::time::Duration;

use async_trait::async_trait;

use super::source::failed;
use super::{
    AddonSecret, AssumeRoleWithOidc, Cached, CliProfile, Credential, CredentialsUri, EcsRole,
    Environment, IniProfile, Source, Surroundings,
};
use crate::error::Result;

/// Sources in their order.
#[derive(Debug)]
pub struct Chain(Vec<Box<dyn Source>>);

impl Chain {
    /// These, in this order.
    pub fn new(sources: Vec<Box<dyn Source>>) -> Self {
        Self(sources)
    }

    /// All that this crate knows, in the order above.
    pub fn usual(surroundings: &Surroundings) -> Self {
        Self::new(vec![
            Box::new(AddonSecret::new(surroundings)),
            Box::new(Environment::new(surroundings)),
            #[cfg(feature = "ack-token")]
            Box::new(super::TokenFile::new(surroundings)),
            Box::new(AssumeRoleWithOidc::new(surroundings)),
            Box::new(CliProfile::new(surroundings)),
            Box::new(IniProfile::new(surroundings)),
            Box::new(EcsRole::new(surroundings)),
            Box::new(CredentialsUri::new(surroundings)),
        ])
    }
}

/// The provider of who has configured nothing: the usual [`Chain`], remembered.
///
/// ```
/// use eventcenter_sls::credentials::{self, Surroundings};
///
/// let provider = credentials::usual(&Surroundings::new());
/// # drop(provider);
/// ```
pub fn usual(surroundings: &Surroundings) -> Cached {
    Cached::new(surroundings, Chain::usual(surroundings))
}

#[async_trait]
impl Source for Chain {
    async fn fetch(&self) -> Result<Option<Credential>> {
        for source in &self.0 {
            if let Some(credential) = source.fetch().await? {
                return Ok(Some(credential));
            }
        }
        Err(failed(
            "there are no credentials: no file in /var/alibaba-addon-secret, no access key in the environment, \
             no profile, no role of this machine",
        ))
    }

    /// The shortest of all.
    fn max_age(&self) -> Option<Duration> {
        self.0.iter().filter_map(|source| source.max_age()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::super::served::Served;
    use super::*;

    #[tokio::test]
    async fn the_first_that_is_set_up_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let nobody = Served::nobody().await;
        let chain = |variables: &[(&str, &str)]| {
            let surroundings = Surroundings::new().root(root.path()).metadata(&nobody);
            Chain::usual(&surroundings.variables(variables.iter().copied()))
        };
        let error = chain(&[]).fetch().await.unwrap_err().to_string();
        assert!(error.contains("there are no credentials"), "{error}");
        let key = [("AccessKeyId", "environment"), ("AccessKeySecret", "s")];
        assert_eq!(chain(&key).fetch().await.unwrap().unwrap().id(), "environment");
        let folder = root.path().join("var/alibaba-addon-secret");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("access-key-id"), "files").unwrap();
        // Half set up: an error, and not the environment's key.
        assert!(chain(&key).fetch().await.is_err());
        std::fs::write(folder.join("access-key-secret"), "s").unwrap();
        assert_eq!(chain(&key).fetch().await.unwrap().unwrap().id(), "files");
    }
}
