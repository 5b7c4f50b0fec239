//! Logs, on standard error: standard output belongs to the sink of that name.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging: level `info`, or what `RUST_LOG` says; as JSON lines, or as text with colour on a terminal.
pub fn start(json: bool) {
    start_at("info", json);
}

/// The same from another level on, such as `warn` for a program that a person waits for.
pub fn start_at(level: &str, json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        lines.json().flatten_event(true).init();
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).init();
    }
}
