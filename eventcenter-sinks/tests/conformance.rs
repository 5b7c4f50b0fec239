//! The definition of a sink, run on each of ours: one line a sink, and its rig in a file of the sink's name.
//!
//! `file` is run once more in `src/file/tests.rs`, on a disk that can be full.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(dead_code, reason = "shared by two tests, of which neither uses all")]
#[path = "double/dingtalk.rs"]
mod dingtalk_double;
#[path = "conformance/dingtalk.rs"]
mod dingtalk_rig;
#[path = "conformance/file.rs"]
mod file_rig;
#[path = "conformance/sls.rs"]
mod sls_rig;
#[path = "conformance/stdout.rs"]
mod stdout_rig;
#[path = "conformance/webhook.rs"]
mod webhook_rig;

use dingtalk_rig::{DingTalkFaults, DingTalkRig};
use eventcenter_core::testing::cases;
use eventcenter_core::{http_faults, sink_conformance};
use eventcenter_sinks::stdout::Format;
use eventcenter_sinks::webhook::Batching;
use file_rig::FileRig;
use serde_json::Value;
use sls_rig::SlsRig;
use stdout_rig::StdoutRig;
use webhook_rig::{WebhookFaults, WebhookRig};

sink_conformance!(dingtalk, DingTalkRig::start().await);
sink_conformance!(file, FileRig::new());
sink_conformance!(sls, SlsRig::start().await);
sink_conformance!(stdout, StdoutRig::new(Format::Json));
sink_conformance!(webhook_single, WebhookRig::start(Batching::Single).await);
sink_conformance!(webhook_ndjson, WebhookRig::start(Batching::Ndjson).await);
sink_conformance!(webhook_array, WebhookRig::start(Batching::Array).await);

http_faults!(dingtalk_on_a_bad_day, DingTalkFaults);
http_faults!(webhook_on_a_bad_day, WebhookFaults);

/// What people read has no ids to tell events by: this case needs none.
#[tokio::test]
async fn stdout_for_people_steers_no_terminal() -> Result<(), String> {
    cases::hostile_text_is_neutralised(&StdoutRig::new(Format::Text)).await
}

/// The ids in an object, an array of objects, or lines of objects.
fn ids(body: &[u8]) -> Vec<String> {
    let values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let events = values.flat_map(|value| match value.unwrap() {
        Value::Array(events) => events,
        event => vec![event],
    });
    events.filter_map(|event| event["id"].as_str().map(str::to_owned)).collect()
}
