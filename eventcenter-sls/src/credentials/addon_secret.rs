//! The Secret `alibaba-addon-secret` of registered clusters, mounted as files: `access-key-id` and `access-key-secret`
//! in `/var/alibaba-addon-secret`. They are read again every ten seconds, so that a new key needs no restart.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use super::source::{failed, file};
use super::{Credential, Secret, Source, Surroundings};
use crate::error::Result;

const FOLDER: &str = "/var/alibaba-addon-secret";

/// An access key in two files of one folder.
#[derive(Debug)]
pub struct AddonSecret(PathBuf);

impl AddonSecret {
    /// Where ACK mounts it.
    pub fn new(surroundings: &Surroundings) -> Self {
        Self(surroundings.path(FOLDER))
    }

    /// Mounted elsewhere.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }
}

#[async_trait]
impl Source for AddonSecret {
    async fn fetch(&self) -> Result<Option<Credential>> {
        let id = file(&self.0.join("access-key-id")).await?;
        let secret = file(&self.0.join("access-key-secret")).await?;
        let folder = self.0.display();
        let (id, secret) = match (&id, &secret) {
            (None, None) => return Ok(None),
            (Some(id), Some(secret)) => (id.trim(), secret.trim()),
            _ => return Err(failed(format!("one of the two files is missing in {folder}"))),
        };
        if id.is_empty() || secret.is_empty() {
            return Err(failed(format!("a file is empty in {folder}")));
        }
        let credential = Credential::new(id, Secret::from(secret));
        Ok(Some(credential.with_origin(format!("files in {folder}"))))
    }

    fn max_age(&self) -> Option<Duration> {
        Some(Duration::from_secs(10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn two_files_make_a_key_and_are_read_each_time() {
        let root = tempfile::tempdir().unwrap();
        let source = AddonSecret::new(&Surroundings::new().root(root.path()));
        assert_eq!(source.fetch().await.unwrap(), None);
        let folder = root.path().join("var/alibaba-addon-secret");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("access-key-id"), "an-id\n").unwrap();
        let error = source.fetch().await.unwrap_err().to_string();
        assert!(error.contains("missing"), "{error}");
        for secret in ["one", "two"] {
            std::fs::write(folder.join("access-key-secret"), format!("{secret}\n")).unwrap();
            let found = source.fetch().await.unwrap().unwrap();
            assert_eq!((found.id(), found.secret().reveal()), ("an-id", secret));
        }
        std::fs::write(folder.join("access-key-secret"), "\n").unwrap();
        assert!(source.fetch().await.is_err());
    }
}
