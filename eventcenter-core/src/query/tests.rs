//! What statements mean, what is said of bad ones, and that printing and reading are inverse.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::event::{Cluster, Level};

fn event(document: &str) -> Event {
    let cluster = Arc::new(Cluster { id: "c-1".to_owned(), name: "prod".to_owned() });
    let now = jiff::Timestamp::UNIX_EPOCH;
    Event::from_kubernetes(&cluster, document.to_owned().into(), now).unwrap()
}

fn failed_pull() -> Event {
    event(
        r#"{"metadata":{"name":"web-0.17f3","namespace":"shop","uid":"e-1","resourceVersion":"7",
            "labels":{"team":"blue","app.kubernetes.io/name":"web"}},
            "type":"Warning","reason":"Failed","count":5,"source":{"component":"kubelet","host":"Worker-1"},
            "involvedObject":{"apiVersion":"v1","kind":"Pod","namespace":"shop","name":"web-0","uid":"p-1",
                "fieldPath":"spec.containers{web}"},
            "message":"Failed to pull image \"nginx:1.27*\": 拉取镜像失败, ErrImagePull"}"#,
    )
}

fn matches(statement: &str) -> bool {
    let query = Query::parse(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    query.matches(&failed_pull())
}

#[test]
fn a_statement_finds_what_it_says() {
    for statement in [
        "",
        " * ",
        "failed",
        "FAILED pull",
        "failed and pull",
        "\"failed to pull\"",
        "\"Failed, to: pull!\"",
        "web-0",
        "web",
        "fail*",
        "f?iled",
        "*magepul*",
        "nginx:1.27".replace("nginx:", "nginx-").as_str(),
        "\"nginx:1.27*\"",
        "镜像",
        "\"镜像失败\"",
        "拉取*",
        "message : \"pull image\"",
        "message : nginx:1.27",
        "message : *",
        "message:镜像",
        "level : warning or level : normal or level : error",
        "level >= Normal",
        "level : *",
        "reason : failed",
        "reason : F*d",
        "eventId.reason:Failed",
        "namespace : shop and kind : pod",
        "eventId.metadata.namespace : shop",
        "pod_name : web-0",
        "pod : shop/web-*",
        "pod_id : p-1",
        "uid : e-1 and uid : p-1",
        "hostname : worker-1",
        "node : \"Worker-1\"",
        "cluster : c-1 cluster : PROD",
        "workload : StatefulSet/web and workload : web",
        "labels.team : blue",
        "labels.app.kubernetes.io/name : web",
        "labels.team : *",
        "not labels.tier : *",
        "count : 5",
        "count >= 5 and count <= 5 and count = 5 and count > 4 and count < 6",
        "count in [5 5]",
        "count in (4 6)",
        "count in (4, 5]",
        "not count in (5 9]",
        "reason : nope or reason : failed and not kind : node",
        "not (reason : nope or kind : node)",
        "NOT reason : nope AND failed",
        "reason:Failed not kind:Node",
    ] {
        assert!(matches(statement), "{statement}");
    }
}

#[test]
fn a_statement_does_not_find_what_it_does_not_say() {
    for statement in [
        "fail",
        "\"to failed\"",
        "\"failed pull\"",
        "\"fail*\"",
        "web-1",
        "eb-0",
        "message : web-0",
        "message : \"web 0\"",
        "像镜",
        "reason : fail",
        "name : web",
        "name : \"web-*\"",
        "namespace : sho?p",
        "level : Normal",
        "level < Warning",
        "count in (5 9)",
        "count in [9 1]",
        "count < 0",
        "labels.tier : *",
        "labels.team : red",
        "action : *",
        "class : PodOOM",
        "cluster : p",
        "workload : Deployment/web",
        "not failed",
        "not not not failed",
        "reason : failed and kind : node or kind : node",
        "not (failed or nope)",
    ] {
        assert!(!matches(statement), "{statement}");
    }
}

#[test]
fn mistakes_are_told_with_their_column() {
    let deep = format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000));
    let nots = "not ".repeat(10_000) + "a";
    let many = "a ".repeat(1000);
    let long = "a".repeat(Query::MAX_BYTES + 1);
    for (statement, says) in [
        ("reson : x", "column 1: unknown key \"reson\"; did you mean `reason`?"),
        (
            "level : Error and podname : x",
            "column 19: unknown key \"podname\"; did you mean `pod_name`?",
        ),
        ("zzz : x", "column 1: unknown key \"zzz\""),
        ("labels. : x", "column 1: unknown key \"labels.\""),
        ("reason :", "column 9: expected a value after `:`"),
        ("reason : )", "column 10: expected a value after `:`"),
        ("reason : \"\"", "column 10: there is nothing in the quotes; write `not reason : *`"),
        ("\"abc", "column 1: the quote that begins here has no end"),
        ("(a or b", "column 8: expected `)`, for the `(` in column 1"),
        ("a)", "column 2: there is no `(` that this `)` would close"),
        ("a and", "column 6: expected a word, a key or `(` after `and`"),
        (
            "a or or b",
            "column 6: expected a word, a key or `(` after `or`; put the word in quotes to search for it",
        ),
        ("not", "column 4: expected a word, a key or `(` after `not`"),
        ("()", "column 2: expected a word, a key or `(` after `(`"),
        (
            "and a",
            "column 1: expected a word, a key or `(`; put the word in quotes to search for it",
        ),
        (": x", "column 1: expected a word, a key or `(`"),
        ("a ]", "column 3: expected a word, a key, `and`, `or` or `not`"),
        ("count > many", "column 9: expected a whole number, and not \"many\""),
        ("count : 1.5", "column 9: expected a whole number, and not \"1.5\""),
        ("count >", "column 8: expected a number"),
        ("count in [3", "column 12: expected two numbers, as in `[3 10]`"),
        ("count in [3 10", "column 15: expected `]` or `)` at the end of the range"),
        ("level : fatal", "column 9: there is no such level; there are Normal, Warning and Error"),
        ("level > Error", "column 9: there is no such level; there are Normal, Warning and Error"),
        (
            "name > 3",
            "column 1: `name` is text, which is compared by `:`; only count and level are more or less",
        ),
        ("a !!! b", "column 3: there is no letter and no digit in \"!!!\" to search for"),
        ("镜像 and \"---\"", "column 8: there is no letter and no digit in \"---\" to search for"),
        ("a | b", "column 3: a `|` has no place here; only one may follow the search"),
        (&deep, "column 66: this is nested more than 64 levels deep"),
        (&nots, "column 261: this is nested more than 64 levels deep"),
        (&many, "column 513: a statement has at most 256 terms"),
        (&long, "column 1: a statement has at most 65536 bytes"),
    ] {
        let error = Query::parse(statement).unwrap_err().to_string();
        let shown: String = statement.chars().take(60).collect();
        assert_eq!(error, says, "{shown}");
    }
}

