//! The server programs: where they are, and how they are built where they are not.
//!
//! Each is built from a Go module of its own under `tests/testbed/` (their dependencies clash)
//! into `CACHE/PROGRAM-VERSION-OS-ARCH/PROGRAM`: into a new folder first, which is renamed when it
//! is whole, under a lock, so that neither a kill nor a second run leaves half a program. The
//! first build of everything takes minutes and about 4 GB of Go's own build cache; later ones
//! find the programs. The version is the one that go.mod requires.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::go::Go;
use super::{cache_dir, workspace_root};

/// A server of the test bed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// The store.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// Deployments, Jobs, node life cycle, garbage.
    KubeControllerManager,
    /// Puts Pods on Nodes.
    KubeScheduler,
    /// Plays the kubelets.
    Kwok,
}

/// Which servers an instance has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subset {
    /// etcd and kube-apiserver: enough where a test posts its Events itself.
    Api,
    /// All five, with fake Nodes on which Pods run.
    #[default]
    All,
}

impl Subset {
    /// The programs, in the order in which they start.
    pub fn programs(self) -> &'static [Program] {
        let all = &[
            Program::Etcd,
            Program::KubeApiserver,
            Program::KubeControllerManager,
            Program::KubeScheduler,
            Program::Kwok,
        ];
        match self {
            Self::Api => all.split_at(2).0,
            Self::All => all,
        }
    }
}

/// How a program is built.
struct Recipe {
    /// The folder under `tests/testbed/`.
    folder: &'static str,
    go_mod: &'static str,
    /// The module whose version counts.
    module: &'static str,
    package: &'static str,
}

impl Program {
    /// The file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kwok => "kwok",
        }
    }

    /// The version that is built, such as `1.37.2`.
    pub fn version(self) -> &'static str {
        let Recipe { go_mod, module, .. } = self.recipe();
        required(go_mod, module).unwrap_or("unknown")
    }

    fn recipe(self) -> Recipe {
        let k8s = |package| Recipe {
            folder: "k8s",
            go_mod: include_str!("../../../tests/testbed/k8s/go.mod"),
            module: "k8s.io/kubernetes",
            package,
        };
        match self {
            Self::Etcd => Recipe {
                folder: "etcd",
                go_mod: include_str!("../../../tests/testbed/etcd/go.mod"),
                module: "go.etcd.io/etcd/server/v3",
                package: "go.etcd.io/etcd/server/v3",
            },
            Self::KubeApiserver => k8s("k8s.io/kubernetes/cmd/kube-apiserver"),
            Self::KubeControllerManager => k8s("k8s.io/kubernetes/cmd/kube-controller-manager"),
            Self::KubeScheduler => k8s("k8s.io/kubernetes/cmd/kube-scheduler"),
            Self::Kwok => Recipe {
                folder: "kwok",
                go_mod: include_str!("../../../tests/testbed/kwok/go.mod"),
                module: "sigs.k8s.io/kwok",
                package: "sigs.k8s.io/kwok/cmd/kwok",
            },
        }
    }

    /// What the linker is told: no symbols, and for Kubernetes the version, which it knows only so.
    fn ldflags(self) -> String {
        if self.recipe().folder != "k8s" {
            return "-s -w".to_owned();
        }
        let version = self.version();
        let mut parts = version.split('.');
        let (major, minor) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let values = [
            ("gitVersion", format!("v{version}")),
            ("gitMajor", major.to_owned()),
            ("gitMinor", minor.to_owned()),
            ("gitTreeState", "clean".to_owned()),
            ("gitCommit", "0".repeat(40)),
            ("buildDate", "1970-01-01T00:00:00Z".to_owned()),
        ];
        values.iter().fold("-s -w".to_owned(), |flags, (name, value)| {
            flags + &format!(" -X k8s.io/component-base/version.{name}={value}")
        })
    }

    /// Its folder in the cache.
    fn cached(self) -> Result<PathBuf> {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        Ok(cache_dir()?.join(format!("{}-{}-{os}-{arch}", self.name(), self.version())))
    }

    /// Where the program is, without building it.
    ///
    /// # Errors
    /// When there is no place for the cache.
    pub fn find(self) -> Result<Option<PathBuf>> {
        let given = ["EVENTCENTER_TESTBED_BIN", "KUBEBUILDER_ASSETS"].into_iter();
        let given = given.filter_map(std::env::var_os).map(PathBuf::from).filter(|dir| {
            // Never an etcd from here and an API server from there.
            Subset::Api.programs().iter().all(|program| dir.join(program.name()).is_file())
        });
        let mut folders: Vec<PathBuf> = given.collect();
        folders.push(self.cached()?);
        Ok(folders.iter().map(|dir| dir.join(self.name())).find(|path| path.is_file()))
    }
}

