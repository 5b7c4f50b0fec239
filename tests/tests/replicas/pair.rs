//! Two replicas with one receiver, Events that keep happening, and what a hand-over costs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eventcenter_tests::fake_api_server::Identity;
use eventcenter_tests::{Eventer, Receiver, Setup, eventually};
use jiff::Timestamp;
use serde_json::{Value, json};
use xtask::testbed::{Instance, Options, Subset};

use crate::net::Net;

/// Longer than a Lease lasts, and than a busy machine takes for anything.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The shortest that there is.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// Between two Events.
const PACE: Duration = Duration::from_millis(20);

pub(crate) const LEASE_PATH: &str =
    "/apis/coordination.k8s.io/v1/namespaces/eventcenter/leases/eventer";

/// How a leader ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// SIGTERM.
    Terminated,
    /// SIGKILL.
    Killed,
    /// SIGSTOP for longer than the Lease, then SIGCONT.
    Stopped,
    /// Without a network for longer than the Lease, then with it again.
    Cut,
}

/// What a hand-over cost. Nothing is ever missing, or the test has failed.
#[derive(Debug)]
pub(crate) struct Cost {
    /// Deliveries of what had been delivered.
    pub(crate) repeated: usize,
    /// Requests of the old leader that arrived after the first of the new one.
    pub(crate) late: usize,
    /// From the end of the one until the first request of the other.
    pub(crate) pause: Duration,
}

/// See the [module](self).
pub(crate) struct Pair {
    bed: Arc<Instance>,
    receiver: Receiver,
    replicas: [Replica; 2],
    made: Arc<Mutex<Vec<Identity>>>,
    stop: Arc<AtomicBool>,
    maker: Option<JoinHandle<()>>,
}

pub(crate) struct Replica {
    name: &'static str,
    setup: Setup,
    pub(crate) eventer: Option<Eventer>,
    net: Option<Net>,
}

