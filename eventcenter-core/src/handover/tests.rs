//! The merge of a note with an own spool, case by case. Whole reigns are played in `pipeline/tests/reigns.rs`.

use super::*;

fn order(left: &str, right: &str) -> Option<Ordering> {
    match (left.is_empty(), right.is_empty()) {
        (false, false) => Some(left.parse::<u64>().ok()?.cmp(&right.parse().ok()?)),
        (left, right) => Some(right.cmp(&left)),
    }
}

fn at(value: &str) -> At {
    At(value.to_owned(), 0)
}

fn position(value: &str) -> Position {
    Position::new(value, Timestamp::UNIX_EPOCH)
}

/// A note in which the sinks `a` and `b` stand here in the source `s`.
fn note(spool: &str, a: &str, b: &str) -> Handover {
    let sinks = [("a", a), ("b", b)].map(|(sink, value)| (sink.to_owned(), at(value)));
    let settled = BTreeMap::from([("s".to_owned(), BTreeMap::from(sinks))]);
    Handover { spool: spool.to_owned(), settled, owed: Vec::new() }
}

/// A spool whose sinks stand here, and which has seen everything up to `newest`.
fn stand(a: &str, b: &str, newest: &str, cursors: [u64; 2]) -> Stand {
    let one = |value: &str| BTreeMap::from([("s".to_owned(), at(value))]);
    Stand { sinks: vec![one(a), one(b)], cursors: cursors.to_vec(), newest: one(newest) }
}

fn taken_over(left: Handover, stand: &Stand) -> Succession {
    let sinks = vec!["a".to_owned(), "b".to_owned()];
    Succession::new(left, order, "mine".to_owned(), sinks, stand, 50)
}

fn wanted(succession: &Succession, version: &str) -> Vec<usize> {
    succession.still_want("s", SinkSet::first(2), version).places().collect()
}

fn from(succession: &Succession) -> Option<String> {
    succession.position("s").map(|position| position.value)
}

#[test]
fn a_new_spool_goes_on_where_the_note_says_for_each_sink() {
    let succession = taken_over(note("other", "80", "100"), &Stand::default());
    assert_eq!(from(&succession).as_deref(), Some("80"));
    assert_eq!(wanted(&succession, "80"), [] as [usize; 0]);
    assert_eq!(wanted(&succession, "81"), [0]);
    assert_eq!(wanted(&succession, "100"), [0]);
    assert_eq!(wanted(&succession, "101"), [0, 1]);
    succession.stands_at("s", &position("100"), 50);
    assert_eq!(wanted(&succession, "99"), [0, 1], "all floors are passed: nothing is looked up");
}

#[test]
fn an_own_backlog_is_delivered_from_where_the_note_says_and_not_fetched_again() {
    // Its own cursor of `a` is at 60, but somebody else has been further; `b` has settled more than was noted.
    let own = stand("60", "90", "95", [10, 40]);
    let succession = taken_over(note("other", "80", "85"), &own);
    assert_eq!(from(&succession).as_deref(), Some("95"));
    assert!(!succession.is_left_to("a", "s", "80") && succession.is_left_to("a", "s", "81"));
    assert!(succession.is_backlog(49) && !succession.is_backlog(50));
    assert_eq!(succession.note(&own), note("mine", "80", "90"));
}

#[test]
fn positions_that_cannot_be_compared_leave_nothing_out() {
    let succession = taken_over(note("other", "x", "y"), &Stand::default());
    assert!(from(&succession).is_some());
    assert_eq!(wanted(&succession, "z"), [0, 1]);
    assert!(succession.is_left_to("a", "s", "z"));
}

#[test]
fn a_sink_that_nobody_has_heard_of_begins_where_the_others_go_on() {
    let mut left = note("other", "80", "100");
    left.settled.get_mut("s").unwrap().remove("a");
    let succession = taken_over(left, &Stand::default());
    assert_eq!(from(&succession).as_deref(), Some("100"));
    assert_eq!(succession.note(&Stand::default()), note("mine", "100", "100"));
}

#[test]
fn a_source_that_goes_back_is_begun_anew_by_everybody_until_all_are_past_it() {
    let succession = taken_over(note("other", "500", "400"), &Stand::default());
    succession.stands_at("s", &position("0"), 60);
    assert_eq!(wanted(&succession, "300"), [0, 1], "versions of before mean nothing");
    succession.stands_at("s", &position("300"), 70);
    let note = |a, b, cursors| succession.note(&stand(a, b, "300", cursors)).settled;
    assert_eq!(note("300", "400", [80, 60]), self::note("", "0", "0").settled);
    assert_eq!(note("300", "290", [80, 61]), self::note("", "300", "290").settled);
}

#[test]
fn what_a_gap_has_cost_is_owed_by_the_last_leader_and_struck_out_when_it_is_delivered() {
    let succession = taken_over(note("other", "80", "100"), &Stand::default());
    succession.lost("s");
    succession.lost("s");
    let untold = succession.note(&Stand::default());
    assert_eq!(untold.owed.len(), 2, "once for each sink: {:?}", untold.owed);
    assert!(untold.owed.iter().all(|owed| owed.until.is_none()));
    // The list is told with the position of before.
    succession.stands_at("s", &position("80"), 50);
    succession.stands_at("s", &position("150"), 60);
    let told = succession.note(&stand("150", "150", "150", [60, 60]));
    assert!(told.owed.iter().all(|owed| owed.until.as_deref() == Some("150")));
    // A gap in the middle of a term is nobody's debt.
    succession.lost("s");
    assert_eq!(succession.note(&Stand::default()).owed, told.owed);

    let read = Handover::read(&told.write()).unwrap();
    assert_eq!(read, told);
    let sinks = vec!["a".to_owned(), "b".to_owned()];
    let own = stand("80", "100", "120", [20, 40]);
    let back = Succession::new(read, order, "other".to_owned(), sinks, &own, 50);
    assert!(!back.is_left_to("a", "s", "80") && back.is_left_to("a", "s", "81"));
    assert!(!back.is_left_to("b", "s", "100") && back.is_left_to("b", "s", "101"));
    let sinks_owed = |cursors| {
        let owed = back.note(&stand("80", "100", "120", cursors)).owed;
        owed.into_iter().map(|owed| owed.sink).collect::<Vec<_>>()
    };
    assert_eq!(sinks_owed([49, 50]), ["a"]);
    assert_eq!(sinks_owed([50, 50]), [] as [&str; 0]);
}

#[test]
fn a_sink_that_had_settled_nothing_is_told_of_a_gap_by_another_replica_alone() {
    let left = || note("other", "", "100");
    let succession = taken_over(left(), &Stand::default());
    assert_eq!(from(&succession).as_deref(), Some(""));
    let gap = succession.gap_before("s", Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(gap.grade, Grade::Events);
    let own = taken_over(note("mine", "", "100"), &Stand::default());
    assert_eq!(own.gap_before("s", Timestamp::UNIX_EPOCH), None, "it is in the own backlog");
    assert_eq!(succession.gap_before("t", Timestamp::UNIX_EPOCH), None);
}

#[test]
fn what_is_no_note_is_refused() {
    assert_eq!(Handover::read("[").unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(Handover::read("{}").unwrap(), Handover::default());
}
