//! Files that are damaged, of another version, or somebody else's; and a copy of all.

use super::*;

fn a_partition_is_damaged_before_the_start(damage: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let yesterday = Made { uid: 9, time: -3600, first: -3600, ..Made::default() };
    deliver(&open(folder.path(), &week()).unwrap(), &[yesterday.clone(), Made::default()]);
    damage(&partitions(folder.path())[0]);
    let health = Health::new();
    let clock = Arc::new(FixedClock::new(at(MIDNIGHT + 3600)));
    let store = Store::open_with(folder.path(), &week(), clock, &health).unwrap();
    assert!(health.report().parts["store"].state.contains("events-2026-11-24.db is damaged"));
    assert_eq!(total(folder.path()), 1, "today is there");
    deliver(&store, &[yesterday]);
    assert_eq!(total(folder.path()), 2, "yesterday began anew");
    assert!(folder.path().join("events-2026-11-24.db.damaged").exists());
}

#[test]
fn a_file_that_is_no_database_is_set_aside_and_the_rest_goes_on() {
    a_partition_is_damaged_before_the_start(|file| {
        std::fs::write(file, b"this is no database, whatever its name says").unwrap();
    });
}

#[test]
fn a_file_that_lost_its_end_is_set_aside_and_the_rest_goes_on() {
    a_partition_is_damaged_before_the_start(|file| {
        let file = std::fs::File::options().write(true).open(file).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
}

#[test]
fn damage_that_shows_while_writing_costs_the_partition_and_not_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let made: Vec<Made> = (0..2000).map(|uid| Made { uid, ..Made::default() }).collect();
    deliver(&open(folder.path(), &week()).unwrap(), &made);
    let store = open(folder.path(), &week()).unwrap();
    // Who has read it keeps the file open, under whatever name.
    assert!(found(&store).is_ok());
    let file = partitions(folder.path())[0].clone();
    let mut bytes = std::fs::read(&file).unwrap();
    let len = bytes.len();
    // Everything but the first pages, where the schema is.
    bytes[16 * 4096..len].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    deliver(&store, &made);
    assert_eq!(total(folder.path()), 2000);
    assert!(!store.shared().set_aside().is_empty());
    deliver(&store, &[Made { uid: 5000, time: 60, ..Made::default() }]);
    let newest = found(&store).unwrap().value.rows.swap_remove(0);
    assert_eq!(newest.event.object().name, "web-5000", "it is the new file that is read");
}

#[test]
fn a_file_of_a_newer_version_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    deliver(&open(folder.path(), &week()).unwrap(), &[Made::default()]);
    let file = partitions(folder.path())[0].clone();
    connection(&file).pragma_update(None, "user_version", 99).unwrap();
    let error = open(folder.path(), &week()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let said = format!("{error:?}");
    assert!(said.contains("events-2026-11-25.db") && said.contains("its format is 99"), "{said}");
}

#[test]
fn a_second_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path(), &week()).unwrap();
    let error = open(folder.path(), &week()).unwrap_err();
    assert!(error.to_string().contains("another program writes"), "{error}");
}

#[test]
fn a_backup_is_the_store_while_it_is_written() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(folder.path(), &week()).unwrap();
    let made: Vec<Made> =
        (0..50).map(|uid| Made { uid, time: i64::from(uid) - 25, ..Made::default() }).collect();
    deliver(&store, &made);
    run(store.backup(copy.path())).unwrap();
    let names = |dump: BTreeMap<PathBuf, Vec<String>>| -> Vec<_> {
        dump.into_iter().map(|(file, rows)| (file.file_name().unwrap().to_owned(), rows)).collect()
    };
    assert_eq!(names(dump(copy.path())), names(dump(folder.path())));
    let error = run(store.backup(copy.path())).unwrap_err();
    assert!(error.to_string().contains("must be empty"), "{error}");
    let error = backup(&copy.path().join(".."), &copy.path().join("x")).unwrap_err();
    assert!(error.to_string().contains("not the folder of a store"), "{error}");
    // Copied back, it goes on.
    let restored = open(copy.path(), &week()).unwrap();
    let receipt = deliver(&restored, &made);
    assert_eq!(receipt.duplicates, 50);
}

#[test]
fn damage_in_another_partition_is_not_blamed_on_the_one_that_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), &week()).unwrap();
    let yesterday: Vec<_> =
        (0..500).map(|uid| Made { uid, time: -3600, first: -3600, ..Made::default() }).collect();
    deliver(&store, &yesterday);
    drop(store);
    let store = open(folder.path(), &week()).unwrap();
    let file = partitions(folder.path())[0].clone();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[16 * 4096..].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    deliver(&store, &[Made { count: 2, time: 60, first: -3600, version: 2, ..Made::default() }]);
    assert_eq!(total(folder.path()), 1);
    let names = partitions(folder.path());
    assert!(names.len() == 1 && names[0].ends_with("events-2026-11-25.db"), "{names:?}");
    assert!(store.shared().set_aside()[0].contains("events-2026-11-24.db"));
}
