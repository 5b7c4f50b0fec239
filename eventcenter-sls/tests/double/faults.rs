//! What each failure does to a put: the action is that of its class, and nothing is lost.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use eventcenter_sls::logstore::{LARGEST_GROUP, LogstoreSettings};
use eventcenter_sls::project::ProjectSettings;
use eventcenter_sls::testing::Fault;
use eventcenter_sls::{Class, Code, Credential, Provider, Result};
use jiff::SignedDuration;

use super::*;

#[tokio::test]
async fn failures_that_pass_cost_no_log() {
    let (double, store) = store().await;
    let faults = [
        Fault::refuse(500, "InternalServerError", "Internal Server Error"),
        Fault::refuse(503, "ServerBusy", "the server is busy"),
        Fault::refuse(403, "WriteQuotaExceed", "Project write quota exceed"),
        Fault::refuse(403, "ShardWriteQuotaExceed", "shard write quota exceed"),
        Fault::refuse(403, "ExceedQuota", "quota exceed"),
        Fault::foreign(502, "<html>bad gateway</html>"),
        Fault::foreign(200, "<html>please log in</html>"),
        Fault::cut(),
        Fault::lose_answer(),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        double.fail_next(fault);
        store.put(&group(&double, [number])).await.unwrap();
    }
    let mut numbers: Vec<_> = double
        .logs(PROJECT, STORE)
        .iter()
        .map(|log| log.get("number").unwrap().parse::<usize>().unwrap())
        .collect();
    numbers.sort_unstable();
    // Where the answer was lost the log came twice.
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]);
}

#[tokio::test]
async fn failures_that_ask_for_a_decision_are_told_at_once() {
    let (double, store) = store().await;
    for (status, code, message, class) in [
        (413, "PostBodyTooLarge", "Body size 1 must little than 0", Class::Split),
        (400, "PostBodyInvalid", "post data time is out of range", Class::Clamp),
        (400, "PostBodyInvalid", "cannot be parsed", Class::Permanent),
        (400, "ParameterInvalid", "x", Class::Permanent),
        (400, "InvalidSequenceId", "x", Class::Done),
        (401, "Unauthorized", "AccessKeyId is unauthorized: test-id", Class::Wait),
        (403, "ProjectForbidden", "x", Class::Wait),
        (404, "ProjectNotExist", "x", Class::Wait),
        (404, "LogstoreNotExist", "x", Class::Wait),
        (400, "LogStoreWithoutShard", "x", Class::Wait),
        (401, "SignatureNotMatch", "x", Class::Refresh),
    ] {
        let before = double.counters().requests;
        double.fail_next(Fault::refuse(status, code, message));
        let error = store.put(&group(&double, [1])).await.unwrap_err();
        assert_eq!(error.class(), class, "{error}");
        assert_eq!(double.counters().requests, before + 1, "{error}");
    }
    assert!(double.logs(PROJECT, STORE).is_empty());
}

#[tokio::test]
async fn a_clock_that_is_off_heals_at_once() {
    for ahead in [SignedDuration::from_mins(20), SignedDuration::from_hours(-30)] {
        let double = Double::start().await;
        double.clock_skew(ahead);
        double.create(PROJECT, STORE);
        let store = client(&double).build().unwrap().logstore(PROJECT, STORE);
        store.put(&group(&double, [1])).await.unwrap();
        store.put(&group(&double, [2])).await.unwrap();
        // Only the first one was refused, once.
        assert_eq!((double.counters().requests, double.counters().refused), (3, 1));
        let delta = store.project().client().clock_delta() - ahead;
        assert!(delta.abs() < SignedDuration::from_secs(60), "{delta}");
    }
}

#[tokio::test]
async fn a_clock_that_drifts_is_followed_before_anything_is_refused() {
    let (double, store) = store().await;
    for minutes in [10, 20, 30, 40] {
        double.clock_skew(SignedDuration::from_mins(minutes));
        store.put(&group(&double, [1])).await.unwrap();
    }
    assert_eq!(double.counters().refused, 0);
}

/// Reads its credential anew when the one it gave was refused, as one from a file does.
#[derive(Debug)]
struct File {
    read: Mutex<Credential>,
    written: Arc<Mutex<Credential>>,
}

