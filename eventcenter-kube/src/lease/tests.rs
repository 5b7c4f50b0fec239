//! Candidacies over a Lease in memory, in paused time.

use std::sync::Mutex;

use async_trait::async_trait;
use eventcenter_core::Health;
use serde_json::json;
use tokio::time::Instant;

use super::*;

/// One Lease, which can be taken away.
#[derive(Debug)]
struct Memory {
    lease: Mutex<(Record, u64)>,
    away: Mutex<bool>,
}

impl Memory {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lease: Mutex::new((Record::absent("ns", "n"), 0)),
            away: Mutex::new(false),
        })
    }

    fn lease(&self) -> Record {
        self.lease.lock().unwrap().0.clone()
    }

    fn away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }

    fn check(&self) -> Result<(), Failure> {
        match *self.away.lock().unwrap() {
            true => Err(Failure::passing("lease", ErrorKind::Unavailable, "away")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl LeaseApi for Memory {
    async fn read(&self) -> Result<Record, Failure> {
        self.check()?;
        Ok(self.lease())
    }

    async fn write(&self, record: &Record) -> Result<Written, Failure> {
        self.check()?;
        let (lease, version) = &mut *self.lease.lock().unwrap();
        if lease.version() != record.version() {
            return Ok(Written::Not);
        }
        *version += 1;
        let mut document = record.document().clone();
        document["metadata"]["resourceVersion"] = json!(version.to_string());
        *lease = Record::read(document).unwrap();
        Ok(Written::As(lease.clone()))
    }
}

/// The paused clock of tokio.
#[derive(Debug)]
struct Paused(Instant);

impl Uptime for Paused {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

fn candidacy(memory: &Arc<Memory>, name: &str, health: &Health) -> Candidacy {
    let config = LeaseConfig {
        namespace: "ns".to_owned(),
        name: "n".to_owned(),
        identity: name.to_owned(),
        duration: LeaseConfig::DURATION,
        renew: LeaseConfig::RENEW,
    };
    let part = health.gate(name, None);
    let api = Arc::clone(memory) as Arc<dyn LeaseApi>;
    Candidacy::over(&config, name.to_owned(), api, Arc::new(Paused(Instant::now())), part)
}

#[tokio::test(start_paused = true)]
async fn a_holder_renews_with_its_note_and_hands_over_at_once() {
    let (memory, health) = (Memory::new(), Health::new());
    let mut one = candidacy(&memory, "one", &health);
    let mut other = candidacy(&memory, "other", &health);
    let won = one.win().await;
    assert_eq!((won.note, won.transitions), (None, 0));
    let term = won.term;
    let mut notes = 0;
    tokio::select! {
        lost = one.keep(&term, async || { notes += 1; Some(notes.to_string()) }) => panic!("{lost:?}"),
        _ = other.win() => panic!("two hold it"),
        () = sleep(Duration::from_secs(61)) => {}
    }
    assert_eq!(memory.lease().note(), Some("30"), "every 2 s");
    assert_eq!(health.report().parts["one"].state, "leader");
    assert_eq!(health.report().parts["other"].state, "follower of one");
    assert!(term.holds() && health.report().ready);
    one.give_up(&term, Some("last".to_owned())).await.unwrap();
    assert!(!term.holds(), "nothing is written any more");
    let given_up = Instant::now();
    let won = other.win().await;
    assert_eq!((won.note.as_deref(), won.transitions), (Some("last"), 1));
    assert!(given_up.elapsed() <= LeaseConfig::RENEW / 2);
}

#[tokio::test(start_paused = true)]
async fn who_ends_while_it_takes_the_lease_leaves_it_to_the_others() {
    let (memory, health) = (Memory::new(), Health::new());
    let mut one = candidacy(&memory, "one", &health);
    // Written, and the program was told to end before it knew.
    let claim = one.candidate.claim(&memory.lease(), jiff::Timestamp::now());
    memory.write(&claim).await.unwrap();
    one.withdraw().await;
    assert_eq!(memory.lease().holder(), None);
    let mut other = candidacy(&memory, "other", &health);
    let _won = other.win().await;
    one.withdraw().await;
    assert_eq!(memory.lease().holder(), Some("other"), "what is not ours is not given up");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_renew_ends_before_another_begins() {
    let (memory, health) = (Memory::new(), Health::new());
    let mut one = candidacy(&memory, "one", &health);
    let mut other = candidacy(&memory, "other", &health);
    let begun = Instant::now();
    let term = one.win().await.term;
    memory.away(true);
    let lost = one.keep(&term, async || None).await;
    assert_eq!((lost, begun.elapsed().as_secs()), (Lost::Late, 10));
    assert!(!health.report().ready, "{:?}", health.report());
    memory.away(false);
    let _won = other.win().await;
    assert!(begun.elapsed() >= LeaseConfig::DURATION + Duration::from_secs(10), "seen since then");
}

#[tokio::test(start_paused = true)]
async fn an_outage_shorter_than_the_term_is_survived() {
    let (memory, health) = (Memory::new(), Health::new());
    let mut one = candidacy(&memory, "one", &health);
    let term = one.win().await.term;
    let outage = async {
        sleep(Duration::from_secs(1)).await;
        memory.away(true);
        sleep(Duration::from_secs(8)).await;
        memory.away(false);
        sleep(Duration::from_secs(30)).await;
    };
    tokio::select! {
        lost = one.keep(&term, async || None) => panic!("{lost:?}"),
        () = outage => assert!(term.holds() && health.report().ready),
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_a_person_gives_to_another_is_left_at_once() {
    let (memory, health) = (Memory::new(), Health::new());
    let mut one = candidacy(&memory, "one", &health);
    let term = one.win().await.term;
    let by_hand = async {
        sleep(Duration::from_secs(5)).await;
        let theirs = memory.lease().claimed("other", LeaseConfig::DURATION, jiff::Timestamp::now());
        memory.write(&theirs).await.unwrap();
        std::future::pending::<()>().await;
    };
    let lost = tokio::select! {
        lost = one.keep(&term, async || None) => lost,
        () = by_hand => unreachable!(),
    };
    assert!(lost == Lost::Taken && !term.holds());
    assert_eq!(memory.lease().holder(), Some("other"));
}

#[tokio::test(start_paused = true)]
async fn a_label_that_a_person_writes_costs_nobody_a_term() {
    let (memory, health) = (Memory::new(), Health::new());
    let mut one = candidacy(&memory, "one", &health);
    let term = one.win().await.term;
    let touched = async {
        sleep(Duration::from_secs(5)).await;
        memory.write(&memory.lease().with_note(Some("mine".to_owned()))).await.unwrap();
        sleep(Duration::from_secs(30)).await;
    };
    tokio::select! {
        lost = one.keep(&term, async || Some("n".to_owned())) => panic!("{lost:?}"),
        () = touched => assert!(term.holds()),
    }
    assert_eq!(memory.lease().note(), Some("n"));
}
