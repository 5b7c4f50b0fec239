//! A receiver with moods, and the sink that sends to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use eventcenter_core::{
    Action, Batch, Error, ErrorKind, Event, Limits, Receipt, Rejected, Result, Sink,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

/// What it has taken, and how it will answer.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) name: &'static str,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    mood: Mood,
    random: StdRng,
    /// In order: keys of revisions, and the reasons of gaps.
    pub(crate) taken: Vec<Taken>,
    /// By key: how often it was sent without an answer.
    pub(crate) unanswered: HashMap<String, usize>,
    life: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub(crate) key: String,
    pub(crate) uid: String,
    pub(crate) revision: u64,
    pub(crate) life: u32,
    /// How many events are missing, for a gap that the pipeline declared: none if it does not know.
    pub(crate) gap: Option<Option<u64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Good,
    /// Each kind of answer now and then.
    Mixed,
    /// No connection.
    Away,
    /// It takes what it gets, and its answers are lost.
    Mute,
    /// It reads, and takes nothing.
    Deaf,
    /// It asks for a minute.
    Busy,
    /// It does not know us any more.
    Locked,
}

impl Receiver {
    pub(crate) fn new(name: &'static str, seed: u64) -> Self {
        let state = State {
            mood: Mood::Good,
            random: StdRng::seed_from_u64(seed),
            taken: Vec::new(),
            unanswered: HashMap::new(),
            life: 0,
        };
        Self { name, state: Mutex::new(state) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn change(&self, random: &mut StdRng) {
        use Mood::{Away, Busy, Deaf, Good, Locked, Mixed, Mute};
        let moods = [Good, Good, Mixed, Mixed, Away, Mute, Deaf, Busy, Locked];
        self.state().mood = moods[random.random_range(0..moods.len())];
    }

    pub(crate) fn recover(&self) {
        self.state().mood = Mood::Good;
    }

    pub(crate) fn begin_life(&self) {
        self.state().life += 1;
    }

    /// Some events are never taken: which, follows from the key.
    pub(crate) fn never_takes(event: &Event) -> bool {
        event.resource_version().parse::<u64>().is_ok_and(|revision| revision % 41 == 0)
    }
}

/// Sends to a receiver.
#[derive(Debug)]
pub(crate) struct Sending(pub(crate) Arc<Receiver>);

impl Sending {
    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(self.name(), kind, "as the seed will have it")
    }

    fn take(&self, batch: &Batch) -> Receipt {
        let mut state = self.0.state();
        let mut rejected = Vec::new();
        for (index, event) in batch.events().iter().enumerate() {
            if Receiver::never_takes(event) {
                rejected.push(Rejected { index, reason: "never".to_owned() });
                continue;
            }
            let count = event.annotations().find(|(key, _)| *key == "eventcenter/gap-count");
            let taken = Taken {
                key: event.occurrence_key(),
                uid: event.uid().to_owned(),
                revision: event.resource_version().parse().unwrap_or(0),
                life: state.life,
                gap: (event.reason() == "EventsMissed")
                    .then(|| count.and_then(|(_, count)| count.parse().ok())),
            };
            state.taken.push(taken);
        }
        Receipt::all().with_rejected(rejected)
    }

    fn unanswered(&self, batch: &Batch) -> Error {
        let mut state = self.0.state();
        for event in batch.events() {
            *state.unanswered.entry(event.occurrence_key()).or_default() += 1;
        }
        drop(state);
        self.error(ErrorKind::Timeout).ambiguous()
    }
}

#[async_trait]
impl Sink for Sending {
    fn name(&self) -> &str {
        self.0.name
    }

    fn limits(&self) -> Limits {
        match self.0.name {
            "every" => Limits::new().with_max_events(20).with_idempotent(true),
            "wide" => Limits::new().with_max_events(4).with_in_flight(3),
            _ => Limits::new().with_max_events(3),
        }
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let (mut mood, pause) = {
            let mut state = self.0.state();
            (state.mood, Duration::from_millis(state.random.random_range(0..300)))
        };
        sleep(pause / 2).await;
        if mood == Mood::Mixed {
            use Mood::{Away, Busy, Deaf, Good, Mute};
            let moods = [Good, Good, Good, Away, Mute, Deaf, Busy];
            mood = moods[self.0.state().random.random_range(0..moods.len())];
        }
        match mood {
            Mood::Good | Mood::Mixed => {
                if batch.len() > 15 {
                    return Err(self.error(ErrorKind::TooLarge));
                }
                let receipt = self.take(batch);
                // It has it, and the answer is on the way.
                sleep(pause / 2).await;
                Ok(receipt)
            }
            Mood::Away => Err(self.error(ErrorKind::Unavailable)),
            Mood::Mute => {
                let receipt = self.take(batch);
                drop(receipt);
                Err(self.unanswered(batch))
            }
            Mood::Deaf => Err(self.unanswered(batch)),
            Mood::Busy => {
                let wait = Action::RetryAfter(Duration::from_secs(60));
                Err(self.error(ErrorKind::Throttled).with_action(wait))
            }
            Mood::Locked => Err(self.error(ErrorKind::Auth)),
        }
    }

    async fn probe(&self) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
