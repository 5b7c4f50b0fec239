//! Standard output: one line an event.
//!
//! ```text
//! 2026-11-25T01:02:03Z Warning shop/Pod/web-0 Failed: Error: ImagePullBackOff (x3)
//! ```
//!
//! `format: text` (the default) is for people: time, level, object, reason, message, and how often where it was more
//! than once. The level is coloured on a terminal, unless `NO_COLOR` is set. Whatever could steer a terminal or
//! begin a line of its own is shown as an escape (`\u{1b}`, `\n`): a message is written by whoever may create Pods.
//! `format: json` writes [`Event::write_json`], one object a line, for collectors of container logs.
//!
//! A batch is written at once and flushed; `Ok` means that the operating system has it. After an error the last line
//! may be torn, and the batch is written again. A pipe whose reader is gone suspends the sink; anything else is tried
//! again. Writing happens on a thread of its own, since a reader that does not read blocks it.
//!
//! kube-eventer's `log` prints dumps of Go structs through its own logger, and a header for empty batches.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write};

use async_trait::async_trait;
use eventcenter_core::{
    Batch, Error, ErrorKind, Event, Level, Limits, ObjectRef, Receipt, Result, Sink,
};
use serde::Deserialize;

use crate::own_thread::OwnThread;

/// The settings of [`Stdout`].
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct StdoutConfig {
    /// For whom. Default text.
    pub format: Format,
}

/// For whom the lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// People.
    #[default]
    Text,
    /// Programs.
    Json,
}

/// Writes events to standard output. See the [module](self).
#[derive(Debug)]
pub struct Stdout {
    name: String,
    format: Format,
    colour: bool,
    out: OwnThread<Box<dyn Write + Send>>,
}

impl Stdout {
    /// A sink of this name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Storage`] when no thread can be started.
    pub fn new(name: impl Into<String>, config: StdoutConfig) -> Result<Self> {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colour = wanted && io::stdout().is_terminal();
        Self::to(name, config, colour, Box::new(io::stdout()))
    }

    /// The same, but to `out`, coloured or not.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn to(
        name: impl Into<String>,
        config: StdoutConfig,
        colour: bool,
        out: Box<dyn Write + Send>,
    ) -> Result<Self> {
        let name = name.into();
        let out = OwnThread::new(&name, out).map_err(|error| failed(&name, error))?;
        Ok(Self { name, format: config.format, colour, out })
    }

    fn write(&self, event: &Event, lines: &mut Vec<u8>) {
        match self.format {
            Format::Text => lines.extend_from_slice(text(event, self.colour).as_bytes()),
            Format::Json => event.write_json(lines),
        }
        lines.push(b'\n');
    }
}

#[async_trait]
impl Sink for Stdout {
    fn name(&self) -> &str {
        &self.name
    }

    fn limits(&self) -> Limits {
        // A reader that does not read for a while wants the lines all the same; a line twice is the lesser evil.
        Limits::new().with_max_events(500).with_idempotent(true)
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let mut lines = Vec::new();
        batch.events().iter().for_each(|event| self.write(event, &mut lines));
        let written = self.out.run(move |out| out.write_all(&lines).and_then(|()| out.flush()));
        written.await.map_err(|error| failed(&self.name, error))?;
        Ok(Receipt::all())
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        // Every delivery has flushed already.
        Ok(())
    }
}

fn failed(name: &str, error: io::Error) -> Error {
    let (kind, message) = match error.kind() {
        io::ErrorKind::BrokenPipe => (ErrorKind::Config, "nobody reads standard output any more"),
        _ => (ErrorKind::Storage, "cannot write to standard output"),
    };
    Error::new(name, kind, message).with_source(error)
}

/// The line for people, without the line feed.
fn text(event: &Event, colour: bool) -> String {
    let (on, off) = match event.level() {
        _ if !colour => ("", ""),
        Level::Normal => ("\u{1b}[32m", "\u{1b}[0m"),
        Level::Warning => ("\u{1b}[33m", "\u{1b}[0m"),
        Level::Error => ("\u{1b}[31m", "\u{1b}[0m"),
    };
    let mut line = format!("{} {on}{:<7}{off} ", event.time(), event.level().as_str());
    let ObjectRef { namespace, kind, name, .. } = event.object();
    let parts = [namespace, kind, name].into_iter().filter(|part| !part.is_empty());
    push_visible(&mut line, &parts.collect::<Vec<_>>().join("/"));
    line.push(' ');
    push_visible(&mut line, event.reason());
    if !event.message().is_empty() {
        line.push_str(": ");
        push_visible(&mut line, event.message());
    }
    if event.count() > 1 {
        // Writing to a String cannot fail.
        write!(line, " (x{})", event.count()).ok();
    }
    line
}

/// Appends `text` with everything escaped that is a control character (C0, DEL, C1), breaks a line, or changes the
/// direction of the text after it; `-` for an empty one.
fn push_visible(line: &mut String, text: &str) {
    if text.is_empty() {
        line.push('-');
    }
    for c in text.chars() {
        let steers = matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || steers {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eventcenter_core::Action;
    use eventcenter_core::testing::events;

    use super::*;

    #[test]
    fn nobody_can_steer_the_terminal_or_forge_a_line() {
        let line = text(&events::hostile(), false);
        assert!(line.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{line:?}");
        assert!(line.contains(r"\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{0} a\rb\nc\td"), "{line}");
        assert!(text(&events::unicode(), false).contains("连接超时 🚢 e\u{301} مرحبا"));
    }

    #[test]
    fn only_the_level_is_coloured() {
        let line = text(&events::ordinary(), true);
        assert!(
            line.starts_with("2026-11-25T01:02:03Z \u{1b}[31mError  \u{1b}[0m shop/"),
            "{line:?}"
        );
        assert_eq!(line.matches('\u{1b}').count(), 2);
    }

    #[derive(Debug)]
    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_reader_that_is_gone_suspends_the_sink_and_a_full_disk_does_not() {
        for (kind, action) in [
            (io::ErrorKind::BrokenPipe, Action::Suspend),
            (io::ErrorKind::StorageFull, Action::Retry),
        ] {
            let out = Box::new(Broken(kind));
            let sink = Stdout::to("out", StdoutConfig::default(), false, out).unwrap();
            let error = sink.deliver(&events::ordinary().into()).await.unwrap_err();
            assert_eq!(error.action(), action, "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_reader_that_does_not_read_blocks_nobody_else() {
        let (reader, writer) = io::pipe().unwrap();
        let sink = Stdout::to("out", StdoutConfig::default(), false, Box::new(writer)).unwrap();
        let huge = events::huge().into();
        let patience = Duration::from_millis(50);
        assert!(tokio::time::timeout(patience, sink.deliver(&huge)).await.is_err());
        drop(reader);
    }
}
