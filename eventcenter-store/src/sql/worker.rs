//! A process that answers one `SELECT`, and what it may cost.
//!
//! SQLite's own limit of memory counts for a whole process, and so does a crash. A [`SqlWorker`] starts a program for each
//! statement, which calls [`serve_sql`] and nothing else: it reads the question from its standard input, gives up what it
//! does not need, answers on its standard output, and ends.
//!
//! | what | bound | then |
//! |---|---|---|
//! | memory of SQLite, sorts and groups included | [`HEAP`] | `TooLarge` |
//! | memory of the process | [`DATA`], address space [`ADDRESSES`] | it aborts: `TooLarge` |
//! | files that it makes | none but SQLite's shared index of a log, [`FILE`] | a signal: `TooLarge` |
//! | open files | [`FILES`] | `Storage` |
//! | CPU | the deadline and a second | a signal: `Timeout` |
//! | time | the deadline and [`GRACE`], then it is killed | `Timeout` |
//! | processes | [`AT_A_TIME`]; others wait, within their deadline | `Timeout` |
//!
//! Its environment is empty, and nobody reads its standard error. Whoever does not wait for the answer any more kills
//! it. Limits on memory of a process are those of Linux; elsewhere SQLite's own holds.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::query::Select;
use eventcenter_core::{Error, ErrorKind, Query, Result};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::{Temporary, table, too_large};
use crate::ask::{Answer, Bounds, Range, Table, TableAsk};
use crate::read::out_of_time;
use crate::store::{Store, failed};

/// Workers at a time.
const AT_A_TIME: usize = 2;
/// Bytes that SQLite may hold in a worker, for its caches, sorts and groups together.
const HEAP: u64 = 192 << 20;
/// Bytes of a worker's heap: beside SQLite's there is the answer, and its text.
const DATA: u64 = HEAP + (160 << 20);
/// Bytes of addresses: the program itself and the files that it maps lie there, too.
const ADDRESSES: u64 = 1 << 30;
/// Bytes of a file that it makes.
const FILE: u64 = 16 << 20;
/// Open files: six for each partition, and some.
const FILES: u64 = 256;
/// Bytes of an answer's text.
const REPLY: u64 = 64 << 20;
/// How much longer than its deadline a worker may take before it is killed: what SQLite ends by itself has words.
const GRACE: Duration = Duration::from_secs(1);

/// Starts a process for each `SELECT`: bounded in memory, CPU and time, and without files. Two run at a time.
#[derive(Debug)]
pub struct SqlWorker {
    program: PathBuf,
    arguments: Vec<OsString>,
    turns: Semaphore,
}

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    folder: PathBuf,
    query: String,
    range: Range,
    select: String,
    column: usize,
    deadline: Duration,
    rows: usize,
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
enum Reply {
    Answer(Answer<Table>),
    Refused { message: String, column: Option<String> },
    TooLarge { message: String },
    Timeout,
    Failed { message: String, cause: Option<String> },
}

impl SqlWorker {
    /// With a program that, started with these arguments, calls [`serve_sql`].
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.into(), arguments, turns: Semaphore::new(AT_A_TIME) }
    }

    /// Asks about what is in `folder`.
    pub(crate) async fn ask(&self, folder: &Path, ask: &TableAsk) -> Result<Answer<Table>> {
        let until = Instant::now() + ask.bounds.deadline.min(Duration::from_secs(3600));
        let turn = timeout_at(until, self.turns.acquire()).await.map_err(|_| out_of_time())?;
        let _turn = turn.map_err(|_| failed("no worker is started any more"))?;
        let question = Question {
            folder: folder.to_owned(),
            query: ask.query.to_string(),
            range: ask.range,
            select: ask.select.text.clone(),
            column: ask.select.column,
            deadline: until.saturating_duration_since(Instant::now()),
            rows: ask.bounds.rows,
        };
        let cannot = |error: io::Error| failed("cannot start a worker for SQL").with_source(error);
        let question = serde_json::to_vec(&question).map_err(|error| cannot(error.into()))?;
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(cannot)?;
        // On the way out of here the child is dropped, and that kills it.
        let ended = timeout_at(until + GRACE, talk(&mut child, &question)).await;
        let (reply, status) = ended.map_err(|_| out_of_time())?.map_err(cannot)?;
        // To read a long one takes a while, in which other tasks of this thread would have to wait.
        let read = tokio::task::spawn_blocking(move || match serde_json::from_slice(&reply) {
            Ok(reply) => Reply::told(reply),
            Err(_) => Err(fate(status, reply.len())),
        });
        read.await.map_err(|error| failed("the reading thread ended").with_source(error))?
    }
}

