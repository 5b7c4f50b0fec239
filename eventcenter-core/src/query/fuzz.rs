//! Statements that nobody would write, at the reader of statements.
//!
//! Each is made of the statements in `fuzz/corpus.txt` (one a line) by cutting, joining, doubling and spoiling
//! them. How long it runs, and what it prints, is said in [`fuzz`](crate::testing::fuzz). (Not a statement that exhausts
//! the stack: for that the seed has to do.)
//!
//! What must hold for every statement:
//!
//! - it is read or refused, without a panic and without exhausting the stack;
//! - a refusal names a column of it, or the one behind it, and is shown in three lines that are plain;
//! - what is read prints as a statement that reads back as the same tree, however it is nested;
//! - on every sample event it says the opposite of what `not (…)` of it says, and what it prints says the same.

use std::sync::Arc;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::{Node, Query, Statement};
use crate::event::{Cluster, Event};
use crate::plain;
use crate::testing::fuzz::fuzz_with;

const CORPUS: &str = include_str!("fuzz/corpus.txt");

/// What the grammar is made of, so that a change is more often a change of meaning than of a letter.
const PIECES: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    ":",
    "<",
    "<=",
    "=",
    ">=",
    ">",
    "|",
    "\"",
    "\\",
    "*",
    "?",
    ",",
    "-",
    " and ",
    " or ",
    " not ",
    " in ",
    " count ",
    " level ",
    " reason ",
    " message ",
    " labels.x ",
    " 3 ",
    " Warning ",
    "镜",
    "İ",
    "\u{0}",
    "\t",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{301}",
    "\u{3000}",
    "\u{10ffff}",
];

fn samples() -> Vec<Event> {
    let cluster = Arc::new(Cluster { id: "c-1".to_owned(), name: "prod".to_owned() });
    [
        r#"{"metadata":{"name":"web-0.17f3","namespace":"shop","uid":"e-1","labels":{"team":"blue"}},
            "type":"Warning","reason":"Failed","count":5,"source":{"component":"kubelet","host":"Worker-1"},
            "involvedObject":{"kind":"Pod","namespace":"shop","name":"web-0","uid":"p-1"},
            "message":"Failed to pull image \"nginx:1.27*\": 拉取镜像失败, İstanbul, out of memory"}"#,
        r#"{"metadata":{"uid":"e-2"},"type":"Normal","reason":"","message":"","involvedObject":{"kind":"Node"}}"#,
    ]
    .into_iter()
    .map(|document| {
        Event::from_kubernetes(&cluster, document.into(), jiff::Timestamp::UNIX_EPOCH).unwrap()
    })
    .collect()
}

/// A statement like those of the corpus, and unlike them.
fn statement(random: &mut StdRng, corpus: &[&str]) -> String {
    let pick = |random: &mut StdRng| -> Vec<char> {
        corpus.choose(random).map(|line| line.chars().collect()).unwrap_or_default()
    };
    let mut text = pick(random);
    for _ in 0..random.random_range(0..8) {
        let from = random.random_range(0..=text.len());
        let until = random.random_range(from..=text.len().min(from + 30));
        match random.random_range(0..7) {
            0 => drop(text.drain(from..until)),
            1 => {
                let piece = PIECES.choose(random).copied().unwrap_or_default();
                text.splice(from..from, piece.chars());
            }
            2 => {
                let piece = PIECES.choose(random).copied().unwrap_or_default();
                text.splice(from..until, piece.chars());
            }
            3 => {
                let other = pick(random);
                text.truncate(from);
                text.extend(other.iter().skip(random.random_range(0..=other.len())));
            }
            4 => {
                let part = text.get(from..until).unwrap_or_default().to_vec();
                let times = if random.random_ratio(1, 50) { 500 } else { 3 };
                text.splice(from..from, part.repeat(times));
            }
            5 => {
                text.insert(from, '(');
                text.push(')');
            }
            _ => text.insert(from, random.random()),
        }
    }
    text.into_iter().collect()
}

/// Whether it was read.
fn hold(text: &str, events: &[Event]) -> bool {
    let characters = text.chars().count();
    let query = match Statement::parse(text) {
        Ok(statement) => statement.query,
        Err(error) => {
            assert!((1..=characters + 1).contains(&error.column), "column {}", error.column);
            let explained = error.explain(text);
            let lines: Vec<&str> = explained.split('\n').collect();
            assert_eq!(lines.len(), 3, "{explained:?}");
            assert!(lines.iter().all(|line| plain(line) == *line), "{explained:?}");
            return false;
        }
    };
    let printed = query.tree().to_string();
    // Quotes and escapes may take it over the limit in bytes, and over no other.
    if printed.len() <= Query::MAX_BYTES {
        let read = Query::parse(&printed).unwrap_or_else(|error| panic!("{printed}: {error}"));
        assert_eq!(read.tree(), query.tree(), "{printed}");
        for event in events {
            assert_eq!(read.matches(event), query.matches(event), "{printed}");
        }
    }
    let opposite = match query.tree() {
        Node::All => return true,
        _ => format!("not ({query})"),
    };
    // One level of each may be one too many.
    if let Ok(opposite) = Query::parse(&opposite) {
        for event in events {
            assert_ne!(opposite.matches(event), query.matches(event), "{opposite}");
        }
    }
    true
}

#[test]
fn no_statement_breaks_the_reader_or_reads_back_as_another() {
    let corpus: Vec<&str> = CORPUS.lines().collect();
    let lines: Vec<&[u8]> = corpus.iter().map(|line| line.as_bytes()).collect();
    let events = samples();
    let made = |random: &mut StdRng| statement(random, &corpus).into_bytes();
    let usual = 20_000 + lines.len() as u64;
    let tried = fuzz_with(&lines, made, usual, |text| hold(str::from_utf8(text).unwrap(), &events));
    // A generator that makes nothing but nonsense, or nothing but sense, tests half.
    let (read, tried) = (tried.read, tried.inputs);
    assert!(read > tried / 10 && read < tried - tried / 10, "{read} of {tried} were read");
}
