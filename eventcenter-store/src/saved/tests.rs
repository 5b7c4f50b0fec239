//! What both implementations promise, and what the file survives.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use eventcenter_core::{FixedClock, Health};
use jiff::SignedDuration;
use rusqlite::Connection;
use serde_json::json;

use super::*;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

fn draft(name: &str, query: &str) -> Draft {
    let body = json!({ "query": query });
    Draft::new(Kind::Query, name, body.as_object().unwrap().clone()).unwrap()
}

fn done(written: Result<Written>) -> Saved {
    match written.unwrap() {
        Written::Done(saved) => saved,
        other => panic!("{other:?}"),
    }
}

fn open(folder: &Path) -> SavedFile {
    let clock = FixedClock::new("2026-11-25T01:02:03.456789Z".parse().unwrap());
    SavedFile::open(folder, Arc::new(clock), &Health::new()).unwrap()
}

fn both(test: impl Fn(&dyn SavedThings)) {
    test(&SavedInMemory::new());
    test(&open(tempfile::tempdir().unwrap().path()));
}

#[test]
fn a_thing_is_made_changed_and_removed() {
    both(|things| {
        let made = done(run(things.create(&draft("b", "*"), None, "ann")));
        assert_eq!((made.revision, made.created.by.as_str()), (1, "ann"));
        done(run(things.create(&draft("a", "level : Error"), Some("mine"), "")));
        let names: Vec<_> = run(things.list(Some(Kind::Query))).unwrap();
        let names: Vec<_> = names.iter().map(|one| one.draft.name()).collect();
        assert_eq!(names, ["a", "b"]);

        let changed =
            done(run(things.replace(&made.id, Some(1), &draft("c", "reason : Killing"), "bob")));
        assert_eq!(changed.created, made.created);
        assert_eq!((changed.revision, changed.changed.by.as_str()), (2, "bob"));
        assert_eq!(run(things.get(&made.id)).unwrap(), Some(changed.clone()));

        assert_eq!(done(run(things.delete(&made.id, Some(2)))), changed);
        assert_eq!(run(things.delete(&made.id, None)).unwrap(), Written::Absent);
        let absent = run(things.replace(&made.id, None, &draft("c", "*"), "")).unwrap();
        assert_eq!(absent, Written::Absent);
        assert_eq!(run(things.list(None)).unwrap().len(), 1);
    });
}

#[test]
fn of_two_who_saw_the_same_revision_the_second_is_told_what_there_is() {
    both(|things| {
        let made = done(run(things.create(&draft("ours", "*"), None, "ann")));
        let first = done(run(things.replace(&made.id, Some(1), &draft("ours", "a"), "ann")));
        let second = run(things.replace(&made.id, Some(1), &draft("ours", "b"), "bob")).unwrap();
        assert_eq!(second, Written::Conflict(first.clone()));
        assert_eq!(
            run(things.delete(&made.id, Some(1))).unwrap(),
            Written::Conflict(first.clone())
        );
        assert_eq!(run(things.get(&made.id)).unwrap(), Some(first.clone()));
        let again = run(things.create(&draft("other", "*"), Some(&made.id), "bob")).unwrap();
        assert_eq!(again, Written::Conflict(first));
    });
}

#[test]
fn no_two_of_a_kind_have_the_same_name() {
    both(|things| {
        let made = done(run(things.create(&draft("ours", "*"), None, "")));
        let other = done(run(things.create(&draft("theirs", "*"), None, "")));
        let taken = Written::NameTaken(made.clone());
        assert_eq!(run(things.create(&draft(" ours ", "b"), None, "")).unwrap(), taken);
        assert_eq!(run(things.replace(&other.id, None, &draft("ours", "b"), "")).unwrap(), taken);
        // Its own name is nobody else's.
        done(run(things.replace(&made.id, None, &draft("ours", "b"), "")));
    });
}

#[test]
fn there_is_an_end_to_how_many_are_kept() {
    both(|things| {
        for n in 0..MOST {
            done(run(things.create(&draft(&n.to_string(), "*"), None, "")));
        }
        let error = run(things.create(&draft("one more", "*"), None, "")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains("delete one"), "{error}");
    });
}

#[test]
fn a_draft_has_a_name_of_one_line_and_is_not_large() {
    let body = |text: String| json!({ "query": text }).as_object().unwrap().clone();
    let long = "n".repeat(MOST_NAME + 1);
    for (name, text, says) in [
        ("  ", String::new(), "1 to 120 characters"),
        (long.as_str(), String::new(), "1 to 120 characters"),
        ("a\nb", String::new(), "one line"),
        ("prod\u{202e}gnigats", String::new(), "anybody can read"),
        ("a", "q".repeat(MOST_BODY), "are kept at most"),
    ] {
        let error = Draft::new(Kind::Query, name, body(text)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(says), "{error}");
    }
    assert_eq!(
        Draft::new(Kind::Query, "名".repeat(120).as_str(), body("*".to_owned()))
            .unwrap()
            .name()
            .chars()
            .count(),
        120
    );
}

