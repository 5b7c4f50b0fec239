//! The commands of `event-center`, as a user types them: what they print, and how they end.

#![expect(clippy::unwrap_used, reason = "that is how a test fails")]

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A store of its own, which keeps everything for a century: the Events here have fixed times.
struct Center(TempDir);

impl Center {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = "store: { retention: { age: 36500d } }";
        std::fs::write(folder.path().join("config.yaml"), config).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.fed(arguments, "")
    }

    fn fed(&self, arguments: &[&str], input: &str) -> Output {
        let (config, state) = (self.path("config.yaml"), self.path("state"));
        let mut child = Command::new(env!("CARGO_BIN_EXE_event-center"))
            .args(["--config", &config, "--state-dir", &state])
            .args(arguments)
            .env_clear()
            .env("HOME", self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        match child.stdin.take().unwrap().write_all(input.as_bytes()) {
            // A command that reads nothing may have ended already: its exit code says how.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written.unwrap(),
        }
        child.wait_with_output().unwrap()
    }

    /// With the Events of [`list`] imported.
    fn filled() -> Self {
        let center = Self::new();
        let done = center.fed(&["import", "-", "--cluster", "prod"], &list().to_string());
        assert!(done.status.success(), "{}", err(&done));
        center
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn event(number: u32, level: &str, reason: &str, message: &str, minute: u32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": { "name": format!("web-0.{number}"), "namespace": "shop", "uid": format!("u{number}"),
            "resourceVersion": (100 + number).to_string() },
        "involvedObject": { "kind": "Pod", "namespace": "shop", "name": "web-0", "uid": "pod-1",
            "fieldPath": "spec.containers{app}" },
        "reason": reason, "message": message, "type": level, "count": 1,
        "firstTimestamp": format!("2026-11-25T01:{minute:02}:00Z"),
        "lastTimestamp": format!("2026-11-25T01:{minute:02}:00Z"),
        "source": { "component": "kubelet", "host": "node-1" },
    })
}

/// As `kubectl get events -A -o json` prints it; the message of one is a prank.
fn list() -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "" }, "items": [
        event(1, "Normal", "Pulled", "Successfully pulled image \"web:1\" in 2.5s (2.5s including waiting)", 0),
        event(2, "Normal", "Started", "Started container app", 1),
        event(3, "Warning", "BackOff", "\u{1b}]0;owned\u{7} 内存不足 \u{9b}2J, =1+1", 2),
    ] })
}

#[test]
fn a_list_of_kubectl_is_imported_once_however_often_it_is_given() {
    let center = Center::filled();
    let again = center.fed(&["import", "-", "--cluster", "prod"], &list().to_string());
    assert_eq!(out(&again), "3 events, of which 3 were known\n");
    let found = center.run(&["query", "*", "--since", "all", "--format", "ndjson"]);
    assert_eq!(out(&found).lines().count(), 3);
}

#[test]
fn what_one_store_prints_another_imports() {
    let center = Center::filled();
    let lines = out(&center.run(&["query", "*", "--since", "all", "--format", "ndjson"]));
    let other = Center::new();
    // With the last line of an export of the console.
    let end = json!({ "end": { "events": 3, "truncated": false, "gaps": [], "unread": [] } });
    let done = other.fed(&["import", "-"], &format!("{lines}{end}\n"));
    assert_eq!(out(&done), "3 events, of which 0 were known\n", "{}", err(&done));
    let again = other.run(&["query", "*", "--since", "all", "--format", "ndjson"]);
    let without_time = |text: &str| -> Vec<Value> {
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].take())
            .collect()
    };
    assert_eq!(without_time(&out(&again)), without_time(&lines));
}

#[test]
fn no_format_lets_an_order_through_to_the_terminal() {
    let center = Center::filled();
    for format in ["table", "ndjson", "csv"] {
        let found =
            center.run(&["query", "reason : BackOff", "--since", "all", "--format", format]);
        let text = out(&found);
        assert!(text.contains("内存不足"), "{text}");
        assert!(
            !text.contains(|c: char| c.is_control() && !"\r\n".contains(c)),
            "{format}: {text:?}"
        );
    }
    let told = out(&center.run(&["pod", "shop/web-0", "--since", "all"]));
    assert!(told.contains("内存不足"), "{told}");
    assert!(!told.contains(|c: char| c.is_control() && c != '\n'), "{told:?}");
}

