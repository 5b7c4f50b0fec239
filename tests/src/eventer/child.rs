//! A running `eventer`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::proc;

/// Longer than any answer takes on a machine that is busy.
const ANSWER: Duration = Duration::from_secs(20);

/// The process. Dropping it is SIGKILL, to this process and no other.
#[derive(Debug)]
pub struct Eventer {
    child: Child,
    stdout: Captured,
    stderr: Captured,
    address: Mutex<Option<SocketAddr>>,
    /// What it works with stays for as long as it does.
    _folder: Arc<TempDir>,
}

/// What came back from `/readyz` and its like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Eventer {
    pub(super) fn of(mut child: Child, folder: &Arc<TempDir>) -> Self {
        let stdout = Captured::of(child.stdout.take());
        let stderr = Captured::of(child.stderr.take());
        let folder = Arc::clone(folder);
        Self { child, stdout, stderr, address: Mutex::new(None), _folder: folder }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL; returns when it is gone.
    ///
    /// # Panics
    ///
    /// When it had ended before, of itself: with what it said.
    pub fn kill(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("it had ended before, {status}: {}", self.stderr());
        }
        self.end();
    }

    fn end(&mut self) {
        // An error says that it is gone.
        self.child.kill().ok();
        self.child.wait().ok();
        self.stdout.finish();
        self.stderr.finish();
    }

    /// SIGTERM; does not wait.
    ///
    /// # Panics
    ///
    /// When it is gone already.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a pid");
        // The pid is ours for as long as nobody has waited for it.
        kill_process(pid, signal).expect("a process");
    }

    /// SIGHUP: it looks at its configuration.
    ///
    /// # Panics
    ///
    /// When it is gone already.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// SIGSTOP: it stands still until [`Eventer::resume`].
    ///
    /// # Panics
    ///
    /// When it is gone already.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    ///
    /// # Panics
    ///
    /// When it is gone already.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for its end, and returns its exit code.
    ///
    /// # Panics
    ///
    /// When it has not ended by then, or a signal has ended it: with what it said.
    #[expect(clippy::disallowed_methods, reason = "outside of any runtime")]
    pub fn exit_code(&mut self, within: Duration) -> i32 {
        let begun = Instant::now();
        let status: ExitStatus = loop {
            match self.child.try_wait().expect("a child") {
                Some(status) => break status,
                None if begun.elapsed() > within => {
                    panic!("it has not ended within {within:?}: {}", self.stderr())
                }
                None => thread::sleep(Duration::from_millis(10)),
            }
        };
        self.stdout.finish();
        self.stderr.finish();
        let signal = status.signal();
        status.code().unwrap_or_else(|| panic!("signal {signal:?}: {}", self.stderr()))
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// All that it has written to its standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// All that it has logged so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// What `/readyz` answers; none while nobody listens.
    #[must_use]
    pub fn readyz(&self) -> Option<Answer> {
        self.get("/readyz")
    }

    /// What `/metrics` answers; empty while nobody listens.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.get("/metrics").map(|answer| answer.body).unwrap_or_default()
    }

    /// The value of a metric, with its labels as they are written: `name{label="value"}`.
    #[must_use]
    pub fn metric(&self, sample: &str) -> Option<f64> {
        let metrics = self.metrics();
        let mut samples = metrics.lines().filter_map(|line| line.rsplit_once(' '));
        samples.find(|(name, _)| *name == sample)?.1.parse().ok()
    }

    /// Resident memory, in KiB; 0 when it is gone.
    #[must_use]
    pub fn rss_kib(&self) -> u64 {
        proc::rss_kib(self.pid()).unwrap_or_default()
    }

    /// Processor time so far, user and system; 0 when it is gone.
    #[must_use]
    pub fn cpu_seconds(&self) -> f64 {
        proc::cpu_seconds(self.pid()).unwrap_or_default()
    }

    /// What a GET of this path answers; none while nobody listens.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Answer> {
        get(self.address()?, path).ok()
    }

    /// Where it listens, for a browser: `http://127.0.0.1:40123`; none while it does not.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        self.address().map(|address| format!("http://{address}"))
    }

    fn address(&self) -> Option<SocketAddr> {
        let mut address = self.address.lock().unwrap_or_else(PoisonError::into_inner);
        if address.is_none() {
            *address = proc::listens_on(self.pid());
        }
        *address
    }
}

impl Drop for Eventer {
    fn drop(&mut self) {
        self.end();
        if thread::panicking() {
            // Shown by the test harness, beside the failure.
            let stderr = self.stderr();
            let last = stderr.len().saturating_sub(4000);
            let last = stderr.get(last..).unwrap_or(&stderr);
            writeln!(io::stderr(), "eventer {} said last:\n{last}", self.pid()).ok();
        }
    }
}

fn get(address: SocketAddr, path: &str) -> io::Result<Answer> {
    let mut socket = TcpStream::connect_timeout(&address, ANSWER)?;
    socket.set_read_timeout(Some(ANSWER))?;
    write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    socket.read_to_string(&mut text)?;
    let cut = || io::Error::other(format!("not an answer: {text:?}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut)?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(cut)?;
    Ok(Answer { status, body: body.to_owned() })
}

/// What a thread reads from a pipe until its end.
#[derive(Debug)]
struct Captured {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Captured {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let reader = pipe.map(|mut pipe| {
            thread::spawn(move || {
                let mut buffer = [0; 16 * 1024];
                while let Ok(read @ 1..) = pipe.read(&mut buffer) {
                    let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
                    into.extend_from_slice(buffer.get(..read).unwrap_or_default());
                }
            })
        });
        Self { bytes, reader }
    }

    /// Waits until all of it is there; its process must be gone.
    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            // A reader that panicked has nothing more to say.
            reader.join().ok();
        }
    }

    fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
