//! Random sequences: what is counted does not depend on how it was told.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Deliver(Vec<Made>),
    Reopen,
}

fn made() -> impl Strategy<Value = Made> {
    let messages =
        ["Back-off", "Back-off pulling image \"x\"", "Back-off restarting failed container"];
    // Three days around midnight, and minutes that are shared.
    let day = 24 * 3600;
    (0..2_usize, 0..5_u32, 1..6_u32, -day..day, 0..3_usize, 1..4_u32).prop_map(
        move |(cluster, uid, count, time, message, version)| Made {
            cluster: ["c1", "c2"][cluster],
            uid,
            count,
            time: time / 600 * 600,
            first: -day + i64::from(uid) * 4 * 3600,
            message: messages[message],
            version,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => proptest::collection::vec(made(), 1..6).prop_map(Step::Deliver),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Late, repeated, out of order, across midnight, of two clusters, with restarts in between.
    #[test]
    fn sums_are_a_recount_and_a_replay_changes_nothing(steps in proptest::collection::vec(step(), 1..12)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Some(open(folder.path(), &week()).unwrap());
        for step in &steps {
            match step {
                Step::Deliver(made) => {
                    deliver(store.as_ref().unwrap(), made);
                }
                Step::Reopen => {
                    store = None;
                    store = Some(open(folder.path(), &week()).unwrap()).or(store);
                }
            }
        }
        partitions(folder.path()).iter().for_each(|file| recount(file));
        let before = dump(folder.path());
        let delivered: Vec<Made> = steps.iter().flat_map(|step| match step {
            Step::Deliver(made) => made.clone(),
            Step::Reopen => Vec::new(),
        }).collect();
        for made in delivered.chunks(7) {
            let receipt = deliver(store.as_ref().unwrap(), made);
            prop_assert_eq!(receipt.duplicates, made.len());
        }
        prop_assert_eq!(dump(folder.path()), before);
    }
}

/// What really happened to some Events, and the order in which it is told.
#[derive(Debug, Clone)]
struct Told {
    /// As it happened, of two clusters; counts and times rise.
    histories: Vec<Vec<Made>>,
    /// Places in all of them; some twice.
    order: Vec<prop::sample::Index>,
    batch: usize,
    reopen_every: usize,
}

fn told() -> impl Strategy<Value = Told> {
    let day = 24 * 3600;
    let steps = proptest::collection::vec((1..5_u32, 0..10 * 3600_i64), 1..8);
    let history = (0..2_usize, -day..0_i64, steps).prop_map(|(cluster, first, steps)| {
        let cluster = ["c1", "c2"][cluster];
        let begin = Made { cluster, count: 0, time: first, first, ..Made::default() };
        let revisions = steps.into_iter().scan(begin, |now, (rise, seconds)| {
            now.count += rise;
            now.time += seconds;
            now.version += 1;
            Some(now.clone())
        });
        revisions.collect::<Vec<_>>()
    });
    let histories = proptest::collection::vec(history, 1..5);
    let order = proptest::collection::vec(any::<prop::sample::Index>(), 1..40);
    (histories, order, 1..6_usize, 1..8_usize).prop_map(
        |(histories, order, batch, reopen_every)| {
            let numbered = |(uid, history): (u32, Vec<Made>)| {
                history.into_iter().map(|made| Made { uid, ..made }).collect()
            };
            let histories = (1..).zip(histories).map(numbered).collect();
            Told { histories, order, batch, reopen_every }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// In any order, with replays and restarts: what was seen from its beginning counts as often as it says.
    #[test]
    fn a_total_is_the_last_count_whatever_the_order(told in told()) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Some(open(folder.path(), &week()).unwrap());
        let begin = |cluster| Made { uid: 1000, cluster, time: -2 * 24 * 3600, first: -2 * 24 * 3600, ..Made::default() };
        deliver(store.as_ref().unwrap(), &[begin("c1"), begin("c2")]);
        let all: Vec<&Made> = told.histories.iter().flatten().collect();
        let order: Vec<Made> = told.order.iter().map(|place| (*place.get(&all)).clone()).collect();
        for (number, batch) in order.chunks(told.batch).enumerate() {
            if number % told.reopen_every == 0 {
                drop(store.take());
                store = Some(open(folder.path(), &week()).unwrap());
            }
            deliver(store.as_ref().unwrap(), batch);
        }
        let mut counts = BTreeMap::new();
        for made in &order {
            let count = counts.entry(made.uid).or_insert(0);
            *count = made.count.max(*count);
        }
        let files = partitions(folder.path());
        files.iter().for_each(|file| recount(file));
        prop_assert_eq!(total(folder.path()), counts.values().map(|count| i64::from(*count)).sum::<i64>() + 2);
        // Who lists the Events of several partitions finds each once: all rows but the oldest say that they continue.
        let mut seen = std::collections::HashSet::new();
        for file in &files {
            let connection = connection(file);
            let mut find = connection.prepare("SELECT uid, continues FROM events").unwrap();
            let mut rows = find.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                let (uid, continues): (Vec<u8>, bool) = (row.get(0).unwrap(), row.get(1).unwrap());
                if uid.ends_with(&1000_u16.to_be_bytes()) {
                    continue;
                }
                prop_assert_eq!(!seen.insert(uid), continues);
            }
        }
    }
}
