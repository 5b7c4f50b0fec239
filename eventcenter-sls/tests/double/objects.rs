//! Everything that a project holds, made, read, changed, listed and removed.

use eventcenter_sls::alert::{Alert, AlertQuery, Condition, Schedule, severity};
use eventcenter_sls::dashboard::{Chart, Dashboard};
use eventcenter_sls::index::{Index, Key};
use eventcenter_sls::logstore::LogstoreSettings;
use eventcenter_sls::logtail::{Config, MachineGroup};
use eventcenter_sls::object::{Ensured, Object, Objects};
use eventcenter_sls::project::ProjectSettings;
use eventcenter_sls::resource::Record;
use eventcenter_sls::saved_search::SavedSearch;
use eventcenter_sls::testing::Fault;

use super::*;

/// The life of one object; `change` makes another of it.
async fn lives<T>(objects: &Objects<T>, object: T, change: impl Fn(&mut T))
where
    T: Object + Clone + std::fmt::Debug,
{
    let name = object.name().to_owned();
    assert!(objects.get(&name).await.unwrap_err().is_not_found(), "{name}");
    assert_eq!(objects.ensure(&object).await.unwrap(), Ensured::Created, "{name}");
    assert_eq!(objects.ensure(&object).await.unwrap(), Ensured::Unchanged, "{name}");
    assert!(objects.create(&object).await.unwrap_err().is_already_there(), "{name}");
    let mut changed = object;
    change(&mut changed);
    assert_eq!(objects.ensure(&changed).await.unwrap(), Ensured::Updated, "{name}");
    assert_eq!(objects.ensure(&changed).await.unwrap(), Ensured::Unchanged, "{name}");
    assert_eq!(objects.get(&name).await.unwrap().name(), name);
    assert_eq!(objects.all().await.unwrap().len(), 1, "{name}");
    assert!(objects.delete(&name).await.unwrap(), "{name}");
    assert!(!objects.delete(&name).await.unwrap(), "{name}");
}

#[tokio::test]
async fn everything_has_its_life() {
    let (_double, store) = store().await;
    let project = store.project();
    let dashboard = Dashboard {
        charts: vec![Chart { title: "t".into(), kind: "table".into(), ..Chart::default() }],
        ..Dashboard::new("k8s-event-center")
    };
    lives(&project.dashboards(), dashboard, |dashboard| {
        dashboard.display_name = Some("K8s".to_owned());
    })
    .await;
    let search = SavedSearch::new("k8s-warning", STORE, "level: Warning");
    lives(&project.saved_searches(), search, |search| search.query.push_str(" and OOM")).await;
    let mut alert = Alert::new("k8s-oom", "Pod OOM", Schedule::every("1m"));
    let query = AlertQuery::over(PROJECT, STORE, "OOM | select count(1) as cnt");
    alert.configuration.query_list.push(query);
    alert.configuration.severity_configurations.push(Condition::new(severity::HIGH, "cnt > 0"));
    lives(&project.alerts(), alert, |alert| alert.configuration.threshold = 3).await;
    let config = Config { name: "c".into(), input_type: "plugin".into(), ..Config::default() };
    lives(&project.configs(), config, |config| config.input_type = "file".into()).await;
    let nodes = MachineGroup {
        name: "nodes".into(),
        identified_by: "ip".into(),
        machines: vec!["10.0.0.1".into()],
        ..MachineGroup::default()
    };
    lives(&project.machine_groups(), nodes, |nodes| nodes.machines.push("10.0.0.2".into())).await;
}

#[tokio::test]
async fn a_project_its_logstore_and_its_index_are_ensured_from_nothing() {
    let double = Double::start().await;
    let client = client(&double).build().unwrap();
    let project = client.project("k8s-log-c2");
    let settings = ProjectSettings::new("events of c2");
    assert_eq!(project.ensure(&settings).await.unwrap(), Ensured::Created);
    assert_eq!(project.ensure(&settings).await.unwrap(), Ensured::Unchanged);
    assert_eq!(project.get().await.unwrap().description, "events of c2");
    assert_eq!(client.projects().await.unwrap().len(), 1);
    let store = LogstoreSettings::new(STORE, 90);
    assert_eq!(project.logstores().ensure(&store).await.unwrap(), Ensured::Created);
    let longer = LogstoreSettings::new(STORE, 180);
    assert_eq!(project.logstores().ensure(&longer).await.unwrap(), Ensured::Updated);
    assert_eq!(project.logstores().all().await.unwrap(), [STORE]);
    let index = project.logstore(STORE).index();
    assert!(index.get().await.unwrap_err().is_not_found());
    let mine = Index::full_text().key("level", Key::text());
    assert_eq!(index.ensure(&mine).await.unwrap(), Ensured::Created);
    let theirs = Index::default().key("count", Key::long());
    assert_eq!(index.ensure(&theirs).await.unwrap(), Ensured::Updated);
    assert_eq!(index.ensure(&mine).await.unwrap(), Ensured::Unchanged);
    assert_eq!(index.get().await.unwrap().keys.unwrap().len(), 2);
    assert!(project.delete().await.unwrap());
    assert!(!project.delete().await.unwrap());
}

#[tokio::test]
async fn what_is_ensured_survives_lost_answers() {
    let (double, store) = store().await;
    let searches = store.project().saved_searches();
    let search = SavedSearch::new("k8s-warning", STORE, "level: Warning");
    // The first request reads, the second one makes it.
    double.fail_next(Fault::late(Duration::ZERO));
    double.fail_next(Fault::lose_answer());
    searches.ensure(&search).await.unwrap();
    assert_eq!(searches.all().await.unwrap(), ["k8s-warning"]);
}

#[tokio::test]
async fn records_belong_to_the_account() {
    let (_double, store) = store().await;
    let users = store.project().client().records("sls.common.user");
    let record = |tag: &str| Record {
        id: "alice".into(),
        tag: tag.into(),
        value: serde_json::json!({ "user_id": "alice" }),
        ..Record::default()
    };
    users.upsert(&record("Alice")).await.unwrap();
    users.upsert(&record("Alice A.")).await.unwrap();
    let all = users.all().await.unwrap();
    assert_eq!((all.len(), all[0].tag.as_str()), (1, "Alice A."));
    users.delete(&["alice"]).await.unwrap();
    assert!(users.all().await.unwrap().is_empty());
}
