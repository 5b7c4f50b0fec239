//! A sink with one defect at a time, to show that each case of the suite finds what it is there to find.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::{MemorySink, Reply, Rig, Shown, cases};
use crate::batch::{Batch, Receipt};
use crate::error::{Action, Error, ErrorKind, Result};
use crate::sink::{Limits, Sink};

const SECRET: &str = "s3cr3t";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defect {
    DropsTheLast,
    SendsTwice,
    Reverses,
    ConfirmsFailures,
    GivesUpOnFailures,
    ForgetsTheDelay,
    RetriesRefusals,
    SpoilsTheBatch,
    ConfirmsHangs,
    BreaksWhenDropped,
    ChokesOnEmptyFields,
    ClosesOnce,
    ShowsItsSecret,
    QuotesItsSecret,
    RefusesTheLarge,
    IsSureOfLostAnswers,
    ConfirmsLostAnswers,
    RefusesRepeats,
    MixesBatches,
    PromisesTooMuch,
    WritesOnProbe,
    ShowsAsItIs,
}

struct WrongSink {
    defect: Defect,
    inner: Arc<MemorySink>,
    closed: AtomicBool,
    entered: AtomicBool,
    held: Mutex<Option<Batch>>,
}

impl fmt::Debug for WrongSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = if self.defect == Defect::ShowsItsSecret { SECRET } else { "***" };
        f.debug_struct("WrongSink").field("secret", &secret).finish_non_exhaustive()
    }
}

fn wrong(kind: ErrorKind) -> Error {
    Error::new("wrong", kind, "wrong on purpose")
}

#[async_trait]
impl Sink for WrongSink {
    fn name(&self) -> &str {
        "wrong"
    }

    fn limits(&self) -> Limits {
        match self.defect {
            Defect::PromisesTooMuch => Limits::new().with_max_events(200),
            _ => self.inner.limits(),
        }
    }

    async fn deliver(&self, batch: &Batch) -> Result<Receipt> {
        let events = batch.events();
        match self.defect {
            Defect::DropsTheLast => match events.split_last() {
                Some((_, rest)) => match Batch::new(rest) {
                    Some(rest) => self.inner.deliver(&rest).await,
                    None => Ok(Receipt::all()),
                },
                None => Ok(Receipt::all()),
            },
            Defect::SendsTwice => {
                self.inner.deliver(batch).await?;
                self.inner.deliver(batch).await
            }
            Defect::Reverses => {
                let backwards: Vec<_> = events.iter().rev().cloned().collect();
                self.inner.deliver(&Batch::new(backwards).unwrap()).await
            }
            Defect::ConfirmsFailures => Ok(self.inner.deliver(batch).await.unwrap_or_default()),
            Defect::GivesUpOnFailures => {
                let outcome = self.inner.deliver(batch).await;
                outcome.map_err(|error| error.with_action(Action::DeadLetter))
            }
            Defect::ForgetsTheDelay => {
                let outcome = self.inner.deliver(batch).await;
                outcome.map_err(|error| error.with_action(Action::Retry))
            }
            Defect::RetriesRefusals => {
                self.inner.deliver(batch).await.map_err(|_| wrong(ErrorKind::Unavailable))
            }
            Defect::SpoilsTheBatch => {
                let receipt = self.inner.deliver(batch).await?;
                if receipt.rejected.is_empty() {
                    Ok(receipt)
                } else {
                    Err(wrong(ErrorKind::Refused))
                }
            }
            Defect::ConfirmsHangs => {
                let patience = Duration::from_millis(20);
                let outcome = tokio::time::timeout(patience, self.inner.deliver(batch)).await;
                outcome.unwrap_or_else(|_| Ok(Receipt::all()))
            }
            Defect::BreaksWhenDropped => {
                if self.entered.swap(true, Ordering::Relaxed) {
                    return Err(wrong(ErrorKind::Protocol));
                }
                let outcome = self.inner.deliver(batch).await;
                self.entered.store(false, Ordering::Relaxed);
                outcome
            }
            Defect::ChokesOnEmptyFields if events.iter().any(|event| event.uid().is_empty()) => {
                Err(wrong(ErrorKind::Refused))
            }
            Defect::QuotesItsSecret => self
                .inner
                .deliver(batch)
                .await
                .map_err(|error| error.with_source(std::io::Error::other(SECRET))),
            Defect::RefusesTheLarge => {
                let outcome = self.inner.deliver(batch).await;
                outcome.map_err(|error| error.with_action(Action::DeadLetter))
            }
            Defect::IsSureOfLostAnswers => {
                self.inner.deliver(batch).await.map_err(|_| wrong(ErrorKind::Unavailable))
            }
            Defect::ConfirmsLostAnswers => match self.inner.deliver(batch).await {
                Err(error) if error.is_ambiguous() => Ok(Receipt::all()),
                outcome => outcome,
            },
            Defect::RefusesRepeats => {
                let known = self.inner.accepted().contains(&events[0].occurrence_key());
                if known { Err(wrong(ErrorKind::Refused)) } else { self.inner.deliver(batch).await }
            }
            // One buffer for all, which the next one overwrites.
            Defect::MixesBatches => {
                *self.held.lock().unwrap() = Some(batch.clone());
                tokio::task::yield_now().await;
                let held = self.held.lock().unwrap().clone();
                self.inner.deliver(&held.unwrap()).await
            }
            Defect::PromisesTooMuch if events.len() > 100 => Err(wrong(ErrorKind::TooLarge)),
            Defect::ChokesOnEmptyFields
            | Defect::ClosesOnce
            | Defect::ShowsItsSecret
            | Defect::PromisesTooMuch
            | Defect::WritesOnProbe
            | Defect::ShowsAsItIs => self.inner.deliver(batch).await,
        }
    }

