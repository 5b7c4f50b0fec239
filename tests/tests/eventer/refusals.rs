//! What stops the start, with which exit code, and what a person is told.

use std::time::Duration;

use eventcenter_tests::{FakeApiServer, Receiver, eventually};
use serde_json::json;

use crate::world::{World, ready, setup};

const SOON: Duration = Duration::from_secs(30);

/// An address that nobody listens on.
fn nobody() -> String {
    let server = FakeApiServer::start();
    server.stop();
    server.kubeconfig_yaml()
}

#[test]
fn without_a_kubeconfig_it_says_what_it_looked_for() {
    let setup = setup();
    let mut eventer = setup.run(&[]);
    assert_eq!(eventer.exit_code(SOON), 2);
    let said = eventer.stderr();
    for looked_for in ["$KUBECONFIG", "~/.kube/config", "service account"] {
        assert!(said.contains(looked_for), "{said}");
    }
}

#[test]
fn a_kubeconfig_that_is_none_is_named() {
    let setup = setup().cluster("clusters: 7\n").file("archive");
    let mut eventer = setup.start();
    assert_eq!(eventer.exit_code(SOON), 2);
    assert!(eventer.stderr().contains("kubeconfig"), "{}", eventer.stderr());
}

#[test]
fn an_api_server_that_cannot_be_reached_is_not_waited_for_if_told_so() {
    let kubeconfig = nobody();
    let setup = setup().cluster(&kubeconfig).file("archive").argument("--no-wait");
    let mut eventer = setup.start();
    assert_eq!(eventer.exit_code(SOON), 3);
    let said = eventer.stderr();
    assert!(said.contains("127.0.0.1") && said.contains("context fake"), "{said}");
}

#[tokio::test]
async fn an_api_server_that_cannot_be_reached_is_waited_for() {
    let receiver = Receiver::start();
    let setup = setup().cluster(&nobody()).webhook("hook", &receiver.url());
    let mut eventer = setup.start();
    let said = eventually("a second try", None, async || {
        let said = eventer.stderr();
        (said.matches("cannot be reached").count() >= 2).then_some(said)
    })
    .await;
    assert!(said.contains("127.0.0.1") && said.contains("context fake"), "{said}");
    assert_eq!(eventer.readyz().unwrap().status, 503);
    eventer.terminate();
    assert_eq!(eventer.exit_code(SOON), 0);
}

#[tokio::test]
async fn a_second_program_on_the_same_state_is_refused() {
    let world = World::new();
    let eventer = world.setup.start();
    ready(&eventer).await;
    let setup = setup()
        .cluster(&world.server.kubeconfig_yaml())
        .webhook("hook", &world.receiver.url())
        .with("state_dir", json!(world.setup.path("state")));
    let mut second = setup.start();
    assert_eq!(second.exit_code(SOON), 2);
    let state = world.setup.path("state");
    let said = second.stderr();
    assert!(said.contains(state.to_str().unwrap()), "{said}");
    world.create(["still".to_owned()]);
    world.all_delivered().await;
}

#[test]
fn a_state_folder_that_is_a_file_is_named() {
    let setup = setup().cluster(&nobody()).file("archive");
    let file = setup.path("some-file");
    std::fs::write(&file, "").unwrap();
    let mut eventer = setup.with("state_dir", json!(file)).start();
    assert_eq!(eventer.exit_code(SOON), 2);
    let said = eventer.stderr();
    assert!(said.contains("is no folder") && said.contains(file.to_str().unwrap()), "{said}");
}

#[test]
fn a_configuration_that_is_wrong_is_refused_with_file_line_and_key() {
    let setup = setup();
    let file = setup.path("wrong.yaml");
    let text = "sinks:\n  - name: out\n    stdout: {}\nspool:\n  max_bytes: plenty\n";
    std::fs::write(&file, text).unwrap();
    let mut eventer = setup.run(&["--config", file.to_str().unwrap()]);
    assert_eq!(eventer.exit_code(SOON), 2);
    let said = eventer.stderr();
    assert!(said.contains(&format!("{}:5", file.display())), "{said}");
    assert!(said.contains("spool.max_bytes"), "{said}");
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let setup = setup();
    let mut eventer = setup.run(&["--config", "nowhere.yaml"]);
    assert_eq!(eventer.exit_code(SOON), 2);
    assert!(eventer.stderr().contains("nowhere.yaml"), "{}", eventer.stderr());
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let setup =
        setup().cluster(&nobody()).file("archive").with("http", json!({ "listen": address }));
    let mut eventer = setup.start();
    assert_eq!(eventer.exit_code(SOON), 2);
    assert!(eventer.stderr().contains(&address), "{}", eventer.stderr());
}

#[test]
fn a_cluster_that_cannot_be_told_from_others_is_refused() {
    use eventcenter_tests::fake_api_server::KubeSystem;
    let server = FakeApiServer::start();
    server.set_kube_system(KubeSystem::Forbidden);
    let setup = setup().cluster(&server.kubeconfig_yaml()).file("archive");
    let mut eventer = setup.start();
    assert_eq!(eventer.exit_code(SOON), 2);
    let said = eventer.stderr();
    assert!(said.contains("kube-system") && said.contains("`id`"), "{said}");
}
