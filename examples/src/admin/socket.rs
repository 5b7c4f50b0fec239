//! The socket itself: who listens, and who asks.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use eventcenter_core::Stopped;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::warn;

use super::{AHEAD, Admin, Ask, PAUSE, Said};
use crate::center::Trouble;

/// In the state folder.
const NAME: &str = "admin.sock";

/// Commands at a time; more wait to be let in.
const COMMANDS: usize = 8;

/// A question is no longer: ids of letters are some twenty bytes each.
const LONGEST: u64 = 1 << 20;

/// A socket that listens. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Listens in this state folder, whose lock is ours: a socket that is there was left by a kill.
    pub(crate) fn bind(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(NAME);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Does what is asked for until the stop.
    pub(crate) async fn serve(self, admin: Admin, mut stopped: Stopped) {
        let mut commands = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stopped.stopping() => return,
                Some(_) = commands.join_next() => {}
                accepted = self.listener.accept(), if commands.len() < COMMANDS => match accepted {
                    Ok((stream, _)) => {
                        let admin = admin.clone();
                        commands.spawn(async move { answer(&admin, stream).await });
                    }
                    Err(error) => {
                        warn!(%error, "a command was not let in");
                        sleep(PAUSE).await;
                    }
                },
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // What is left lies there until the next start.
        fs::remove_file(&self.path).ok();
    }
}

/// Answers one command, until that is done or it hangs up.
async fn answer(admin: &Admin, stream: UnixStream) {
    let ours = rustix::process::geteuid();
    if !stream.peer_cred().is_ok_and(|peer| peer.uid() == ours.as_raw() || peer.uid() == 0) {
        warn!("somebody else's command was refused");
        return;
    }
    let (read, mut write) = stream.into_split();
    let (mut read, mut line) = (BufReader::new(read.take(LONGEST)), String::new());
    if read.read_line(&mut line).await.is_err() {
        return;
    }
    let (said, mut answers) = mpsc::channel(AHEAD);
    let working = async move {
        let done = match serde_json::from_str(&line) {
            Ok(ask) => {
                admin.perform(ask, &said).await.map_err(|error| Trouble::from(error).message)
            }
            Err(_) => Err("the program is of another version than the command".to_owned()),
        };
        said.send(done.map_or_else(Said::Failed, |()| Said::Done)).await.map_err(io::Error::other)
    };
    let writing = async move {
        while let Some(said) = answers.recv().await {
            let mut line = serde_json::to_vec(&said)?;
            line.push(b'\n');
            write.write_all(&line).await?;
        }
        io::Result::Ok(())
    };
    tokio::select! {
        // Nobody has more to say than one line: this is the end of it.
        _ = read.read_u8() => {}
        // Nor can more be done for one who takes no answer.
        _ = async { tokio::try_join!(working, writing) } => {}
    }
}

/// Finds the program that has the lock of this folder.
pub(super) async fn connect(state_dir: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(state_dir.join(NAME)).await
}

/// Asks it, and passes on what it says.
pub(super) async fn ask(
    mut stream: UnixStream,
    ask: &Ask,
    said: mpsc::Sender<Said>,
) -> Result<(), Trouble> {
    let failed = |error: io::Error| Trouble::from(format!("the program does not answer: {error}"));
    let mut line = serde_json::to_vec(ask).map_err(|error| error.to_string())?;
    line.push(b'\n');
    stream.write_all(&line).await.map_err(failed)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await.map_err(failed)? {
        let answer = serde_json::from_str(&line)
            .map_err(|_| "the program is of another version than the command".to_owned())?;
        let is_last = matches!(answer, Said::Done | Said::Failed(_));
        if said.send(answer).await.is_err() || is_last {
            return Ok(());
        }
    }
    Err("the program ended before it was done".to_owned().into())
}
