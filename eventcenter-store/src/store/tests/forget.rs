//! A cluster that goes with all that it has said.

use super::*;
use crate::ask::State;

/// Two clusters that share names, over three days; and one that was alone on another.
fn two_clusters() -> Vec<Made> {
    let day = 24 * 3600;
    let of = |cluster| {
        [
            Made { cluster, uid: 1, time: -day, first: -day, ..Made::default() },
            Made {
                cluster,
                uid: 1,
                count: 4,
                time: 60,
                first: -day,
                version: 2,
                ..Made::default()
            },
            Made { cluster, uid: 2, count: 3, time: 120, first: 100, ..Made::default() },
        ]
    };
    let alone = Made { cluster: "c2", uid: 7, time: -2 * day, first: -2 * day, ..Made::default() };
    of("c1").into_iter().chain(of("c2")).chain([alone]).collect()
}

fn state(store: &Store) -> State {
    run(store.state()).unwrap()
}

/// Rows of each table that are left of a cluster's number, and what has lost its event.
fn remains(file: &Path) -> Vec<String> {
    let connection = connection(file);
    let sums = rollup::TABLES.iter().map(|table| table.name);
    let of_cluster = ["events", "objects", "gaps"].into_iter().chain(sums);
    let lost = |table: &str| format!("{table} WHERE cluster NOT IN (SELECT id FROM clusters)");
    let of_event = ["documents WHERE id", "occurrences WHERE event", "found WHERE rowid"];
    let orphan = |table: &str| format!("{table} NOT IN (SELECT id FROM events)");
    of_cluster
        .map(lost)
        .chain(of_event.into_iter().map(orphan))
        .filter(|what| rows(&connection, &format!("SELECT count(*) FROM {what}")) != ["Integer(0)"])
        .collect()
}

#[test]
fn a_cluster_goes_with_all_that_it_said_and_the_other_is_as_it_was() {
    let (folder, without) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path(), &week()).unwrap();
    let (kept, gone): (Vec<_>, Vec<_>) =
        two_clusters().into_iter().partition(|made| made.cluster == "c1");
    deliver(&store, &two_clusters());
    assert_eq!(partitions(folder.path()).len(), 3);
    // A reader that has looked at everything, and remembers.
    assert_eq!(state(&store).clusters.len(), 2);
    run(store.forget("c2")).unwrap();

    let left = partitions(folder.path());
    assert_eq!(left.len(), 2, "a day on which nothing else happened is gone");
    for file in &left {
        recount(file);
        assert_eq!(remains(file), Vec::<String>::new(), "{}", file.display());
    }
    let clusters = state(&store).clusters;
    assert_eq!(clusters.iter().map(|one| &*one.cluster.id).collect::<Vec<_>>(), ["c1"]);
    let other = open(without.path(), &week()).unwrap();
    deliver(&other, &kept);
    assert_eq!(total(folder.path()), total(without.path()));

    // It may come again, and counts as one that was never there.
    deliver(&store, &gone);
    partitions(folder.path()).iter().for_each(|file| recount(file));
    let again = tempfile::tempdir().unwrap();
    deliver(&open(again.path(), &week()).unwrap(), &two_clusters());
    assert_eq!(total(folder.path()), total(again.path()));
    run(store.forget("c3")).unwrap();
    for cluster in ["c1", "c2"] {
        run(store.forget(cluster)).unwrap();
    }
    assert!(partitions(folder.path()).is_empty() && state(&store).clusters.is_empty());
    deliver(&store, &kept);
    assert_eq!(total(folder.path()), total(without.path()));
}

#[test]
fn what_was_on_its_way_of_a_cluster_that_is_gone_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    deliver(&store, &two_clusters());
    // Received at 121 s at the latest.
    run(store.ignore("c2", at(MIDNIGHT + 121))).unwrap();
    run(store.ignore("c2", at(MIDNIGHT))).unwrap();
    run(store.forget("c2")).unwrap();
    assert_eq!(deliver(&store, &two_clusters()), Receipt::all().with_duplicates(3));
    assert_eq!(state(&store).clusters.len(), 1);
    deliver(&store, &[Made { cluster: "c2", uid: 9, time: 200, first: 200, ..Made::default() }]);
    assert_eq!(state(&store).clusters.len(), 2);
}