#[test]
fn a_select_stands_behind_the_first_bar_outside_of_quotes() {
    let statement = Statement::parse("message : \"a|b\\\"|\" |  select '|' ").unwrap();
    assert_eq!(statement.query.to_string(), "message : \"a|b\\\"|\"");
    assert_eq!(statement.select, Some(Select { text: "select '|'".to_owned(), column: 23 }));
    assert_eq!(Statement::parse("* | ").unwrap_err().column, 5);
    assert_eq!(Statement::parse("| select 1").unwrap().query, Query::parse("").unwrap());
    assert_eq!(Statement::parse("a").unwrap().select, None);
}

#[test]
fn a_statement_is_narrowed_as_a_whole() {
    let either = Query::parse("reason : nope or failed").unwrap();
    assert!(either.and("kind : pod or kind : node").unwrap().matches(&failed_pull()));
    assert!(!either.and("kind : node").unwrap().matches(&failed_pull()));
    assert!(either.and("kind :").is_err());
}

#[test]
fn the_place_of_a_mistake_is_shown_without_control_characters() {
    let statement = format!("{} \u{1b}[31m : x", "a ".repeat(100));
    let shown = Query::parse(&statement).unwrap_err().explain(&statement);
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1].len(), 41, "{shown}");

    // A key in quotes is named in the message, too.
    for statement in ["\"labels.\u{1b}[2J\" > 3", "\"labels.\u{202e}\" : \"\"", "\"\u{9b}2J\" : x"]
    {
        let error = Query::parse(statement).unwrap_err();
        for shown in [error.to_string(), error.explain(statement).replace('\n', "")] {
            assert_eq!(crate::plain(&shown), shown, "{statement:?}");
        }
    }
}

#[test]
fn a_statement_is_read_from_a_configuration() {
    let query: Query = serde_json::from_str("\"level : Error\"").unwrap();
    assert_eq!(query, Query::parse("level : Error").unwrap());
    let error = serde_json::from_str::<Query>("\"level Error :\"").unwrap_err().to_string();
    assert!(error.starts_with("in the statement, column 7: unknown key \"Error\""), "{error}");
}

#[test]
fn the_tree_says_what_a_store_has_to_look_up() {
    let Node::And(parts) = Query::parse("Fail* web-0* reason : Back*").unwrap().tree().clone()
    else {
        panic!("three conditions are one `and`");
    };
    let Node::Words { words, .. } = &parts[0] else { panic!("{parts:?}") };
    assert_eq!((words[0].prefix(), words[0].is_prefix()), ("fail".to_owned(), true));
    let Node::Words { words, .. } = &parts[1] else { panic!("{parts:?}") };
    assert_eq!((words[0].as_exact(), words[1].is_prefix()), (Some("web"), true));
    let Node::Value { key: Key::Reason, value } = &parts[2] else { panic!("{parts:?}") };
    assert_eq!(
        (value.prefix(), value.as_exact(), value.is_any()),
        ("back".to_owned(), None, false)
    );
}

#[test]
fn the_lower_case_of_a_word_is_one_word() {
    for c in (0..=0x0010_ffff).filter_map(char::from_u32).filter(|c| c.is_alphanumeric()) {
        let text = format!("a{c}b");
        let folded = fold(&text);
        assert!(tokens(&folded).eq(tokens(&text).map(fold)), "{text} {folded}");
    }
}

