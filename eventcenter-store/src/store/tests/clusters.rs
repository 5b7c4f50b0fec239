//! What is kept of clusters beside their events.

use super::*;

#[test]
fn an_import_marks_only_a_cluster_that_was_never_watched() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let import = |uid, cluster| {
        let event = Made { uid, cluster, ..Made::default() }.event();
        run(store.recorder("import").deliver(&Batch::from(event))).unwrap();
    };
    import(1, "c1");
    import(2, "c2");
    deliver(&store, &[Made { uid: 3, cluster: "c1", time: 60, ..Made::default() }]);
    import(4, "c1");
    let sql = "SELECT uid, recorded, watched_since IS NULL FROM clusters ORDER BY uid";
    let file = &partitions(folder.path())[0];
    assert_eq!(
        rows(&connection(file), sql),
        ["Text([99, 49]) Integer(0) Integer(0)", "Text([99, 50]) Integer(1) Integer(1)"]
    );
}

#[test]
fn a_renamed_cluster_is_called_so_in_every_partition_and_by_whatever_comes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let days = [0, 20 * 86_400];
    let made: Vec<Made> = days
        .iter()
        .zip(1..)
        .map(|(&time, uid)| Made { uid, time, first: time, ..Made::default() })
        .collect();
    let other = Made { uid: 9, cluster: "c2", ..Made::default() };
    deliver(&store, &[made[0].clone(), made[1].clone(), other]);
    run(store.rename("c1", "Production")).unwrap();
    let names = |statement: &str| -> Vec<String> {
        let query = Arc::new(eventcenter_core::Query::parse(statement).unwrap());
        let ask = EventsAsk {
            query,
            range: Range::ALL,
            order: Order::Oldest,
            after: None,
            limit: 100,
            bounds: Bounds::default(),
        };
        let rows = run(store.events(&ask)).unwrap().value.rows;
        rows.iter().map(|row| row.event.cluster().name.clone()).collect()
    };
    assert_eq!(names("cluster : Production"), ["Production", "Production"]);
    assert_eq!(names("cluster : \"name of c1\""), Vec::<String>::new());
    // Into a partition that is not there yet, and by a store that was opened again.
    deliver(&store, &[Made { uid: 3, time: 40 * 86_400, first: 40 * 86_400, ..Made::default() }]);
    assert_eq!(names("cluster : c1"), ["Production", "Production", "Production"]);
    let names = |store: &Store| -> Vec<String> {
        let clusters = run(store.state()).unwrap().clusters;
        clusters.into_iter().map(|one| one.cluster.name).collect()
    };
    assert_eq!(names(&store), ["Production", "name of c2"]);
    drop(store);
    assert_eq!(names(&open(folder.path(), &week()).unwrap()), ["Production", "name of c2"]);
}
