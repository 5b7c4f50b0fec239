//! The kubeconfigs of clusters that people have added: a file for each, `STATE/clusters/ID.kubeconfig`.
//!
//! Folder and files are their owner's alone. A file is there in whole or not at all, and is what says that the cluster is
//! watched after the next start. Nothing shows what is in it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use eventcenter_core::{Error, ErrorKind, Result, Secret};
use eventcenter_kube::{ClusterConfig, is_id};

const SUFFIX: &str = ".kubeconfig";

/// See the [module](self).
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    folder: PathBuf,
}

impl Credentials {
    /// Those in this state folder.
    pub(super) fn of(state_dir: &Path) -> Self {
        Self { folder: state_dir.join("clusters") }
    }

    /// The clusters that were added, as the configuration would have them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when the folder is there and cannot be read.
    pub(super) fn clusters(&self) -> Result<Vec<ClusterConfig>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| self.failed(error))?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| self.failed(error))?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
            ids.extend(id.filter(|id| is_id(id)).map(str::to_owned));
        }
        ids.sort_unstable();
        Ok(ids.iter().map(|id| self.config(id)).collect())
    }

    /// How to watch the one of this id.
    pub(super) fn config(&self, id: &str) -> ClusterConfig {
        ClusterConfig {
            id: Some(id.to_owned()),
            kubeconfig: Some(self.file(id)),
            ..ClusterConfig::default()
        }
    }

    /// Whether there is one.
    pub(super) fn has(&self, id: &str) -> bool {
        is_id(id) && self.file(id).exists()
    }

    /// Keeps one, durably.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when it cannot be written; then there is none.
    pub(super) fn keep(&self, id: &str, kubeconfig: &Secret) -> Result<()> {
        let text = kubeconfig.reveal()?;
        let new = self.folder.join("new");
        let written = || {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            // What a crash has left may be open to others.
            remove(&new)?;
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, self.file(id))?;
            File::open(&self.folder)?.sync_all()
        };
        written().map_err(|error| self.failed(error))
    }

    /// Removes one, if it is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when it cannot be removed.
    pub(super) fn remove(&self, id: &str) -> Result<()> {
        if self.has(id) {
            remove(&self.file(id)).map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn file(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}{SUFFIX}"))
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::new("clusters", ErrorKind::Storage, "cannot keep credentials")
            .with("folder", self.folder.display())
            .with_source(error)
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_credential_is_for_its_owner_alone_and_gone_when_it_is_removed() {
        let state = tempfile::tempdir().unwrap();
        let credentials = Credentials::of(state.path());
        assert!(credentials.clusters().unwrap().is_empty());
        credentials.keep("c1", &Secret::from("old")).unwrap();
        credentials.keep("c1", &Secret::from("secret")).unwrap();
        let folder = state.path().join("clusters");
        let file = folder.join("c1.kubeconfig");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        assert_eq!(fs::read_to_string(&file).unwrap(), "secret");
        let clusters = Credentials::of(state.path()).clusters().unwrap();
        assert_eq!(clusters.len(), 1);
        assert_eq!((clusters[0].id.as_deref(), &clusters[0].kubeconfig), (Some("c1"), &Some(file)));
        for id in ["c1", "c2", "../c1"] {
            credentials.remove(id).unwrap();
            assert!(!credentials.has(id));
        }
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }
}
