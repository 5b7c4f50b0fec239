//! What commands do to a program that runs, and to what one that does not run has left.
//!
//! The program that runs holds the lock of its state folder and listens at `admin.sock` in it. A command that gets the
//! lock works on the files itself ([`ask`](self::ask())); one that does not asks the program. Both do the same.
//!
//! **Who may.** The socket is a file of mode 0600, and whoever is at its other end has to be the same user, or root. No
//! address is opened, and no page of a browser reaches it, so there is no token.
//!
//! **What is said.** One line of JSON, an [`Ask`]; then lines of JSON come back, each a [`Said`], the last of which is
//! [`Said::Done`] or [`Said::Failed`]. Who hangs up ends what he asked for: letters that were sent again by then are
//! removed or, at worst, will be sent again once more.

mod socket;
mod work;

use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::replay::Tally;
use eventcenter_core::{DeadLetterConfig, DeadLetters, Letter, SpoolConfig};
use eventcenter_core::{Error, Idle, Pipeline, Replay, Router};
use eventcenter_store::{EventQuery, Store};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::center::Trouble;
pub(crate) use socket::Socket;

/// Answers on their way to who prints or sends them.
const AHEAD: usize = 64;

/// A program that begins or ends does not answer at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// What is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Tell of dead letters, in full or in short.
    Letters(Pick, Length),
    /// Remove dead letters.
    Drop(Pick),
    /// Send dead letters again, so many a second.
    Resend(Pick, NonZeroU32),
    /// Send the past again.
    Replay(Past),
}

/// How much of a letter is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// What fits on a line.
    Short,
    /// With its [text](Told::text).
    Full,
}

/// Some dead letters: those of which all of this is true.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pick {
    /// Of this sink, or source.
    pub sink: Option<String>,
    /// Of these ids; none: of any.
    pub ids: Vec<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Written then, or later.
    pub since: Timestamp,
    /// Written before then.
    pub until: Timestamp,
}

impl Pick {
    fn takes(&self, letter: &Letter) -> bool {
        (self.ids.is_empty() || self.ids.contains(&letter.id))
            && self.kind.as_ref().is_none_or(|kind| *kind == letter.kind)
            && (self.since..self.until).contains(&letter.time)
    }
}

/// A part of the past.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Past {
    /// Who gets it.
    pub sink: String,
    /// From when.
    pub since: Timestamp,
    /// Until when, exclusive.
    pub until: Timestamp,
    /// A search statement.
    pub filter: String,
    /// Events a second.
    pub rate: NonZeroU32,
    /// Only count.
    pub dry_run: bool,
}

/// What comes back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// A dead letter.
    Letter(Box<Told>),
    /// So many letters of this sink were removed.
    Dropped(String, u64),
    /// So far with this sink.
    Progress(String, Box<Tally>),
    /// This was sent to this sink, or would be.
    Sent(String, Box<Tally>),
    /// Something to know.
    Note(String),
    /// That is all.
    Done,
    /// It did not go well, in words.
    Failed(String),
}

/// A dead letter in short, and in full.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    /// Of the letter.
    pub id: String,
    /// When it was written.
    pub time: Timestamp,
    /// Whose.
    pub sink: String,
    /// What kind of error.
    pub kind: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The receiver's words.
    pub cause: String,
    /// What the event is about: `Pod shop/web-0`; empty where there is none.
    pub object: String,
    /// The event's reason.
    pub reason: String,
    /// The whole line, if it was asked for.
    pub text: Option<String>,
}

/// What a running program lets commands do.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    dead: DeadLetters,
    replay: Replay,
    store: Option<Arc<dyn EventQuery>>,
}

impl Admin {
    /// For this pipeline; the past is that of the store, or of the spool if there is none.
    pub(crate) fn new(pipeline: &Pipeline, store: Option<Arc<dyn EventQuery>>) -> Self {
        Self { dead: pipeline.dead_letters(), replay: pipeline.replay(), store }
    }

