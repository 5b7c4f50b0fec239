//! What stands in a Logstore, and what the service's refusals become.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "conformance/sls.rs"]
mod rig;

use eventcenter_core::testing::{Rig as _, events};
use eventcenter_core::{Action, Batch, ErrorKind, Secret, Sink as _};
use eventcenter_sinks::sls::Sls;
use eventcenter_sls::Credential;
use eventcenter_sls::testing::Fault;
use jiff::{SignedDuration, Timestamp};
use rig::SlsRig;

#[tokio::test]
async fn a_record_has_the_keys_of_kube_eventer_in_their_order() {
    let rig = SlsRig::start().await;
    let mut config = rig.config();
    config.topic = "prod".to_owned();
    config.labels =
        [("ClusterId", "c1"), ("Team", "alpha")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    config.occurrence = true;
    let sink = Sls::new("sls", config).unwrap();
    let batch = Batch::new([events::ordinary(), events::series()].to_vec()).unwrap();
    sink.deliver(&batch).await.unwrap();
    let records = rig.0.logs("k8s-log-c1", "k8s-event");
    // Whether the time of a standard event is within 7 days is the calendar's.
    let keys = |place: usize| -> Vec<&str> {
        let keys = records[place].log.contents.iter().map(|(key, _)| key.as_ref());
        keys.filter(|key| *key != "event_time").collect()
    };
    let labels = ["ClusterId", "Team", "occurrence"];
    assert_eq!(
        keys(0),
        [&["eventId", "hostname", "level", "pod_id", "pod_name"], &labels[..]].concat()
    );
    assert_eq!(keys(1), [&["eventId", "hostname", "level"], &labels[..]].concat());
    let ordinary = &records[0];
    assert_eq!(
        (ordinary.get("level"), ordinary.get("hostname")),
        (Some("Warning"), Some("worker-1"))
    );
    assert_eq!(ordinary.get("pod_name"), Some("web-0"));
    assert_eq!(ordinary.topic, "prod");
    let event = ordinary.get("eventId").unwrap();
    assert!(!event.contains('\n') && !event.contains("kubelet\",\"operation"), "{event}");
    // The same again is recognised by its pack.
    sink.deliver(&batch).await.unwrap();
    let packs: Vec<_> = rig
        .0
        .logs("k8s-log-c1", "k8s-event")
        .iter()
        .map(|r| r.tag("__pack_id__").map(str::to_owned))
        .collect();
    assert!(packs[0].is_some() && packs.iter().all(|pack| *pack == packs[0]), "{packs:?}");
}

#[tokio::test]
async fn a_time_that_sls_does_not_take_is_moved_and_kept() {
    let rig = SlsRig::start().await;
    let sink = rig.sink().await;
    let now = Timestamp::now();
    let at = |time: Timestamp| {
        events::event(&serde_json::json!({ "lastTimestamp": time.strftime("%FT%TZ").to_string() }))
    };
    let times =
        [now, now - SignedDuration::from_hours(24 * 400), now + SignedDuration::from_hours(3)];
    let batch = Batch::new(times.map(at).to_vec()).unwrap();
    // The double refuses what is out of the window.
    sink.deliver(&batch).await.unwrap();
    let records = rig.0.logs("k8s-log-c1", "k8s-event");
    let true_times: Vec<_> = records.iter().map(|record| record.get("event_time")).collect();
    assert_eq!(true_times[0], None);
    for place in [1, 2] {
        let told: Timestamp = true_times[place].unwrap().parse().unwrap();
        assert_eq!(told.as_second(), times[place].as_second());
    }
    assert_eq!(i64::from(records[0].log.time), now.as_second());
}

#[tokio::test]
async fn each_refusal_is_what_its_class_says() {
    let rig = SlsRig::start().await;
    let sink = rig.sink().await;
    for (status, code, kind, action) in [
        (403, "WriteQuotaExceed", ErrorKind::Throttled, Action::Retry),
        (403, "ShardWriteQuotaExceed", ErrorKind::Throttled, Action::Retry),
        (500, "InternalServerError", ErrorKind::Unavailable, Action::Retry),
        (503, "ServerBusy", ErrorKind::Unavailable, Action::Retry),
        (404, "ProjectNotExist", ErrorKind::Config, Action::Suspend),
        (404, "LogStoreNotExist", ErrorKind::Config, Action::Suspend),
        (400, "PostBodyTooLarge", ErrorKind::TooLarge, Action::Split),
        (400, "PostBodyInvalid", ErrorKind::Refused, Action::DeadLetter),
    ] {
        rig.0.heal();
        rig.0.fail_when(move |_| Some(Fault::refuse(status, code, "no")));
        let error = sink.deliver(&events::ordinary().into()).await.unwrap_err();
        assert_eq!((error.kind(), error.action()), (kind, action), "{code}: {error}");
    }
}

#[tokio::test]
async fn a_rotated_access_key_and_a_clock_that_is_wrong_fail_no_batch() {
    let rig = SlsRig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (id, secret) = (folder.path().join("id"), folder.path().join("secret"));
    let write = |id_text: &str, secret_text: &str| {
        std::fs::write(&id, id_text).unwrap();
        std::fs::write(&secret, secret_text).unwrap();
    };
    write("LTAI-of-the-test\n", "s3cr3t-of-the-access-key\n");
    let mut config = rig.config();
    config.access_key_id = Some(Secret::file(&id));
    config.access_key_secret = Some(Secret::file(&secret));
    let sink = Sls::new("sls", config).unwrap();
    rig.0.clock_skew(SignedDuration::from_mins(20));
    sink.deliver(&events::ordinary().into()).await.unwrap();
    write("LTAI-the-next", "another s3cr3t of the same length");
    rig.0.rotate_key(&Credential::new("LTAI-the-next", "another s3cr3t of the same length"));
    sink.deliver(&events::series().into()).await.unwrap();
    assert_eq!(rig.accepted().len(), 2);
}

#[tokio::test]
async fn what_is_too_large_for_one_value_is_said_before_it_is_sent() {
    let rig = SlsRig::start().await;
    let large = events::event(&serde_json::json!({ "message": "x".repeat(1 << 20) }));
    let asked = rig.0.exchanges().len();
    let error = rig.sink().await.deliver(&large.into()).await.unwrap_err();
    assert_eq!((error.kind(), error.action()), (ErrorKind::TooLarge, Action::Split));
    assert_eq!(rig.0.exchanges().len(), asked);
}

#[test]
fn half_an_access_key_is_named() {
    let mut config = eventcenter_sinks::sls::SlsConfig::new("cn-hangzhou.log.aliyuncs.com", "p");
    config.access_key_id = Some("id".into());
    let error = Sls::new("sls", config).unwrap_err();
    assert_eq!(
        format!("{}: {error}", error.setting()),
        "access_key_secret: sls: the secret of the access key is missing"
    );
}
