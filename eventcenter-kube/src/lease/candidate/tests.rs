//! Several candidates, one Lease, and a world that delays, loses and stops: no two terms ever overlap.
//!
//! Time here is absolute, in milliseconds; each candidate has a clock that began at another moment. A request takes a
//! while to arrive and its answer a while to come back; either may be lost. A candidate may be stopped for long.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const DURATION: Duration = Duration::from_secs(15);
const RENEW: u64 = 2_000;

/// The API server's side: a version, and compare-and-set.
struct Server {
    lease: Record,
    version: u64,
}

impl Server {
    fn put(&mut self, wanted: &Record) -> Option<Record> {
        if wanted.version() != self.lease.version() {
            return None;
        }
        self.version += 1;
        let mut document = wanted.document().clone();
        document["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Record::read(document).unwrap();
        Some(self.lease.clone())
    }
}

/// What a candidate waits for.
enum Waits {
    /// To look, or to renew, at this time.
    Until(u64),
    /// A request that arrives then.
    Arrival { at: u64, back: u64, lost: bool, asked: u64, put: Option<Record> },
    /// An answer that comes back then.
    Answer { at: u64, asked: u64, what: Option<Answer> },
}

enum Answer {
    Read(Record),
    Written(Record),
    Conflict,
}

struct Player {
    candidate: Candidate,
    /// When its machine was started, which its clock counts from.
    booted: u64,
    waits: Waits,
    /// What it holds, and until when in absolute time.
    term: Option<(Record, u64)>,
    /// Of each term: from when, until when.
    terms: Vec<(u64, u64)>,
}

impl Player {
    fn due(&self) -> u64 {
        let (Waits::Until(at) | Waits::Arrival { at, .. } | Waits::Answer { at, .. }) = self.waits;
        at
    }

