//! Several clusters, single namespaces, and where to begin.

use std::collections::BTreeMap;

use eventcenter_tests::fake_api_server::{Access, Api, EventSpec, KubeSystem};
use eventcenter_tests::{FakeApiServer, Receiver, eventually};
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use crate::world::{World, identities, ready, setup, taken};

#[tokio::test]
async fn two_clusters_are_watched_by_one_program_and_told_apart() {
    let servers = [FakeApiServer::start(), FakeApiServer::start()];
    let receiver = Receiver::start();
    servers[1].set_kube_system(KubeSystem::Uid("another-uid".to_owned()));
    let setup = setup()
        .cluster_with(&servers[0].kubeconfig_yaml(), json!({ "name": "one" }))
        .cluster_with(&servers[1].kubeconfig_yaml(), json!({ "name": "two" }))
        .webhook("hook", &receiver.url())
        .file("archive");
    for server in &servers {
        server.create(EventSpec::pod("shop", "web"));
    }
    let mut eventer = setup.start();
    ready(&eventer).await;
    // One is away: the other goes on.
    servers[0].kill();
    for _ in 0..20 {
        servers[1].create(EventSpec::pod("shop", "web"));
    }
    let by_cluster = async || {
        let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for envelope in taken(&receiver) {
            let cluster = envelope["cluster"]["name"].as_str().unwrap().to_owned();
            found.entry(cluster).or_default().extend(identities(&[envelope]));
        }
        let [one, two] = ["one", "two"].map(|name| found.remove(name).unwrap_or_default());
        let there = one == servers[0].created() && two == servers[1].created();
        if there { Ok(()) } else { Err((one.len(), two.len())) }
    };
    eventually("both clusters' events", None, by_cluster).await;
    servers[0].restart_on_same_port();
    servers[0].create(EventSpec::pod("shop", "web"));
    eventually("both clusters' events", None, by_cluster).await;
    // Each goes on from its own position.
    eventer.kill();
    for server in &servers {
        server.create(EventSpec::pod("shop", "web"));
    }
    let _eventer = setup.start();
    eventually("both clusters' events", None, by_cluster).await;
    for (id, count) in [(eventcenter_tests::fake_api_server::CLUSTER_UID, 3), ("another-uid", 22)] {
        let of_it = taken(&receiver).iter().filter(|one| one["cluster"]["id"] == id).count();
        assert_eq!(of_it, count, "{id}");
    }
}

#[tokio::test]
async fn namespaces_are_watched_one_by_one_by_who_may_no_more() {
    let world = World::with_cluster(json!({ "id": "mine", "namespaces": ["shop", "bank"] }));
    world.server.set_access(Access::Namespaces(vec!["shop".to_owned(), "bank".to_owned()]));
    world.server.set_kube_system(KubeSystem::Forbidden);
    let make = |namespace: &str| world.server.create(EventSpec::pod(namespace, "web"));
    let mut wanted = vec![make("shop"), make("bank")];
    let hidden = make("secret");
    let mut eventer = world.setup.start();
    world.delivered(&wanted).await;
    ready(&eventer).await;
    let report = eventer.readyz().unwrap().json();
    for part in ["watch events/mine/bank", "watch events/mine/shop"] {
        assert_eq!(report["parts"][part]["ready"], true, "{report}");
    }
    wanted.extend([make("bank"), make("shop")]);
    world.delivered(&wanted).await;
    eventer.kill();
    wanted.extend([make("shop"), make("bank")]);
    let _eventer = world.setup.start();
    world.delivered(&wanted).await;
    assert!(!world.receiver.distinct().contains(&hidden));
    assert!(world.archived().iter().all(|envelope| envelope["cluster"]["id"] == "mine"));
}

#[tokio::test]
async fn who_may_not_read_events_is_told_what_is_missing() {
    let world = World::new();
    world.server.set_access(Access::Nowhere);
    let eventer = world.setup.start();
    eventually("what is missing", None, async || {
        let answer = eventer.readyz()?;
        let says = answer.body.contains("get, list and watch on events");
        (answer.status == 503 && says).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_first_start_from_now_takes_what_comes_and_goes_on_from_there() {
    let world = World::with_cluster(json!({ "start": "now" }));
    let old = world.server.create(EventSpec::pod("shop", "old"));
    let mut eventer = world.setup.start();
    eventually("a watch", None, async || (world.server.open_watches() == 1).then_some(())).await;
    let new = world.server.create(EventSpec::pod("shop", "new"));
    world.delivered(std::slice::from_ref(&new)).await;
    eventer.kill();
    let within = world.server.create(EventSpec::pod("shop", "within"));
    let _eventer = world.setup.start();
    world.delivered(&[new, within]).await;
    assert!(!world.receiver.distinct().contains(&old));
}

#[tokio::test]
async fn a_first_start_from_two_hours_ago_takes_what_happened_since() {
    let world = World::with_cluster(json!({ "start": "2h" }));
    let at = |minutes: i64| {
        let time = Timestamp::now() - minutes.minutes();
        EventSpec::pod("shop", "web").at(time)
    };
    let old = world.server.create(at(180));
    let older_but_again = world.server.create(at(200).with_name("again"));
    let again = world.server.update_at("shop", "again", Timestamp::now() - 30.minutes());
    let recent = world.server.create(at(60));
    let scheduler = world.server.create(at(60).from_scheduler());
    let old_scheduler = world.server.create(at(180).from_scheduler());
    let eventer = world.setup.start();
    ready(&eventer).await;
    let new = world.server.create(EventSpec::pod("shop", "new"));
    world.delivered(&[again, recent, scheduler, new]).await;
    for not_wanted in [old, older_but_again, old_scheduler] {
        assert!(!world.receiver.distinct().contains(&not_wanted), "{not_wanted:?}");
    }
}

#[tokio::test]
async fn both_apis_bring_the_same_events() {
    let mut seen = Vec::new();
    for (api, expected) in [("core/v1", Api::Core), ("events.k8s.io/v1", Api::Events)] {
        let world = World::with_cluster(json!({ "api": api }));
        for number in 0..10 {
            let spec = EventSpec::pod("shop", &format!("web-{number}")).warning();
            let spec = if number % 2 == 0 { spec } else { spec.from_scheduler() };
            world.server.create(spec.with_message(format!("message {number}")));
        }
        let eventer = world.setup.start();
        ready(&eventer).await;
        world.server.create(EventSpec::node("node-1"));
        world.all_delivered().await;
        let mut said = BTreeMap::new();
        for envelope in world.archived() {
            let event = &envelope["event"];
            // An item of a list does not say its version, a line of a watch does.
            let version = event["apiVersion"].as_str().unwrap_or(expected.version());
            assert_eq!(version, expected.version(), "{event}");
            assert_eq!(event["regarding"].is_object(), expected == Api::Events, "{event}");
            let message = [&event["message"], &event["note"]];
            let message = message.into_iter().find_map(|text| text.as_str()).unwrap();
            said.insert(message.to_owned(), (envelope["level"].clone(), event["reason"].clone()));
        }
        assert_eq!(said.len(), 11);
        seen.push(said);
    }
    assert_eq!(seen[0], seen[1]);
}
