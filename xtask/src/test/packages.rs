//! Programs from Debian packages: installed where that is possible, named where it is not.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Makes sure that `program` runs with `arguments`; installs `package` as root on Debian.
pub(super) fn need(package: &str, program: &str, arguments: &[&str]) -> Result<()> {
    if runs(program, arguments) {
        return Ok(());
    }
    install(&[package])?;
    if !runs(program, arguments) {
        bail!("apt-get install {package} did not bring {program}");
    }
    Ok(())
}

/// Installs packages as root on Debian; elsewhere the error is the command to run.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    let may = rustix::process::geteuid().is_root() && Path::new("/etc/debian_version").exists();
    if !may {
        bail!("something is missing that I may not install: apt-get install {names}");
    }
    println!("test: installing {names}");
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command.stdout(Stdio::null()).status().context("cannot run apt-get")
    };
    let install = [&["install", "-y", "--no-install-recommends"], packages].concat();
    if apt(&install)?.success() {
        return Ok(());
    }
    // Without package lists nothing can be found: fetch them and try once more.
    apt(&["update"])?;
    let done = apt(&install)?;
    if !done.success() {
        bail!("apt-get install {names} failed ({done})");
    }
    Ok(())
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_needs_no_package() -> Result<()> {
        need("no-such-package", "true", &[])
    }
}
