//! Each step against a server that says what it is told to.

use serde_json::json;

use super::*;
use crate::client::scripted::{Received, Server, failure, ok};
use crate::dashboard::Dashboard;
use crate::index::{Index, Key};
use crate::logstore::LogstoreSettings;
use crate::saved_search::SavedSearch;

fn lines(server: &Server) -> Vec<String> {
    let line = |request: Received| request.line.trim_end_matches(" HTTP/1.1").to_owned();
    server.requests().into_iter().map(line).collect()
}

fn body(server: &Server, at: usize) -> Value {
    serde_json::from_slice(&server.requests()[at].body).unwrap()
}

fn k8s_event() -> LogstoreSettings {
    LogstoreSettings::new("k8s-event", 90)
}

#[tokio::test]
async fn what_is_not_there_is_made() {
    let server = Server::start([failure(404, "LogStoreNotExist", ""), ok("")]).await;
    let stores = server.client().build().unwrap().project("p").logstores();
    assert_eq!(stores.ensure(&k8s_event()).await.unwrap(), Ensured::Created);
    assert_eq!(lines(&server), ["GET /logstores/k8s-event", "POST /logstores"]);
    let made = json!({
        "logstoreName": "k8s-event", "ttl": 90,
        "shardCount": 2, "autoSplit": true, "maxSplitShard": 64,
    });
    assert_eq!(body(&server, 1), made);
}

#[tokio::test]
async fn what_differs_is_changed_and_what_is_not_mentioned_stays() {
    let found = json!({
        "logstoreName": "k8s-event", "ttl": 30, "shardCount": 4, "autoSplit": true,
        "maxSplitShard": 64, "createTime": 1, "lastModifyTime": 2, "productType": "",
        "hot_ttl": 7, "fromTheFuture": { "a": 1 },
    });
    let server = Server::start([ok(&found.to_string()), ok("")]).await;
    let stores = server.client().build().unwrap().project("p").logstores();
    assert_eq!(stores.ensure(&k8s_event()).await.unwrap(), Ensured::Updated);
    assert_eq!(lines(&server), ["GET /logstores/k8s-event", "PUT /logstores/k8s-event"]);
    let changed = json!({
        "logstoreName": "k8s-event", "ttl": 90, "autoSplit": true, "maxSplitShard": 64,
        "hot_ttl": 7, "fromTheFuture": { "a": 1 },
    });
    assert_eq!(body(&server, 1), changed);
}

#[tokio::test]
async fn what_is_as_it_should_be_is_left_alone() {
    // The number of shards cannot be changed, so another one is no difference.
    let found = json!({
        "logstoreName": "k8s-event", "ttl": 90, "shardCount": 4, "autoSplit": true,
        "maxSplitShard": 64, "createTime": 1,
    });
    let server = Server::start([ok(&found.to_string())]).await;
    let stores = server.client().build().unwrap().project("p").logstores();
    assert_eq!(stores.ensure(&k8s_event()).await.unwrap(), Ensured::Unchanged);
}

#[tokio::test]
async fn who_comes_second_finds_what_the_first_made() {
    let found = json!({ "savedsearchName": "w", "logstore": "s", "topic": "", "searchQuery": "a" });
    let answers = [
        failure(404, "SavedSearchNotExist", ""),
        failure(400, "SavedSearchAlreadyExist", ""),
        ok(&found.to_string()),
    ];
    let server = Server::start(answers).await;
    let searches = server.client().build().unwrap().project("p").saved_searches();
    let wanted = SavedSearch::new("w", "s", "a");
    assert_eq!(searches.ensure(&wanted).await.unwrap(), Ensured::Unchanged);
}

#[tokio::test]
async fn a_creation_whose_answer_was_lost_is_looked_after() {
    let found = json!({ "savedsearchName": "w", "logstore": "s", "topic": "", "searchQuery": "a" });
    let answers = [failure(404, "SavedSearchNotExist", ""), Vec::new(), ok(&found.to_string())];
    let server = Server::start(answers).await;
    let searches = server.client().build().unwrap().project("p").saved_searches();
    let wanted = SavedSearch::new("w", "s", "a");
    assert_eq!(searches.ensure(&wanted).await.unwrap(), Ensured::Unchanged);
    assert_eq!(lines(&server)[1..], ["POST /savedsearches", "GET /savedsearches/w"]);
}

#[tokio::test]
async fn keys_that_others_added_to_an_index_stay() {
    let found = json!({
        "line": { "token": [",", " "], "caseSensitive": false, "chn": true },
        "keys": { "theirs": { "type": "long", "doc_value": true, "alias": "t" } },
        "max_text_len": 2048, "index_mode": "v2", "storage": "pg", "ttl": 90, "lastModifyTime": 1,
    });
    let server = Server::start([ok(&found.to_string()), ok("")]).await;
    let store = server.client().build().unwrap().logstore("p", "s");
    let mut wanted = Index::default().key("count", Key::long());
    wanted.max_text_len = Some(16384);
    assert_eq!(store.index().ensure(&wanted).await.unwrap(), Ensured::Updated);
    assert_eq!(lines(&server)[1], "PUT /logstores/s/index");
    let changed = json!({
        "line": { "token": [",", " "], "caseSensitive": false, "chn": true },
        "keys": {
            "theirs": { "type": "long", "doc_value": true, "alias": "t" },
            "count": { "type": "long", "doc_value": true },
        },
        "max_text_len": 16384,
    });
    assert_eq!(body(&server, 1), changed);
}

