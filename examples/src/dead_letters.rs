//! `dead-letters list | show | replay | drop`, of `eventer` and of `event-center`.
//!
//! What is printed on standard output is for pipes, or columns for people; what else there is to say goes to standard
//! error. Letters are text of others: it is shown `plain`.

use std::io::{self, Write};

use clap::{Args, Subcommand, ValueEnum};
use eventcenter_core::{plain, plain_json};
use serde_json::value::RawValue;

use crate::admin::{self, Ask, Left, Length, Pick, Said, Told};
use crate::center::print::{aligned, json_line, stamp};
use crate::center::{Trouble, written};
use crate::replay::{Rate, told};
use crate::window::WindowArgs;

/// What is done with dead letters.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tells which there are, a line each
    List {
        /// Those.
        #[command(flatten)]
        which: Which,
        /// How to print them
        #[arg(long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Shows them in full, with their events
    Show {
        /// Those.
        #[command(flatten)]
        which: Which,
        /// How to print them: indented, or a line each
        #[arg(long, value_enum, default_value_t = Output::Table)]
        output: Output,
    },
    /// Sends them to their sinks again, and removes them
    Replay {
        /// Those.
        #[command(flatten)]
        which: Which,
        /// Events a second, while the program runs
        #[arg(long, default_value_t)]
        rate: Rate,
    },
    /// Removes them
    Drop {
        /// Those.
        #[command(flatten)]
        which: Which,
    },
}

/// Which letters.
#[derive(Debug, Clone, Args)]
pub struct Which {
    /// Those of this sink; of documents that were no events: of this source
    #[arg(long, value_name = "NAME")]
    sink: Option<String>,
    /// This one, and others that are named so too
    #[arg(long, value_name = "ID")]
    id: Vec<String>,
    /// All that the other options leave; `replay` and `drop` want it, or ids
    #[arg(long, conflicts_with = "id")]
    all: bool,
    /// Those of this kind, such as refused
    #[arg(long)]
    kind: Option<String>,
    #[command(flatten)]
    window: WindowArgs,
}

impl Which {
    fn pick(self) -> Result<Pick, Trouble> {
        let range = self.window.window()?.range();
        let Self { sink, id: ids, kind, .. } = self;
        Ok(Pick { sink, ids, kind, since: range.from, until: range.until })
    }

    /// Nobody shall empty a folder by leaving a word out.
    fn chosen(self) -> Result<Pick, Trouble> {
        if self.id.is_empty() && !self.all {
            return Err("which letters? --id ID, or --all".to_owned().into());
        }
        self.pick()
    }
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// A line of JSON each
    Ndjson,
}

/// Obeys, and prints what comes of it.
///
/// # Errors
///
/// What to tell the user.
pub fn obey(left: Left, command: Command) -> Result<(), Trouble> {
    match command {
        Command::List { which, output } => list(left, which.pick()?, output),
        Command::Show { which, output } => show(left, which.pick()?, output),
        Command::Replay { which, rate } => {
            let ask = Ask::Resend(which.chosen()?, rate.get());
            let is_running = admin::ask(left, ask, |said| match said {
                Said::Sent(sink, tally) => told(&sink, &tally, false),
                said => note(&said),
            })?;
            crate::replay::when(is_running).or_else(written)
        }
        Command::Drop { which } => {
            admin::ask(left, Ask::Drop(which.chosen()?), |said| match said {
                Said::Dropped(sink, letters) => {
                    writeln!(io::stdout(), "{letters} letters of {} dropped", plain(&sink))
                }
                said => note(&said),
            })?;
            Ok(())
        }
    }
}

/// So many lines are made equally wide; a list may be long.
const LINES: usize = 500;