/// Asks, and waits for the answer and the end.
async fn talk(child: &mut Child, question: &[u8]) -> io::Result<(Vec<u8>, ExitStatus)> {
    let mut reply = Vec::new();
    if let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) {
        // A worker that died before it had read all is recognised by its end.
        stdin.write_all(question).await.ok();
        drop(stdin);
        stdout.take(REPLY).read_to_end(&mut reply).await?;
    }
    // What would be beyond `REPLY` cannot be written any more, and so it ends.
    Ok((reply, child.wait().await?))
}

/// Why there is no answer.
fn fate(status: ExitStatus, replied: usize) -> Error {
    match status.signal() {
        Some(signal) if signal == Signal::XCPU.as_raw() => out_of_time(),
        // Out of memory it aborts, or the kernel kills it.
        Some(signal) => too_large().with("signal", signal),
        None if u64::try_from(replied).is_ok_and(|replied| replied >= REPLY) => too_large(),
        None => failed("a worker for SQL ended without an answer").with("status", status),
    }
}

/// Answers the one question that stands on `input`, and gives up all rights to much memory, time and space first. To be
/// called by a process of its own that has one thread.
///
/// # Errors
///
/// When the question cannot be read, or its answer not be written; all else is the answer.
pub fn serve_sql(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    let mut question = Vec::new();
    input.read_to_end(&mut question)?;
    let question: Question = serde_json::from_slice(&question)?;
    confine(question.deadline)?;
    let reply = match question.answer() {
        Ok(answer) => Reply::Answer(answer),
        Err(error) => Reply::from(&error),
    };
    serde_json::to_writer(&mut output, &reply)?;
    output.flush()
}

/// Sets the limits of this process, for good.
fn confine(deadline: Duration) -> io::Result<()> {
    let cpu = deadline.saturating_add(GRACE).as_secs() + 1;
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Cpu, cpu),
        (Resource::Data, DATA),
        (Resource::As, ADDRESSES),
        (Resource::Fsize, FILE),
        (Resource::Nofile, FILES),
    ] {
        // What was bounded more narrowly stays so.
        let known = getrlimit(resource).maximum.map_or(most, |known| known.min(most));
        setrlimit(resource, Rlimit { current: Some(known), maximum: Some(known) })?;
    }
    Ok(())
}

impl Question {
    fn answer(self) -> Result<Answer<Table>> {
        let Self { folder, query, range, select, column, deadline, rows } = self;
        let query = Query::parse(&query).map_err(|error| {
            Error::new("query", ErrorKind::Refused, "the search statement cannot be read back")
                .with_source(error)
        })?;
        let (query, bounds) = (Arc::new(query), Bounds { deadline, rows });
        let ask = TableAsk { query, range, select: Select { text: select, column }, bounds };
        let memory = Temporary::Memory { heap: HEAP };
        Store::open_to_read(folder)?
            .read_here(range, bounds, |reading| table(reading, &ask, memory))
    }
}

impl Reply {
    fn told(self) -> Result<Answer<Table>> {
        Err(match self {
            Self::Answer(answer) => return Ok(answer),
            Self::Refused { message, column } => {
                let error = super::select::refused(&message);
                match column {
                    Some(column) => error.with("column", column),
                    None => error,
                }
            }
            Self::TooLarge { message } => Error::new("sql", ErrorKind::TooLarge, message),
            Self::Timeout => out_of_time(),
            Self::Failed { message, cause } => match cause {
                Some(cause) => failed(message).with_source(cause),
                None => failed(message),
            },
        })
    }
}

impl From<&Error> for Reply {
    fn from(error: &Error) -> Self {
        let message = error.message().to_owned();
        match error.kind() {
            ErrorKind::Refused => {
                let column = error.context().iter().find(|(key, _)| *key == "column");
                Self::Refused { message, column: column.map(|(_, column)| column.clone()) }
            }
            ErrorKind::TooLarge => Self::TooLarge { message },
            ErrorKind::Timeout => Self::Timeout,
            _ => Self::Failed { message, cause: error.root_cause() },
        }
    }
}
