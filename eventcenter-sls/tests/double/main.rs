//! The client against the service's double, whose verifier shares no code with the client's signer.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "that is how a test fails")]

mod consumers;
mod faults;
mod objects;
mod round_trip;

use std::time::Duration;

use eventcenter_sls::client::{Builder, Retries};
use eventcenter_sls::testing::Double;
use eventcenter_sls::{Client, Credential, Log, LogGroup, Logstore};

const PROJECT: &str = "k8s-log-c1";
const STORE: &str = "k8s-event";

/// What the double knows unless it is told otherwise.
fn key() -> Credential {
    Credential::new("test-id", "test-secret")
}

fn client(double: &Double) -> Builder {
    let quick = Retries {
        first: Duration::from_millis(1),
        longest: Duration::from_millis(5),
        budget: Duration::from_secs(30),
    };
    Client::builder(double.endpoint()).no_proxy().credentials(key()).retries(quick)
}

async fn store() -> (Double, Logstore) {
    let double = Double::start().await;
    double.create(PROJECT, STORE);
    let store = client(&double).build().unwrap().logstore(PROJECT, STORE);
    (double, store)
}

/// Seconds since 1970, by the double's clock.
fn now(double: &Double) -> i64 {
    double.now().as_second()
}

fn log(double: &Double, number: usize) -> Log<'static> {
    let time = u32::try_from(now(double)).unwrap();
    Log::new(time).nanoseconds(7).with("level", "Warning").with("number", number.to_string())
}

fn group(double: &Double, numbers: impl IntoIterator<Item = usize>) -> LogGroup<'static> {
    let logs = numbers.into_iter().map(|number| log(double, number)).collect();
    LogGroup { logs, ..LogGroup::new().topic("t").source("10.0.0.1").tag("cluster", "c1") }
}
