//! What an event counts: its rise, across midnight and restarts, and under which labels.

use super::*;

#[test]
fn a_rise_is_counted_and_not_the_count() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    deliver(&store, &[Made { version: 1, ..Made::default() }]);
    deliver(&store, &[Made { count: 40, time: 600, version: 2, ..Made::default() }]);
    assert_eq!(total(folder.path()), 40);
    let file = &partitions(folder.path())[0];
    assert_eq!(
        rows(&connection(file), "SELECT rise, estimated FROM occurrences"),
        ["Integer(1) Integer(0)", "Integer(39) Integer(0)"]
    );
    recount(file);
}

#[test]
fn a_count_goes_on_across_midnight_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let before = Made { count: 3, time: -60, first: -60, ..Made::default() };
    deliver(
        &open(folder.path(), &week()).unwrap(),
        &[Made { count: 1, ..before.clone() }, before.clone()],
    );
    let store = open(folder.path(), &week()).unwrap();
    deliver(&store, &[Made { count: 5, time: 60, version: 2, ..before }]);
    let files = partitions(folder.path());
    assert_eq!(files.len(), 2, "a partition on each side of midnight");
    assert_eq!(total(folder.path()), 5);
    let newer = connection(&files[1]);
    assert_eq!(
        rows(&newer, "SELECT occurrences, estimated, continues FROM events"),
        ["Integer(2) Integer(0) Integer(1)"]
    );
    files.iter().for_each(|file| recount(file));
}

#[test]
fn what_was_counted_by_others_is_an_estimate_and_what_happened_before_our_eyes_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    // The first event tells since when the cluster is watched: from 1 s on.
    deliver(&store, &[Made::default()]);
    deliver(&store, &[Made { uid: 2, count: 7, time: 100, first: -500, ..Made::default() }]);
    deliver(&store, &[Made { uid: 3, count: 9, time: 100, first: 50, ..Made::default() }]);
    let file = &partitions(folder.path())[0];
    assert_eq!(
        rows(&connection(file), "SELECT rise, estimated FROM occurrences"),
        ["Integer(1) Integer(0)", "Integer(1) Integer(1)", "Integer(9) Integer(0)"]
    );
    // A gap ends what is known; what began before its end was not watched.
    let cluster = Arc::new(Cluster { id: "c1".to_owned(), name: "x".to_owned() });
    let gap = Gap {
        grade: Grade::Events,
        since: Some(at(MIDNIGHT + 100)),
        until: at(MIDNIGHT + 200),
        count: None,
        reason: "away".to_owned(),
    };
    let gap = Arc::new(gap.into_event("w", &cluster, at(MIDNIGHT + 200)).unwrap());
    run(store.sink("store").deliver(&Batch::from(gap))).unwrap();
    deliver(&store, &[Made { uid: 4, count: 4, time: 300, first: 150, ..Made::default() }]);
    let newest = "SELECT rise, estimated FROM occurrences ORDER BY mark DESC LIMIT 1";
    assert_eq!(rows(&connection(file), newest), ["Integer(1) Integer(1)"]);
    assert_eq!(rows(&connection(file), "SELECT grade FROM gaps"), ["Integer(1)"]);
}

#[test]
fn an_event_that_a_recorder_makes_anew_goes_on_counting() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let expired = Made { uid: 5, count: 1, ..Made::default() };
    deliver(&store, std::slice::from_ref(&expired));
    deliver(&store, &[Made { count: 30, time: 60, version: 2, ..expired }]);
    // The same object, reason and first time under another uid, with the old count plus one.
    let mut again = serde_json::to_value(
        serde_json::from_slice::<serde_json::Value>(expired.event().raw()).unwrap(),
    )
    .unwrap();
    again["metadata"]["uid"] = "00000000-0000-4000-8000-00000000ffff".into();
    again["count"] = 31.into();
    again["lastTimestamp"] = serde_json::json!(at(MIDNIGHT + 7200));
    let cluster = expired.event().cluster().clone();
    let again =
        Event::from_kubernetes(&cluster, again.to_string().into(), at(MIDNIGHT + 7200)).unwrap();
    run(store.sink("store").deliver(&Batch::from(Arc::new(again)))).unwrap();
    assert_eq!(total(folder.path()), 31);
}

#[test]
fn a_message_that_changes_the_class_takes_its_past_along() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    deliver(&store, &[Made { message: "Back-off pulling image \"x\"", ..Made::default() }]);
    let crash = "Back-off restarting failed container web";
    deliver(&store, &[Made { message: crash, count: 3, time: 60, version: 2, ..Made::default() }]);
    let file = &partitions(folder.path())[0];
    recount(file);
    let found = |word: &str| {
        rows(&connection(file), &format!("SELECT rowid FROM found WHERE found MATCH '{word}'"))
            .len()
    };
    assert_eq!((found("pulling"), found("restarting"), found("web")), (0, 1, 1));
}

#[test]
fn events_without_a_uid_are_known_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let cluster = Arc::new(Cluster { id: "c".to_owned(), name: "c".to_owned() });
    let event = |name: &str| {
        let document =
            format!(r#"{{"metadata":{{"name":"{name}","namespace":"n"}},"reason":"R"}}"#);
        Arc::new(Event::from_kubernetes(&cluster, document.into(), at(MIDNIGHT)).unwrap())
    };
    let batch = Batch::new(vec![event("a"), event("b"), event("a")]).unwrap();
    assert_eq!(run(store.sink("s").deliver(&batch)).unwrap().duplicates, 1);
}

#[test]
fn an_event_made_anew_after_midnight_goes_on_counting() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    // Estimated at first, since nobody watched.
    let expired = Made { uid: 5, count: 30, time: -7000, first: -90_000, ..Made::default() };
    deliver(&store, std::slice::from_ref(&expired));
    let mut again: serde_json::Value = serde_json::from_slice(expired.event().raw()).unwrap();
    again["metadata"]["uid"] = "00000000-0000-4000-8000-00000000ffff".into();
    again["count"] = 31.into();
    again["lastTimestamp"] = serde_json::json!(at(MIDNIGHT + 60));
    let cluster = expired.event().cluster().clone();
    for (message, worth) in
        [("Back-off", "Integer(1) Integer(0)"), ("another", "Integer(1) Integer(1)")]
    {
        again["message"] = message.into();
        again["metadata"]["uid"] = format!("uid of {message}").into();
        let event = Event::from_kubernetes(&cluster, again.to_string().into(), at(MIDNIGHT + 61));
        run(store.sink("store").deliver(&Batch::from(Arc::new(event.unwrap())))).unwrap();
        let newest = "SELECT rise, estimated FROM occurrences ORDER BY mark DESC LIMIT 1";
        assert_eq!(rows(&connection(&partitions(folder.path())[1]), newest), [worth], "{message}");
    }
}
