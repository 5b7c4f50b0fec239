//! What it keeps is what there was.

use std::collections::BTreeMap;
use std::time::Duration;

use eventcenter_tests::fake_api_server::{EventSpec, KubeSystem};
use eventcenter_tests::{Eventer, FakeApiServer, Setup, eventually};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::{LONG, setup};

pub(crate) const REASONS: [&str; 4] = ["Pulled", "BackOff", "FailedMount", "Scheduled"];

/// Occurrences by reason, as the API answers for a statement; none while nobody answers.
pub(crate) fn counts(center: &Eventer, query: &str) -> Option<BTreeMap<String, u64>> {
    let path = format!("/api/v1/facets?query={query}&since=all&by=reason&top=1000");
    let answer = center.get(&path)?.json();
    let groups = answer.pointer("/facets/0/groups")?.as_array()?;
    let group = |group: &Value| {
        Some((group.pointer("/values/0")?.as_str()?.to_owned(), group["count"].as_u64()?))
    };
    groups.iter().map(group).collect()
}

/// The newest revision that is kept of each Event, as the command line prints it.
fn kept(setup: &Setup) -> BTreeMap<String, String> {
    let config = setup.path("config.yaml");
    let config = config.display().to_string();
    let statement = ["--config", &config, "query", "*", "--since", "all", "--limit", "1000000"];
    let mut query = setup.run(&[&statement[..], &["--format", "ndjson"]].concat());
    assert_eq!(query.exit_code(LONG), 0, "{}", query.stderr());
    let field = |event: &Value, name: &str| event["metadata"][name].as_str().unwrap().to_owned();
    (query.stdout().lines())
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].take())
        .map(|event| (field(&event, "uid"), field(&event, "resourceVersion")))
        .collect()
}

/// Makes Events and lets others happen again, and counts them as a bookkeeper would.
pub(crate) struct World {
    pub(crate) server: FakeApiServer,
    pub(crate) made: usize,
    pub(crate) happened: BTreeMap<String, u64>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { server: FakeApiServer::start(), made: 0, happened: BTreeMap::new() }
    }

    pub(crate) fn create(&mut self, number: usize) {
        self.create_with(number, |spec| spec);
    }

    /// The same, with something else about each.
    pub(crate) fn create_with(&mut self, number: usize, with: impl Fn(EventSpec) -> EventSpec) {
        for made in self.made..self.made + number {
            let reason = REASONS[made % REASONS.len()];
            let spec = EventSpec::pod("shop", &format!("web-{}", made % 7));
            self.server
                .create(with(spec.with_name(format!("event-{made:05}")).with_reason(reason)));
            *self.happened.entry(reason.to_owned()).or_default() += 1;
        }
        self.made += number;
    }

    fn repeat(&mut self, random: &mut StdRng, number: usize) {
        for _ in 0..number {
            let which = random.random_range(0..self.made);
            self.server.update("shop", &format!("event-{which:05}"));
            *self.happened.entry(REASONS[which % REASONS.len()].to_owned()).or_default() += 1;
        }
    }

    /// The newest revision of each Event.
    pub(crate) fn newest(&self) -> BTreeMap<String, String> {
        self.server.created().into_iter().collect()
    }

    pub(crate) async fn all_is_counted(&self, center: &Eventer) {
        eventually("every occurrence", LONG, async || match counts(center, "*") {
            Some(counts) if counts == self.happened => Ok(()),
            other => Err(format!("{other:?}, and not {:?}", self.happened)),
        })
        .await;
    }
}

#[tokio::test]
async fn it_starts_without_a_cluster_says_how_to_connect_one_and_finds_it_when_it_comes() {
    let mut world = World::new();
    world.create(10);
    let kubeconfig = world.server.kubeconfig_yaml();
    let setup = setup().cluster(&kubeconfig);
    let file = setup.path("kubeconfig-0");
    std::fs::remove_file(&file).unwrap();
    let center = setup.start();
    let page = eventually("a page", LONG, async || center.get("/plain")).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("cargo xtask testbed up"), "{}", page.body);
    assert!(center.stderr().contains("cargo xtask testbed up"), "{}", center.stderr());
    std::fs::write(&file, kubeconfig).unwrap();
    world.all_is_counted(&center).await;
}

#[tokio::test]
async fn a_cluster_that_may_not_say_which_one_it_is_is_asked_again_and_again() {
    let mut world = World::new();
    world.create(10);
    world.server.set_kube_system(KubeSystem::Forbidden);
    let center = setup().cluster(&world.server.kubeconfig_yaml()).start();
    let told = |path: &str| center.get(path).is_some_and(|said| said.body.contains("kube-system"));
    eventually("its trouble to be told", LONG, async || {
        (told("/readyz") && told("/api/v1/status")).then_some(())
    })
    .await;
    let page = center.get("/").unwrap();
    assert_eq!(page.status, 200, "what is kept can be asked for all the same");
    let terminal = center.stderr();
    assert!(terminal.contains("the cluster does not say which one it is"), "{terminal}");
    world.server.set_kube_system(KubeSystem::Uid("c-1".to_owned()));
    world.all_is_counted(&center).await;
}

#[tokio::test]
async fn forty_kills_lose_nothing_and_count_nothing_twice() {
    const KILLS: usize = 40;
    let mut world = World::new();
    world.create(200);
    let setup = setup().cluster(&world.server.kubeconfig_yaml());
    // A list hides how often an Event happened before it: from here on everything comes by the watch.
    let mut center = setup.start();
    world.all_is_counted(&center).await;
    center.kill();
    let mut random = StdRng::seed_from_u64(2026);
    for _ in 0..KILLS {
        let mut center = setup.start();
        for _ in 0..4 {
            world.create(10);
            world.repeat(&mut random, 20);
            tokio::time::sleep(Duration::from_millis(random.random_range(5..=80))).await;
        }
        center.kill();
    }
    let mut center = setup.start();
    world.all_is_counted(&center).await;
    assert_eq!(kept(&setup), world.newest());
    // `uid : *` says the same of every event, and no sum that was kept can answer it: it is counted anew.
    assert_eq!(counts(&center, "uid%20:%20*").unwrap(), world.happened);
    center.terminate();
    assert_eq!(center.exit_code(LONG), 0);
    assert_eq!(kept(&setup), world.newest(), "the command line needs no program that runs");
}
