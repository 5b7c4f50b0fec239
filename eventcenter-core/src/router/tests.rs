//! Tables of routes, and the example of the documentation.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::Cluster;

fn event(level: &str, kind: &str, namespace: &str, reason: &str) -> Event {
    let cluster = Arc::new(Cluster { id: "c".to_owned(), name: "c".to_owned() });
    let document = json!({
        "involvedObject": { "kind": kind, "namespace": namespace },
        "type": level, "reason": reason,
    });
    let document = document.to_string().into();
    Event::from_kubernetes(&cluster, document, Timestamp::UNIX_EPOCH).unwrap()
}

fn compile(config: Value, sinks: &[&str]) -> Result<Router, String> {
    let config: RouteConfig = serde_json::from_value(config).map_err(|error| error.to_string())?;
    Router::compile(Some(&config), sinks).map_err(|error| error.to_string())
}

fn goes_to<'a>(router: &Router, sinks: &[&'a str], event: &Event) -> Vec<&'a str> {
    router.route(event).places().map(|place| sinks[place]).collect()
}

#[test]
fn without_routes_every_sink_takes_every_event() {
    let router = Router::compile(None, &["a", "b"]).unwrap();
    assert_eq!(router.route(&event("Normal", "Pod", "x", "R")), SinkSet::first(2));
}

#[test]
fn the_example_of_the_documentation_holds() {
    let sinks = ["archive", "chat", "pager", "shop-team", "rest"];
    let router = compile(
        json!({ "sinks": ["archive"], "routes": [
            { "match": { "reasons": "Pulled" }, "sinks": [] },
            { "match": { "level": "Warning" }, "sinks": ["chat"], "continue": true, "routes": [
                { "match": { "kinds": "Node" }, "sinks": ["pager"] },
            ] },
            { "match": { "namespaces": "shop" }, "sinks": ["shop-team"] },
            { "sinks": ["rest"] },
        ] }),
        &sinks,
    )
    .unwrap();
    for (event, expected) in [
        (event("Normal", "Pod", "shop", "Pulled"), vec!["archive"]),
        (event("Warning", "Node", "", "R"), vec!["archive", "chat", "pager", "rest"]),
        (event("Warning", "Pod", "shop", "R"), vec!["archive", "chat", "shop-team"]),
        (event("Normal", "Pod", "shop", "R"), vec!["archive", "shop-team"]),
        (event("Normal", "Pod", "x", "R"), vec!["archive", "rest"]),
    ] {
        assert_eq!(goes_to(&router, &sinks, &event), expected, "{event:?}");
    }
}

#[test]
fn exclude_wins_over_match_and_keeps_the_children_out() {
    let sinks = ["a", "b"];
    let router = compile(
        json!({
            "match": { "level": "Warning" }, "exclude": { "namespaces": "kube-system" },
            "sinks": ["a"], "routes": [{ "sinks": ["b"] }],
        }),
        &sinks,
    )
    .unwrap();
    let both = vec!["a", "b"];
    assert_eq!(goes_to(&router, &sinks, &event("Warning", "Pod", "x", "R")), both);
    assert!(router.route(&event("Warning", "Pod", "kube-system", "R")).is_empty());
    assert!(router.route(&event("Normal", "Pod", "x", "R")).is_empty());
    // A Node is in no namespace, so it is not excluded by one.
    assert_eq!(goes_to(&router, &sinks, &event("Warning", "Node", "", "R")), both);
}