    async fn probe(&self) -> Result<()> {
        if self.defect == Defect::WritesOnProbe {
            self.inner.deliver(&super::events::ordinary().into()).await?;
        }
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        let again = self.closed.swap(true, Ordering::Relaxed);
        let broken = again && self.defect == Defect::ClosesOnce;
        if broken { Err(wrong(ErrorKind::Storage)) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct WrongRig(Defect, Arc<MemorySink>);

impl WrongRig {
    fn new(defect: Defect) -> Self {
        Self(defect, Arc::new(MemorySink::new("wrong")))
    }
}

#[async_trait]
impl Rig for WrongRig {
    async fn sink(&self) -> Arc<dyn Sink> {
        let (closed, entered) = (AtomicBool::new(false), AtomicBool::new(false));
        let (defect, inner, held) = (self.0, Arc::clone(&self.1), Mutex::default());
        Arc::new(WrongSink { defect, inner, closed, entered, held })
    }

    fn can(&self, _: &Reply) -> bool {
        true
    }

    fn answer(&self, reply: Reply) {
        self.1.answer(reply);
    }

    fn accepted(&self) -> Vec<String> {
        self.1.accepted()
    }

    fn secret(&self) -> Option<&str> {
        Some(SECRET)
    }

    fn shown(&self) -> Option<Shown> {
        let text = super::events::hostile().message().to_owned();
        let shows = self.0 == Defect::ShowsAsItIs;
        shows.then_some(Shown { text, active: &[] })
    }
}

/// Each line: a test, the case that shall fail, the defect it shall find, and a part of what it shall say.
macro_rules! finds {
    ($($test:ident: $case:ident finds $defect:ident, $says:literal;)*) => {$(
        #[tokio::test]
        async fn $test() {
            let outcome = cases::$case(&WrongRig::new(Defect::$defect)).await;
            let said = outcome.expect_err("the defect was not found");
            assert!(said.contains($says), "{said}");
        }
    )*};
}

finds! {
    a_lost_event_is_found: delivers_every_event_once finds DropsTheLast, "the receiver has";
    a_doubled_event_is_found: delivers_every_event_once finds SendsTwice, "the receiver has";
    a_wrong_order_is_found: keeps_order_within_a_batch finds Reverses, "the receiver has";
    a_false_ok_is_found: confirms_only_what_the_receiver_confirmed finds ConfirmsFailures, "yet deliver says Ok";
    giving_up_is_found: confirms_only_what_the_receiver_confirmed finds GivesUpOnFailures, "shall be retried";
    a_forgotten_delay_is_found: throttle_delay_is_passed_on finds ForgetsTheDelay, "the error says Retry";
    a_retried_refusal_is_found: refusal_is_final finds RetriesRefusals, "shall be final";
    a_spoilt_batch_is_found: one_bad_event_does_not_spoil_the_batch finds SpoilsTheBatch, "shall have";
    a_confirmed_hang_is_found: hang_ends_at_the_deadline finds ConfirmsHangs, "yet deliver says Ok";
    a_sink_that_breaks_when_dropped_is_found: hang_ends_at_the_deadline finds BreaksWhenDropped, "shall be delivered";
    choking_on_empty_fields_is_found: unicode_huge_and_empty_fields_survive finds ChokesOnEmptyFields, "shall be delivered";
    a_failing_second_close_is_found: close_is_idempotent finds ClosesOnce, "the second close failed";
    a_refusal_of_what_is_large_is_found: too_large_asks_for_split finds RefusesTheLarge, "ask for a split";
    false_certainty_is_found: lost_answer_is_ambiguous finds IsSureOfLostAnswers, "shall be ambiguous";
    a_confirmation_that_nobody_gave_is_found: lost_answer_is_ambiguous finds ConfirmsLostAnswers, "yet deliver says Ok";
    a_refused_repeat_is_found: redelivery_is_harmless finds RefusesRepeats, "a repeat shall be confirmed";
    dropping_that_breaks_is_found: dropped_future_can_be_repeated finds BreaksWhenDropped, "shall be delivered";
    mixed_batches_are_found: concurrent_batches_do_not_mix finds MixesBatches, "shall have";
    limits_that_are_not_true_are_found: limits_are_respected finds PromisesTooMuch, "shall be delivered";
    a_probe_that_writes_is_found: probe_writes_nothing finds WritesOnProbe, "shall have []";
    text_that_steers_is_found: hostile_text_is_neutralised finds ShowsAsItIs, "is in what people see";
    a_secret_in_debug_is_found: secrets_never_appear_in_debug_display_or_errors finds ShowsItsSecret, "<HERE>";
    a_secret_in_a_cause_is_found: secrets_never_appear_in_debug_display_or_errors finds QuotesItsSecret, "<HERE>";
}
