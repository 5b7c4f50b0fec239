//! Queries, shards and pulling, against a server that says what it is told to.

use serde_json::{Value, json};

use super::*;
use crate::client::scripted::{Server, answer, failure, ok};
use crate::wire::{Log, LogGroup};
use crate::{Code, ErrorKind};

fn page(progress: &str, count: usize) -> Vec<u8> {
    let logs: Vec<_> = (0..count).map(|at| json!({ "__time__": at.to_string() })).collect();
    let meta = json!({
        "progress": progress, "count": count, "hasSQL": false, "whereQuery": "level: Warning",
        "processedRows": 12, "elapsedMillisecond": 3, "telementryType": "None",
    });
    ok(&json!({ "meta": meta, "data": logs }).to_string())
}

fn asked(server: &Server, at: usize) -> Value {
    serde_json::from_slice(&server.requests()[at].body).unwrap()
}

#[tokio::test]
async fn a_question_is_asked_until_the_answer_is_complete() {
    let server = Server::start([page("Incomplete", 1), page("Complete", 3)]).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    let query = Query::new(1_700_000_000, 1_700_003_600).statement("level: Warning").topic("t");
    let logs = store.query(&query).await.unwrap();
    assert_eq!((logs.data.len(), logs.meta.is_complete()), (3, true));
    assert_eq!((logs.meta.processed_rows, logs.meta.where_query.as_str()), (12, "level: Warning"));
    assert_eq!(logs.meta.other["telementryType"], "None");
    assert_eq!(server.requests().len(), 2);
    assert_eq!(server.requests()[0].line, "POST /logstores/s/logs HTTP/1.1");
    let expected = json!({
        "from": 1_700_000_000, "to": 1_700_003_600, "query": "level: Warning", "topic": "t",
        "line": 100, "offset": 0, "reverse": true, "powerSql": false,
    });
    assert_eq!(asked(&server, 1), expected);
}

#[tokio::test]
async fn a_search_turns_its_pages_until_one_is_not_full() {
    let answers = [page("Complete", 2), page("Complete", 2), page("Complete", 1)];
    let server = Server::start(answers).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    let mut pages = store.search(Query::new(0, 1).lines(2).oldest_first());
    let mut counts = Vec::new();
    while let Some(page) = pages.next().await.unwrap() {
        counts.push(page.data.len());
    }
    assert_eq!(counts, [2, 2, 1]);
    assert_eq!(pages.next().await.unwrap(), None);
    let offsets: Vec<_> = (0..3).map(|at| asked(&server, at)["offset"].clone()).collect();
    assert_eq!(offsets, [0, 2, 4]);
}

#[test]
fn what_is_asked_for_may_say_more() {
    let mut query = Query::new(0, 1);
    query.other.insert("session".to_owned(), "mode=scan".into());
    assert_eq!(serde_json::to_value(&query).unwrap()["session"], "mode=scan");
}

