//! What makes something a monitor, as tests.

#![allow(clippy::missing_errors_doc, reason = "each function is what its error is about")]

use std::collections::HashMap;
use std::time::Duration;

use super::cases::{Case, ensure};
use crate::monitor::{Condition, ConditionStatus, Finding, Monitor};

/// A monitor under test together with what it watches, which is well at first.
pub trait MonitorRig: Send + Sync {
    /// A fresh monitor.
    fn monitor(&self) -> Box<dyn Monitor>;

    /// Makes what it watches ill.
    fn hurt(&self);

    /// Makes it well again.
    fn heal(&self);
}

/// One named `#[tokio::test]` for each case, in a module of the given name. The second argument makes a fresh
/// [`MonitorRig`](crate::testing::MonitorRig).
#[macro_export]
macro_rules! monitor_conformance {
    ($name:ident, $rig:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "what the rig's expression needs")]
            use super::*;

            $crate::monitor_conformance! {
                @each $rig;
                it_says_beforehand_what_it_speaks_about
                a_fault_is_found
                a_condition_comes_and_goes
                dropped_future_loses_nothing
            }
        }
    };
    (@each $rig:expr; $($case:ident)*) => {$(
        #[tokio::test]
        async fn $case() -> Result<(), String> {
            let rig = $rig;
            $crate::testing::monitors::$case(&rig).await
        }
    )*};
}

/// It has a name; its conditions are of different types, and none of them holds before it has looked.
pub async fn it_says_beforehand_what_it_speaks_about(rig: &dyn MonitorRig) -> Case {
    let monitor = rig.monitor();
    ensure(!monitor.name().is_empty(), || "it has no name".to_owned())?;
    let conditions = monitor.conditions();
    for (place, condition) in conditions.iter().enumerate() {
        let same = |other: &Condition| other.condition_type == condition.condition_type;
        ensure(!conditions.iter().take(place).any(same), || {
            format!("two are {}", condition.condition_type)
        })?;
        ensure(condition.status != ConditionStatus::True, || {
            format!("{} holds before anything was seen", condition.condition_type)
        })?;
        words(&condition.condition_type, &condition.reason)?;
    }
    Ok(())
}

/// What is ill is found, and is said in words that Kubernetes takes.
pub async fn a_fault_is_found(rig: &dyn MonitorRig) -> Case {
    let mut monitor = rig.monitor();
    rig.hurt();
    let mut known = Known::of(&*monitor);
    known
        .until(&mut *monitor, |finding| match finding {
            Finding::Problem(problem) => words("a problem", &problem.reason).map(|()| true),
            Finding::Condition(condition) => Ok(condition.status == ConditionStatus::True),
        })
        .await
}

/// A condition that holds while something is ill holds no more when it is well. Since when it is what it is changes
/// with its status only, and never backwards.
pub async fn a_condition_comes_and_goes(rig: &dyn MonitorRig) -> Case {
    let mut monitor = rig.monitor();
    if monitor.conditions().is_empty() {
        return super::cases::say("does not apply: it speaks about no condition");
    }
    let mut known = Known::of(&*monitor);
    for status in [ConditionStatus::True, ConditionStatus::False, ConditionStatus::True] {
        if status == ConditionStatus::True {
            rig.hurt();
        } else {
            rig.heal();
        }
        known
            .until(&mut *monitor, |finding| {
                Ok(matches!(finding, Finding::Condition(condition) if condition.status == status))
            })
            .await?;
    }
    Ok(())
}

/// It can be asked and dropped at any time.
pub async fn dropped_future_loses_nothing(rig: &dyn MonitorRig) -> Case {
    let mut monitor = rig.monitor();
    let mut known = Known::of(&*monitor);
    rig.hurt();
    for round in 0..20 {
        let patience = Duration::from_micros(round * round * 50);
        if let Ok(finding) = tokio::time::timeout(patience, monitor.next()).await {
            let finding = finding.map_err(|error| format!("{error:?}"))?;
            known.note(&finding)?;
            if is_fault(&finding) {
                return Ok(());
            }
        }
    }
    known.until(&mut *monitor, |finding| Ok(is_fault(finding))).await
}

fn is_fault(finding: &Finding) -> bool {
    match finding {
        Finding::Problem(_) => true,
        Finding::Condition(condition) => condition.status == ConditionStatus::True,
    }
}

/// What was said last of each condition.
struct Known(HashMap<String, Condition>);

impl Known {
    fn of(monitor: &dyn Monitor) -> Self {
        let conditions = monitor.conditions();
        Self(conditions.iter().map(|c| (c.condition_type.clone(), c.clone())).collect())
    }

