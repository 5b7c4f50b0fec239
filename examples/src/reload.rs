//! A configuration that changes while the program runs.
//!
//! SIGHUP has the file looked at at once; it is looked at every few seconds anyway. What counts is the text under its
//! path, so a ConfigMap is followed, of which the kubelet swaps a symbolic link.
//!
//! A new configuration that cannot be honoured is refused in words, in the log and in the part `configuration` of the
//! health, and the old one keeps running. One that can is taken over as by a restart, within the program: sinks finish
//! what is in hand, at most for `grace`, and then the spool is opened for the new ones, and every watch goes on from its
//! position. So nothing is lost, and what waits for a sink still waits for it.
//!
//! | what | becomes of it |
//! |---|---|
//! | a sink that is new | it gets what comes from then on; `eventer replay --sink NAME --since 2h` sends it what the spool still has |
//! | a sink that is gone | what is in hand is finished; its place in the spool is kept, and so is what waits for it, as long as `spool.max_bytes` and `spool.max_age` allow: it goes on there when it comes back |
//! | secrets in files | they are read for each delivery, and need no reload |
//! | `state_dir`, `http`, `replicas` | they need a restart: such a change is refused |
//!
//! A sink that can only be built when its predecessor is closed (two cannot write to one file) and cannot be built then,
//! has the old configuration opened again.

use std::path::PathBuf;
use std::time::Duration;

use eventcenter_core::config::{ConfigError, KeyPath};
use eventcenter_core::{Health, Part};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

use crate::config::{self, Config};
use crate::eventer::connect;

/// The part of the health that tells of a configuration that was refused.
pub(crate) const PART: &str = "configuration";

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(5);

/// Waits for a new configuration.
pub(crate) struct Reload {
    /// None: there is no file, so nothing changes.
    file: Option<PathBuf>,
    hangup: Option<Signal>,
    /// What was refused last, in words: it is told once.
    refused: Option<String>,
    /// The configuration that could not be opened: it is not tried again until it changes, or somebody asks.
    unusable: Option<Config>,
    part: Part,
}

impl Reload {
    /// Of the file that `config` was read from. From now on SIGHUP does not end the program.
    pub(crate) fn new(config: &Config, health: &Health) -> Self {
        let part = health.shown(PART);
        part.ready();
        let hangup = signal(SignalKind::hangup()).ok();
        Self { file: config.file().map(PathBuf::from), hangup, refused: None, unusable: None, part }
    }

    /// The next configuration that is another than `running`, and that can be honoured as far as can be told while that
    /// one runs.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(crate) async fn next(&mut self, running: &Config) -> Config {
        loop {
            let asked = self.wait().await;
            let Some(file) = self.file.clone() else {
                info!("there is no configuration file to look at");
                continue;
            };
            let read = tokio::task::spawn_blocking(move || config::load(file)).await;
            let Ok(read) = read else { continue };
            match self.check(running, read, asked).await {
                Ok(Some(new)) => return new,
                Ok(None) if asked => info!("the configuration is the one that runs"),
                Ok(None) => {}
                Err(refusal) => self.refuse(&refusal),
            }
        }
    }

    /// It was taken over.
    pub(crate) fn taken(&mut self) {
        (self.refused, self.unusable) = (None, None);
        self.part.ready();
    }

    /// It cannot be honoured after all; the old one runs again.
    pub(crate) fn cannot_open(&mut self, new: Config, refusal: &str) {
        self.unusable = Some(new);
        self.refuse(refusal);
    }

    fn refuse(&mut self, refusal: &str) {
        // One line, causes and all.
        let refusal = refusal.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.refused.as_ref() == Some(&refusal) {
            return;
        }
        error!(refusal, "the new configuration is refused, the old one keeps running");
        self.part.troubled(format!("refused: {refusal}"));
        self.refused = Some(refusal);
    }

    /// Until the next look; true if somebody asked for it.
    async fn wait(&mut self) -> bool {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = hangup => true,
            () = tokio::time::sleep(LOOK), if self.file.is_some() => false,
        }
    }

    /// None if it is the one that runs.
    async fn check(
        &mut self,
        running: &Config,
        read: Result<Config, ConfigError>,
        asked: bool,
    ) -> Result<Option<Config>, String> {
        let mut new = read.map_err(|error| error.to_string())?;
        if !asked && self.unusable.as_ref().is_some_and(|it| it.is_of_the_same_text(&new)) {
            return Ok(None);
        }
        if new.is_of_the_same_text(running) {
            if self.refused.take().is_some() {
                self.part.ready();
            }
            return Ok(None);
        }
        // What the command line says stays.
        if running.state_dir_is_given {
            (new.state_dir, new.state_dir_is_given) = (running.state_dir.clone(), true);
        }
        let same = [
            ("state_dir", new.state_dir == running.state_dir),
            ("http", new.http == running.http),
            ("replicas", new.replicas == running.replicas),
        ];
        if let Some((key, _)) = same.into_iter().find(|(_, same)| !same) {
            return Err(new.refuse(KeyPath::root().key(key), "this needs a restart").to_string());
        }
        // A kubeconfig that cannot be read is found here, while the old one runs.
        connect(&new.clusters).await.map_err(|failure| failure.to_string())?;
        Ok(Some(new))
    }
}
