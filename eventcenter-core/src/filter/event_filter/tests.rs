//! The compiled filter against tables, and against a naive one that does what the documentation says.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use regex::Regex;
use serde_json::{Value, json};

use super::*;
use crate::event::Cluster;

fn event(document: &Value) -> Event {
    let cluster = Arc::new(Cluster { id: "c".to_owned(), name: "c".to_owned() });
    let document = document.to_string().into();
    Event::from_kubernetes(&cluster, document, Timestamp::UNIX_EPOCH).unwrap()
}

fn filter(config: Value) -> EventFilter {
    EventFilter::compile(&serde_json::from_value(config).unwrap()).unwrap()
}

/// A Pod's event with everything in it.
fn pod() -> Event {
    event(&json!({
        "metadata": { "labels": { "team": "shop", "empty": "" }, "annotations": { "a.b/c": "1" } },
        "involvedObject": { "kind": "Pod", "namespace": "dev-1", "name": "web-0" },
        "type": "Warning", "reason": "FailedMount2", "message": "MountVolume.SetUp failed",
        "source": { "component": "kubelet", "host": "node-1" },
    }))
}

fn node() -> Event {
    event(&json!({
        "metadata": { "namespace": "default" },
        "involvedObject": { "kind": "Node", "name": "node-1" },
        "type": "Normal", "reason": "RegisteredNode",
    }))
}

#[test]
fn each_key_looks_at_its_field() {
    for (config, expected) in [
        (json!({ "level": "warning" }), true),
        (json!({ "level": "NORMAL" }), true),
        (json!({ "level": "Error" }), false),
        (json!({ "namespaces": "dev-*" }), true),
        (json!({ "namespaces": ["prod", "default"] }), false),
        (json!({ "kinds": ["Node", "Pod"] }), true),
        (json!({ "kinds": "/^pod$/i" }), true),
        (json!({ "names": "web-?" }), true),
        (json!({ "names": "web" }), false),
        (json!({ "reasons": ["/^Failed/", "BackOff"] }), true),
        (json!({ "reasons": "Failed" }), false),
        (json!({ "components": "kubelet" }), true),
        (json!({ "hosts": ["node-2", "node-1"] }), true),
        (json!({ "message": "SetUp" }), true),
        (json!({ "message": "setup" }), false),
        (json!({ "message": ["nope", "/setup/i"] }), true),
        (json!({ "message": "*failed" }), true),
        (json!({ "message": "*SetUp" }), false),
        (json!({ "query": "setup and not kind : node" }), true),
        (json!({ "query": "setup", "level": "Error" }), false),
        (json!({ "query": "nope" }), false),
        (json!({ "labels": { "team": ["shop", "pay"] } }), true),
        (json!({ "labels": { "team": "pay" } }), false),
        (json!({ "labels": { "empty": "*" } }), true),
        (json!({ "labels": { "absent": "*" } }), false),
        (json!({ "labels": { "team": "shop", "absent": "*" } }), false),
        (json!({ "annotations": { "a.b/c": "/^[0-9]$/" } }), true),
        (json!({ "kinds": "Pod", "reasons": "Pulled" }), false),
    ] {
        assert_eq!(filter(config.clone()).matches(&pod()), expected, "{config}");
    }
}

#[test]
fn objects_without_a_namespace_pass_a_namespace_filter_only_on_request() {
    for (config, expected) in [
        (json!({ "namespaces": "default" }), false),
        (json!({ "namespaces": "*" }), false),
        (json!({ "namespaces": "/^$/" }), false),
        (json!({ "namespaces": "kube-system", "cluster_scoped": false }), false),
        (json!({ "namespaces": "kube-system", "cluster_scoped": true }), true),
        (json!({ "namespaces": "kube-system", "cluster_scoped": true, "kinds": "Pod" }), false),
        (json!({ "kinds": "Node" }), true),
    ] {
        assert_eq!(filter(config.clone()).matches(&node()), expected, "{config}");
    }
}

#[test]
fn the_aggregators_prefix_is_no_part_of_the_message() {
    let event = event(&json!({ "message": "(combined from similar events): Back-off pulling" }));
    assert!(filter(json!({ "message": "/^Back-off/" })).matches(&event));
    assert!(filter(json!({ "message": "Back-off*" })).matches(&event));
    assert!(!filter(json!({ "message": "combined" })).matches(&event));
}

#[test]
fn a_filter_that_asks_nothing_or_cannot_match_is_refused() {
    let refused = |config: &FilterConfig| EventFilter::compile(config).unwrap_err().to_string();
    let mut config = FilterConfig::default();
    assert!(refused(&config).contains("an empty filter takes every event"));
    config.cluster_scoped = true;
    assert!(refused(&config).starts_with("cluster_scoped: "));
    config.cluster_scoped = false;
    config.kinds = Patterns::parse(["Node", "pod"]).unwrap();
    assert!(refused(&config).starts_with("kinds: \"pod\" would match nothing"));
    config.kinds = Patterns::default();
    config.labels.insert("team".to_owned(), Patterns::default());
    assert!(refused(&config).starts_with("labels.team: no pattern"));
}

