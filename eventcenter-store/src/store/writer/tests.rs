//! What only the writer's inside can show: a disk that is full.

use eventcenter_core::testing::events;
use eventcenter_core::{Action, ErrorKind, FixedClock, Health};

use super::*;

fn writer(folder: &Path, first: &Event) -> Writer {
    let clock = Arc::new(FixedClock::new(first.time()));
    let health = Health::new();
    Writer::open(folder, &StoreConfig::default(), clock, health.shown("store")).unwrap().1
}

fn occurrences(writer: &Writer) -> i64 {
    let count = |partition: Readable| -> i64 {
        let connection = crate::store::partition::open_to_read(&partition.path).unwrap();
        let sql = "SELECT count(*) FROM occurrences";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    writer.shared.partitions().into_iter().map(count).sum()
}

/// SQLite says the same when its file may not grow as when the disk has no room.
fn may_not_grow(writer: &Writer) {
    for partition in writer.open.values() {
        let connection = &partition.connection;
        let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        connection.pragma_update(None, "max_page_count", pages).unwrap();
    }
}

#[test]
fn a_full_disk_refuses_the_batch_whole_and_the_next_try_works() {
    let folder = tempfile::tempdir().unwrap();
    let many = events::many(2000);
    let first = Batch::new(many[..1].to_vec()).unwrap();
    let rest = Batch::new(many[1..].to_vec()).unwrap();
    let mut writer = writer(folder.path(), &many[0]);
    writer.take(&first, false).unwrap();
    may_not_grow(&writer);
    let mark = *writer.shared.mark.borrow();
    let span = writer.shared.partitions()[0].span;
    let events: Vec<&Event> = rest.events().iter().map(|event| &**event).collect();
    let error = cannot_write(writer.try_share(span, &events, false).unwrap_err());
    assert_eq!((error.kind(), error.action()), (ErrorKind::Storage, Action::Retry));
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(occurrences(&writer), 1, "nothing of the batch was taken");
    assert_eq!(*writer.shared.mark.borrow(), mark);
    // The limit was of the connection, and that is made anew: there is room again.
    let receipt = writer.take(&rest, false).unwrap();
    assert_eq!(receipt, Receipt::all());
    assert_eq!(occurrences(&writer), 2000);
}

#[test]
fn where_moving_the_log_makes_room_the_batch_is_taken_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let many = events::many(2000);
    let mut writer = writer(folder.path(), &many[0]);
    writer.take(&Batch::new(many[..1].to_vec()).unwrap(), false).unwrap();
    may_not_grow(&writer);
    writer.take(&Batch::new(many[1..].to_vec()).unwrap(), false).unwrap();
    assert_eq!(occurrences(&writer), 2000);
    let span = writer.shared.partitions()[0].span;
    let [_, log, _] = crate::store::partition::files(&writer.path_of(span));
    let bytes = || fs::metadata(&log).unwrap().len();
    assert!(bytes() > 0);
    writer.move_log(span).unwrap();
    assert_eq!(bytes(), 0);
}

#[test]
fn a_clock_that_is_set_back_loses_nothing_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let many = events::many(20);
    let mut writer = writer(folder.path(), &many[0]);
    let (early, late) = many.split_at(10);
    writer.take(&Batch::new(early.to_vec()).unwrap(), false).unwrap();
    let two_hours_ago = many[0].time().checked_sub(Duration::from_secs(7200)).unwrap();
    writer.clock = Arc::new(FixedClock::new(two_hours_ago));
    writer.take(&Batch::new(late.to_vec()).unwrap(), false).unwrap();
    let again = writer.take(&Batch::new(many.clone()).unwrap(), false).unwrap();
    assert_eq!((again.duplicates, occurrences(&writer)), (20, 20));
    writer.expire().unwrap();
    assert_eq!(occurrences(&writer), 20);
}
