//! A lesson: events of one's own in Alibaba Cloud's log service, from nothing to found.
//!
//! `cargo run --bin sls_put -- https://cn-hangzhou.log.aliyuncs.com my-project my-logstore` makes project, logstore and
//! index unless they are there, and puts one log. Credentials are the first that this machine has.

#![expect(clippy::print_stdout, reason = "it prints for people")]

use std::time::Duration;

use anyhow::{Context as _, bail};
use eventcenter_sls::credentials::{self, Surroundings};
use eventcenter_sls::index::{Index, Key};
use eventcenter_sls::logstore::LogstoreSettings;
use eventcenter_sls::project::ProjectSettings;
use eventcenter_sls::{Class, Client, Log, LogGroup};
use jiff::Timestamp;

/// What was just made takes up to a minute until logs can be put into it.
const ATTEMPTS: usize = 30;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, project, logstore] = &arguments[..] else {
        bail!("say ENDPOINT PROJECT LOGSTORE");
    };
    let client = Client::builder(endpoint.as_str())
        .credentials(credentials::usual(&Surroundings::new()))
        .build()?;

    // Each of these does nothing when it is there already, and changes only what differs.
    let project = client.project(project.as_str());
    project.ensure(&ProjectSettings::new("a lesson")).await?;
    project.logstores().ensure(&LogstoreSettings::new(logstore.as_str(), 7)).await?;
    let logstore = project.logstore(logstore.as_str());
    let index = Index::full_text().key("level", Key::text()).key("took_ms", Key::long());
    logstore.index().ensure(&index).await?;

    let now = u32::try_from(Timestamp::now().as_second()).context("the clock is wrong")?;
    let log = Log::new(now).with("level", "Warning").with("took_ms", "42");
    let group = LogGroup::new().topic("lesson").log(log);
    // The class of an error says what to do about it; the text is for people.
    for _ in 0..ATTEMPTS {
        match logstore.put(&group).await {
            Ok(receipt) => {
                println!("taken, as request {}", receipt.request_id);
                return Ok(());
            }
            Err(error) if error.class() == Class::Wait => {
                println!("not yet: {error}");
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    bail!("the logstore cannot be put to after a minute");
}