#[test]
fn regular_expressions_that_are_too_large_together_are_refused() {
    let patterns: Vec<_> = (0..200).map(|n| format!("/{n}\\w{{9}}/")).collect();
    let patterns = Patterns::parse(patterns.iter().map(String::as_str)).unwrap();
    let config = FilterConfig { reasons: patterns, ..FilterConfig::default() };
    let error = EventFilter::compile(&config).unwrap_err();
    assert_eq!(
        error.to_string(),
        "reasons: the regular expressions of this key are too large together"
    );
}

/// What the documentation says, the slow way: from the written pattern on every test.
fn naive_pattern(pattern: &str, value: &str, contains: bool) -> bool {
    let whole = |regex: &str| Regex::new(&format!("^(?s:{regex})$")).unwrap().is_match(value);
    if let Some(regex) = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix("/i")) {
        Regex::new(&format!("(?i){regex}")).unwrap().is_match(value)
    } else if let Some(regex) = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        Regex::new(regex).unwrap().is_match(value)
    } else if pattern.contains(['*', '?']) {
        whole(&regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", "."))
    } else if contains {
        value.contains(pattern)
    } else {
        value == pattern
    }
}

fn naive(config: &Value, event: &Event) -> bool {
    let any = |patterns: &Value, value: &str, contains| match patterns {
        Value::String(pattern) => naive_pattern(pattern, value, contains),
        patterns => (patterns.as_array().unwrap().iter())
            .any(|pattern| naive_pattern(pattern.as_str().unwrap(), value, contains)),
    };
    config.as_object().unwrap().iter().all(|(key, wanted)| match &**key {
        "level" => event.level().as_str() == "Warning" || wanted == "normal",
        "namespaces" if event.object().namespace.is_empty() => config["cluster_scoped"] == true,
        "namespaces" => any(wanted, event.object().namespace, false),
        "kinds" => any(wanted, event.object().kind, false),
        "names" => any(wanted, event.object().name, false),
        "reasons" => any(wanted, event.reason(), false),
        "components" => any(wanted, event.component(), false),
        "hosts" => any(wanted, event.host(), false),
        "message" => any(wanted, event.message().trim_start_matches(COMBINED), true),
        "labels" => (wanted.as_object().unwrap().iter()).all(|(key, wanted)| {
            event.labels().any(|(name, value)| name == key && any(wanted, value, false))
        }),
        _ => true,
    })
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{1,2}", "[ab*?]{1,3}", "/\\^?[ab.]{1,2}\\$?/", "/[AB]{1,2}/i",]
}

fn patterns() -> impl Strategy<Value = Value> {
    prop_oneof![
        pattern().prop_map(Value::from),
        proptest::collection::vec(pattern(), 1..4).prop_map(Value::from),
    ]
}

fn config() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("namespaces"),
        Just("kinds"),
        Just("names"),
        Just("reasons"),
        Just("components"),
        Just("hosts"),
        Just("message"),
        Just("labels"),
        Just("level"),
    ];
    let words = proptest::collection::vec((key, patterns(), any::<bool>()), 1..4);
    words.prop_map(|words| {
        let mut config = json!({});
        for (key, patterns, flag) in words {
            config[key] = match key {
                "labels" => json!({ if flag { "a" } else { "b" }: patterns }),
                // A plain kind in lower case is refused.
                "kinds" => {
                    let star = |kind: &Value| format!("*{}", kind.as_str().unwrap()).into();
                    match &patterns {
                        Value::Array(kinds) => kinds.iter().map(star).collect(),
                        kind => star(kind),
                    }
                }
                "level" => if flag { "WARNING" } else { "normal" }.into(),
                _ => patterns,
            };
            if key == "namespaces" {
                config["cluster_scoped"] = flag.into();
            }
        }
        config
    })
}

fn document() -> impl Strategy<Value = Value> {
    let word = || "[ab]{0,3}";
    let warning = any::<bool>().prop_map(|yes| if yes { "Warning" } else { "Normal" });
    let message = (any::<bool>(), word())
        .prop_map(|(combined, text)| if combined { COMBINED.to_owned() + &text } else { text });
    let object = (word(), word(), word());
    let labels = proptest::collection::btree_map("[ab]", word(), 0..3);
    (object, warning, word(), message, word(), word(), labels).prop_map(
        |((kind, namespace, name), level, reason, message, component, host, labels)| {
            json!({
                "metadata": { "labels": labels },
                "involvedObject": { "kind": kind, "namespace": namespace, "name": name },
                "type": level, "reason": reason, "message": message,
                "source": { "component": component, "host": host },
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_compiled_filter_agrees_with_a_naive_one(config in config(), document in document()) {
        let event = event(&document);
        let expected = naive(&config, &event);
        prop_assert_eq!(filter(config).test(&event) == Verdict::Match, expected);
    }
}

#[test]
fn a_statement_that_finds_everything_is_refused() {
    for statement in ["", " ", "*"] {
        let config = serde_json::from_value(json!({ "query": statement, "kinds": "Pod" })).unwrap();
        let error = EventFilter::compile(&config).unwrap_err().to_string();
        assert!(error.starts_with("query: this statement finds every event"), "{error}");
    }
}
