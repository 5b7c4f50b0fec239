//! What a `SELECT` may say, and what it is refused.

use std::time::{Duration, Instant};

use eventcenter_core::query::Select;
use eventcenter_core::{FixedClock, Health, Query};
use serde_json::json;

use super::{ErrorKind, Result, Table, TableAsk, Value};
use crate::EventQuery;
use crate::ask::{Bounds, Range};
use crate::config::{RetentionConfig, StoreConfig};
use crate::read::tests::{deliver, store, time};
use crate::store::Store;
use crate::testing::Generator;
use std::sync::Arc;

/// A day of a small cluster, in two partitions.
async fn filled(folder: &std::path::Path) -> Store {
    let store = store(folder);
    let events = Generator::new(3, 2000)
        .with_begin(time("2026-11-24T12:00:00Z"))
        .with_span(jiff::SignedDuration::from_hours(24));
    deliver(&store, events.collect()).await;
    store
}

async fn asked(store: &Store, query: &str, range: Range, select: &str) -> Result<Table> {
    let query = Arc::new(Query::parse(query).unwrap());
    let bounds = Bounds { deadline: Duration::from_secs(2), rows: 100 };
    let ask =
        TableAsk { query, range, select: Select { text: select.to_owned(), column: 1 }, bounds };
    store.table(&ask).await.map(|answer| answer.value)
}

