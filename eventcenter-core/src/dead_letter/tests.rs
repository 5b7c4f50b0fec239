//! Letters and their files: what is kept, what goes, and that nothing goes uncounted.

use std::fs;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::clock::FixedClock;
use crate::testing::events;

/// A letter of these tests takes between 300 and 1,500 bytes, and a file 4 KiB.
fn small() -> DeadLetterConfig {
    DeadLetterConfig { max_bytes: 64 << 10, max_age: Duration::from_secs(3600) }
}

/// A folder of letters that can be opened again.
struct Desk {
    folder: tempfile::TempDir,
    clock: FixedClock,
    metrics: Metrics,
    letters: DeadLetters,
}

impl Desk {
    fn new(config: DeadLetterConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = FixedClock::new("2026-11-25T01:02:03Z".parse().unwrap());
        let metrics = Metrics::new();
        let letters = open(folder.path(), config, &clock, &metrics);
        Self { folder, clock, metrics, letters }
    }

    /// As after a kill.
    fn reopen(&mut self) {
        let config = self.letters.0.config.clone();
        self.letters = open(self.folder.path(), config, &self.clock, &self.metrics);
    }

    fn bury(&self, reason: &str) -> Result<()> {
        let (now, event) = (self.clock.now(), events::ordinary());
        let cause = Cause { kind: ErrorKind::Refused, reason, attempts: 3 };
        let line = DeadLetters::event_line("hook", &event, cause, now);
        self.letters.with_shelf("hook", |shelf| shelf.append(&line, now))
    }

    fn kept(&self) -> Vec<Letter> {
        self.letters.letters("hook").unwrap().collect::<Result<_>>().unwrap()
    }

    fn reasons(&self) -> Vec<String> {
        self.kept().into_iter().map(|letter| letter.reason).collect()
    }

    fn removed(&self, why: Removal) -> u64 {
        let label = metrics::SinkKind { sink: "hook".to_owned(), kind: why.as_str() };
        self.metrics.dead_letters_removed.get_or_create(&label).get()
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("dead-letters").join(file)
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).unwrap();
        let mut files: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        files
    }
}

fn open(
    folder: &Path,
    config: DeadLetterConfig,
    clock: &FixedClock,
    metrics: &Metrics,
) -> DeadLetters {
    let (folder, clock) = (folder.join("dead-letters"), Arc::new(clock.clone()));
    DeadLetters::open(folder, config, clock, metrics.clone()).unwrap()
}

#[test]
fn a_letter_holds_its_event_and_is_found_again_by_its_id() {
    let mut desk = Desk::new(small());
    for event in events::standard() {
        let cause = Cause { kind: ErrorKind::Refused, reason: "status 400", attempts: 3 };
        let line = DeadLetters::event_line("hook", &event, cause, desk.clock.now());
        desk.letters.with_shelf("hook", |shelf| shelf.append(&line, desk.clock.now())).unwrap();
        let letter = desk.kept().pop().unwrap();
        let again = letter.event().unwrap();
        assert_eq!(again.occurrence_key(), event.occurrence_key());
        assert_eq!((again.received(), again.cluster()), (event.received(), event.cluster()));
        let (mut one, mut other) = (Vec::new(), Vec::new());
        again.write_json(&mut one);
        event.write_json(&mut other);
        assert_eq!(one, other);
        assert_eq!((letter.kind.as_str(), letter.attempts), ("refused", 3));
        desk.reopen();
        assert_eq!(desk.kept().pop().unwrap().id, letter.id);
    }
    let ids: BTreeSet<_> = desk.kept().into_iter().map(|letter| letter.id).collect();
    assert_eq!(ids.len(), events::standard().len(), "letters of one instant are told apart");
}

#[test]
fn a_letter_that_was_not_written_to_its_end_is_cut_off_and_the_next_one_is_whole() {
    let mut desk = Desk::new(small());
    desk.bury("one").unwrap();
    let mut file = fs::read(desk.path("hook.ndjson")).unwrap();
    let whole = file.len();
    file.extend_from_within(..whole / 2);
    fs::write(desk.path("hook.ndjson"), &file).unwrap();
    desk.reopen();
    assert_eq!(desk.reasons(), ["one"]);
    assert_eq!(fs::metadata(desk.path("hook.ndjson")).unwrap().len(), whole as u64);
    desk.bury("two").unwrap();
    assert_eq!(desk.reasons(), ["one", "two"]);
}