/// Programs that are there.
#[derive(Clone, Debug)]
pub struct Binaries {
    paths: BTreeMap<Program, PathBuf>,
}

impl Binaries {
    /// The programs of `subset`, if all are there already.
    ///
    /// # Errors
    /// Names the first that is missing.
    pub fn find(subset: Subset) -> Result<Self> {
        let mut paths = BTreeMap::new();
        for &program in subset.programs() {
            let path = program.find()?.with_context(|| {
                format!("no {}: `cargo xtask testbed build` makes it", program.name())
            })?;
            paths.insert(program, path);
        }
        Ok(Self { paths })
    }

    /// The programs of `subset`; builds what is missing and reports progress to `say`.
    ///
    /// # Errors
    /// When Go is missing, or a build fails.
    pub fn get(subset: Subset, say: &dyn Fn(&str)) -> Result<Self> {
        for &program in subset.programs() {
            if program.find()?.is_none() {
                build(program, say)?;
            }
        }
        Self::find(subset)
    }

    /// The path of one program.
    ///
    /// # Errors
    /// When it is not of the subset that was asked for.
    pub fn path(&self, program: Program) -> Result<&Path> {
        let path = self.paths.get(&program).map(PathBuf::as_path);
        path.with_context(|| format!("{} is not of this subset", program.name()))
    }

    /// Makes a folder with a link to each program, for `EVENTCENTER_TESTBED_BIN`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn link_into(&self, dir: &Path) -> Result<()> {
        fs::create_dir_all(dir)?;
        for (program, path) in &self.paths {
            std::os::unix::fs::symlink(path, dir.join(program.name()))?;
        }
        Ok(())
    }
}

fn build(program: Program, say: &dyn Fn(&str)) -> Result<()> {
    let dir = program.cached()?;
    let cache = cache_dir()?;
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let lock = File::create(cache.join("build.lock"))?;
    if lock.try_lock().is_err() {
        say("waiting for another build of the test bed");
        lock.lock()?;
    }
    if program.find()?.is_some() {
        return Ok(()); // the other run built it
    }

    let go = Go::get(say)?;
    let (name, version) = (program.name(), program.version());
    say(&format!("building {name} {version} with Go {} (once; takes minutes)", go.version));
    let recipe = program.recipe();
    let new = cache.join(format!("{name}-{version}.new"));
    super::record::remove(&new)?;
    fs::create_dir_all(&new)?;
    let begin = Instant::now();
    let status = Command::new(&go.program)
        .current_dir(workspace_root()?.join("tests/testbed").join(recipe.folder))
        .args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags"])
        .arg(program.ldflags())
        .arg("-o")
        .args([new.join(name).as_os_str(), recipe.package.as_ref()])
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "")
        .env("GOWORK", "off")
        .env("GOTOOLCHAIN", "local")
        .status()
        .with_context(|| format!("cannot run {}", go.program.display()))?;
    if !status.success() {
        super::record::remove(&new)?;
        bail!("go build {} failed ({status})", recipe.package);
    }
    super::record::remove(&dir)?;
    fs::rename(&new, &dir).with_context(|| format!("cannot keep {}", dir.display()))?;
    say(&format!("built {name} {version} in {} s", begin.elapsed().as_secs()));
    Ok(())
}

/// The version of `module` in a go.mod, without its `v`.
fn required<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().find_map(|line| {
        let line = line.trim();
        let line = line.strip_prefix("require ").unwrap_or(line);
        let version = line.strip_prefix(module)?.strip_prefix(" v")?;
        version.split_whitespace().next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_has_a_version() {
        for program in Subset::All.programs() {
            assert_ne!(program.version(), "unknown", "{program:?}");
        }
        assert_eq!(Program::Kwok.version().split('.').count(), 3);
    }

    #[test]
    fn a_version_is_found_in_a_block_and_on_a_line() {
        let text = "require a.b/c v1.2.3\nrequire (\n\ta.b/c/d v4.5.6 // indirect\n)\n";
        assert_eq!(required(text, "a.b/c"), Some("1.2.3"));
        assert_eq!(required(text, "a.b/c/d"), Some("4.5.6"));
        assert_eq!(required(text, "a.b"), None);
    }

    #[test]
    fn kubernetes_is_told_its_version() {
        let flags = Program::KubeScheduler.ldflags();
        assert!(flags.contains("version.gitMajor=1 "), "{flags}");
        assert!(flags.contains("version.gitVersion=v1."), "{flags}");
        assert_eq!(Program::Etcd.ldflags(), "-s -w");
    }
}