#[tokio::test]
async fn a_search_for_packs_has_pages_and_what_looks_like_a_quote_hides_no_sql() {
    let answers = [page("Complete", 2), page("Complete", 1), page("Complete", 2)];
    let server = Server::start(answers).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    let mut pages =
        store.search(Query::new(0, 1).lines(2).statement("level: Warning|with_pack_meta"));
    while pages.next().await.unwrap().is_some() {}
    store.query(&Query::new(0, 1).lines(2).statement("it's | select 1")).await.unwrap();
    let of = |asked: Value| ["line", "offset", "reverse"].map(|name| asked[name].clone());
    assert_eq!(of(asked(&server, 0)), [json!(2), json!(0), json!(true)]);
    assert_eq!(of(asked(&server, 1)), [json!(2), json!(2), json!(true)]);
    assert_eq!(of(asked(&server, 2)), [json!(0), json!(0), json!(false)]);
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn sql_is_asked_once_and_without_an_offset() {
    let server = Server::start([page("Complete", 100)]).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    let mut pages = store.search(Query::new(0, 1).statement("* | select 1"));
    assert_eq!(pages.next().await.unwrap().unwrap().data.len(), 100);
    assert_eq!(pages.next().await.unwrap(), None);
    let asked = asked(&server, 0);
    assert_eq!((&asked["line"], &asked["offset"]), (&json!(0), &json!(0)));
}

#[test]
fn sql_is_what_stands_behind_a_pipe_that_is_not_quoted() {
    for (statement, sql) in [
        ("", false),
        ("level: Warning", false),
        ("* | select count(1)", true),
        (r#"message: "a | b""#, false),
        (r#"message: "a \" | b""#, false),
        (r#"message: "a \\" | select 1"#, true),
        ("message: it's | select 1", true),
        ("message: 'a | b'", true),
        ("*|with_pack_meta", false),
        (r#"message: "a | b" |  With_Pack_Meta "#, false),
        ("* | with_pack_metas", true),
        ("* | with t as (select 1) select * from t", true),
    ] {
        assert_eq!(Query::new(0, 1).statement(statement).has_sql(), sql, "{statement}");
    }
}

#[tokio::test]
async fn a_mistake_in_sql_is_told() {
    let server = Server::start([failure(400, "ParameterInvalid", "")]).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    let error = store.query(&Query::new(0, 1).statement("* | selec")).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::ParameterInvalid));
}

#[tokio::test]
async fn counts_are_asked_for_without_the_logs() {
    let bucket = |progress: &str| {
        ok(&json!([{ "from": 0, "to": 60, "count": 5, "progress": progress }]).to_string())
    };
    let server = Server::start([bucket("Incomplete"), bucket("Complete")]).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    let query = Query::new(0, 60).statement("a b");
    let buckets = store.histogram(&query, 60).await.unwrap();
    assert_eq!((buckets.len(), buckets[0].count), (1, 5));
    let line =
        "GET /logstores/s?type=histogram&from=0&to=60&topic=&query=a%20b&interval=60 HTTP/1.1";
    assert_eq!(server.requests()[1].line, line);
}

#[tokio::test]
async fn the_logs_around_one_are_found_by_its_pack() {
    let context = json!({
        "progress": "Complete", "total_lines": 3, "back_lines": 1, "forward_lines": 1,
        "logs": [{ "__index_number__": "-1" }, { "__index_number__": "0" }, { "__index_number__": "1" }],
    });
    let server = Server::start([ok(&context.to_string())]).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    let context = store.context("0123456789ABCDEF-0", "0|MTU=|1|0", 1, 1).await.unwrap();
    assert_eq!((context.total_lines, context.logs.len()), (3, 3));
    let line = "GET /logstores/s?type=context_log&pack_id=0123456789ABCDEF-0&pack_meta=0%7CMTU%3D%7C1%7C0&back_lines=1&forward_lines=1 HTTP/1.1";
    assert_eq!(server.requests()[0].line, line);
}

#[tokio::test]
async fn shards_are_listed_split_and_merged() {
    let shards = json!([
        { "shardID": 0, "status": "readwrite", "inclusiveBeginKey": "00", "exclusiveEndKey": "ff", "createTime": 1 },
        { "shardID": 1, "status": "readonly", "inclusiveBeginKey": "00", "exclusiveEndKey": "ff", "createTime": 1 },
    ])
    .to_string();
    let server = Server::start([ok(&shards), ok(&shards), ok(&shards)]).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    let found = store.shards().await.unwrap();
    assert_eq!(found.iter().map(Shard::is_writable).collect::<Vec<_>>(), [true, false]);
    store.split_shard(0, Some("80")).await.unwrap();
    store.merge_shard(0).await.unwrap();
    let lines: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
    assert_eq!(
        lines,
        [
            "GET /logstores/s/shards HTTP/1.1",
            "POST /logstores/s/shards/0?action=split&key=80 HTTP/1.1",
            "POST /logstores/s/shards/0?action=merge HTTP/1.1",
        ]
    );
}

fn list(groups: &[LogGroup<'_>]) -> Vec<u8> {
    let mut list = Vec::new();
    for group in groups {
        let group = group.encode();
        // The length of these fits into one byte.
        list.extend([0x0a, u8::try_from(group.len()).unwrap()]);
        list.extend(group);
    }
    list
}

#[tokio::test]
async fn a_shard_is_read_to_its_end() {
    let groups = [
        LogGroup::new().topic("a").log(Log::new(1).with("k", "v")),
        LogGroup::new().topic("b").log(Log::new(2)),
    ];
    let pulled = |next: u64, groups: &[LogGroup<'_>]| {
        let raw = list(groups);
        let compression = crate::Compression::default();
        let body = compression.compress(&raw).unwrap();
        let packed = compression.name().map(|name| format!("x-log-compresstype: {name}\r\n"));
        let headers = format!(
            "x-log-requestid: 1\r\nx-log-cursor: {}\r\nx-log-read-last-cursor: {}\r\nx-log-count: {}\r\nx-log-bodyrawsize: {}\r\n{}",
            Cursor::of(next),
            next - 1,
            groups.len(),
            raw.len(),
            packed.unwrap_or_default(),
        );
        answer(200, &headers, if raw.is_empty() { b"" } else { &body })
    };
    let cursor = json!({ "cursor": Cursor::of(7).as_str() }).to_string();
    let server = Server::start([ok(&cursor), pulled(9, &groups), pulled(9, &[])]).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    let mut pull = Pull::new(store.cursor(3, From::Begin).await.unwrap());
    pull.query = Some("* | where level = 'Warning'".to_owned());
    let first = store.pull(3, &pull).await.unwrap();
    assert_eq!((&first.groups[..], first.at_end), (&groups[..], false));
    assert_eq!(first.last, Some(Cursor::of(8)));
    pull.cursor = first.next;
    let second = store.pull(3, &pull).await.unwrap();
    assert_eq!((second.groups.len(), second.at_end), (0, true));
    let requests = server.requests();
    assert_eq!(requests[0].line, "GET /logstores/s/shards/3?type=cursor&from=begin HTTP/1.1");
    let line = "GET /logstores/s/shards/3?type=logs&cursor=Nw%3D%3D&count=100&query=%2A%20%7C%20where%20level%20%3D%20%27Warning%27&pullMode=scan_on_stream HTTP/1.1";
    assert_eq!(requests[1].line, line);
    assert_eq!(requests[1].header("accept"), "application/x-protobuf");
}

#[tokio::test]
async fn a_pull_that_cannot_be_read_is_said() {
    let cut = answer(200, "x-log-requestid: 1\r\nx-log-cursor: Nw==\r\n", &[0x0a, 0x05]);
    let server = Server::start([cut, ok("")]).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    for _ in 0..2 {
        let error = store.pull(0, &Pull::new(Cursor::of(1))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
}

#[tokio::test]
async fn a_pull_of_more_than_was_asked_for_is_said() {
    let two = || answer(200, "x-log-requestid: 1\r\nx-log-cursor: Nw==\r\n", &[0x0a, 0, 0x0a, 0]);
    let server = Server::start([two(), two()]).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    let mut pull = Pull::new(Cursor::of(1));
    pull.count = 2;
    assert_eq!(store.pull(0, &pull).await.unwrap().groups.len(), 2);
    pull.count = 1;
    let error = store.pull(0, &pull).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[test]
fn cursors_are_numbers() {
    for (number, text) in [
        (1_729_070_618_428_044_655, "MTcyOTA3MDYxODQyODA0NDY1NQ=="),
        (1_729_070_618_428_044_654, "MTcyOTA3MDYxODQyODA0NDY1NA=="),
        (1_729_070_618_428_044_653, "MTcyOTA3MDYxODQyODA0NDY1Mw=="),
        (0, "MA=="),
    ] {
        assert_eq!(Cursor::of(number).as_str(), text);
        assert_eq!(Cursor::new(text).number(), Some(number));
    }
    assert_eq!(Cursor::new("no number").number(), None);
}
