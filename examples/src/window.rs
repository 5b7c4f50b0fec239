//! Spans of time on a command line: `--since` and `--until`, the same for every command.

use std::time::Duration;

use clap::Args;
use eventcenter_core::config::HumanDuration;
use eventcenter_store::ask::Range;
use jiff::Timestamp;

/// From when until when.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    since: Since,
    until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy)]
enum Since {
    Ever,
    Back(Duration),
    At(Timestamp),
}

impl Window {
    /// `since` is a duration back from now, such as `2h`, a time as RFC 3339, or `all`. Without `until` it ends now.
    ///
    /// # Errors
    ///
    /// A sentence for the user.
    pub fn new(since: &str, until: Option<Timestamp>) -> Result<Self, String> {
        let since = match (since, since.parse()) {
            ("all", _) => Since::Ever,
            (_, Ok(at)) => Since::At(at),
            (text, Err(_)) => {
                let back = text.parse::<HumanDuration>();
                Since::Back(back.map_err(|error| format!("--since: {error}"))?.get())
            }
        };
        Ok(Self { since, until })
    }

    /// The same as times.
    pub fn range(self) -> Range {
        let back = match self.since {
            Since::Back(back) => Some(back),
            Since::Ever | Since::At(_) => None,
        };
        let back = Range::back(Timestamp::now(), back);
        let from = if let Since::At(at) = self.since { at } else { back.from };
        Range { from, until: self.until.unwrap_or(back.until) }
    }
}

/// `--since` and `--until` of commands that look at everything unless told otherwise.
#[derive(Debug, Clone, Args)]
pub struct WindowArgs {
    /// From when: so far back (2h, 7d), a time as RFC 3339, or all
    #[arg(long, default_value = "all")]
    since: String,
    /// Until when, RFC 3339; default now
    #[arg(long)]
    until: Option<Timestamp>,
}

impl WindowArgs {
    /// The window that was meant.
    ///
    /// # Errors
    ///
    /// A sentence for the user.
    pub fn window(&self) -> Result<Window, String> {
        Window::new(&self.since, self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_so_far_back_or_at_a_time_or_never() {
        let until = "2026-11-25T02:00:00Z".parse().unwrap();
        let at = Window::new("2026-11-25T01:00:00+01:00", Some(until)).unwrap().range();
        assert_eq!(at, Range { from: "2026-11-25T00:00:00Z".parse().unwrap(), until });
        assert_eq!(Window::new("all", None).unwrap().range().from, Timestamp::MIN);
        let back = Window::new("2h", None).unwrap().range();
        let ago = Timestamp::now().duration_since(back.from);
        assert!((7190..7300).contains(&ago.as_secs()), "{ago}");
        assert!(back.until >= Timestamp::now());
        let error = Window::new("yesterday", None).unwrap_err();
        assert!(error.starts_with("--since: ") && error.contains("yesterday"), "{error}");
    }
}