#[test]
fn a_statement_of_all_levels_that_are_allowed_prints_as_one_that_is() {
    let deep = "(a or b ".repeat(Query::MAX_DEPTH) + "c" + &")".repeat(Query::MAX_DEPTH);
    let query = Query::parse(&deep).unwrap();
    let printed = query.tree().to_string();
    assert_eq!(Query::parse(&printed).unwrap().tree(), query.tree(), "{printed}");
}

fn value() -> impl Strategy<Value = ValuePattern> {
    prop_oneof![
        "[a-zA-Z0-9\"\\\\ :().中*|-]{1,8}".prop_map(|text| ValuePattern::literal(&text)),
        "[a-z0-9:中-]{0,4}[*?][a-z0-9中*?-]{0,4}".prop_map(|text| ValuePattern::new(&text)),
    ]
}

fn words() -> impl Strategy<Value = Vec<TokenPattern>> {
    let phrase =
        "[a-z0-9中文]{1,5}( [a-z0-9]{1,5}){0,2}".prop_map(|text| TokenPattern::of_phrase(&text));
    let word = "[a-z0-9中]{1,4}[*?][a-z0-9]{0,3}(-[a-z*]{1,4}){0,2}[a-z]"
        .prop_map(|text| TokenPattern::of_word(&text));
    prop_oneof![phrase, word]
}

fn node() -> impl Strategy<Value = Node> {
    let key = prop_oneof![
        Just(Key::Reason),
        Just(Key::Pod),
        Just(Key::Cluster),
        "[a-z ./\"é-]{1,6}".prop_map(Key::Label),
    ];
    let leaf = prop_oneof![
        Just(Node::All),
        words().prop_map(|words| Node::Words { field: Field::Any, words }),
        words().prop_map(|words| Node::Words { field: Field::Message, words }),
        (key, value()).prop_map(|(key, value)| Node::Value { key, value }),
        proptest::sample::subsequence(vec![Level::Normal, Level::Warning, Level::Error], 1..=3)
            .prop_map(Node::Level),
        (0..9_u64, 0..9_u64).prop_map(|(least, most)| Node::Count { least, most }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let several = |kind: fn(&Node) -> bool| {
            proptest::collection::vec(inner.clone().prop_filter("flat", move |n| !kind(n)), 2..4)
        };
        prop_oneof![
            inner.clone().prop_map(|node| Node::Not(Box::new(node))),
            several(|node| matches!(node, Node::And(_))).prop_map(Node::And),
            several(|node| matches!(node, Node::Or(_))).prop_map(Node::Or),
        ]
    })
}

proptest! {
    #[test]
    fn wildcards_agree_with_their_regular_expression(glob in "[aB中*?]{0,8}", text in "[ab中İ]{0,10}") {
        let regex: String = glob
            .chars()
            .map(|c| match c {
                '*' => ".*".to_owned(),
                '?' => ".".to_owned(),
                c => fold(&c.to_string()).into_owned(),
            })
            .collect();
        let regex = regex::Regex::new(&format!("^(?s:{regex})$")).unwrap();
        prop_assert_eq!(ValuePattern::new(&glob).matches(&text), regex.is_match(&fold(&text)));
    }

    #[test]
    fn what_is_printed_reads_back_as_the_same(node in node()) {
        let printed = node.to_string();
        let read = Query::parse(&printed);
        prop_assert!(read.is_ok(), "{}: {:?}", printed, read);
        let query = read.unwrap();
        prop_assert_eq!(query.tree(), &node, "{}", printed);
        prop_assert_eq!(query.matches(&failed_pull()), evaluate::matches(&node, &failed_pull()));
    }

    #[test]
    fn nothing_that_is_typed_breaks_the_reader(text in "\\PC{0,40}") {
        Statement::parse(&text).ok();
    }

    #[test]
    fn words_of_the_language_in_any_order_do_not_break_the_reader(
        words in proptest::collection::vec(
            prop_oneof![
                Just("("), Just(")"), Just("and"), Just("or"), Just("not"), Just(":"), Just("in"), Just("["),
                Just("]"), Just("\""), Just("count"), Just("3"), Just("reason"), Just("|"), Just(">="), Just("*"),
                Just("镜"), Just("\\"), Just("level"),
            ],
            0..30,
        )
    ) {
        let text = words.join(" ");
        if let Err(error) = Statement::parse(&text) {
            prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 1, "{}", text);
            error.explain(&text);
        }
    }

    #[test]
    fn a_text_is_found_by_any_run_of_its_own_words(text in "[a-zA-Z0-9 .,/中文é-]{0,40}[a-z中]", from in 0..5_usize) {
        let from = from % tokens(&text).count();
        let words: Vec<String> = tokens(&text).skip(from).take(3).map(|word| fold(word).into_owned()).collect();
        let document = serde_json::json!({ "metadata": { "uid": "u" }, "message": text }).to_string();
        let phrase = format!("message : \"{}\"", words.join(" "));
        prop_assert!(Query::parse(&phrase).unwrap().matches(&event(&document)), "{}", phrase);
    }
}
