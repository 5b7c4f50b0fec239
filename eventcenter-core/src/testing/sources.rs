//! What makes something a source, as tests.

#![allow(clippy::missing_errors_doc, reason = "each function is what its error is about")]

use std::time::Duration;

use async_trait::async_trait;

use super::cases::{Case, ensure};
use crate::source::{Observed, Position, Source};

/// A source under test together with what it reads from.
#[async_trait]
pub trait SourceRig: Send + Sync {
    /// A source that resumes from this position; none: from the beginning.
    async fn source(&self, from: Option<Position>) -> Box<dyn Source>;

    /// So many new things happen. Gives the occurrence keys of their events, in order.
    async fn happen(&self, count: usize) -> Vec<String>;

    /// What happened until now, and was not read, cannot be read any more. False if that does not happen there.
    async fn forget(&self) -> bool;
}

/// One named `#[tokio::test]` for each case, in a module of the given name. The second argument makes a fresh
/// [`SourceRig`](crate::testing::SourceRig), and may await.
#[macro_export]
macro_rules! source_conformance {
    ($name:ident, $rig:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "what the rig's expression needs")]
            use super::*;

            $crate::source_conformance! {
                @each $rig;
                yields_what_happens_in_order
                resumes_behind_its_position
                a_position_before_the_end_repeats_and_misses_nothing
                dropped_future_loses_nothing
                lost_history_is_a_gap
                its_name_stays
            }
        }
    };
    (@each $rig:expr; $($case:ident)*) => {$(
        #[tokio::test]
        async fn $case() -> Result<(), String> {
            let rig = $rig;
            $crate::testing::sources::$case(&rig).await
        }
    )*};
}

/// What happened before, once each; and what happens from then on, in order.
pub async fn yields_what_happens_in_order(rig: &dyn SourceRig) -> Case {
    let before = rig.happen(3).await;
    let mut seen = Seen::default();
    let mut source = rig.source(None).await;
    seen.until(&mut *source, &before).await?;
    ensure(sorted(&seen.keys) == sorted(&before), || format!("{seen:?} is not {before:?}"))?;
    let after = rig.happen(5).await;
    seen.until(&mut *source, &after).await?;
    ensure(seen.keys.ends_with(&after), || format!("{seen:?} shall end with {after:?}"))
}

/// From the last position on there is what is new, and nothing that was there before.
pub async fn resumes_behind_its_position(rig: &dyn SourceRig) -> Case {
    let seen = live(rig).await?;
    let new = rig.happen(3).await;
    let mut source = rig.source(seen.position.clone()).await;
    let mut resumed = Seen::default();
    resumed.until(&mut *source, &new).await?;
    ensure(resumed.keys == new, || format!("{resumed:?} shall be {new:?}"))?;
    ensure(resumed.gaps == 0, || "there is a gap where nothing is missing".to_owned())
}

/// Whatever position is stored, what comes behind it is not missed.
pub async fn a_position_before_the_end_repeats_and_misses_nothing(rig: &dyn SourceRig) -> Case {
    let all = rig.happen(6).await;
    let mut source = rig.source(None).await;
    let mut seen = Seen::default();
    let mut stored = Vec::new();
    while !all.iter().all(|key| seen.keys.contains(key)) {
        seen.step(&mut *source).await?;
        stored.push((seen.keys.clone(), seen.position.clone()));
    }
    for (had, position) in stored {
        let mut source = rig.source(position.clone()).await;
        let mut resumed = Seen { keys: had, ..Seen::default() };
        resumed
            .until(&mut *source, &all)
            .await
            .map_err(|broken| format!("from {position:?}: {broken}"))?;
    }
    Ok(())
}

/// Has read one thing after another as it happened: behind what is alive a position is its own.
async fn live(rig: &dyn SourceRig) -> Result<Seen, String> {
    let mut seen = Seen::default();
    let mut source = rig.source(None).await;
    for _ in 0..4 {
        let next = rig.happen(1).await;
        seen.until(&mut *source, &next).await?;
    }
    Ok(seen)
}

/// It can be asked and dropped at any time.
pub async fn dropped_future_loses_nothing(rig: &dyn SourceRig) -> Case {
    let mut source = rig.source(None).await;
    let mut seen = Seen::default();
    let mut all = Vec::new();
    for round in 0..40_u64 {
        all.extend(rig.happen(1).await);
        let patience = Duration::from_micros(round * round * 20);
        if let Ok(observed) = tokio::time::timeout(patience, source.next()).await {
            seen.note(observed.map_err(|error| format!("{error:?}"))?);
        }
    }
    seen.until(&mut *source, &all).await?;
    ensure(sorted(&seen.keys) == sorted(&all), || format!("{seen:?} is not {all:?}"))
}

/// Where history may be missing, that is said, before what comes behind it; and then it goes on.
pub async fn lost_history_is_a_gap(rig: &dyn SourceRig) -> Case {
    let seen = live(rig).await?;
    rig.happen(3).await;
    if !rig.forget().await {
        return super::cases::say("does not apply: nothing is forgotten there");
    }
    let mut source = rig.source(seen.position.clone()).await;
    let mut resumed = Seen::default();
    resumed.step_until(&mut *source, |seen| seen.gaps > 0).await?;
    let new = rig.happen(2).await;
    resumed.until(&mut *source, &new).await
}

/// Its position is stored under its name, so that is the same each time.
pub async fn its_name_stays(rig: &dyn SourceRig) -> Case {
    let (one, two) = (rig.source(None).await, rig.source(None).await);
    ensure(one.name() == two.name() && !one.name().is_empty(), || {
        format!("{:?} became {:?}", one.name(), two.name())
    })
}

