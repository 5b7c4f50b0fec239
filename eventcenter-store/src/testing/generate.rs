//! A cluster's events, made up: always the same ones for the same seed.
//!
//! The default is the load that the store's figures are measured with: 1,000,000 updates in 7 days, of 20,000 Pods
//! of 2,000 Deployments in 120 namespaces on 200 nodes. Seven in ten are new Events, three are repeats of an Event of the last hour, with
//! the same uid and a higher count. Documents are what an API server hands out, 1.6 kB on average with
//! `managedFields`; reasons and messages are those of kubelet, scheduler, controllers and node-problem-detector, in
//! about the shares of a busy cluster.
//!
//! It is an iterator: nothing but the Pods and the Events that may recur is held.

mod templates;

use std::collections::VecDeque;
use std::sync::Arc;

use eventcenter_core::{Cluster, Event};
use jiff::{SignedDuration, Timestamp};

use templates::{TEMPLATES, Template};

/// Makes events up. See the [module](self).
#[derive(Debug)]
pub struct Generator {
    seed: u64,
    random: Random,
    cluster: Arc<Cluster>,
    pods: Vec<Pod>,
    namespaces: usize,
    recurring: VecDeque<Recurring>,
    begin: Timestamp,
    span: SignedDuration,
    events: u64,
    made: u64,
}

#[derive(Debug)]
struct Pod {
    namespace: String,
    name: String,
    uid: String,
    container: &'static str,
    node: usize,
}

#[derive(Debug)]
struct Recurring {
    number: u64,
    pod: usize,
    template: &'static Template,
    message: String,
    first: Timestamp,
    count: u32,
}

/// Nodes of the cluster.
const NODES: usize = 200;
/// Events that may recur at one time: about those of an hour that are likely to.
const RECURRING: usize = 1500;

const APPS: &[(&str, &str)] = &[
    ("web", "nginx"),
    ("api", "server"),
    ("cart", "cart"),
    ("checkout", "app"),
    ("search", "indexer"),
    ("mail", "smtp"),
    ("billing", "worker"),
    ("auth", "keycloak"),
    ("feed", "consumer"),
    ("report", "java"),
];

impl Default for Generator {
    fn default() -> Self {
        Self::new(1, 1_000_000)
    }
}

impl Generator {
    /// So many events in 7 days from 2026-11-18, and a fiftieth as many Pods.
    pub fn new(seed: u64, events: u64) -> Self {
        let pods = usize::try_from(events / 50).unwrap_or(usize::MAX).clamp(20, 20_000);
        let cluster = Cluster { id: format!("cluster-{seed}"), name: format!("made-up-{seed}") };
        let mut generator = Self {
            seed,
            random: Random(seed),
            cluster: Arc::new(cluster),
            pods: Vec::new(),
            namespaces: 120,
            recurring: VecDeque::new(),
            begin: Timestamp::constant(1_794_960_000, 0),
            span: SignedDuration::from_hours(7 * 24),
            events,
            made: 0,
        };
        generator.pods = (0..pods).map(|number| generator.pod(number)).collect();
        generator
    }

    /// Begins at another time.
    #[must_use]
    pub fn with_begin(mut self, begin: Timestamp) -> Self {
        self.begin = begin;
        self
    }

    /// Spreads the events over another length of time.
    #[must_use]
    pub fn with_span(mut self, span: SignedDuration) -> Self {
        self.span = span;
        self
    }

    /// When the first event happens, and when the last one has happened.
    pub fn range(&self) -> crate::ask::Range {
        crate::ask::Range { from: self.begin, until: self.begin + self.span }
    }

    /// Spreads the Pods over another number of nodes.
    #[must_use]
    pub fn with_nodes(mut self, nodes: usize) -> Self {
        let mut random = Random(self.seed);
        for pod in &mut self.pods {
            pod.node = random.below(nodes.max(1));
        }
        self
    }

    /// Namespace, name and uid of the Pod of this number.
    pub fn pod_named(&self, number: usize) -> Option<(&str, &str, &str)> {
        self.pods.get(number).map(|pod| (&*pod.namespace, &*pod.name, &*pod.uid))
    }

    fn pod(&mut self, number: usize) -> Pod {
        // Ten Pods make a Deployment, and have everything but their own five letters in common.
        let mut shared = Random(self.seed ^ (number as u64 / 10).wrapping_mul(0x9e37_79b9));
        let (app, container) = APPS[shared.below(APPS.len())];
        // A few namespaces hold most of the Pods, as everywhere.
        let namespace = shared.below(self.namespaces).min(shared.below(self.namespaces));
        let (service, set) = (shared.below(40), shared.suffix(10));
        Pod {
            namespace: format!("team-{namespace}"),
            name: format!("{app}-{service}-{set}-{}", self.random.suffix(5)),
            uid: self.random.uid(),
            container,
            node: self.random.below(NODES),
        }
    }

    fn now(&self) -> Timestamp {
        let part = self.span.as_secs_f64() * self.made as f64 / self.events.max(1) as f64;
        self.begin + SignedDuration::from_secs_f64(part)
    }

