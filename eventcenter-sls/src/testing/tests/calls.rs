//! What the double takes.

use super::*;

#[tokio::test]
async fn logs_that_are_put_are_kept_found_counted_and_pulled() {
    let double = double().await;
    let now = second(&double);
    let body = group([now - 2, now - 1]);
    assert_eq!(Spoken::put(body.clone()).send(&double).await.status, 200);
    let kinds =
        [(Compression::Lz4, "lz4"), (Compression::Zstd, "zstd"), (Compression::Deflate, "deflate")];
    for (kind, name) in kinds {
        assert_eq!(Spoken::compressed(&body, kind, name).send(&double).await.status, 200, "{name}");
    }
    let old = Spoken { target: "/logstores/k8s-event".to_owned(), ..Spoken::put(body) };
    assert_eq!(old.send(&double).await.status, 200);
    let kept = double.logs("k8s-log-c1", "k8s-event");
    assert_eq!(kept.len(), 10);
    assert_eq!((kept[1].get("n"), kept[1].topic.as_str()), (Some("1"), "k8s"));

    let query =
        json!({ "from": now - 10, "to": now + 1, "query": "warning", "line": 3, "offset": 8 });
    let found = Spoken::json("POST", "/logstores/k8s-event/logs", &query).send(&double).await;
    let found = found.json();
    assert_eq!(
        (&found["meta"]["count"], &found["meta"]["progress"]),
        (&json!(2), &json!("Complete"))
    );
    assert_eq!(found["data"][0]["__time__"], json!((now - 1).to_string()));

    let target = format!(
        "/logstores/k8s-event?type=histogram&from={}&to={}&query=&interval=1",
        now - 3,
        now
    );
    let parts = Spoken::new("GET", &target).send(&double).await.json();
    let counts: Vec<_> = parts.as_array().unwrap().iter().map(|part| &part["count"]).collect();
    assert_eq!(counts, [0, 5, 5]);

    let mut pulled = 0;
    for shard in 0..2 {
        let at = format!("/logstores/k8s-event/shards/{shard}");
        let cursor =
            Spoken::new("GET", &format!("{at}?type=cursor&from=begin")).send(&double).await;
        let mut cursor = cursor.json()["cursor"].as_str().unwrap().to_owned();
        loop {
            let target = format!("{at}?type=logs&count=1&cursor={}", cursor.replace('=', "%3D"));
            let spoken = Spoken::new("GET", &target).with("Accept-Encoding", "zstd, lz4");
            let part = spoken.send(&double).await;
            let next = part.header("x-log-cursor").unwrap().to_owned();
            if next == cursor {
                assert_eq!((part.header("x-log-count"), part.body.len()), (Some("0"), 0));
                break;
            }
            assert_eq!(part.header("x-log-compresstype"), Some("zstd"));
            pulled += 1;
            cursor = next;
        }
    }
    assert_eq!(pulled, 5);
}

#[tokio::test]
async fn what_is_made_is_there_and_unknown_fields_survive() {
    let double = Double::start().await;
    let missing = Spoken::new("GET", "/").send(&double).await;
    assert_eq!((missing.status, missing.code().as_str()), (404, "ProjectNotExist"));
    let project = json!({ "projectName": "k8s-log-c1", "description": "d", "unknown": [1] });
    assert_eq!(Spoken::json("POST", "/", &project).send(&double).await.status, 200);
    let again = Spoken::json("POST", "/", &project).send(&double).await;
    assert_eq!((again.status, again.code().as_str()), (400, "ProjectAlreadyExist"));
    assert_eq!(Spoken::new("GET", "/").send(&double).await.json()["unknown"], json!([1]));

    let logstore = json!({ "logstoreName": "k8s-event", "ttl": 90, "shardCount": 4, "unknown": 2 });
    assert_eq!(Spoken::json("POST", "/logstores", &logstore).send(&double).await.status, 200);
    let found = Spoken::new("GET", "/logstores/k8s-event").send(&double).await.json();
    assert_eq!((&found["unknown"], &found["shardCount"]), (&json!(2), &json!(4)));
    assert_eq!((&found["mode"], &found["enable_tracking"]), (&json!("standard"), &json!(false)));
    let shards = Spoken::new("GET", "/logstores/k8s-event/shards").send(&double).await.json();
    assert_eq!(shards[3]["exclusiveEndKey"], json!("f".repeat(32)));
    assert_eq!(shards[0]["exclusiveEndKey"], shards[1]["inclusiveBeginKey"]);

    let objects = [
        ("dashboards", "dashboardName", 404, "DashboardNotExist", "ParameterInvalid"),
        ("savedsearches", "savedsearchName", 404, "SavedSearchNotExist", "SavedSearchAlreadyExist"),
        ("jobs", "name", 404, "JobNotExist", "JobAlreadyExist"),
        ("configs", "configName", 404, "ConfigNotExist", "ConfigAlreadyExist"),
        ("machinegroups", "groupName", 404, "MachineGroupNotExist", "MachineGroupAlreadyExist"),
    ];
    for (kind, name, status, missing, existing) in objects {
        let (all, one) = (format!("/{kind}"), format!("/{kind}/a%20b"));
        let found = Spoken::new("GET", &one).send(&double).await;
        assert_eq!((found.status, found.code().as_str()), (status, missing), "{kind}");
        let object = json!({ name: "a b", "unknown": { "x": 1 } });
        assert_eq!(Spoken::json("POST", &all, &object).send(&double).await.status, 200, "{kind}");
        let again = Spoken::json("POST", &all, &object).send(&double).await;
        assert_eq!((again.status, again.code().as_str()), (400, existing), "{kind}");
        let changed = json!({ name: "a b", "unknown": { "x": 2 } });
        assert_eq!(Spoken::json("PUT", &one, &changed).send(&double).await.status, 200, "{kind}");
        let found = Spoken::new("GET", &one).send(&double).await.json();
        assert_eq!(found["unknown"]["x"], json!(2), "{kind}");
        assert_eq!(
            Spoken::new("GET", &all).send(&double).await.json()["total"],
            json!(1),
            "{kind}"
        );
        assert_eq!(Spoken::new("DELETE", &one).send(&double).await.status, 200, "{kind}");
        assert_eq!(double.object("k8s-log-c1", kind, "a b"), None);
    }
    assert_eq!(Spoken::new("DELETE", "/").send(&double).await.status, 200);
    assert_eq!(Spoken::new("GET", "/").send(&double).await.code(), "ProjectNotExist");
}

