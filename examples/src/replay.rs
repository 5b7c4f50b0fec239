//! `replay`: the past, sent to one sink again.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroU32;
use std::str::FromStr;

use clap::Args;
use eventcenter_core::plain;
use eventcenter_core::query::Query;
use eventcenter_core::replay::Tally;
use jiff::Timestamp;

use crate::admin::{self, Ask, Left, Past, Said};
use crate::center::print::stamp;
use crate::center::{Trouble, written};
use crate::window::Window;

/// Reasons that a summary names.
const NAMED: usize = 20;

/// What of the past, and to whom.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Who gets it
    #[arg(long, value_name = "NAME")]
    sink: String,
    /// From when: so far back (2h, 7d), a time as RFC 3339, or all
    #[arg(long)]
    since: String,
    /// Until when, RFC 3339; default now
    #[arg(long)]
    until: Option<Timestamp>,
    /// A search statement, such as `level : Error and namespace : shop`
    #[arg(long, value_name = "STATEMENT", default_value = "*")]
    filter: String,
    /// Events a second, while the program runs
    #[arg(long, default_value_t)]
    rate: Rate,
    /// Say what would be sent, and send nothing
    #[arg(long)]
    dry_run: bool,
}

/// Events a second: `100`, or `100/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(NonZeroU32);

impl Rate {
    /// What most receivers take beside what they get anyway.
    const USUAL: Self = Self(NonZeroU32::MIN.saturating_add(99));

    /// As a number.
    pub fn get(self) -> NonZeroU32 {
        self.0
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self::USUAL
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_suffix("/s").unwrap_or(text);
        number.parse().map(Self).map_err(|_| "write a number of events a second: 100/s".to_owned())
    }
}

/// Obeys, and tells what comes of it.
///
/// # Errors
///
/// What to tell the user; three lines for a filter that cannot be read.
pub fn obey(left: Left, args: ReplayArgs) -> Result<(), Trouble> {
    let ReplayArgs { sink, since, until, filter, rate, dry_run } = args;
    Query::parse(&filter).map_err(|error| error.explain(&filter))?;
    // What happens from now on arrives by itself.
    let until = until.unwrap_or_else(Timestamp::now);
    let range = Window::new(&since, Some(until))?.range();
    let rate = rate.get();
    let past = Past { sink, since: range.from, until: range.until, filter, rate, dry_run };
    let is_shown = io::stderr().is_terminal();
    let is_running = admin::ask(left, Ask::Replay(past), |said| match said {
        Said::Sent(sink, tally) => told(&sink, &tally, dry_run),
        Said::Progress(_, tally) if is_shown => write!(io::stderr(), "\r{} events", tally.events),
        Said::Note(note) => writeln!(io::stderr(), "{}", plain(&note)),
        _ => Ok(()),
    })?;
    if dry_run { Ok(()) } else { when(is_running).or_else(written) }
}

/// Says when it is delivered.
pub(crate) fn when(is_running: bool) -> io::Result<()> {
    if is_running {
        return Ok(());
    }
    writeln!(
        io::stderr(),
        "the program does not run: after its next start they are delivered, at once"
    )
}

/// What was sent to a sink, or would be.
pub(crate) fn told(sink: &str, tally: &Tally, dry_run: bool) -> io::Result<()> {
    summary(&mut io::stdout().lock(), sink, tally, dry_run)
}

fn summary(out: &mut impl Write, sink: &str, tally: &Tally, dry_run: bool) -> io::Result<()> {
    let verb = if dry_run { "would be sent" } else { "are sent" };
    writeln!(out, "{} events {verb} to {} again", tally.events, plain(sink))?;
    if let (Some(first), Some(last)) = (tally.first, tally.last) {
        writeln!(out, "  from {} to {} (UTC)", stamp(first), stamp(last))?;
    }
    let most_first = |counts: &std::collections::BTreeMap<String, u64>| {
        let mut counts: Vec<_> = counts.iter().map(|(word, n)| (word.clone(), *n)).collect();
        counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        counts
    };
    for (level, events) in most_first(&tally.levels) {
        writeln!(out, "  {events:>8} {}", plain(&level))?;
    }
    let reasons = most_first(&tally.reasons);
    for (reason, events) in reasons.iter().take(NAMED) {
        let reason = if reason.is_empty() { "(none, or of other reasons)" } else { reason };
        writeln!(out, "  {events:>8} {}", plain(reason))?;
    }
    if let Some(more) = reasons.len().checked_sub(NAMED).filter(|more| *more > 0) {
        writeln!(out, "  and of {more} other reasons")?;
    }
    let besides = [
        (tally.waiting, "are about to be delivered anyway"),
        (tally.unrouted, "go to other sinks by the routes, and were left out"),
        (tally.no_events, "letters hold no event, and stay where they are"),
    ];
    for (count, what) in besides.iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "  {count:>8} {what}")?;
    }
    tally.unread.iter().try_for_each(|what| writeln!(out, "  {}", plain(what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_of_events_a_second() {
        for (text, events) in [("100", Some(100)), ("7/s", Some(7)), ("0", None), ("1/m", None)] {
            assert_eq!(text.parse::<Rate>().ok().map(|rate| rate.get().get()), events, "{text}");
        }
        assert_eq!(Rate::default().to_string(), "100/s");
    }

    #[test]
    fn a_summary_says_how_many_of_what_and_orders_no_terminal() {
        let counts = |counts: &[(&str, u64)]| {
            counts.iter().map(|(word, n)| ((*word).to_owned(), *n)).collect()
        };
        let tally = Tally {
            events: 42,
            waiting: 3,
            unrouted: 1,
            first: "2026-11-25T01:00:00Z".parse().ok(),
            last: "2026-11-25T02:00:00Z".parse().ok(),
            levels: counts(&[("Normal", 2), ("Warning", 40)]),
            reasons: counts(&[("Back\u{1b}[2J", 40), ("Pulled", 2)]),
            ..Tally::default()
        };
        let mut out = Vec::new();
        summary(&mut out, "hook", &tally, true).unwrap_or_default();
        let wanted = "\
42 events would be sent to hook again
  from 2026-11-25 01:00:00 to 2026-11-25 02:00:00 (UTC)
        40 Warning
         2 Normal
        40 Back␛[2J
         2 Pulled
         3 are about to be delivered anyway
         1 go to other sinks by the routes, and were left out
";
        assert_eq!(String::from_utf8_lossy(&out), wanted);
    }
}