fn list(left: Left, pick: Pick, output: Output) -> Result<(), Trouble> {
    let head = ["ID", "TIME (UTC)", "SINK", "KIND", "TRIES", "OBJECT", "REASON", "CAUSE"];
    let (mut lines, mut found) = (vec![head.map(str::to_owned).to_vec()], false);
    let mut out = io::stdout();
    admin::ask(left, Ask::Letters(pick, Length::Short), |said| match said {
        Said::Letter(letter) => {
            found = true;
            if output == Output::Ndjson {
                return json_line(&mut out, &in_short(&letter)?);
            }
            lines.push(cells(*letter));
            if lines.len() < LINES {
                return Ok(());
            }
            aligned(&mut out, &std::mem::take(&mut lines))
        }
        said => note(&said),
    })?;
    let rest = match (found, output) {
        (false, _) => writeln!(io::stderr(), "there are no such dead letters"),
        (true, Output::Table) => aligned(&mut out, &lines),
        (true, Output::Ndjson) => Ok(()),
    };
    rest.or_else(written)
}

fn show(left: Left, pick: Pick, output: Output) -> Result<(), Trouble> {
    let mut found = false;
    admin::ask(left, Ask::Letters(pick, Length::Full), |said| match said {
        Said::Letter(letter) => {
            found = true;
            let line = in_full(&letter)?;
            match output {
                Output::Ndjson => json_line(&mut io::stdout(), &line),
                Output::Table => {
                    let value: serde_json::Value = serde_json::from_str(&line)?;
                    let text = serde_json::to_string_pretty(&value)?;
                    let mut out = io::stdout().lock();
                    text.lines().try_for_each(|line| writeln!(out, "{}", plain_json(line)))
                }
            }
        }
        said => note(&said),
    })?;
    if found {
        return Ok(());
    }
    Err("there are no such dead letters".to_owned().into())
}

fn note(said: &Said) -> io::Result<()> {
    match said {
        Said::Note(note) => writeln!(io::stderr(), "{}", plain(note)),
        _ => Ok(()),
    }
}

fn cells(letter: Told) -> Vec<String> {
    let tries = letter.attempts.to_string();
    let Told { id, time, sink, kind, object, reason, cause, .. } = letter;
    vec![id, stamp(time), sink, kind, tries, object, reason, cause]
}

/// The line of the letter, with its id in front.
fn in_full(letter: &Told) -> serde_json::Result<String> {
    let id = serde_json::to_string(&letter.id)?;
    let text = letter.text.as_deref().unwrap_or_default();
    match serde_json::from_str::<&RawValue>(text) {
        Ok(line) if text.starts_with('{') && text.len() > 2 => {
            let rest = line.get().strip_prefix('{').unwrap_or_default();
            Ok(format!("{{\"letter\":{id},{rest}"))
        }
        _ => Ok(format!("{{\"letter\":{id},\"line\":{}}}", serde_json::to_string(text)?)),
    }
}

/// The same without the event.
fn in_short(letter: &Told) -> serde_json::Result<String> {
    serde_json::to_string(&serde_json::json!({
        "letter": letter.id,
        "time": letter.time,
        "sink": letter.sink,
        "kind": letter.kind,
        "attempts": letter.attempts,
        "object": letter.object,
        "reason": letter.reason,
        "cause": letter.cause,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(text: &str) -> Told {
        let [sink, kind, cause, object, reason] =
            ["hook", "refused", "400", "Pod a/b", "R"].map(str::to_owned);
        let (id, time) = ("5f-1".to_owned(), jiff::Timestamp::UNIX_EPOCH);
        Told {
            id,
            time,
            sink,
            kind,
            attempts: 1,
            cause,
            object,
            reason,
            text: Some(text.to_owned()),
        }
    }

    #[test]
    fn a_letter_in_full_is_its_line_with_its_id_whatever_the_line_is() {
        let full = |text: &str| in_full(&letter(text)).unwrap_or_default();
        assert_eq!(full(r#"{"time":"…","a":{}}"#), r#"{"letter":"5f-1","time":"…","a":{}}"#);
        assert_eq!(full("a \"note\""), r#"{"letter":"5f-1","line":"a \"note\""}"#);
        for odd in ["{}", "[1]", "", "{\"half"] {
            let full: serde_json::Value = serde_json::from_str(&full(odd)).unwrap_or_default();
            assert_eq!((&full["letter"], &full["line"]), (&"5f-1".into(), &odd.into()), "{odd}");
        }
    }
}