    fn clock(&self, now: u64) -> Duration {
        Duration::from_millis(now - self.booted)
    }
}

/// One step of fate: how long the next request takes there and back, what is lost, and how long its sender is stopped.
#[derive(Debug, Clone)]
struct Fate {
    there: u64,
    back: u64,
    lost: u8,
    stopped: u64,
}

fn fate() -> impl Strategy<Value = Fate> {
    let delay = || prop_oneof![8 => 1_u64..50, 2 => 500_u64..3_000, 1 => 5_000_u64..40_000];
    let stopped = prop_oneof![10 => Just(0), 1 => 1_000_u64..60_000];
    (delay(), delay(), 0_u8..20, stopped).prop_map(|(there, back, lost, stopped)| Fate {
        there,
        back,
        lost,
        stopped,
    })
}

fn turn(player: &mut Player, server: &mut Server, now: u64, fate: &Fate) {
    let stopped = fate.stopped;
    let waits = std::mem::replace(&mut player.waits, Waits::Until(now));
    player.waits = match waits {
        Waits::Until(_) => {
            // Over: it is a candidate like the others.
            if player.term.as_ref().is_some_and(|(_, until)| now >= *until) {
                player.term = None;
            }
            let held = player.term.as_ref().map(|(lease, _)| lease);
            let put = held.map(|lease| player.candidate.claim(lease, Timestamp::UNIX_EPOCH));
            // It may be stopped between the look at its clock and the request, or be sent slowly.
            let at = now + fate.there + stopped;
            Waits::Arrival { at, back: fate.back, lost: fate.lost == 0, asked: now, put }
        }
        Waits::Arrival { lost: true, asked, back, .. } => {
            Waits::Answer { at: now + back, asked, what: None }
        }
        Waits::Arrival { back, asked, put, .. } => {
            let what = match put {
                None => Answer::Read(server.lease.clone()),
                Some(put) => server.put(&put).map_or(Answer::Conflict, Answer::Written),
            };
            // The answer to a write that was done may be lost too.
            let what = (fate.lost != 1).then_some(what);
            Waits::Answer { at: now + back + stopped, asked, what }
        }
        Waits::Answer { asked, what, .. } => match what {
            Some(Answer::Read(lease)) => {
                let clock = player.clock(now);
                match player.candidate.look(&lease, clock, Timestamp::UNIX_EPOCH) {
                    Move::Wait => Waits::Until(now + RENEW / 2),
                    Move::Claim(claim) => Waits::Arrival {
                        at: now + fate.there + stopped,
                        back: fate.back,
                        lost: fate.lost == 0,
                        asked: now,
                        put: Some(claim),
                    },
                }
            }
            Some(Answer::Written(lease)) => {
                let until = player.candidate.until(player.clock(asked));
                let until = u64::try_from(until.as_millis()).unwrap() + player.booted;
                match &mut player.term {
                    Some((held, before)) if now < *before => {
                        (*held, *before) = (lease, until.max(*before));
                        player.terms.last_mut().unwrap().1 = *before;
                    }
                    _ => {
                        player.term = Some((lease, until));
                        // It may write from here on, if that is not over already.
                        player.terms.push((now, until));
                    }
                }
                Waits::Until(now + RENEW)
            }
            // Whoever holds looks again; a term goes on to its end unless somebody else holds the Lease.
            Some(Answer::Conflict) => {
                player.term = None;
                Waits::Until(now + 1)
            }
            None => Waits::Until(now + 500),
        },
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn two_terms_never_overlap(
        booted in proptest::collection::vec(0_u64..5_000, 2..=3),
        fates in proptest::collection::vec(fate(), 100..400),
    ) {
        let mut server = Server { lease: Record::absent("ns", "n"), version: 0 };
        let mut players: Vec<Player> = (booted.iter().enumerate())
            .map(|(number, &booted)| Player {
                candidate: Candidate::new(number.to_string(), DURATION),
                booted,
                waits: Waits::Until(10_000),
                term: None,
                terms: Vec::new(),
            })
            .collect();
        for fate in &fates {
            let next = players.iter_mut().min_by_key(|player| player.due()).unwrap();
            let now = next.due();
            turn(next, &mut server, now, fate);
        }
        let mut terms: Vec<(u64, u64, usize)> = Vec::new();
        for (number, player) in players.iter().enumerate() {
            terms.extend(player.terms.iter().filter(|(from, to)| from < to).map(|&(f, t)| (f, t, number)));
        }
        terms.sort_unstable();
        for pair in terms.windows(2) {
            let [(_, until, one), (from, _, other)] = pair else { unreachable!() };
            // Of different candidates a third of the duration lies between, less what an answer took to arrive.
            prop_assert!(one == other || until <= from, "{terms:?}");
        }
    }
}

#[test]
fn a_lease_is_taken_when_it_was_not_renewed_for_its_own_duration() {
    let held = |version: &str| {
        let document = json!({
            "metadata": { "resourceVersion": version },
            "spec": { "holderIdentity": "other", "leaseDurationSeconds": 30 },
        });
        Record::read(document).unwrap()
    };
    let mut candidate = Candidate::new("me".to_owned(), DURATION);
    let mut look = |version: &str, at: u64| {
        candidate.look(&held(version), Duration::from_secs(at), Timestamp::UNIX_EPOCH) != Move::Wait
    };
    // However old it is: what counts is how long it was seen.
    assert!(!look("1", 1_000));
    assert!(!look("2", 1_029));
    assert!(!look("2", 1_058));
    assert!(look("2", 1_059));
}

#[test]
fn a_lease_that_was_given_up_is_taken_at_once() {
    let mut candidate = Candidate::new("me".to_owned(), DURATION);
    let document =
        json!({ "metadata": { "resourceVersion": "1" }, "spec": { "holderIdentity": "" } });
    let free = Record::read(document).unwrap();
    let taken = candidate.look(&free, Duration::ZERO, Timestamp::UNIX_EPOCH);
    let Move::Claim(claim) = taken else { panic!("{taken:?}") };
    assert_eq!(claim.holder(), Some("me"));
    assert_eq!(candidate.until(Duration::from_secs(5)), Duration::from_secs(15));
}
