//! Processes by pid and start time: what may be signalled, and how one is ended.
//!
//! A pid alone is reused by the kernel; together with the start time it names one process for
//! good. On Linux the start time is field 22 of `/proc/PID/stat` (clock ticks since boot,
//! proc(5)); elsewhere it is what `ps` prints as `lstart`. A zombie counts as ended.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// One process, named so that no other can be meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The kernel's process id.
    pub pid: u32,
    /// When it started, in the kernel's own words; compared, never computed with.
    pub started: String,
}

/// How a process came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was not running any more.
    Before,
    /// By SIGTERM, within the grace period.
    Gracefully,
    /// By SIGKILL, after the grace period.
    Killed,
}

impl Process {
    /// The process that has this pid now.
    ///
    /// # Errors
    /// When there is none, or it has ended already.
    pub fn of(pid: u32) -> Result<Self> {
        let started = started(pid).with_context(|| format!("process {pid} is not running"))?;
        Ok(Self { pid, started })
    }

    /// The calling process.
    ///
    /// # Errors
    /// When the kernel does not tell its start time.
    pub fn this() -> Result<Self> {
        Self::of(std::process::id())
    }

    /// Whether the process still runs.
    pub fn is_alive(&self) -> bool {
        started(self.pid).as_deref() == Some(self.started.as_str())
    }

    /// Sends a signal if pid and start time still match; says whether it was sent.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn signal(&self, signal: Signal) -> Result<bool> {
        if !self.is_alive() {
            return Ok(false);
        }
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let pid = pid.with_context(|| format!("{} is no process id", self.pid))?;
        match kill_process(pid, signal) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error).with_context(|| format!("{signal:?} to process {pid:?}")),
        }
    }

    /// SIGTERM, then SIGKILL when `grace` is over; returns when the process is gone.
    ///
    /// # Errors
    /// When the kernel refuses a signal, or the process survives SIGKILL for 10 seconds.
    pub fn stop(&self, grace: Duration) -> Result<Stopped> {
        if !self.signal(Signal::TERM)? {
            return Ok(Stopped::Before);
        }
        let gone = || Ok((!self.is_alive()).then_some(()));
        if wait_for("the process to stop", grace, gone).is_ok() {
            return Ok(Stopped::Gracefully);
        }
        self.kill()?;
        Ok(Stopped::Killed)
    }

    /// SIGKILL; returns when the process is gone.
    ///
    /// # Errors
    /// When the kernel refuses, or the process survives for 10 seconds.
    pub fn kill(&self) -> Result<()> {
        self.signal(Signal::KILL)?;
        wait_for("the killed process to end", Duration::from_secs(10), || {
            Ok((!self.is_alive()).then_some(()))
        })
    }
}

/// Asks `check` every 20 ms until it has an answer.
///
/// # Errors
/// When `check` fails, or `limit` passes without an answer; the message says for `what`.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut check: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = check()? {
            return Ok(answer);
        }
        if Instant::now() >= deadline {
            bail!("waited {} s for {what}", limit.as_secs());
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "blocking code; the deadline bounds the wait"
        )]
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn started(pid: u32) -> Option<String> {
    if Path::new("/proc/self/stat").exists() {
        from_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    } else {
        let ps = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output();
        from_ps(&String::from_utf8(ps.ok()?.stdout).ok()?)
    }
}

/// `PID (NAME) STATE PPID ...`: NAME may hold blanks and brackets, so count from the last `)`.
fn from_stat(stat: &str) -> Option<String> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ended = matches!(*fields.first()?, "Z" | "X" | "x");
    (!ended).then_some((*fields.get(19)?).to_owned())
}

fn from_ps(line: &str) -> Option<String> {
    let (state, started) = line.trim().split_once(char::is_whitespace)?;
    (!state.starts_with('Z')).then_some(started.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_time_is_field_22_whatever_the_name_holds() {
        let tail = "S 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1000 10";
        assert_eq!(from_stat(&format!("42 (a) b) {tail}")).as_deref(), Some("4711"));
    }

    #[test]
    fn a_zombie_has_ended() {
        let tail = "Z 1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1000 10";
        assert_eq!(from_stat(&format!("42 (a) {tail}")), None);
        assert_eq!(from_ps("Z+   Mon Nov 25 01:26:52 2026\n"), None);
        assert_eq!(
            from_ps("Ss   Mon Nov 25 01:26:52 2026\n").as_deref(),
            Some("Mon Nov 25 01:26:52 2026")
        );
    }

    #[test]
    fn a_reused_pid_is_not_signalled() -> Result<()> {
        let mut child = Command::new("sleep").arg("60").spawn()?;
        let real = Process::of(child.id())?;
        let other = Process { pid: real.pid, started: "0".to_owned() };
        assert_eq!(other.stop(Duration::ZERO)?, Stopped::Before);
        assert!(real.is_alive());
        assert_eq!(real.stop(Duration::from_secs(5))?, Stopped::Gracefully);
        assert!(!real.is_alive());
        child.wait()?;
        Ok(())
    }

    #[test]
    fn who_ignores_sigterm_is_killed() -> Result<()> {
        let script = "trap '' TERM; echo ready; while :; do sleep 0.1; done";
        let mut child =
            Command::new("sh").args(["-c", script]).stdout(std::process::Stdio::piped()).spawn()?;
        let mut ready = [0; 5];
        let mut stdout = child.stdout.take().context("stdout")?;
        std::io::Read::read_exact(&mut stdout, &mut ready)?;
        let process = Process::of(child.id())?;
        assert_eq!(process.stop(Duration::from_millis(200))?, Stopped::Killed);
        child.wait()?;
        Ok(())
    }
}
