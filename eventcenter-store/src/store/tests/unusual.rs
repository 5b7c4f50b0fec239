//! Events that say more than one thing: of another object, of another time, too late.

use super::*;

#[test]
fn a_pod_that_a_node_named_first_counts_under_its_workload() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let cluster = Arc::new(Cluster { id: "c1".to_owned(), name: "c1".to_owned() });
    let event = |uid: &str,
                 object: serde_json::Value,
                 reason: &str,
                 message: &str,
                 count: u32,
                 second: i64| {
        let document = serde_json::json!({
            "metadata": { "name": uid, "namespace": "shop", "uid": uid, "resourceVersion": count.to_string() },
            "involvedObject": object, "type": "Warning", "reason": reason, "message": message, "count": count,
            "firstTimestamp": at(MIDNIGHT), "lastTimestamp": at(MIDNIGHT + second),
        });
        Arc::new(
            Event::from_kubernetes(&cluster, document.to_string().into(), at(MIDNIGHT + second))
                .unwrap(),
        )
    };
    let pod = "web-7d4b9c6f5d-x2x4z";
    let uid = "7b0e2c1a-1111-4222-8333-444455556666";
    let node = serde_json::json!({ "kind": "Node", "name": "n1" });
    let killed = format!("pod was OOM killed. node:n1 pod:{pod} namespace:shop uuid:{uid}");
    let object = serde_json::json!({ "kind": "Pod", "name": pod, "namespace": "shop", "uid": uid });
    let events = vec![
        event("a", node, "PodOOMKilling", &killed, 1, 1),
        event("b", object.clone(), "BackOff", "Back-off", 1, 2),
        event("b", object, "BackOff", "Back-off", 2, 3),
    ];
    run(store.sink("s").deliver(&Batch::new(events).unwrap())).unwrap();
    recount(&partitions(folder.path())[0]);
}

#[test]
fn an_event_of_a_wrong_clock_counts_once_though_it_is_listed_again_on_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let ahead = Made { count: 3, time: 40 * 24 * 3600, first: 40 * 24 * 3600, ..Made::default() };
    let listed = |second| {
        let event = ahead.event();
        let received = at(MIDNIGHT + second);
        Arc::new(Event::from_kubernetes(event.cluster(), event.raw().clone(), received).unwrap())
    };
    for second in [-3600, 3600] {
        run(store.sink("s").deliver(&Batch::from(listed(second)))).unwrap();
    }
    let counted: Vec<_> = partitions(folder.path())
        .iter()
        .flat_map(|file| rows(&connection(file), "SELECT rise, estimated FROM occurrences"))
        .collect();
    assert_eq!(counted.len(), 1, "{counted:?}");
}

#[test]
fn a_gap_that_was_told_late_still_counts_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    deliver(
        &store,
        &[
            Made { uid: 1, time: -7200, first: -7200, ..Made::default() },
            Made { uid: 2, time: 60, first: 60, ..Made::default() },
        ],
    );
    // Kept before midnight, though it arrives after an event of today.
    let cluster = Arc::new(Cluster { id: "c1".to_owned(), name: "x".to_owned() });
    let gap = Gap {
        grade: Grade::Events,
        since: Some(at(MIDNIGHT - 3600)),
        until: at(MIDNIGHT - 60),
        count: None,
        reason: "away".to_owned(),
    };
    let gap = Arc::new(gap.into_event("w", &cluster, at(MIDNIGHT - 60)).unwrap());
    run(store.sink("store").deliver(&Batch::from(gap))).unwrap();
    drop(store);
    let store = open(folder.path(), &week()).unwrap();
    deliver(&store, &[Made { uid: 4, count: 4, time: -30, first: -1800, ..Made::default() }]);
    let newest = "SELECT rise, estimated FROM occurrences ORDER BY mark DESC LIMIT 1";
    assert_eq!(rows(&connection(&partitions(folder.path())[0]), newest), ["Integer(1) Integer(1)"]);
}

#[test]
fn an_event_that_changes_its_first_time_stays_one_across_midnight() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let before = Made { time: -3600, first: -3600, ..Made::default() };
    deliver(&store, std::slice::from_ref(&before));
    let mut later: serde_json::Value = serde_json::from_slice(before.event().raw()).unwrap();
    later["metadata"]["resourceVersion"] = "2".into();
    later["count"] = 3.into();
    later["firstTimestamp"] = serde_json::json!(at(MIDNIGHT + 60));
    later["lastTimestamp"] = serde_json::json!(at(MIDNIGHT + 90));
    let cluster = before.event().cluster().clone();
    let later = Event::from_kubernetes(&cluster, later.to_string().into(), at(MIDNIGHT + 91));
    run(store.sink("store").deliver(&Batch::from(Arc::new(later.unwrap())))).unwrap();
    let newer = connection(&partitions(folder.path())[1]);
    assert_eq!(
        rows(&newer, "SELECT occurrences, continues FROM events"),
        ["Integer(2) Integer(1)"]
    );
}