#[async_trait]
impl Provider for File {
    async fn get(&self) -> Result<Credential> {
        Ok(self.read.lock().unwrap().clone())
    }

    async fn invalidate(&self, _used: &Credential) {
        *self.read.lock().unwrap() = self.written.lock().unwrap().clone();
    }
}

#[tokio::test]
async fn a_credential_that_is_rotated_in_mid_stream_costs_no_batch() {
    let (double, _) = store().await;
    let written = Arc::new(Mutex::new(key()));
    let provider = File { read: Mutex::new(key()), written: Arc::clone(&written) };
    let client = client(&double).credentials(provider).build().unwrap();
    let store = client.logstore(PROJECT, STORE);
    for number in 0..30 {
        if number % 10 == 5 {
            let next = Credential::new(format!("id-{number}"), format!("secret-{number}"));
            double.rotate_key(&next);
            *written.lock().unwrap() = next;
        }
        store.put(&group(&double, [number])).await.unwrap();
    }
    assert_eq!(double.logs(PROJECT, STORE).len(), 30);
    assert_eq!(double.counters().refused, 3);
}

#[tokio::test]
async fn what_was_just_made_is_waited_for_by_who_sees_its_class() {
    let double = Double::builder().lag(SignedDuration::from_millis(200)).start().await;
    let project = client(&double).build().unwrap().project(PROJECT);
    project.create(&ProjectSettings::new("x")).await.unwrap();
    let settings = LogstoreSettings::new(STORE, 90);
    project.logstores().create(&settings).await.unwrap();
    let store = project.logstore(STORE);
    let mut refused = 0;
    while let Err(error) = store.put(&group(&double, [1])).await {
        assert_eq!(error.class(), Class::Wait, "{error}");
        assert!(matches!(error.code(), Some(Code::ProjectNotExist | Code::LogstoreNotExist)));
        refused += 1;
        assert!(refused < 600, "it never came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(refused > 0);
    assert_eq!(double.logs(PROJECT, STORE).len(), 1);
}

#[tokio::test]
async fn a_group_beyond_the_limit_asks_to_be_split_and_is_not_sent() {
    let (double, store) = store().await;
    let time = u32::try_from(now(&double)).unwrap();
    // A value may have 1 MB, so the bytes are in several.
    let of_bytes = |bytes: usize| {
        let group = |last| {
            let mut log = Log::new(time).with("last", "x".repeat(last));
            for number in 0..10 {
                log = log.with(format!("value-{number}"), "x".repeat(1_000_000));
            }
            LogGroup::new().log(log)
        };
        // Not so short that its length takes fewer bytes.
        let around = group(500_000).encoded_len() - 500_000;
        group(bytes - around)
    };
    let largest = of_bytes(LARGEST_GROUP);
    assert_eq!(largest.encoded_len(), LARGEST_GROUP);
    store.put(&largest).await.unwrap();
    let error = store.put(&of_bytes(LARGEST_GROUP + 1)).await.unwrap_err();
    assert_eq!(error.class(), Class::Split, "{error}");
    assert_eq!(double.counters().requests, 1);
}

/// A clock that stands, so that every request learns the same of it.
#[derive(Debug)]
struct Noon;

impl eventcenter_sls::Clock for Noon {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000)
    }
}

/// Gives nobody a credential before all have asked for one.
#[derive(Debug)]
struct Together(tokio::sync::Barrier);

#[async_trait]
impl Provider for Together {
    async fn get(&self) -> Result<Credential> {
        self.0.wait().await;
        Ok(key())
    }

    async fn invalidate(&self, _: &Credential) {}
}

#[tokio::test]
async fn a_clock_that_is_off_heals_for_all_requests_that_are_under_way() {
    let double = Double::builder().clock(Arc::new(Noon)).start().await;
    double.create(PROJECT, STORE);
    double.clock_skew(SignedDuration::from_mins(20));
    let together = Together(tokio::sync::Barrier::new(3));
    let store = client(&double).clock(Noon).retries(Retries::NONE).credentials(together);
    let store = store.build().unwrap().logstore(PROJECT, STORE);
    let group = group(&double, [0]);
    let (a, b, c) = tokio::join!(store.put(&group), store.put(&group), store.put(&group));
    for receipt in [a, b, c] {
        receipt.unwrap();
    }
    assert_eq!(double.counters().requests, 6);
}