    fn fresh(&mut self) -> Recurring {
        let total: usize = TEMPLATES.iter().map(|template| template.weight).sum();
        let mut ticket = self.random.below(total);
        let template = TEMPLATES
            .iter()
            .find(|template| {
                let hit = ticket < template.weight;
                ticket = ticket.saturating_sub(template.weight);
                hit
            })
            .unwrap_or(&TEMPLATES[0]);
        let number = self.random.below(self.pods.len());
        let pod = &self.pods[number];
        let mut message = template.message.to_owned();
        for (word, value) in [
            ("{ns}", pod.namespace.as_str()),
            ("{pod}", &pod.name),
            ("{uid}", &pod.uid),
            ("{container}", pod.container),
        ] {
            message = message.replace(word, value);
        }
        message = message.replace("{node}", &node(pod.node));
        while message.contains("{n}") {
            message = message.replacen("{n}", &(1 + self.random.below(250)).to_string(), 1);
        }
        Recurring { number: self.made, pod: number, template, message, first: self.now(), count: 1 }
    }

    fn document(&self, event: &Recurring, now: Timestamp) -> String {
        let pod = &self.pods[event.pod];
        let template = event.template;
        let host = node(pod.node);
        // The revision grows with each update, the uid stays with the Event.
        let (revision, number) = (1_000_000 + self.made, event.number);
        let (namespace, object) = if template.kind == "Node" {
            let object = format!(r#""kind":"Node","name":"{host}","uid":"{host}""#);
            ("default", object)
        } else {
            let object = format!(
                r#""kind":"Pod","namespace":"{}","name":"{}","uid":"{}","apiVersion":"v1","resourceVersion":"{}","fieldPath":"{}""#,
                pod.namespace,
                pod.name,
                pod.uid,
                900_000 + number,
                if template.container {
                    format!("spec.containers{{{}}}", pod.container)
                } else {
                    String::new()
                },
            );
            (pod.namespace.as_str(), object)
        };
        let name = if template.kind == "Node" { &host } else { &pod.name };
        let (first, last) = (second(event.first), second(now));
        let (uid, count) = (uid(number ^ 0x5eed), event.count);
        let Template { component, reason, level, .. } = template;
        let message = serde_json::Value::from(event.message.as_str());
        let fields = templates::FIELDS;
        [
            format!(
                r#"{{"kind":"Event","apiVersion":"v1","metadata":{{"name":"{name}.{number:016x}","#
            ),
            format!(r#""namespace":"{namespace}","uid":"{uid}","resourceVersion":"{revision}","#),
            format!(r#""creationTimestamp":"{first}","managedFields":[{{"manager":"{component}","#),
            format!(
                r#""operation":"Update","apiVersion":"v1","time":"{last}","fieldsType":"FieldsV1","#
            ),
            format!(
                r#""fieldsV1":{fields}}}]}},"involvedObject":{{{object}}},"reason":"{reason}","#
            ),
            format!(
                r#""message":{message},"source":{{"component":"{component}","host":"{host}"}},"#
            ),
            format!(r#""firstTimestamp":"{first}","lastTimestamp":"{last}","count":{count},"#),
            format!(r#""type":"{level}","eventTime":null,"reportingComponent":"{component}","#),
            format!(r#""reportingInstance":"{host}"}}"#),
        ]
        .concat()
    }
}

impl Iterator for Generator {
    type Item = Arc<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.made >= self.events {
            return None;
        }
        let now = self.now();
        let repeats = self.random.below(10) < 3 && !self.recurring.is_empty();
        let mut event = if repeats {
            let place = self.random.below(self.recurring.len());
            self.recurring.swap_remove_back(place)?
        } else {
            self.fresh()
        };
        if repeats {
            event.count += 1;
        }
        let document = self.document(&event, now);
        self.made += 1;
        if event.template.recurs {
            self.recurring.push_back(event);
            if self.recurring.len() > RECURRING {
                self.recurring.pop_front();
            }
        }
        let received = now + SignedDuration::from_millis(20);
        // What is rendered above is an Event; there is no other case.
        Event::from_kubernetes(&self.cluster, document.into(), received).ok().map(Arc::new)
    }
}

fn node(number: usize) -> String {
    format!("worker-{number:03}")
}

/// Kubernetes writes these times without a fraction.
fn second(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

fn uid(number: u64) -> String {
    Random(number).uid()
}

/// SplitMix64: small, and the same for ever, which a crate's generator does not promise.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap_or(0)
    }

    fn uid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    /// Letters as Kubernetes appends them to names.
    fn suffix(&mut self, length: usize) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..length).map(|_| char::from(LETTERS[self.below(LETTERS.len())])).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_events() {
        let text = |seed| {
            Generator::new(seed, 300).map(|event| event.text().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(text(7), text(7));
        assert_ne!(text(7), text(8));
    }

    #[test]
    fn shares_and_sizes_are_those_of_the_load() {
        let generator = Generator::new(1, 20_000);
        let range = generator.range();
        let (mut bytes, mut repeats, mut made, mut uids) = (0, 0, 0, HashSet::new());
        for event in generator {
            assert!(range.contains(event.time()), "{}", event.time());
            bytes += event.raw().len();
            repeats += usize::from(event.count() > 1);
            made += 1;
            uids.insert(event.uid().to_owned());
        }
        assert_eq!(made, 20_000);
        assert_eq!(uids.len(), made - repeats, "a repeat keeps its uid, a new Event has its own");
        assert!((5500..6500).contains(&repeats), "{repeats}");
        assert!((1500..1700).contains(&(bytes / made)), "{}", bytes / made);
    }
}