#[test]
fn a_table_an_answer_of_sql_and_a_life_look_like_this() {
    let center = Center::filled();
    let found = center.run(&["query", "level : Normal", "--since", "all"]);
    insta::assert_snapshot!("table", out(&found));
    let sql = "* | select reason, count(1) as n from log group by reason order by reason";
    insta::assert_snapshot!(
        "select",
        out(&center.run(&["query", sql, "--since", "all", "--format", "csv"]))
    );
    insta::assert_snapshot!("life", out(&center.run(&["pod", "shop/web-0", "--since", "all"])));
}

#[test]
fn the_exit_code_says_whose_fault_it_is() {
    let center = Center::filled();
    let nowhere = Path::new("/nonexistent/config.yaml").display().to_string();
    for (arguments, code, says) in [
        (&["query", "reson : x"][..], 1, "reson : x\n^\nunknown key"),
        (&["query", "* | delete from log"], 1, "only SELECT"),
        (&["query", "*", "--since", "soon"], 1, "--since"),
        (&["pod", "shop/web-1", "--since", "all"], 1, "nothing happened to such a Pod"),
        (&["pod", "web-0"], 1, "NAMESPACE/NAME"),
        (&["--config", &nowhere, "query", "*"], 2, ""),
        (&["import", "-"], 1, "neither lines of events nor a list"),
    ] {
        let done = center.fed(arguments, "?");
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {}", err(&done));
        assert!(err(&done).contains(says), "{arguments:?}: {}", err(&done));
    }
}

#[test]
fn a_backup_answers_like_the_store() {
    let center = Center::filled();
    let copy = center.path("copy/store");
    std::fs::create_dir(center.path("copy")).unwrap();
    assert!(center.run(&["backup", &copy]).status.success());
    let ask = ["query", "*", "--since", "all", "--format", "csv"];
    let before = out(&center.run(&ask));
    let config = format!("store: {{ path: {copy}, retention: {{ age: 36500d }} }}");
    std::fs::write(center.path("config.yaml"), config).unwrap();
    assert_eq!(out(&center.run(&ask)), before);
}

#[test]
fn the_demo_needs_no_cluster_and_leaves_nothing_behind() {
    let center = Center::new();
    let sql = "class : PodOOM | select count(1) as n from log";
    let found = center.run(&["--demo", "query", sql, "--since", "7d", "--format", "csv"]);
    // The oldest two days end before it.
    assert_eq!(out(&found), "n\r\n3\r\n", "{}", err(&found));
    assert!(!Path::new(&center.path("state")).exists());
}

#[test]
fn a_limit_bounds_a_select_and_its_mistakes_are_shown_where_they_are() {
    let center = Center::filled();
    let select = "level : * | select name from log";
    let ask = ["query", select, "--since", "all", "--format", "csv", "--limit", "2"];
    let found = center.run(&ask);
    assert_eq!(out(&found), "name\r\nweb-0\r\nweb-0\r\n");
    assert!(err(&found).contains("more rows than 2"), "{}", err(&found));
    let wrong = center.run(&["query", "level : * | select nope"]);
    let mark = " ".repeat("level : * | select ".len());
    let told = format!("level : * | select nope\n{mark}^\nno such column: nope\n");
    assert_eq!((wrong.status.code(), err(&wrong)), (Some(1), told));
}

#[test]
fn what_is_recorded_says_so_where_people_read() {
    let center = Center::filled();
    let table = center.run(&["query", "*", "--since", "all"]);
    assert_eq!(err(&table), "recorded, not watched: prod\n");
    let lines = center.run(&["query", "*", "--since", "all", "--format", "ndjson"]);
    assert_eq!(err(&lines), "");
}
