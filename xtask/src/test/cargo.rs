//! Running cargo so that it can be stopped: in a process group of its own, which gets the signal
//! that this program got, and SIGKILL 10 seconds later.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

use super::summary::Summary;

const ALL: [&str; 4] = ["test", "--workspace", "--all-features", "--no-fail-fast"];
const GRACE: Duration = Duration::from_secs(10);

/// Compiles the tests without running them.
pub(super) fn compile(root: &Path, arguments: &[String], stop: &AtomicBool) -> Result<ExitStatus> {
    let for_cargo = arguments.iter().take_while(|argument| *argument != "--");
    let mut command = Command::new("cargo");
    command.current_dir(root).args(ALL).arg("--no-run").args(for_cargo);
    run(&mut command, stop, &mut |line| println!("{line}"))
}

/// Runs the tests, shows what they print, and adds up their results.
pub(super) fn test(
    root: &Path,
    arguments: &[String],
    env: &[(&str, PathBuf)],
    stop: &AtomicBool,
) -> Result<Summary> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(ALL).args(arguments).envs(env.iter().cloned());
    let mut summary = Summary::default();
    let status = run(&mut command, stop, &mut |line| {
        println!("{line}");
        summary.read(line);
    })?;
    if !status.success() && summary.failed == 0 {
        println!("cargo test ended with {status}, without a failed test");
        summary.failed = 1;
    }
    Ok(summary)
}

/// Runs a command to its end, gives each line of its standard output to `each`, and passes on a
/// stop.
fn run(command: &mut Command, stop: &AtomicBool, each: &mut dyn FnMut(&str)) -> Result<ExitStatus> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .context("cannot run cargo")?;
    let stdout = child.stdout.take().context("no standard output")?;
    let (sender, lines) = mpsc::channel();
    // Ends with the last writer of the pipe, which may outlive the child: nobody joins it.
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });

    let mut stopped: Option<Instant> = None;
    loop {
        match lines.recv_timeout(Duration::from_millis(100)) {
            Ok(line) => each(&line),
            Err(RecvTimeoutError::Disconnected) => return Ok(child.wait()?),
            Err(RecvTimeoutError::Timeout) => {
                if let Some(status) = child.try_wait()? {
                    return Ok(status);
                }
            }
        }
        if stop.load(Ordering::Relaxed) {
            match stopped {
                None => {
                    signal(&child, Signal::TERM)?;
                    stopped = Some(Instant::now());
                }
                Some(since) if since.elapsed() > GRACE => signal(&child, Signal::KILL)?,
                Some(_) => {}
            }
        }
    }
}

/// The child is not reaped before `run` returns, so the group is still its own.
fn signal(child: &Child, signal: Signal) -> Result<()> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
    match kill_process_group(group, signal) {
        Err(error) if error != rustix::io::Errno::SRCH => Err(error).context("cannot stop cargo"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_ends_the_whole_group() -> Result<()> {
        let begin = Instant::now();
        let stop = AtomicBool::new(false);
        let mut command = Command::new("sh");
        command.args(["-c", "sh -c 'echo started; sleep 60; true'; true"]);
        let status = run(&mut command, &stop, &mut |line| {
            assert_eq!(line, "started");
            stop.store(true, Ordering::Relaxed);
        })?;
        assert!(!status.success());
        assert!(begin.elapsed() < Duration::from_secs(30));
        Ok(())
    }

    #[test]
    fn a_child_that_outlives_cargo_does_not_hold_us() -> Result<()> {
        let begin = Instant::now();
        let stop = AtomicBool::new(false);
        let mut seen = Vec::new();
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; sleep 3 & echo two"]);
        let status = run(&mut command, &stop, &mut |line| seen.push(line.to_owned()))?;
        assert!(status.success());
        assert_eq!(seen, ["one", "two"]);
        assert!(begin.elapsed() < Duration::from_secs(3));
        Ok(())
    }
}