impl Pair {
    /// Both run, one leads, and Events happen.
    pub(crate) async fn start(with_networks: bool) -> Self {
        let options = Options { subset: Subset::Api, ..Options::default() };
        let bed = Arc::new(Instance::start(&options).unwrap());
        grant(&bed);
        let receiver = Receiver::start();
        let sinks = [("hook", &receiver)];
        let replicas = ["one", "other"].map(|name| Replica::new(name, &bed, &sinks, with_networks));
        let (made, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let maker = std::thread::spawn({
            let (bed, made, stop) = (Arc::clone(&bed), Arc::clone(&made), Arc::clone(&stop));
            move || make(&bed, &made, &stop)
        });
        let mut pair = Self { bed, receiver, replicas, made, stop, maker: Some(maker) };
        pair.replicas.iter_mut().for_each(Replica::start);
        pair.arrived().await;
        pair
    }

    /// The leader ends in this way, and the other one goes on; afterwards both run.
    pub(crate) async fn hand_over(&mut self, way: Way) -> Cost {
        let leader = self.leader().await;
        // So that there is something in hand, and a position to leave.
        tokio::time::sleep(LEASE).await;
        let (old, new) = match &mut self.replicas {
            [one, other] if one.name == leader => (one, other),
            [one, other] => (other, one),
        };
        let repeated = self.receiver.duplicates();
        let seen = self.receiver.requests().len();
        let ended = Instant::now();
        let program = old.eventer.as_mut().unwrap();
        match way {
            Way::Terminated => {
                program.terminate();
                assert_eq!(program.exit_code(LONG), 0, "{}", program.stderr());
            }
            Way::Killed => program.kill(),
            Way::Stopped => program.freeze(),
            Way::Cut => old.net.as_ref().unwrap().cut(true),
        }
        let first = eventually("a request of the new leader", LONG, async || {
            let requests = self.receiver.requests();
            let mut later = requests.into_iter().skip(seen);
            later.find(|request| request.header("x-replica") == Some(new.name))
        })
        .await;
        match way {
            Way::Terminated | Way::Killed => old.start(),
            Way::Stopped => program.resume(),
            Way::Cut => old.net.as_ref().unwrap().cut(false),
        }
        let (old, new) = (old.name, new.name);
        // What the old leader still had in hand has time to arrive.
        tokio::time::sleep(LEASE).await;
        self.arrived().await;
        assert_eq!(self.leader().await, new, "{way:?}");
        let requests = self.receiver.requests();
        let is_late = |from: Option<&str>, at: Instant| from == Some(old) && at > first.at;
        let late = requests.iter().filter(|one| is_late(one.header("x-replica"), one.at)).count();
        self.each_says_what_it_is(new, way).await;
        let cost = Cost {
            repeated: self.receiver.duplicates() - repeated,
            late,
            pause: first.at.saturating_duration_since(ended),
        };
        assert!(late <= 1, "{way:?}: at most the request that was being written: {cost:?}");
        if way == Way::Terminated {
            assert_eq!((cost.repeated, late), (0, 0), "what was in hand was finished");
        }
        cost
    }

    /// In its metrics and in its health. From within a network of its own nobody can be asked.
    async fn each_says_what_it_is(&self, leader: &str, way: Way) {
        for replica in self.replicas.iter().filter(|replica| replica.net.is_none()) {
            let leads = replica.name == leader;
            let eventer = replica.eventer.as_ref().unwrap();
            eventually("its own word", LONG, async || {
                let health = eventer.readyz()?.json();
                let state = health["parts"]["leadership"]["state"].as_str()?.to_owned();
                let says =
                    if leads { state == "leader" } else { state.starts_with("follower of ") };
                let leader = eventer.metric("eventcenter_leader")?;
                (says && health["ready"] == true && (leader > 0.5) == leads).then_some(())
            })
            .await;
            let watches = eventer.readyz().unwrap().body.contains("watch events/");
            assert_eq!(watches, leads, "{way:?}: who follows watches nothing");
        }
    }

    /// Everything has arrived, and nothing is missing in the end.
    pub(crate) async fn end(mut self) {
        self.stop.store(true, Ordering::Release);
        self.maker.take().unwrap().join().unwrap();
        self.arrived().await;
        for replica in &mut self.replicas {
            let eventer = replica.eventer.as_mut().unwrap();
            eventer.terminate();
            assert_eq!(eventer.exit_code(LONG), 0, "{}", eventer.stderr());
            assert!(!eventer.stderr().contains("EventsMissed"));
        }
        let bodies = self.receiver.requests();
        let gaps = bodies.iter().filter(|one| contains(&one.body, b"EventsMissed")).count();
        assert_eq!(gaps, 0, "no gap: the API server has all of it");
        eprintln!(
            "{} Events, {} deliveries, missing 0, repeated {}",
            self.made.lock().unwrap().len(),
            self.receiver.count(),
            self.receiver.duplicates()
        );
    }

    /// Everything that was made by now has arrived.
    async fn arrived(&self) {
        let made = self.made.lock().unwrap().clone();
        eventually("everything at the receiver", LONG, async || {
            let there: BTreeSet<_> = self.receiver.distinct();
            let absent: Vec<_> = made.iter().filter(|one| !there.contains(one)).collect();
            match absent.first() {
                None => Ok(()),
                Some(first) => Err(format!(
                    "{} of {} missing, {first:?}; {}",
                    absent.len(),
                    made.len(),
                    self.logs()
                )),
            }
        })
        .await;
    }

    fn logs(&self) -> String {
        let last = |replica: &Replica| {
            let log = replica.eventer.as_ref().map(Eventer::stderr).unwrap_or_default();
            let lines: Vec<_> = log.lines().rev().take(12).collect();
            format!(
                "{}: {}\n",
                replica.name,
                lines.into_iter().rev().collect::<Vec<_>>().join("\n")
            )
        };
        self.replicas.iter().map(last).collect()
    }

    /// Who leads, as the Lease says.
    async fn leader(&self) -> &'static str {
        eventually("a leader", LONG, async || {
            let lease = self.bed.api("GET", LEASE_PATH, None).unwrap().json().unwrap_or_default();
            let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
            let mut replicas = self.replicas.iter();
            replicas.find(|replica| holder.starts_with(&format!("{}_", replica.name)))
        })
        .await
        .name
    }
}

