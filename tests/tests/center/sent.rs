//! What is kept, sent to a sink again.

use eventcenter_tests::fake_api_server::EventSpec;
use eventcenter_tests::{FakeApiServer, Receiver, eventually};
use serde_json::json;

use crate::kept::counts;
use crate::{LONG, setup};

#[tokio::test]
async fn what_the_store_keeps_is_sent_again_by_the_routes_as_they_are_now() {
    let (server, receiver) = (FakeApiServer::start(), Receiver::start());
    for number in 0..600 {
        let spec = EventSpec::pod("shop", "web").with_name(format!("event-{number:03}"));
        server.create(if number % 3 == 0 { spec.warning() } else { spec });
    }
    let setup = setup().cluster(&server.kubeconfig_yaml());
    let mut center = setup.start();
    eventually("all of it in the store", LONG, async || {
        let sum: u64 = counts(&center, "*")?.values().sum();
        (sum == 600).then_some(())
    })
    .await;
    center.kill();

    // A sink that is new, and that no event has ever gone to.
    let setup = setup.webhook("hook", &receiver.url()).with(
        "routes",
        json!({ "routes": [{ "match": { "level": "Warning" }, "sinks": ["hook"] }] }),
    );
    let center = setup.start();
    eventually("an answer", LONG, async || counts(&center, "*")).await;
    let config = setup.path("config.yaml").display().to_string();
    let replay = |more: &[&str]| {
        let common = ["--config", &config, "replay", "--sink", "hook", "--since", "1h"];
        let mut command = setup.run(&[&common[..], more].concat());
        assert_eq!(command.exit_code(LONG), 0, "{}", command.stderr());
        command.stdout()
    };
    let said = replay(&["--dry-run"]);
    assert!(said.starts_with("200 events would be sent to hook again\n"), "{said}");
    assert!(said.contains(" 400 go to other sinks by the routes"), "{said}");
    assert_eq!(receiver.count(), 0);
    let said = replay(&["--rate", "1000"]);
    assert!(said.starts_with("200 events are sent to hook again\n"), "{said}");
    eventually("every warning", LONG, async || (receiver.count() == 200).then_some(())).await;
    assert_eq!(receiver.duplicates(), 0);

    // And without the program.
    drop(center);
    let said = replay(&["--filter", "\"event-0\" or reason : *"]);
    assert!(said.starts_with("200 events"), "{said}");
    let center = setup.start();
    eventually("an answer", LONG, async || counts(&center, "*")).await;
    eventually("all of them again", LONG, async || (receiver.count() == 400).then_some(())).await;
    assert_eq!(receiver.distinct().len(), 200);
}