#[test]
fn what_was_saved_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let made = done(run(open(folder.path()).create(&draft("ours", "名 : \"x\""), None, "ann")));
    let things = open(folder.path());
    assert_eq!(run(things.list(None)).unwrap(), [made]);
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (open(folder.path()), open(folder.path()));
    let made = done(run(one.create(&draft("ours", "*"), None, "")));
    let rises = |things: SavedFile, id: String| {
        std::thread::spawn(move || {
            for _ in 0..50 {
                loop {
                    let seen = run(things.get(&id)).unwrap().unwrap();
                    let count = seen.draft.body().get("count").map_or(0, |n| n.as_u64().unwrap());
                    let body = json!({ "count": count + 1 }).as_object().unwrap().clone();
                    let draft = Draft::new(Kind::Query, "ours", body).unwrap();
                    let revision = Some(seen.revision);
                    match run(things.replace(&id, revision, &draft, "")).unwrap() {
                        Written::Done(_) => break,
                        Written::Conflict(_) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
        })
    };
    let threads = [rises(one.clone(), made.id.clone()), rises(other, made.id.clone())];
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let last = run(one.get(&made.id)).unwrap().unwrap();
    assert_eq!((&last.draft.body()["count"], last.revision), (&json!(100), 101));
}

#[test]
fn a_damaged_file_is_set_aside_and_told() {
    let whole = vec![b'x'; 8192];
    for damage in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let things = open(folder.path());
        for n in 0..200 {
            done(run(things.create(&draft(&n.to_string(), &"q".repeat(200)), None, "")));
        }
        drop(things);
        let mut bytes = fs::read(&path).unwrap();
        if damage == 0 {
            bytes.clone_from(&whole);
        } else {
            // A page in the middle: the head of the file is well.
            bytes[8192..16384].fill(0xff);
        }
        fs::write(&path, &bytes).unwrap();
        let (health, clock) = (Health::new(), Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH)));
        let things = SavedFile::open(folder.path(), clock, &health).unwrap();
        assert_eq!(run(things.list(None)).unwrap(), []);
        done(run(things.create(&draft("new", "*"), None, "")));
        assert_eq!(fs::read(folder.path().join("saved.db.damaged")).unwrap(), bytes);
        let part = &health.report().parts["saved"];
        assert!(part.state.contains("set aside as saved.db.damaged"), "{}", part.state);
    }
}

#[test]
fn the_file_of_a_newer_version_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let path = folder.path().join(FILE);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let clock = Arc::new(FixedClock::new(Timestamp::UNIX_EPOCH));
    let error = SavedFile::open(folder.path(), clock, &Health::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.root_cause().unwrap().contains("newer version (its format is 99"), "{error:?}");
    assert!(path.exists());
}

#[test]
fn a_kind_of_a_later_program_is_kept_and_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    let things = open(folder.path());
    let made = done(run(things.create(&draft("ours", "*"), None, "")));
    let connection = Connection::open(folder.path().join(FILE)).unwrap();
    connection.execute("UPDATE things SET kind = 'later'", []).unwrap();
    assert_eq!(run(things.list(None)).unwrap(), []);
    assert_eq!(run(things.get(&made.id)).unwrap(), None);
    assert_eq!(run(things.delete(&made.id, None)).unwrap(), Written::Absent);
    let error = run(things.create(&draft("other", "*"), Some(&made.id), "")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "its id is taken: {error}");
    connection.execute("UPDATE things SET kind = 'query'", []).unwrap();
    assert_eq!(run(things.list(None)).unwrap(), [made]);
}

#[test]
fn a_stamp_is_read_as_it_was_written() {
    let clock = FixedClock::new("2026-11-25T01:02:03.123456789Z".parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let things = SavedFile::open(folder.path(), Arc::new(clock.clone()), &Health::new()).unwrap();
    let made = done(run(things.create(&draft("ours", "*"), None, &"é".repeat(300))));
    assert_eq!(made.created.by, "é".repeat(200));
    clock.advance(SignedDuration::from_secs(1));
    let changed = done(run(things.replace(&made.id, None, &draft("ours", "a"), "")));
    assert_eq!(changed.changed.at.duration_since(made.created.at).as_secs(), 1);
    assert_eq!(run(things.get(&made.id)).unwrap(), Some(changed));
}

#[test]
fn a_backup_has_it_too() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = crate::Store::open(folder.path(), &crate::StoreConfig::default()).unwrap();
    let things = open(folder.path());
    done(run(things.create(&draft("ours", "*"), None, "ann")));
    run(store.backup(copy.path())).unwrap();
    assert_eq!(run(open(copy.path()).list(None)).unwrap(), run(things.list(None)).unwrap());
}