#[tokio::test]
async fn what_was_just_made_is_not_there_yet() {
    let double = Double::builder().lag(SignedDuration::from_secs(60)).start().await;
    double.create("k8s-log-c1", "k8s-event");
    let put = || Spoken::put(group([second(&double)]));
    assert_eq!(put().send(&double).await.code(), "LogStoreNotExist");
    double.clock_skew(SignedDuration::from_secs(61));
    assert_eq!(put().send(&double).await.status, 200);
}

#[tokio::test]
async fn things_go_wrong_as_they_are_told_to() {
    let double = double().await;
    let now = second(&double);
    let put = || Spoken::put(group([now]));
    double.fail_next(Fault::refuse(403, "WriteQuotaExceed", "Project write quota exceed"));
    double.fail_next(Fault::foreign(502, "<html>Tengine</html>"));
    double.fail_next(Fault::cut());
    double.fail_next(Fault::lose_answer().after(Duration::from_millis(1)));
    assert_eq!(put().send(&double).await.code(), "WriteQuotaExceed");
    let foreign = put().send(&double).await;
    assert_eq!((foreign.status, foreign.header("x-log-requestid")), (502, None));
    assert_eq!(put().send(&double).await.status, 0);
    assert!(double.logs("k8s-log-c1", "k8s-event").is_empty());
    assert_eq!(put().send(&double).await.status, 0);
    assert_eq!(double.logs("k8s-log-c1", "k8s-event").len(), 1, "an answer was lost, not the logs");
    double.fail_when(|exchange| {
        exchange.is_put().then(|| Fault::refuse(500, "InternalServerError", "try again"))
    });
    assert_eq!(put().send(&double).await.code(), "InternalServerError");
    assert_eq!(Spoken::new("GET", "/").send(&double).await.status, 200);
    double.heal();
    assert_eq!(put().send(&double).await.status, 200);
    let counters = double.counters();
    assert_eq!((counters.requests, counters.refused), (7, 3));
}

#[tokio::test]
async fn what_has_no_room_pushes_out_the_oldest() {
    let one = group([1_700_000_000]).len();
    let double = Double::builder().room(u64::try_from(one * 3).unwrap()).start().await;
    double.create("k8s-log-c1", "k8s-event");
    let now = second(&double);
    for n in 0..5 {
        assert_eq!(Spoken::put(group([now - n])).send(&double).await.status, 200);
    }
    let mut times: Vec<_> = double
        .logs("k8s-log-c1", "k8s-event")
        .iter()
        .map(|r| i64::from(r.log.time) - now)
        .collect();
    times.sort_unstable();
    assert_eq!((times, double.counters().dropped), (vec![-4, -3, -2], 2));
}

#[tokio::test]
async fn shards_are_shared_out_among_consumers() {
    let double = double().await;
    let at = "/logstores/k8s-event/consumergroups";
    let new = json!({ "consumerGroup": "g", "timeout": 30, "order": true });
    assert_eq!(Spoken::json("POST", at, &new).send(&double).await.status, 200);
    let beat = |name: &str, held: Value| {
        Spoken::json("POST", &format!("{at}/g?type=heartbeat&consumer={name}"), &held)
    };
    let refused = beat("a", json!([0])).send(&double).await;
    assert_eq!(refused.code(), "NotExistConsumerWithBody");
    assert_eq!(beat("a", json!([])).send(&double).await.json(), json!([0, 1]));
    assert_eq!(beat("a", json!([0, 1])).send(&double).await.json(), json!([0, 1]));
    assert_eq!(beat("b", json!([])).send(&double).await.json(), json!([]), "a still holds it");
    assert_eq!(beat("a", json!([0])).send(&double).await.json(), json!([0]));
    assert_eq!(beat("b", json!([])).send(&double).await.json(), json!([1]));
    let target = format!("{at}/g?type=checkpoint&consumer=b&forceSuccess=false");
    let position = json!({ "shard": 0, "checkpoint": "MA==" });
    let refused = Spoken::json("POST", &target, &position).send(&double).await;
    assert_eq!(refused.code(), "InvalidShardCheckPoint");
    // After its timeout a consumer is gone.
    double.clock_skew(SignedDuration::from_secs(31));
    assert_eq!(beat("b", json!([])).send(&double).await.json(), json!([0, 1]));
}
