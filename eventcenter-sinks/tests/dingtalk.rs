//! The sink `dingtalk` against a robot that is as strict as DingTalk, and kube-eventer's own messages.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[allow(dead_code, reason = "shared by two tests, of which neither uses all")]
#[path = "double/dingtalk.rs"]
mod dingtalk_double;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dingtalk_double::{Double, Robot};
use eventcenter_core::layer::{self, LayerConfig, Shared};
use eventcenter_core::testing::{Request, events};
use eventcenter_core::{Action, Batch, Cluster, ErrorKind, Event, Sink};
use eventcenter_sinks::dingtalk::{Ack, DingTalk, DingTalkConfig, Kind, Layout, Links};
use jiff::Timestamp;
use serde_json::Value;

fn robot() -> Robot {
    Robot { token: "abc".to_owned(), secret: Some("SECtest".to_owned()), ..Robot::default() }
}

fn config(double: &Double) -> DingTalkConfig {
    let mut config = DingTalkConfig::new("abc");
    config.secret = Some("SECtest".into());
    config.url = Some(double.url().into());
    config
}

fn sink(config: DingTalkConfig) -> Arc<dyn Sink> {
    Arc::new(DingTalk::new("ops", config).unwrap())
}

#[tokio::test]
async fn a_wrong_signature_token_or_keyword_suspends_and_is_no_success() {
    for (robot, kind) in [
        (Robot { secret: Some("SECother".to_owned()), ..robot() }, ErrorKind::Auth),
        (Robot { token: "other".to_owned(), ..robot() }, ErrorKind::Config),
        (Robot { keyword: Some("告警".to_owned()), ..robot() }, ErrorKind::Config),
    ] {
        let double = Double::start(robot).await;
        let error = sink(config(&double)).deliver(&events::ordinary().into()).await.unwrap_err();
        assert_eq!((error.kind(), error.action()), (kind, Action::Suspend), "{error}");
        assert!(double.posted().is_empty());
    }
}

#[tokio::test]
async fn a_label_is_the_robots_keyword_in_every_message() {
    let double = Double::start(Robot { keyword: Some("告警".to_owned()), ..robot() }).await;
    for kind in [Kind::Text, Kind::Markdown] {
        let mut config = config(&double);
        (config.labels, config.message) = (vec!["告警".to_owned()], kind);
        let sink = sink(config);
        sink.deliver(&events::ordinary().into()).await.unwrap();
        sink.deliver(&Batch::new(events::many(30)).unwrap()).await.unwrap();
    }
    assert_eq!(double.posted().len(), 4);
}

#[tokio::test]
async fn a_clock_that_is_wrong_by_hours_heals_by_theirs() {
    let double = Double::start(Robot { ahead: 2 * 3_600_000, ..robot() }).await;
    let sink = layer::stack(sink(config(&double)), &LayerConfig::default(), &Shared::default());
    sink.deliver(&events::ordinary().into()).await.unwrap();
    assert_eq!((double.posted().len(), double.requests()), (1, 2));
    // One that still does not do suspends.
    double.robot().ahead = -26 * 3_600_000;
    sink.deliver(&events::ordinary().into()).await.unwrap();
}

#[tokio::test]
async fn no_event_makes_a_message_that_the_robot_refuses() {
    let double = Double::start(robot()).await;
    let links = || {
        let mut links = Links::default();
        links.console = Some("https://events.example.org".to_owned());
        links
    };
    for (kind, layout) in [
        (Kind::Text, Layout::Eventcenter),
        (Kind::Markdown, Layout::Eventcenter),
        (Kind::ActionCard, Layout::Eventcenter),
        (Kind::Text, Layout::KubeEventer),
        (Kind::Markdown, Layout::KubeEventer),
    ] {
        let mut config = config(&double);
        (config.message, config.layout, config.links) = (kind, layout, links());
        let sink = sink(config);
        for (minute, event) in (1..).zip(events::standard()) {
            double.robot().now = Some(Timestamp::now().as_millisecond() + minute * 60_000);
            let delivered = sink.deliver(&event.clone().into()).await;
            delivered
                .unwrap_or_else(|error| panic!("{kind:?} {layout:?} {}: {error}", event.name()));
        }
        double.robot().now = None;
    }
}

