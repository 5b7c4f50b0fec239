//! The exact bytes of each sink for the standard events. A change here is a change on the wire.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use eventcenter_core::testing::{Upstream, events};
use eventcenter_core::{Batch, Sink};
use eventcenter_sinks::file::{File, FileConfig};
use eventcenter_sinks::stdout::{Format, Stdout, StdoutConfig};
use eventcenter_sinks::webhook::{Batching, Body, Method, Webhook, WebhookConfig};
use insta::assert_snapshot;

/// All standard events, in batches that the sink allows.
async fn deliver(sink: &dyn Sink) {
    for events in events::standard().chunks(sink.limits().max_events) {
        sink.deliver(&Batch::new(events).unwrap()).await.unwrap();
    }
}

#[derive(Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn stdout(format: Format, colour: bool) -> String {
    let out = Out::default();
    let mut config = StdoutConfig::default();
    config.format = format;
    let sink = Stdout::to("console", config, colour, Box::new(out.clone())).unwrap();
    deliver(&sink).await;
    let bytes = out.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn stdout_text() {
    assert_snapshot!(stdout(Format::Text, false).await);
}

#[tokio::test]
async fn stdout_text_in_colour() {
    assert_snapshot!(stdout(Format::Text, true).await.replace('\u{1b}', "<ESC>"));
}

#[tokio::test]
async fn stdout_json() {
    assert_snapshot!(stdout(Format::Json, false).await);
}

#[tokio::test]
async fn file_has_the_lines_of_stdout_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.ndjson");
    deliver(&File::new("archive", FileConfig::new(&path)).unwrap()).await;
    assert_eq!(std::fs::read_to_string(path).unwrap(), stdout(Format::Json, false).await);
}

/// The requests as text, without what depends on the machine and on our version.
async fn webhook(batch: Batching, body: Body, method: Method) -> String {
    let upstream = Upstream::start().await;
    let mut config = WebhookConfig::new(format!("{}/in?a=b", upstream.url()));
    (config.batch, config.body, config.method) = (batch, body, method);
    config.headers.insert("X-Team".to_owned(), "shop".into());
    deliver(&Webhook::new("hook", config).unwrap()).await;
    let mut text = String::new();
    for request in upstream.accepted() {
        text.push_str(&format!("{} {}\n", request.method, request.path));
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "host") {
            text.push_str(&format!("{name}: {value}\n"));
        }
        text.push_str(&format!("\n{}\n", request.text()));
    }
    text.replace(env!("CARGO_PKG_VERSION"), "<version>")
}

#[tokio::test]
async fn webhook_single_envelope() {
    assert_snapshot!(webhook(Batching::Single, Body::Envelope, Method::Post).await);
}

#[tokio::test]
async fn webhook_single_document() {
    assert_snapshot!(webhook(Batching::Single, Body::Document, Method::Put).await);
}

#[tokio::test]
async fn webhook_ndjson() {
    assert_snapshot!(webhook(Batching::Ndjson, Body::Envelope, Method::Post).await);
}

#[tokio::test]
async fn webhook_array() {
    assert_snapshot!(webhook(Batching::Array, Body::Envelope, Method::Patch).await);
}