#[test]
fn a_child_that_excludes_does_not_stop_its_siblings() {
    let sinks = ["a", "b"];
    let router = compile(
        json!({ "routes": [
            { "exclude": { "kinds": "Node" }, "sinks": ["a"] },
            { "sinks": ["b"] },
        ] }),
        &sinks,
    )
    .unwrap();
    assert_eq!(goes_to(&router, &sinks, &event("Normal", "Node", "", "R")), ["b"]);
    assert_eq!(goes_to(&router, &sinks, &event("Normal", "Pod", "", "R")), ["a"]);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_key() {
    for (config, expected) in [
        (json!({ "sinks": ["a", "c"] }), "routes.sinks[1]: no sink is called \"c\"; defined: a, b"),
        (json!({ "sinks": ["a"] }), "sinks[1].name: no route leads to the sink \"b\""),
        (json!({ "sinks": ["a", "b", "a"] }), "routes.sinks[2]: the sink \"a\" stands here twice"),
        (
            json!({ "sinks": ["a", "b"], "continue": true }),
            "routes.continue: the top route has no siblings to continue with",
        ),
        (
            json!({ "sinks": ["a"], "routes": [{ "match": { "kinds": "Pod" } }] }),
            "routes.routes[0]: the route has neither `sinks` nor `routes`; to drop what it takes write `sinks: []`",
        ),
        (
            json!({ "routes": [{ "sinks": ["a"] }, { "sinks": ["b"] }] }),
            "routes.routes[1]: no event gets here: the route before it has neither `match` nor `exclude` and takes \
             them all",
        ),
        (
            json!({ "sinks": ["a", "b"], "exclude": {} }),
            "routes.exclude: an empty filter takes every event; leave it out if that is meant",
        ),
    ] {
        assert_eq!(compile(config.clone(), &["a", "b"]).unwrap_err(), expected, "{config}");
    }
    assert_eq!(
        Router::compile(None, &["a", "a"]).unwrap_err().to_string(),
        "sinks[1].name: two sinks are called \"a\""
    );
    let many: Vec<_> = (0..65).map(|n| n.to_string()).collect();
    assert_eq!(
        Router::compile(None, &many).unwrap_err().to_string(),
        "sinks[64]: there are more than 64 sinks"
    );
}

#[test]
fn a_key_with_nothing_behind_it_is_no_key() {
    for key in ["match", "exclude", "sinks"] {
        assert!(compile(json!({ "sinks": ["a"], key: null }), &["a"]).is_err(), "{key}");
    }
}

/// A tree over sinks 0 to 3, as config and as what it means for events of reasons `a`, `b` and `c`.
fn tree() -> impl Strategy<Value = Value> {
    let node = |children: BoxedStrategy<Vec<Value>>| {
        let sinks = proptest::sample::subsequence(vec!["0", "1", "2", "3"], 0..3);
        let reasons = proptest::sample::subsequence(vec!["a", "b", "c"], 1..3);
        (sinks, reasons, any::<bool>(), children).prop_map(|(sinks, reasons, goes_on, routes)| {
            json!({
                "match": { "reasons": reasons }, "sinks": sinks, "continue": goes_on, "routes": routes,
            })
        })
    };
    node(Just(Vec::new()).boxed())
        .prop_recursive(3, 16, 4, move |inner| node(proptest::collection::vec(inner, 0..4).boxed()))
}

/// The rules of the documentation, word by word.
fn naive(route: &Value, reason: &str, sinks: &mut SinkSet) -> bool {
    if !route["match"]["reasons"].as_array().unwrap().contains(&reason.into()) {
        return false;
    }
    let places = route["sinks"].as_array().unwrap();
    places.iter().for_each(|name| sinks.insert(name.as_str().unwrap().parse().unwrap()));
    let mut stopped = false;
    for child in route["routes"].as_array().unwrap() {
        if !stopped && naive(child, reason, sinks) {
            stopped = child["continue"] == false;
        }
    }
    true
}

proptest! {
    #[test]
    fn the_tree_agrees_with_a_naive_one(routes in proptest::collection::vec(tree(), 0..4)) {
        let all = json!(["a", "b", "c"]);
        // A drain keeps every sink used; its reason is not asked about.
        let drain = json!({ "match": { "reasons": "z" }, "sinks": ["0", "1", "2", "3"] });
        let mut top = json!({ "match": { "reasons": all }, "sinks": [], "routes": routes });
        let naive_top = top.clone();
        top["routes"].as_array_mut().unwrap().push(drain);
        let router = compile(top, &["0", "1", "2", "3"]).unwrap();
        for reason in ["a", "b", "c", "d"] {
            let mut expected = SinkSet::EMPTY;
            naive(&naive_top, reason, &mut expected);
            prop_assert_eq!(router.route(&event("Normal", "Pod", "x", reason)), expected);
        }
    }
}