#[test]
fn a_file_that_somebody_removed_or_changed_is_taken_as_it_is() {
    let desk = Desk::new(small());
    desk.bury("one").unwrap();
    fs::remove_file(desk.path("hook.ndjson")).unwrap();
    assert!(desk.kept().is_empty());
    desk.bury("two").unwrap();
    let line = fs::read(desk.path("hook.ndjson")).unwrap();
    fs::write(desk.path("hook.ndjson"), [&line[..], b"a note\n", &line[..]].concat()).unwrap();
    desk.bury("three").unwrap();
    assert_eq!(desk.kept().len(), 4);
    let note = desk.kept().remove(1);
    assert_eq!((note.kind.as_str(), note.text.as_str()), ("unreadable", "a note"));
    assert!(note.event().is_none());
    let ids = BTreeSet::from([note.id]);
    assert_eq!(desk.letters.remove("hook", &ids, Removal::Dropped).unwrap(), 1);
    assert_eq!(desk.reasons(), ["two", "two", "three"]);
}

#[test]
fn the_oldest_go_when_there_are_too_many_and_are_counted() {
    let desk = Desk::new(small());
    for number in 0..300 {
        desk.bury(&format!("{number}")).unwrap();
    }
    let kept = desk.reasons();
    let first = 300 - kept.len();
    assert_eq!(kept, (first..300).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(first > 0);
    assert_eq!(desk.removed(Removal::MaxBytes), first as u64);
    let label = metrics::Sink { sink: "hook".to_owned() };
    let bytes = desk.metrics.dead_letter_bytes.get_or_create(&label).get();
    assert!((48 << 10..=64 << 10).contains(&bytes), "{bytes}");
    assert_eq!(desk.metrics.dead_letters.get_or_create(&label).get(), kept.len() as i64);
}

#[test]
fn what_is_too_old_goes_though_nothing_comes_after_it() {
    let desk = Desk::new(small());
    let hours = |hours| SignedDuration::from_hours(hours);
    desk.bury("old").unwrap();
    desk.clock.advance(hours(1) / 2);
    desk.bury("young").unwrap();
    assert_eq!(desk.files(), ["hook.1.ndjson", "hook.ndjson"]);
    desk.clock.advance(hours(1) * 2 / 3);
    desk.letters.expire();
    assert_eq!((desk.reasons(), desk.removed(Removal::MaxAge)), (vec!["young".to_owned()], 1));
    let text = desk.metrics.encode();
    let oldest = "eventcenter_dead_letters_oldest_timestamp_seconds{sink=\"hook\"} 1795570323";
    assert!(text.contains(oldest), "{text}");
    desk.clock.advance(hours(1));
    desk.letters.expire();
    assert_eq!((desk.reasons().len(), desk.removed(Removal::MaxAge)), (0, 2));
    assert!(desk.files().is_empty());
    assert!(!desk.metrics.encode().contains("oldest_timestamp_seconds{"));
}

#[test]
fn names_of_sources_are_names_of_files_and_back() {
    let mut desk = Desk::new(small());
    let name = "events/c1/*.%2F";
    let cause = Cause { kind: ErrorKind::Protocol, reason: "no uid", attempts: 1 };
    let line = DeadLetters::document_line(name, b"{\"half", cause, desk.clock.now());
    desk.letters.with_shelf(name, |shelf| shelf.append(&line, desk.clock.now())).unwrap();
    fs::write(desk.path("README.txt"), "of somebody else").unwrap();
    fs::write(desk.path("a.b.ndjson"), "of somebody else").unwrap();
    desk.reopen();
    assert_eq!(desk.letters.names(), [name]);
    let letter = desk.letters.letters(name).unwrap().next().unwrap().unwrap();
    assert!(letter.event().is_none() && letter.text.contains("\"document\":\"{\\\"half\""));
}

#[test]
fn a_file_that_was_being_written_anew_at_a_kill_is_of_no_account() {
    let mut desk = Desk::new(small());
    desk.bury("one").unwrap();
    fs::write(desk.path("hook.anew"), "{\"time\":\"20").unwrap();
    desk.reopen();
    assert_eq!(
        (desk.reasons(), desk.files()),
        (vec!["one".to_owned()], vec!["hook.ndjson".to_owned()])
    );
}

/// What happens to letters.
#[derive(Debug, Clone)]
enum Step {
    /// So many are set aside at once, each so much longer than the least.
    Bury(usize, usize),
    Wait(u32),
    /// Every so manieth is dropped by command.
    Drop(usize),
    /// A kill, that leaves so many bytes of a line.
    Kill(usize),
    Look,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (1_usize..12, 0_usize..1200).prop_map(|(count, len)| Step::Bury(count, len)),
        1 => (1_u32..3000).prop_map(Step::Wait),
        2 => (1_usize..9).prop_map(Step::Drop),
        2 => (0_usize..200).prop_map(Step::Kill),
        1 => Just(Step::Look),
    ];
    proptest::collection::vec(step, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// The kept ones are those of the oldest number that are still there, in order, without those that were dropped.
    #[test]
    fn each_letter_is_kept_or_dropped_by_command_or_counted(steps in steps()) {
        let config = DeadLetterConfig { max_bytes: 32 << 10, ..small() };
        let mut desk = Desk::new(config.clone());
        let (mut written, mut dropped) = (0_usize, BTreeSet::new());
        for step in steps {
            match step {
                Step::Bury(count, len) => {
                    let (now, event) = (desk.clock.now(), events::ordinary());
                    let lines: Vec<u8> = (written..written + count).flat_map(|number| {
                        let reason = format!("{number} {}", "x".repeat(len));
                        let cause = Cause { kind: ErrorKind::Refused, reason: &reason, attempts: 1 };
                        DeadLetters::event_line("hook", &event, cause, now)
                    }).collect();
                    desk.letters.with_shelf("hook", |shelf| shelf.append(&lines, now)).unwrap();
                    written += count;
                }
                Step::Wait(seconds) => desk.clock.advance(SignedDuration::from_secs(seconds.into())),
                Step::Drop(each) => {
                    let ids: BTreeSet<String> =
                        desk.kept().into_iter().step_by(each).map(|letter| letter.id).collect();
                    let gone = desk.letters.remove("hook", &ids, Removal::Dropped).unwrap();
                    prop_assert_eq!(gone, ids.len() as u64);
                    dropped.extend(ids);
                }
                Step::Kill(torn) if written > 0 => {
                    let path = desk.path("hook.ndjson");
                    let mut file = fs::read(&path).unwrap_or_default();
                    file.extend(std::iter::repeat_n(b'{', torn));
                    fs::write(&path, file).unwrap();
                    fs::write(desk.path("hook.anew"), vec![b'{'; torn]).unwrap();
                    desk.reopen();
                }
                Step::Kill(_) => {}
                Step::Look => desk.letters.expire(),
            }
            let kept = desk.kept();
            let counted = desk.removed(Removal::MaxBytes) + desk.removed(Removal::MaxAge);
            prop_assert_eq!(kept.len() as u64 + counted + dropped.len() as u64, written as u64);
            prop_assert_eq!(desk.removed(Removal::Dropped), dropped.len() as u64);
            let numbers: Vec<usize> = kept
                .iter()
                .map(|letter| letter.reason.split(' ').next().unwrap().parse().unwrap())
                .collect();
            prop_assert!(numbers.is_sorted_by(|one, other| one < other));
            prop_assert!(kept.iter().all(|letter| !dropped.contains(&letter.id)));
            let held = desk.letters.with_shelf("hook", |shelf| Ok(shelf.held())).unwrap();
            prop_assert!(held.bytes <= config.max_bytes, "{:?}", held);
            prop_assert_eq!(held.letters, kept.len() as u64);
        }
    }
}