    fn note(&mut self, finding: &Finding) -> Case {
        let Finding::Condition(now) = finding else { return Ok(()) };
        let Some(before) = self.0.insert(now.condition_type.clone(), now.clone()) else {
            return Err(format!("{} was not said beforehand", now.condition_type));
        };
        words(&now.condition_type, &now.reason)?;
        let right = if before.status == now.status {
            before.transition == now.transition
        } else {
            before.transition <= now.transition
        };
        ensure(right, || format!("the transition of {before:?} became that of {now:?}"))
    }

    /// Asks until a finding is the one that is waited for.
    async fn until(
        &mut self,
        monitor: &mut dyn Monitor,
        mut found: impl FnMut(&Finding) -> Result<bool, String>,
    ) -> Case {
        let patience = Duration::from_secs(30);
        loop {
            let finding = tokio::time::timeout(patience, monitor.next()).await;
            let finding = finding.map_err(|_| format!("nothing was found for {patience:?}"))?;
            let finding = finding.map_err(|error| format!("{error:?}"))?;
            self.note(&finding)?;
            if found(&finding)? {
                return Ok(());
            }
        }
    }
}

/// Reasons and types are CamelCase words, as Kubernetes wants them.
fn words(of: &str, reason: &str) -> Case {
    let is_word = reason.starts_with(|c: char| c.is_ascii_uppercase())
        && reason.chars().all(|c| c.is_ascii_alphanumeric());
    ensure(is_word, || format!("the reason of {of} is {reason:?}, and shall be one CamelCase word"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use jiff::{Timestamp, ToSpan as _};
    use tokio::sync::watch;

    use super::*;
    use crate::error::Result;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Defect {
        None,
        MovesTheTime,
        NeverWell,
        SpeaksInSentences,
        ForgetsWhenDropped,
    }

    #[derive(Debug)]
    struct Switch {
        is_ill: watch::Receiver<bool>,
        condition: Condition,
        defect: Defect,
    }

    fn condition(is_ill: bool, transition: Timestamp) -> Condition {
        let (status, reason) = if is_ill {
            (ConditionStatus::True, "IsIll")
        } else {
            (ConditionStatus::False, "IsWell")
        };
        let (condition_type, message) = ("Ill".to_owned(), String::new());
        Condition { condition_type, status, transition, reason: reason.to_owned(), message }
    }

    #[async_trait]
    impl Monitor for Switch {
        fn name(&self) -> &str {
            "switch"
        }

        fn conditions(&self) -> Arc<[Condition]> {
            [condition(false, Timestamp::UNIX_EPOCH)].into()
        }

        async fn next(&mut self) -> Result<Finding> {
            if self.defect == Defect::ForgetsWhenDropped {
                self.is_ill.mark_unchanged();
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            let was = self.condition.status;
            self.is_ill.changed().await.ok();
            let is_ill = *self.is_ill.borrow_and_update();
            let mut now =
                condition(is_ill || self.defect == Defect::NeverWell, self.condition.transition);
            if now.status != was || self.defect == Defect::MovesTheTime {
                let step = if self.defect == Defect::MovesTheTime { -1 } else { 1 };
                now.transition += step.seconds();
            }
            if self.defect == Defect::SpeaksInSentences {
                now.reason = "it is ill".to_owned();
            }
            self.condition = now.clone();
            Ok(Finding::Condition(now))
        }
    }

    struct Rig(watch::Sender<bool>, Defect);

    impl Rig {
        fn new(defect: Defect) -> Self {
            Self(watch::Sender::new(false), defect)
        }
    }

    impl MonitorRig for Rig {
        fn monitor(&self) -> Box<dyn Monitor> {
            let condition = condition(false, Timestamp::UNIX_EPOCH);
            Box::new(Switch { is_ill: self.0.subscribe(), condition, defect: self.1 })
        }

        fn hurt(&self) {
            self.0.send_replace(true);
        }

        fn heal(&self) {
            self.0.send_replace(false);
        }
    }

    crate::monitor_conformance!(switch, Rig::new(Defect::None));

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
        a_time_that_moves_back_is_found: a_condition_comes_and_goes finds MovesTheTime, "the transition of";
        a_condition_that_stays_is_found: a_condition_comes_and_goes finds NeverWell, "nothing was found";
        a_sentence_for_a_reason_is_found: a_fault_is_found finds SpeaksInSentences, "CamelCase";
        a_monitor_that_forgets_when_dropped_is_found: dropped_future_loses_nothing finds ForgetsWhenDropped, "nothing was found";
    }
}