/// What a source has yielded.
#[derive(Debug, Default)]
struct Seen {
    keys: Vec<String>,
    position: Option<Position>,
    gaps: usize,
}

impl Seen {
    fn note(&mut self, observed: Observed) {
        match observed {
            Observed::Event(event, position) => {
                self.keys.push(event.occurrence_key());
                self.position = Some(position);
            }
            Observed::Progress(position) | Observed::Unreadable { position, .. } => {
                self.position = Some(position);
            }
            Observed::Gap(_) => self.gaps += 1,
        }
    }

    async fn step(&mut self, source: &mut dyn Source) -> Case {
        let patience = Duration::from_secs(30);
        let observed = tokio::time::timeout(patience, source.next()).await;
        let observed =
            observed.map_err(|_| format!("nothing came for {patience:?} after {self:?}"))?;
        self.note(observed.map_err(|error| format!("{error:?}"))?);
        Ok(())
    }

    async fn step_until(&mut self, source: &mut dyn Source, done: impl Fn(&Self) -> bool) -> Case {
        while !done(self) {
            self.step(source).await?;
        }
        Ok(())
    }

    /// Asks until all of these were seen.
    async fn until(&mut self, source: &mut dyn Source, keys: &[String]) -> Case {
        self.step_until(source, |seen| keys.iter().all(|key| seen.keys.contains(key))).await
    }
}

fn sorted(keys: &[String]) -> Vec<&String> {
    let mut sorted: Vec<_> = keys.iter().collect();
    sorted.sort();
    sorted
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use tokio::sync::watch;

    use super::*;
    use crate::error::Result;
    use crate::event::Event;
    use crate::source::{Gap, Grade};
    use crate::testing::events;

    /// A journal in memory, whose beginning can be forgotten.
    #[derive(Debug, Clone)]
    struct Journal(Arc<watch::Sender<(usize, usize)>>);

    #[derive(Debug)]
    struct Reading {
        journal: watch::Receiver<(usize, usize)>,
        next: usize,
        defect: Defect,
    }

    /// One at a time, to show that each case finds what it is there to find.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Defect {
        None,
        TakesBeforeItWaits,
        SaysNoGap,
        StartsAgain,
        SkipsOne,
    }

    fn event(number: usize) -> Event {
        Event::clone(&events::many(number + 1)[number])
    }

    #[async_trait]
    impl Source for Reading {
        fn name(&self) -> &str {
            "journal"
        }

        async fn next(&mut self) -> Result<Observed> {
            let number = self.next;
            if self.defect == Defect::TakesBeforeItWaits {
                self.next = number + 1;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let (kept, _) = *self.journal.borrow();
            if number < kept {
                self.next = kept;
                let reason = "forgotten".to_owned();
                let at = Timestamp::UNIX_EPOCH;
                let gap = Gap { grade: Grade::Events, since: None, until: at, count: None, reason };
                let progress = Position::new(kept.to_string(), at);
                let says = self.defect != Defect::SaysNoGap;
                return Ok(if says { Observed::Gap(gap) } else { Observed::Progress(progress) });
            }
            self.journal.wait_for(|(_, end)| number < *end).await.ok();
            self.next = number + if self.defect == Defect::SkipsOne && number == 3 { 2 } else { 1 };
            let position = Position::new((number + 1).to_string(), Timestamp::UNIX_EPOCH);
            Ok(Observed::Event(Box::new(event(number)), position))
        }
    }

    struct Rig(Journal, Defect);

    impl Rig {
        fn new(defect: Defect) -> Self {
            Self(Journal(Arc::new(watch::Sender::new((0, 0)))), defect)
        }
    }

    #[async_trait]
    impl SourceRig for Rig {
        async fn source(&self, from: Option<Position>) -> Box<dyn Source> {
            let from = from.filter(|_| self.1 != Defect::StartsAgain);
            let next = from.map_or(0, |from| from.value.parse().unwrap());
            let journal = self.0.0.subscribe();
            Box::new(Reading { journal, next, defect: self.1 })
        }

        async fn happen(&self, count: usize) -> Vec<String> {
            let from = self.0.0.borrow().1;
            self.0.0.send_modify(|(_, end)| *end += count);
            (from..from + count).map(|number| event(number).occurrence_key()).collect()
        }

        async fn forget(&self) -> bool {
            self.0.0.send_modify(|(kept, end)| *kept = *end);
            true
        }
    }

    crate::source_conformance!(journal, Rig::new(Defect::None));

    macro_rules! finds {
        ($($test:ident: $case:ident finds $defect:ident, $says:literal;)*) => {$(
            #[tokio::test(start_paused = true)]
            async fn $test() {
                let outcome = $case(&Rig::new(Defect::$defect)).await;
                let said = outcome.expect_err("the defect was not found");
                assert!(said.contains($says), "{said}");
            }
        )*};
    }

    finds! {
        a_source_that_is_not_cancel_safe_is_found: dropped_future_loses_nothing finds TakesBeforeItWaits, "nothing came";
        a_source_that_hides_a_gap_is_found: lost_history_is_a_gap finds SaysNoGap, "nothing came";
        a_source_that_does_not_resume_is_found: resumes_behind_its_position finds StartsAgain, "shall be";
        a_source_that_skips_is_found: yields_what_happens_in_order finds SkipsOne, "nothing came";
    }
}
