//! What must hold after a seed has been lived through.

use std::collections::{HashMap, HashSet};
use std::fs;

use crate::model::identity;
use crate::receiver::{Receiver, Taken};
use crate::world::World;

/// Panics where something does not hold.
pub(crate) fn judge(world: &World) {
    for receiver in &world.receivers {
        let taken = receiver.state().taken.clone();
        nothing_is_missing(world, receiver, &taken);
        each_object_is_in_order(world, receiver, &taken);
        nothing_is_doubled_without_a_reason(world, receiver, &taken);
    }
}

fn nothing_is_missing(world: &World, receiver: &Receiver, taken: &[Taken]) {
    let (seed, name) = (world.seed, receiver.name);
    let mut arrived: HashSet<String> = taken.iter().map(|taken| taken.key.clone()).collect();
    let letters = dead_letters(world, name);
    arrived.extend(letters.iter().map(|(key, _)| key.clone()));
    let mut missing = Vec::new();
    for change in world.server.lock().log.iter().filter(|change| change.kind != "DELETED") {
        if name == "careful" && !change.key.starts_with("a/") {
            continue;
        }
        let (uid, version) = identity(&change.document);
        if arrived.contains(&format!("{uid}-{version}")) {
            continue;
        }
        if !world.unsure.lock().unwrap().covers(change.revision) {
            missing.push(format!("{uid}-{version}"));
        }
    }
    // What the watch could not see was told to the sink, unless it began before the first list was complete.
    let gaps = taken
        .iter()
        .filter_map(|taken| taken.gap)
        .chain(letters.iter().filter_map(|(_, gap)| *gap));
    let declared = gaps.map(|count| count.unwrap_or(u64::MAX)).fold(0, u64::saturating_add);
    assert!(
        missing.len() as u64 <= declared,
        "seed {seed}: {name} lacks {missing:?}, and {declared} are declared lost"
    );
}

/// Keys, and what is missing for those that are gaps.
fn dead_letters(world: &World, sink: &str) -> Vec<(String, Option<Option<u64>>)> {
    let file = world.folder.path().join("dead-letters").join(format!("{sink}.ndjson"));
    let text = fs::read_to_string(file).unwrap_or_default();
    let letters = text.lines().map(|line| {
        let letter: serde_json::Value = serde_json::from_str(line).unwrap();
        let event = &letter["event"];
        let count = event["metadata"]["annotations"]["eventcenter/gap-count"].as_str();
        let gap =
            (event["reason"] == "EventsMissed").then(|| count.and_then(|count| count.parse().ok()));
        (letter["id"].as_str().unwrap().to_owned(), gap)
    });
    letters.collect()
}

/// The first time that a revision of an object arrives, no newer one has arrived before it in the same life. (Another
/// life may repeat older ones, of which some were never answered; and behind a list of which the end is not on disk comes
/// a watch from before it, with what the list had passed over; as it does behind a list of which the pages are of
/// different revisions.)
fn each_object_is_in_order(world: &World, receiver: &Receiver, taken: &[Taken]) {
    let mut newest: HashMap<(u32, &str), u64> = HashMap::new();
    let mut seen = HashSet::new();
    let unsure = world.unsure.lock().unwrap();
    for one in taken.iter().filter(|one| one.gap.is_none() && !unsure.mixes(one.revision)) {
        if !seen.insert((one.life, &one.key)) {
            continue;
        }
        let newest = newest.entry((one.life, &one.uid)).or_default();
        assert!(
            one.revision > *newest,
            "seed {}: {} got {} after {newest}",
            world.seed,
            receiver.name,
            one.key
        );
        *newest = one.revision;
    }
}

/// A revision arrives once, once more for each time that it got no answer, and once more for each program that died: it
/// may have been delivered and not confirmed by then, or seen in a list that begins again.
fn nothing_is_doubled_without_a_reason(world: &World, receiver: &Receiver, taken: &[Taken]) {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for one in taken {
        *times.entry(&one.key).or_default() += 1;
    }
    let state = receiver.state();
    let lives = taken.iter().map(|one| one.life).max().unwrap_or(1).max(1) as usize;
    for (key, times) in times {
        let allowed = lives + state.unanswered.get(key).copied().unwrap_or_default();
        assert!(
            times <= allowed,
            "seed {}: {} got {key} {times} times in {lives} lives",
            world.seed,
            receiver.name
        );
    }
    // Where repeats are not recognised a batch is sent three times at most without an answer, in each life.
    if receiver.name != "every" {
        for (key, times) in &state.unanswered {
            let most = 3 * taken.iter().map(|one| one.life).max().unwrap_or(1).max(1) as usize;
            assert!(
                *times <= most,
                "seed {}: {} was sent {key} {times} times",
                world.seed,
                receiver.name
            );
        }
    }
}