    async fn perform(&self, ask: Ask, said: &mpsc::Sender<Said>) -> Result<(), Error> {
        match ask {
            Ask::Letters(pick, length) => work::letters(&self.dead, pick, length, said).await,
            Ask::Drop(pick) => work::remove(&self.dead, pick, said).await,
            Ask::Resend(pick, rate) => {
                work::resend(&self.dead, &self.replay, pick, rate, said).await
            }
            Ask::Replay(past) => {
                work::replay(&self.replay, self.store.as_deref(), &past, said).await
            }
        }
    }
}

/// What a command has to know of a program, to do without it.
#[derive(Debug)]
pub struct Left {
    pub(crate) state_dir: PathBuf,
    pub(crate) dead_letters: DeadLetterConfig,
    pub(crate) spool: SpoolConfig,
    /// In the order in which the router counts.
    pub(crate) sinks: Vec<String>,
    pub(crate) router: Router,
    /// Where the store is, if there is one.
    pub(crate) store: Option<PathBuf>,
}

/// Has the program that runs do it, or does it; `hear` gets what is said but for the end. Whether a program runs.
///
/// # Errors
///
/// What to tell the user.
pub fn ask(
    left: Left,
    ask: Ask,
    mut hear: impl FnMut(Said) -> io::Result<()>,
) -> Result<bool, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let (sender, mut answers) = mpsc::channel(AHEAD);
    let hear = async move {
        while let Some(said) = answers.recv().await {
            match said {
                Said::Done => return Ok(()),
                Said::Failed(message) => return Err(Trouble::from(message)),
                said => match hear(said) {
                    // A reader that is gone has seen enough.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                    heard => heard.map_err(|error| error.to_string())?,
                },
            }
        }
        Ok(())
    };
    runtime.block_on(async {
        match reach(&left.state_dir).await? {
            Reached::Program(stream) => {
                let (asked, heard) = tokio::join!(socket::ask(stream, &ask, sender), hear);
                heard.and(asked).map(|()| true)
            }
            Reached::Folder(idle) => {
                let (done, heard) = tokio::join!(by_ourselves(idle, left, ask, sender), hear);
                heard.and(done.map_err(Trouble::from)).map(|()| false)
            }
        }
    })
}

enum Reached {
    Program(UnixStream),
    Folder(Idle),
}

/// Finds the program, or takes its place. One that begins or ends just now has the lock and does not answer, and another
/// command has it for a moment.
async fn reach(state_dir: &Path) -> Result<Reached, Trouble> {
    let begun = Instant::now();
    loop {
        if let Some(idle) = Idle::open(state_dir).map_err(Trouble::from)? {
            return Ok(Reached::Folder(idle));
        }
        match socket::connect(state_dir).await {
            Ok(stream) => return Ok(Reached::Program(stream)),
            Err(error) if begun.elapsed() > PATIENCE => {
                let folder = state_dir.display();
                return Err(format!("a program uses {folder}, and does not answer: {error}").into());
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Returns when the state folder is free, or after a while: a command has it for a moment, and a program that ends until it
/// has ended. One that runs is not waited for. What is wrong with the folder is for whoever opens it to say.
pub(crate) async fn wait_for(state_dir: &Path) {
    let begun = Instant::now();
    while let Ok(None) = Idle::open(state_dir)
        && begun.elapsed() < PATIENCE
        && socket::connect(state_dir).await.is_err()
    {
        sleep(PAUSE).await;
    }
}

async fn by_ourselves(
    idle: Idle,
    left: Left,
    ask: Ask,
    said: mpsc::Sender<Said>,
) -> Result<(), Error> {
    let dead = idle.dead_letters(left.dead_letters)?;
    match ask {
        Ask::Letters(pick, length) => work::letters(&dead, pick, length, &said).await,
        Ask::Drop(pick) => work::remove(&dead, pick, &said).await,
        Ask::Resend(pick, rate) => {
            let work = async |replay: &Replay| work::resend(&dead, replay, pick, rate, &said).await;
            idle.replay(left.spool, left.sinks, left.router, work).await
        }
        Ask::Replay(past) => {
            let store = left.store.map(Store::open_to_read).transpose()?;
            let store = store.as_ref().map(|store| store as &dyn EventQuery);
            let work = async |replay: &Replay| work::replay(replay, store, &past, &said).await;
            idle.replay(left.spool, left.sinks, left.router, work).await
        }
    }
}
