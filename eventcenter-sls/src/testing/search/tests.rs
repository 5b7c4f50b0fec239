//! What statements find in one log, and which are none.

use serde_json::json;

use super::*;

fn index() -> Object {
    let tokens = json!([" ", ",", ":", "/", "\"", "{", "}"]);
    let index = json!({
        "line": { "token": tokens, "caseSensitive": false, "chn": true },
        "keys": {
            "level": { "type": "text", "token": [" "], "caseSensitive": true },
            "count": { "type": "long" },
            "eventId": { "type": "json", "token": tokens, "index_all": false,
                "json_keys": { "reason": { "type": "text" }, "count": { "type": "long" } } },
        },
    });
    index.as_object().unwrap().clone()
}

fn row() -> Row {
    let pairs = [
        ("level", "Warning"),
        ("count", "17"),
        ("message", "Back-off pulling image a/nginx:latest, 重启"),
        ("eventId", r#"{"reason":"BackOff","count":3,"other":"x"}"#),
        ("__topic__", "k8s"),
        ("__tag__:cluster", "c1"),
    ];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
}

fn matches(statement: &str) -> bool {
    let index = index();
    Search::new(statement, &index)
        .unwrap_or_else(|no| panic!("{statement}: {no:?}"))
        .matches(&row())
}

#[test]
fn a_statement_finds_what_it_says() {
    for yes in [
        "",
        "*",
        "warning",
        "nginx and pulling",
        "pulling latest nginx",
        "\"a/nginx:latest\"",
        "back-*",
        "ngin?",
        "重",
        "重启",
        "level: Warning",
        "level : \"Warning\"",
        "level: *",
        "not level: Error",
        "level: Error or count > 16",
        "count >= 17 and count <= 17",
        "count = 17",
        "count in [17 20]",
        "count in (10 17]",
        "not count in (17 20]",
        "not (level: Warning and nothing)",
        "nothing or level: Warning and nginx",
        "eventId.reason: backoff",
        "eventId.count > 2",
        "__topic__: k8s",
        "__tag__:cluster: c1",
    ] {
        // A tag's key has a colon, and is quoted.
        let statement = yes.replace("__tag__:cluster", "\"__tag__:cluster\"");
        assert!(matches(&statement), "{statement}");
    }
    for no in [
        "ngin",
        "nginx and error",
        "not warning",
        "level: warning",
        "level: Warn",
        "count > 17",
        "count in [10 17)",
        "message_that_is_not_there",
        "(nothing or level: Warning) and error",
        "eventId.reason: Back",
        "eventId.count > 3",
        "__topic__: k8",
    ] {
        assert!(!matches(no), "{no}");
    }
}

#[test]
fn what_is_no_statement_is_refused() {
    let index = index();
    for wrong in [
        "and",
        "not",
        "(a",
        "a)",
        "level:",
        "level: )",
        "count >",
        "count > many",
        "count in [1 2",
        "\"a",
        "* | select 1",
        "other: x",
        "eventId.other: x",
        ":",
        "]",
    ] {
        // `and` alone is a word that is searched for.
        let found = Search::new(wrong, &index).map(drop).map_err(|refusal| refusal.code);
        if wrong != "and" {
            assert_eq!(found, Err("ParameterInvalid".to_owned()), "{wrong}");
        }
    }
    let deep = "(".repeat(10_000);
    assert!(Search::new(&deep, &index).is_err());
    let deep = "not ".repeat(10_000) + "a";
    assert!(Search::new(&deep, &index).is_err());
}

#[test]
fn a_star_takes_as_much_as_it_must() {
    for (pattern, word, like) in [
        ("a*b*c", "aXbXbXc", true),
        ("a*b*c", "aXbX", false),
        ("*", "", true),
        ("?", "", false),
        ("a?c*", "abc", true),
        ("*a", "aaaa", true),
    ] {
        assert_eq!(super::like(pattern, word), like, "{pattern} {word}");
    }
}