#[tokio::test]
async fn unknown_fields_come_back_as_they_were() {
    let found = json!({
        "dashboardName": "d", "displayName": "D", "attribute": { "type": "grid" },
        "charts": [{
            "title": "t", "type": "flowpro", "new": [1], "display": { "xPos": 0, "y": null },
            "search": { "logstore": "s", "topic": "", "query": "*", "start": "-3600s",
                        "end": "now", "chartQueries": [{ "a": 1 }] },
        }],
    });
    let server = Server::start([ok(&found.to_string()), ok("")]).await;
    let dashboards = server.client().build().unwrap().project("p").dashboards();
    let dashboard: Dashboard = dashboards.get("d").await.unwrap();
    assert_eq!(dashboard.charts[0].kind, "flowpro");
    dashboards.update(&dashboard).await.unwrap();
    assert_eq!(body(&server, 1), found);
}

#[tokio::test]
async fn what_is_gone_is_no_failure_to_remove() {
    let answers =
        [ok(""), failure(404, "JobNotExist", ""), failure(500, "InternalServerError", "")];
    let server = Server::start(answers).await;
    let client = server.client().retries(crate::client::Retries::NONE).build().unwrap();
    let alerts = client.project("p").alerts();
    assert!(alerts.delete("k8s-oom").await.unwrap());
    assert!(!alerts.delete("k8s-oom").await.unwrap());
    alerts.delete("k8s-oom").await.unwrap_err();
    assert_eq!(lines(&server)[0], "DELETE /alerts/k8s-oom");
}

#[tokio::test]
async fn a_long_listing_is_asked_for_in_parts() {
    let names = |range: std::ops::Range<u32>| -> Vec<_> {
        range.map(|number| format!("store-{number}")).collect()
    };
    let part = |range| ok(&json!({ "total": 230, "logstores": names(range) }).to_string());
    let server = Server::start([part(0..100), part(100..200), part(200..230)]).await;
    let project = server.client().build().unwrap().project("p");
    assert_eq!(project.logstores().all().await.unwrap(), names(0..230));
    let lines = lines(&server);
    assert_eq!(lines[1], "GET /logstores?offset=100&size=100");
    assert_eq!(lines[2], "GET /logstores?offset=200&size=100");
}

#[tokio::test]
async fn a_listing_of_nothing_may_say_so_in_three_ways() {
    for answer in [r#"{"total":0,"results":[]}"#, r#"{"total":0}"#, r#"{"results":null}"#] {
        let server = Server::start([ok(answer)]).await;
        let project = server.client().build().unwrap().project("p");
        let jobs = project.jobs("ScheduledSQL").only("resourceProvider", "x");
        assert_eq!(jobs.all().await.unwrap(), []);
        let line = "GET /jobs?offset=0&size=100&jobType=ScheduledSQL&resourceProvider=x";
        assert_eq!(lines(&server), [line]);
    }
}

#[tokio::test]
async fn each_kind_is_where_the_service_has_it() {
    let server = Server::start((0..20).map(|_| ok("{}"))).await;
    let client = server.client().build().unwrap();
    let project = client.project("p");
    let store = project.logstore("s");
    project.alerts().enable("a").await.unwrap();
    project.jobs("ETL").disable("j").await.unwrap();
    client.records("sls.common.user").get("u").await.unwrap();
    client.records("sls.common.user").upsert(&crate::resource::Record::default()).await.unwrap();
    client.records("sls.common.user").delete(&["u", "v"]).await.unwrap();
    client.resources().get("r").await.unwrap();
    store.sub_stores().get("b").await.unwrap();
    store.set_sub_store_ttl(30).await.unwrap();
    project.configs().get("c").await.unwrap();
    project.pipeline_configs().get("c").await.unwrap();
    project.machine_groups().get("g").await.unwrap();
    project.apply_config("g", "c").await.unwrap();
    project.remove_config("g", "c").await.unwrap();
    project.applied_configs("g").await.unwrap();
    project.applied_groups("c").await.unwrap();
    project.machines("g").await.unwrap();
    project.get().await.unwrap();
    assert!(project.delete().await.unwrap());
    client.projects().await.unwrap();
    assert!(store.index().delete().await.unwrap());
    let expected = [
        "PUT /alerts/a?action=enable",
        "PUT /jobs/j?action=disable",
        "GET /resources/sls.common.user/records/u",
        "PUT /resources/sls.common.user/records",
        "DELETE /resources/sls.common.user/records?ids=u%2Cv",
        "GET /resources/r",
        "GET /logstores/s/substores/b",
        "PUT /logstores/s/substores/storage/ttl?ttl=30",
        "GET /configs/c",
        "GET /pipelineconfigs/c",
        "GET /machinegroups/g",
        "PUT /machinegroups/g/configs/c",
        "DELETE /machinegroups/g/configs/c",
        "GET /machinegroups/g/configs",
        "GET /configs/c/machinegroups",
        "GET /machinegroups/g/machines?offset=0&size=500",
        "GET /",
        "DELETE /",
        "GET /?offset=0&size=100",
        "DELETE /logstores/s/index",
    ];
    assert_eq!(lines(&server), expected);
    // What belongs to the account is asked of the bare host.
    for (request, line) in server.requests().iter().zip(expected) {
        let bare = line.contains("/resources") || line.contains("/?offset");
        assert_eq!(!request.header("host").starts_with("p."), bare, "{line}");
    }
}
