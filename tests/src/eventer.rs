//! The program `eventer` as a child process: started with a configuration of its own, killed, asked
//! and measured.
//!
//! Which file is started is the caller's: `env!("CARGO_BIN_EXE_eventer-under-test")` is the same
//! source as the program that is shipped, and cargo keeps it fresh.
//!
//! ```no_run
//! use eventcenter_tests::{FakeApiServer, Receiver, Setup};
//!
//! let (server, receiver) = (FakeApiServer::start(), Receiver::start());
//! let setup = Setup::new("eventer")
//!     .cluster(&server.kubeconfig_yaml())
//!     .webhook("hook", &receiver.url())
//!     .file("archive");
//! let mut eventer = setup.start();
//! eventer.kill();
//! let again = setup.start();
//! println!("{}", again.metrics());
//! ```
//!
//! A [`Setup`] owns a temporary folder, with everything in it that survives a kill. Configuration is
//! written as JSON, which is YAML. `eventer` listens on a free port, which is found in `/proc`: two
//! programs can never be after the same one.

mod child;
mod disk;
mod proc;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

pub use self::child::{Answer, Eventer};
use self::disk::SmallDisk;
pub use self::proc::{cpu_seconds, peak_rss_kib, rss_kib};

/// What to start, and with which configuration.
#[derive(Debug)]
pub struct Setup {
    program: PathBuf,
    under: Vec<String>,
    folder: Arc<TempDir>,
    config: Value,
    arguments: Vec<String>,
    env: Vec<(String, String)>,
    disk: Option<SmallDisk>,
    keeps_stdout: bool,
}

impl Setup {
    /// This program, with a new folder, no cluster and no sink.
    ///
    /// # Panics
    ///
    /// When there can be no temporary folder.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let config = json!({
            "state_dir": folder.path().join("state"),
            "http": { "listen": "127.0.0.1:0" },
            "sinks": [],
        });
        Self {
            program: program.into(),
            under: Vec::new(),
            folder,
            config,
            arguments: Vec::new(),
            env: Vec::new(),
            disk: None,
            keeps_stdout: true,
        }
    }

    /// The same for the program `event-center`, which listens on its console's address alone.
    ///
    /// # Panics
    ///
    /// When there can be no temporary folder.
    #[must_use]
    pub fn center(program: impl Into<PathBuf>) -> Self {
        let mut setup = Self::new(program);
        setup.config = json!({
            "state_dir": setup.path("state"),
            "console": { "listen": "127.0.0.1:0" },
        });
        setup
    }

    /// Adds the cluster that this kubeconfig leads to.
    #[must_use]
    pub fn cluster(self, kubeconfig: &str) -> Self {
        self.cluster_with(kubeconfig, json!({}))
    }

    /// The same with more settings of `clusters:`.
    ///
    /// # Panics
    ///
    /// When they are no object, or the kubeconfig cannot be written.
    #[must_use]
    pub fn cluster_with(mut self, kubeconfig: &str, mut settings: Value) -> Self {
        let number = self.config["clusters"].as_array().map_or(0, Vec::len);
        let path = self.path(&format!("kubeconfig-{number}"));
        std::fs::write(&path, kubeconfig).expect("a kubeconfig");
        settings["kubeconfig"] = json!(path);
        push(&mut self.config["clusters"], settings);
        self
    }

    /// Adds a sink: its kind and settings, such as `{"stdout": {}}`.
    #[must_use]
    pub fn sink(mut self, name: &str, mut settings: Value) -> Self {
        settings["name"] = json!(name);
        push(&mut self.config["sinks"], settings);
        self
    }

    /// Adds a webhook that takes envelopes, one a line.
    #[must_use]
    pub fn webhook(self, name: &str, url: &str) -> Self {
        self.sink(name, json!({ "webhook": { "url": url, "batch": "ndjson" } }))
    }

    /// Adds a file, which is called `NAME.ndjson`; see [`Setup::lines`].
    #[must_use]
    pub fn file(self, name: &str) -> Self {
        let path = self.path(&format!("{name}.ndjson"));
        let rotate = json!({ "size": "10GiB" });
        self.sink(name, json!({ "file": { "path": path, "rotate": rotate } }))
    }

    /// Sets a key at the top of the configuration.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.config[key] = value;
        self
    }

    /// Adds an argument to the command line, after `--config FILE`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Lets this program start it, with these arguments before its own; it has to become it, as `ip netns exec` does.
    #[must_use]
    pub fn under(mut self, words: &[&str]) -> Self {
        self.under = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Sets a variable of its environment, which is empty otherwise.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Keeps its state in a file system of so many MiB, of which a file `filler` takes so many: the folder `small`. It is
    /// the process's own, see [`Eventer::sees`], and ends with it.
    #[must_use]
    pub fn small_disk(mut self, mib: u32, filler_mib: u32) -> Self {
        self.config["state_dir"] = json!(self.path("small/state"));
        self.disk = Some(SmallDisk { mib, filler_mib });
        // For the shell that mounts it.
        self.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    }

    /// Sends its standard output to /dev/null.
    #[must_use]
    pub fn without_stdout(mut self) -> Self {
        self.keeps_stdout = false;
        self
    }

    /// Where this file is, or would be, in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The whole lines of a file in the folder; none if it is not there.
    #[must_use]
    pub fn lines(&self, name: &str) -> Vec<String> {
        read(&self.path(name))
    }

    /// The dead letters of a sink or a source.
    ///
    /// # Panics
    ///
    /// When a line is no JSON.
    #[must_use]
    pub fn dead_letters(&self, name: &str) -> Vec<Value> {
        let lines = read(&self.path("state/dead-letters").join(format!("{name}.ndjson")));
        lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Starts the program with this configuration.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn start(&self) -> Eventer {
        let config = self.path("config.yaml");
        std::fs::write(&config, self.config_text()).expect("a configuration");
        self.run(&["--config", &config.display().to_string()])
    }

    /// Puts another text where the configuration was, as a ConfigMap is changed: a symbolic link is swapped.
    ///
    /// # Panics
    ///
    /// When the folder takes no files.
    pub fn swap_config(&self, text: &str) {
        let (config, link) = (self.path("config.yaml"), self.path("config.new"));
        let file = self.path(&format!("config-{}.yaml", text.len()));
        std::fs::write(&file, text).expect("a configuration");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        std::fs::rename(&link, &config).expect("a swap");
    }

    /// The text of the configuration, as [`Setup::start`] writes it.
    ///
    /// # Panics
    ///
    /// Never: what was put in is JSON.
    #[must_use]
    pub fn config_text(&self) -> String {
        serde_json::to_string_pretty(&self.config).expect("JSON")
    }

    /// Starts the program with these arguments, and those of [`Setup::argument`], alone.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Eventer {
        let program = self.program.as_os_str();
        let words: Vec<&OsStr> = self.under.iter().map(OsStr::new).chain([program]).collect();
        let mut command = match self.disk {
            Some(disk) => disk.command(&self.path("small"), Path::new(words[0])),
            None => Command::new(words[0]),
        };
        command
            .args(&words[1..])
            .args(arguments)
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .env_clear() // neither a proxy nor somebody's KUBECONFIG
            .env("HOME", self.folder.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(if self.keeps_stdout { Stdio::piped() } else { Stdio::null() })
            .stderr(Stdio::piped());
        let child = command.spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        Eventer::of(child, &self.folder)
    }
}

fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(list) => list.push(item),
        None => *list = json!([item]),
    }
}

/// A last line without its end is still being written.
fn read(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
    whole.lines().map(str::to_owned).collect()
}