impl Replica {
    /// It sends what it delivers to these sinks.
    pub(crate) fn new(
        name: &'static str,
        bed: &Instance,
        sinks: &[(&str, &Receiver)],
        with_network: bool,
    ) -> Self {
        let mut kubeconfig = std::fs::read_to_string(bed.kubeconfig()).unwrap();
        let mut urls: Vec<String> = sinks.iter().map(|(_, receiver)| receiver.url()).collect();
        let mut setup = Setup::new(env!("CARGO_BIN_EXE_eventer-under-test"));
        let net = with_network.then(|| {
            let net = Net::make(name);
            // The certificate is for 127.0.0.1; in there the API server is elsewhere.
            let mut config: Value = serde_json::from_str(&kubeconfig).unwrap();
            let cluster = &mut config["clusters"][0]["cluster"];
            let server = net.lead_to(cluster["server"].as_str().unwrap());
            cluster["server"] = json!(server);
            cluster["tls-server-name"] = json!("127.0.0.1");
            kubeconfig = config.to_string();
            urls = urls.iter().map(|url| net.lead_to(url)).collect();
            net
        });
        if let Some(net) = &net {
            let words = net.words();
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            setup = setup.under(&words);
        }
        let lease = json!({
            "namespace": "eventcenter", "identity": name,
            "duration": format!("{}s", LEASE.as_secs()), "renew": "500ms",
        });
        let mut setup = setup
            .cluster_with(&kubeconfig, json!({ "context": "reader" }))
            .with("replicas", json!({ "lease": lease }));
        for ((sink, _), url) in sinks.iter().zip(urls) {
            let webhook = json!({
                "url": url, "batch": "ndjson", "headers": { "X-Replica": name }, "timeout": "2s",
            });
            setup = setup.sink(sink, json!({ "webhook": webhook }));
        }
        Self { name, setup, eventer: None, net }
    }

    pub(crate) fn start(&mut self) {
        self.eventer = Some(self.setup.start());
    }
}

/// The namespace of the Lease, and what the manual says that has to be granted.
pub(crate) fn grant(bed: &Instance) {
    let role = json!({
        "metadata": { "name": "eventcenter" },
        "rules": [{
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "verbs": ["get", "create", "update"],
        }],
    });
    let binding = json!({
        "metadata": { "name": "eventcenter" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "eventcenter" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "reader" }],
    });
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/eventcenter";
    for (path, object) in [
        ("/api/v1/namespaces", json!({ "metadata": { "name": "eventcenter" } })),
        (&*format!("{rbac}/roles"), role),
        (&*format!("{rbac}/rolebindings"), binding),
    ] {
        let reply = bed.api("POST", path, Some(&object)).unwrap();
        assert_eq!(reply.status, 201, "{}", reply.text());
    }
}

/// Makes Events until it is told to stop.
#[expect(clippy::disallowed_methods, reason = "a thread of its own")]
fn make(bed: &Instance, made: &Mutex<Vec<Identity>>, stop: &AtomicBool) {
    let mut number = 0;
    while !stop.load(Ordering::Acquire) {
        let identity = happen(bed, &format!("web.{number}"));
        number += 1;
        made.lock().unwrap().push(identity);
        std::thread::sleep(PACE);
    }
}

/// Makes an Event.
pub(crate) fn happen(bed: &Instance, name: &str) -> Identity {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let event = json!({
        "metadata": { "name": name, "namespace": "default" },
        "involvedObject": { "kind": "Pod", "namespace": "default", "name": "web" },
        "reason": "Started", "message": name, "type": "Normal",
        "count": 1, "firstTimestamp": now, "lastTimestamp": now,
        "source": { "component": "a-test" },
    });
    let reply = bed.api("POST", "/api/v1/namespaces/default/events", Some(&event)).unwrap();
    assert_eq!(reply.status, 201, "{}", reply.text());
    let reply = reply.json().unwrap();
    let text = |key: &str| reply["metadata"][key].as_str().unwrap().to_owned();
    (text("uid"), text("resourceVersion"))
}

fn contains(body: &[u8], words: &[u8]) -> bool {
    body.windows(words.len()).any(|window| window == words)
}