async fn rows(store: &Store, query: &str, select: &str) -> Vec<Vec<Value>> {
    asked(store, query, Range::ALL, select).await.expect(select).rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_of_sls_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    let sum = rows(&store, "*", "select sum(occurrences)").await[0][0].clone();
    assert_eq!(sum, json!(2000));
    let half = Range { from: time("2026-11-24T12:00:00Z"), until: time("2026-11-25T00:00:00Z") };
    let some = asked(&store, "*", half, "select sum(rise) from occurrences").await.unwrap();
    assert_eq!(some.rows[0][0], json!(1000));
    let other = asked(&store, "*", half, "select sum(occurrences) from log").await.unwrap();
    assert_eq!(some.rows, other.rows);
    let by_reason = rows(
        &store,
        "level : Error",
        r#"select "eventId.reason" as reason, level, sum(occurrences) as c, max_by(message, __time__)
           group by 1, 2 order by c desc limit 1"#,
    )
    .await;
    assert_eq!(by_reason[0][..2], [json!("BackOff"), json!("Error")]);
    assert!(by_reason[0][3].as_str().unwrap().starts_with("Back-off restarting"), "{by_reason:?}");
    let hours = rows(
        &store,
        "reason : Started",
        "select time_series(__time__, '1h', '%H:%i', '0') as t, count_if(count > 1), approx_distinct(pod_name)
         group by t order by t",
    )
    .await;
    assert!((20..=24).contains(&hours.len()), "{}", hours.len());
    assert_eq!(hours[0][0], json!("00:00"));
    let with = "with a as (select name from log), b as (select * from a) select count(*), (select count(*) from log) from b";
    let counted = rows(&store, "reason : Started", with).await;
    assert!(counted[0][0].as_i64() > Some(20) && counted[0][0] == counted[0][1], "{counted:?}");
    let oom = rows(&store, "class : PodOOM", "select pod_name, pod, hostname, node limit 1").await;
    assert!(oom[0][0].is_string() && oom[0][0] == oom[0][1] && oom[0][2] == oom[0][3], "{oom:?}");
    assert_eq!(rows(&store, "nothinglikethis", "select * from log").await.len(), 0);
    let nowhere = Range { from: time("2020-01-01T00:00:00Z"), until: time("2020-01-02T00:00:00Z") };
    let none = asked(&store, "*", nowhere, "select count(1), max(message)").await.unwrap();
    assert_eq!(none.rows, [[json!(0), Value::Null]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_beyond_the_bound_are_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    let all = asked(&store, "*", Range::ALL, "select name from log").await.unwrap();
    assert_eq!((all.rows.len(), all.truncated), (100, true));
    let few = asked(&store, "*", Range::ALL, "select name from log limit 100").await.unwrap();
    assert!(!few.truncated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_told_with_its_column() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    for (select, words) in [
        ("select nope where 1", "sql: no such column: nope (column=8)"),
        (
            "select \"nope\"",
            "sql: no such column: \"nope\" - should this be a string literal in single-quotes? (column=8)",
        ),
        ("select 1 where nope", "sql: no such column: nope (column=16)"),
        ("select count( group by 1", "sql: near \"group\": syntax error (column=15)"),
    ] {
        let error = asked(&store, "*", Range::ALL, select).await.expect_err(select);
        assert_eq!((error.to_string().as_str(), error.kind()), (words, ErrorKind::Refused));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hostile_ends_soon_and_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    let cross = format!("select count(*) from log a{}", ", log b, log c, log d");
    let deep = format!("select {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let wide = format!("select {}", vec!["1"; 2000].join(","));
    let joined = format!("select 1 {}", "union all select 1 ".repeat(500));
    let hostile = [
        "insert into log values (1)",
        "delete from log",
        "drop view log",
        "pragma user_version",
        "attach '/tmp/x.db' as x",
        "select 1; drop view log",
        "with x as (select 1) delete from log",
        "with x as (select 1) insert into p0.events select * from x",
        "select * from sqlite_master",
        "select * from sqlite_temp_master",
        "select * from temp.sqlite_temp_schema",
        "select * from pragma_table_list",
        "select * from pragma_database_list",
        "select * from dbstat",
        "select count(*) from sqlite_master",
        "select count(*) from sqlite_schema",
        "select count(*) from sqlite_temp_master",
        "select count(*) from dbstat",
        "select count(*) from pragma_table_list",
        "select count(*) from events",
        "select count(*) from Words",
        "select count(*) from p0.events",
        "select count(*) from p1.documents",
        "select count(*) from m0",
        "select count(*) from found_data",
        "with log as (select * from log), events as (select 1) select count(*) from p0.events",
        "select * from events",
        "select * from p0.events",
        "select * from p0.occurrences",
        "select * from temp.m0",
        "with log as (select * from p0.events) select * from log",
        "with occurrences as (select document from events) select * from occurrences",
        "select load_extension('x')",
        "select readfile('/etc/passwd')",
        "select writefile('/tmp/x', 'x')",
        "select fts3_tokenizer('x')",
        "select randomblob(1000000000)",
        "select zeroblob(1000000000)",
        "select eventcenter_field('document', 0, 0, x'00')",
        "select printf('%1000000000d', 1)",
        "select replace(printf('%900000d', 1), ' ', printf('%900000d', 1))",
        "with recursive x(n) as (select 1 union all select n + 1 from x) select count(*) from x",
        "with recursive x(t) as (select 'x' union all select t || t from x) select max(length(t)) from x",
        "explain select 1",
        "select 1 from found where found match 'x'",
        &cross,
        &deep,
        &wide,
        &joined,
    ];
    for select in hostile {
        let begun = Instant::now();
        let shown: String = select.chars().take(80).collect();
        let error = asked(&store, "reason : *", Range::ALL, select).await.expect_err(&shown);
        let kinds = [ErrorKind::Refused, ErrorKind::Timeout, ErrorKind::TooLarge];
        assert!(kinds.contains(&error.kind()), "{shown}: {error:?}");
        assert!(!error.to_string().contains("log_"), "a name that is nobody's business: {error}");
        // The deadline is 2 s: that it ends at all is what matters.
        assert!(begun.elapsed() < Duration::from_secs(30), "{shown}");
    }
    assert_eq!(rows(&store, "*", "select sum(occurrences)").await[0][0], json!(2000));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_statement_spans_more_than_ten_partitions() {
    let folder = tempfile::tempdir().unwrap();
    let days = |events, begin, days: i64| {
        let span = jiff::SignedDuration::from_hours(24 * days);
        Generator::new(events, events).with_begin(time(begin)).with_span(span).collect()
    };
    deliver(&store(folder.path()), days(700, "2026-11-18T00:00:00Z", 10)).await;
    // From now on everything is kept for a year, and a partition is longer.
    let age = eventcenter_core::config::HumanDuration::from_secs(365 * 86_400);
    let config =
        StoreConfig { retention: RetentionConfig { age, bytes: None }, ..StoreConfig::default() };
    let clock = Arc::new(FixedClock::new(time("2026-11-27T00:00:00Z")));
    let store = Store::open_with(folder.path(), &config, clock, &Health::new()).unwrap();
    deliver(&store, days(300, "2026-06-01T00:00:00Z", 120)).await;
    assert!(store.shared().partitions().len() > 10, "{:?}", store.shared().partitions());
    assert_eq!(rows(&store, "*", "select sum(occurrences)").await, [[json!(1000)]]);
    assert_eq!(rows(&store, "reason : *", "select sum(occurrences)").await, [[json!(1000)]]);
}