#[tokio::test(start_paused = true)]
async fn two_sinks_of_one_robot_never_run_into_its_penalty() {
    let double = Double::start(robot()).await;
    let (begun, wall) = (tokio::time::Instant::now(), Timestamp::now().as_millisecond());
    let shared = Shared::default();
    let stacked = || layer::stack(sink(config(&double)), &LayerConfig::default(), &shared);
    let (one, other) = (stacked(), stacked());
    for event in events::many(100) {
        let sink = if event.name().len() % 2 == 0 { &one } else { &other };
        loop {
            double.robot().now = Some(wall + i64::try_from(begun.elapsed().as_millis()).unwrap());
            let Err(error) = sink.deliver(&event.clone().into()).await else { break };
            let Action::RetryAfter(wait) = error.action() else { panic!("{error}") };
            assert_ne!(error.context().first().map(|(key, _)| *key), Some("errcode"), "{error}");
            tokio::time::sleep(wait).await;
        }
    }
    assert_eq!(double.posted().len(), 100);
    assert!(begun.elapsed() > Duration::from_secs(260), "18 a minute");
}

/// Each was recorded from the Go program: `shared/vectors`, made by kube-eventer 1.2.14 of the Events beside it.
#[test]
fn the_layout_of_kube_eventer_is_that_of_the_go_program() {
    let cluster = Arc::new(Cluster { id: "c123".to_owned(), name: "c123".to_owned() });
    let lines = include_str!("vectors/kube-eventer/events.ndjson").lines();
    let events: BTreeMap<String, Arc<Event>> = lines
        .map(|line| {
            let event =
                Event::from_kubernetes(&cluster, line.to_owned().into(), Timestamp::UNIX_EPOCH)
                    .unwrap();
            (event.name().to_owned(), Arc::new(event))
        })
        .collect();
    let recorded: Vec<Value> =
        serde_json::from_str(include_str!("vectors/kube-eventer/dingtalk-requests.json")).unwrap();
    assert_eq!(recorded.len(), 36);
    let mut compared = 0;
    for request in &recorded {
        let body = request["body"].as_str().unwrap();
        let is_text = request["path"].as_str().unwrap().contains("access_token=T1");
        let mut config = DingTalkConfig::new("T");
        config.layout = Layout::KubeEventer;
        (config.message, config.labels) = if is_text {
            (Kind::Text, vec!["cluster-a".to_owned(), "hangzhou".to_owned()])
        } else {
            (Kind::Markdown, vec!["cluster-a".to_owned()])
        };
        config.links.ack = Some(Ack::new("c123", "cn-test"));
        let message: Value = serde_json::from_str(body).unwrap();
        let name = name(&message);
        // Without any time the Go program takes its own clock's.
        if name == "no-times" {
            continue;
        }
        let sink = DingTalk::new("ops", config).unwrap();
        let written: Value =
            serde_json::from_slice(&sink.payload(&events[&name].clone().into())).unwrap();
        if body.len() > 19_000 {
            // Longer than a message may be: it was never taken.
            assert!(written.to_string().len() < 20_000);
            continue;
        }
        assert_eq!(written, message, "{name}");
        compared += 1;
    }
    assert!(compared >= 30, "{compared}");
}

fn name(message: &Value) -> String {
    let text = message["text"]["content"].as_str().filter(|text| !text.is_empty());
    let text = text.unwrap_or_else(|| message["markdown"]["text"].as_str().unwrap());
    let rest = text.split("Name:").nth(1).unwrap().trim_start().trim_start_matches('[');
    rest.split([' ', ']']).next().unwrap().to_owned()
}

/// What the PyPI package DingtalkChatbot 1.5.7 sent to this double, which took it: signature, shape, headers.
#[test]
fn the_double_takes_what_another_client_of_the_vendors_sends() {
    let lines = include_str!("vectors/dingtalkchatbot-1.5.7.ndjson").lines();
    let mut taken = 0;
    for line in lines {
        let recorded: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| recorded[key].as_str().unwrap().to_owned();
        let request = Request {
            method: "POST".to_owned(),
            path: text("path"),
            headers: vec![("content-type".to_owned(), text("content_type"))],
            body: text("body").into_bytes(),
        };
        let mut robot = Robot { now: recorded["now"].as_i64(), ..robot() };
        let answer = robot.answer(&request);
        assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap()["errcode"], 0, "{line}");
        let mut later = Robot { now: recorded["now"].as_i64().map(|now| now + 3_700_000), ..robot };
        assert!(later.answer(&request).body.contains("invalid timestamp"));
        taken += 1;
    }
    assert!(taken >= 3);
}
