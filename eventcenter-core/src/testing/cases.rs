//! The promises of a sink, one a function. `Err` says in words how the promise was broken.

#![allow(clippy::missing_errors_doc, reason = "each function is what its error is about")]

use std::error::Error as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Reply, Rig, events};
use crate::batch::Batch;
use crate::error::{Action, Error, ErrorKind};
use crate::event::Event;
use crate::layer::TimeoutLayer;
use crate::sink::{Layer as _, Sink};

/// A promise that was kept, or how it was broken.
pub type Case = Result<(), String>;

/// What is delivered arrives, each event once.
pub async fn delivers_every_event_once(rig: &dyn Rig) -> Case {
    let sink = rig.sink().await;
    let events = events::standard();
    for batch in batches(&*sink, &events) {
        delivered(&*sink, &batch).await?;
    }
    same(&rig.accepted(), &keys(&events))
}

/// The receiver sees the events of a batch in the batch's order, and batches in the order of their deliveries.
pub async fn keeps_order_within_a_batch(rig: &dyn Rig) -> Case {
    let sink = rig.sink().await;
    let events = events::many(20);
    for batch in batches(&*sink, &events) {
        delivered(&*sink, &batch).await?;
    }
    same(&rig.accepted(), &keys(&events))
}

/// When the receiver failed, `deliver` is an error that asks for another attempt; and that attempt can be made.
pub async fn confirms_only_what_the_receiver_confirmed(rig: &dyn Rig) -> Case {
    if !applies(rig, &Reply::Fail) {
        return Ok(());
    }
    let sink = rig.sink().await;
    let batch = first_batch(&*sink, &events::many(3));
    rig.answer(Reply::Fail);
    let error = failed(&*sink, &batch).await?;
    ensure(matches!(error.action(), Action::Retry | Action::RetryAfter(_)), || {
        format!("a failure of the receiver shall be retried, not {:?}", error.action())
    })?;
    same(&rig.accepted(), &[])?;
    rig.answer(Reply::Accept);
    delivered(&*sink, &batch).await?;
    same(&rig.accepted(), &keys(batch.events()))
}

/// How long the receiver wants to be left alone is in the error's action.
pub async fn throttle_delay_is_passed_on(rig: &dyn Rig) -> Case {
    let delay = Duration::from_secs(42);
    if !applies(rig, &Reply::Throttle(delay)) {
        return Ok(());
    }
    let sink = rig.sink().await;
    rig.answer(Reply::Throttle(delay));
    let error = failed(&*sink, &events::ordinary().into()).await?;
    ensure(error.kind() == ErrorKind::Throttled, || {
        format!("the kind shall be Throttled, not {:?}", error.kind())
    })?;
    // An HTTP date has whole seconds, and the clock goes on while the answer travels.
    let close = |told: Duration| told <= delay && told + Duration::from_secs(2) >= delay;
    ensure(matches!(error.action(), Action::RetryAfter(told) if close(told)), || {
        format!("the receiver said {delay:?}, the error says {:?}", error.action())
    })
}

/// What the receiver will never take is set aside, not tried again; and the next event gets through.
pub async fn refusal_is_final(rig: &dyn Rig) -> Case {
    if !applies(rig, &Reply::Refuse) {
        return Ok(());
    }
    let sink = rig.sink().await;
    let events = events::many(3);
    rig.answer(Reply::Refuse);
    for batch in batches(&*sink, &events) {
        same(&settle(&*sink, batch.clone()).await?, &keys(batch.events()))?;
    }
    same(&rig.accepted(), &[])?;
    rig.answer(Reply::Accept);
    let next = events::ordinary();
    delivered(&*sink, &Arc::clone(&next).into()).await?;
    same(&rig.accepted(), &[next.occurrence_key()])
}

/// One event that the receiver will never take is set aside alone: whether the receipt names it, or the batch is
/// refused whole, without a trace of it, and then halved until the bad event stands alone.
pub async fn one_bad_event_does_not_spoil_the_batch(rig: &dyn Rig) -> Case {
    let events = events::many(7);
    let bad = events[4].occurrence_key();
    if !applies(rig, &Reply::RefuseOne(bad.clone())) {
        return Ok(());
    }
    let sink = rig.sink().await;
    rig.answer(Reply::RefuseOne(bad.clone()));
    let mut dead = Vec::new();
    for batch in batches(&*sink, &events) {
        dead.extend(settle(&*sink, batch).await?);
    }
    same(&dead, std::slice::from_ref(&bad))?;
    let good: Vec<String> = keys(&events).into_iter().filter(|key| *key != bad).collect();
    same(&rig.accepted(), &good)
}

/// A batch that is too large is not refused for good: it can be halved.
pub async fn too_large_asks_for_split(rig: &dyn Rig) -> Case {
    if !applies(rig, &Reply::TooLarge) {
        return Ok(());
    }
    let sink = rig.sink().await;
    rig.answer(Reply::TooLarge);
    let error = failed(&*sink, &first_batch(&*sink, &events::many(3))).await?;
    ensure((error.kind(), error.action()) == (ErrorKind::TooLarge, Action::Split), || {
        format!("the error shall be TooLarge and ask for a split: {error:?}")
    })?;
    same(&rig.accepted(), &[])
}

/// When the answer is lost nobody knows whether the events were taken, and the error says so.
pub async fn lost_answer_is_ambiguous(rig: &dyn Rig) -> Case {
    if !applies(rig, &Reply::LoseAnswer) {
        return Ok(());
    }
    let sink = rig.sink().await;
    rig.answer(Reply::LoseAnswer);
    let error = failed(&*sink, &events::ordinary().into()).await?;
    ensure(error.is_ambiguous() && error.action() == Action::Retry, || {
        format!("the error shall be ambiguous, and ask for another attempt: {error:?}")
    })
}

/// A batch that is delivered twice is confirmed twice. If the sink says that the receiver knew it, it is there once.
pub async fn redelivery_is_harmless(rig: &dyn Rig) -> Case {
    let sink = rig.sink().await;
    let batch = first_batch(&*sink, &events::many(3));
    delivered(&*sink, &batch).await?;
    let receipt = sink.deliver(&batch).await;
    let receipt = receipt.map_err(|error| format!("a repeat shall be confirmed: {error:?}"))?;
    let mut once = rig.accepted();
    if receipt.duplicates == 0 {
        let mut seen = std::collections::HashSet::new();
        once.retain(|key| seen.insert(key.clone()));
    }
    same(&once, &keys(batch.events()))
}

/// Dropping a delivery at any time leaves the sink in order, also several times in a row.
pub async fn dropped_future_can_be_repeated(rig: &dyn Rig) -> Case {
    let sink = rig.sink().await;
    let batch = events::ordinary().into();
    if applies(rig, &Reply::Hang) {
        rig.answer(Reply::Hang);
    }
    for patience in [0, 1, 20, 50] {
        let patience = Duration::from_millis(patience);
        // Whether it was done by then is no matter here.
        tokio::time::timeout(patience, sink.deliver(&batch)).await.ok();
    }
    rig.answer(Reply::Accept);
    delivered(&*sink, &batch).await?;
    ensure(rig.accepted().contains(&batch.events()[0].occurrence_key()), || {
        "what was delivered after a delivery was dropped did not arrive".to_owned()
    })
}

/// Batches that are delivered side by side are each confirmed for what they hold, and arrive whole and in order.
pub async fn concurrent_batches_do_not_mix(rig: &dyn Rig) -> Case {
    let sink = rig.sink().await;
    let all = events::many(20);
    let batches: Vec<Batch> =
        all.chunks(sink.limits().max_events.min(5)).filter_map(Batch::new).collect();
    futures::future::try_join_all(batches.iter().map(|batch| delivered(&*sink, batch))).await?;
    let accepted = rig.accepted();
    let (mut got, mut want) = (accepted.clone(), keys(&all));
    got.sort();
    want.sort();
    same(&got, &want)?;
    batches.iter().try_for_each(|batch| {
        let own = keys(batch.events());
        let arrived: Vec<_> = accepted.iter().filter(|key| own.contains(key)).cloned().collect();
        same(&arrived, &own)
    })
}

/// As many events as the limits allow are taken in one delivery.
pub async fn limits_are_respected(rig: &dyn Rig) -> Case {
    let sink = rig.sink().await;
    let limits = sink.limits();
    let each = events::ordinary().raw().len();
    let count = limits.max_events.min(limits.max_bytes / each).clamp(1, 2_000);
    let events = events::many(count);
    let batch = Batch::new(events.clone()).ok_or("there is nothing to deliver")?;
    delivered(&*sink, &batch).await?;
    same(&rig.accepted(), &keys(&events))
}

/// Nothing in the text of an event steers a terminal, turns the direction of writing, calls anybody or becomes a link.
pub async fn hostile_text_is_neutralised(rig: &dyn Rig) -> Case {
    if rig.shown().is_none() {
        return say("does not apply: its receiver shows nothing to people");
    }
    let sink = rig.sink().await;
    for event in [events::hostile(), events::unicode()] {
        delivered(&*sink, &event.into()).await?;
    }
    let shown = rig.shown().ok_or("what was shown is shown no more")?;
    let steers = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if let Some(found) = shown.text.chars().find(|c| steers(*c)) {
        return Err(format!("{found:?} is in what people see: {:?}", shown.text));
    }
    let active = shown.active.iter().find(|active| shown.text.contains(**active));
    ensure(active.is_none(), || format!("{active:?} is in what people see: {:?}", shown.text))?;
    ensure(shown.text.contains("镜像拉取失败"), || {
        format!("what is harmless shall be shown as it is: {:?}", shown.text)
    })
}

/// Looking whether the receiver is there leaves nothing there.
pub async fn probe_writes_nothing(rig: &dyn Rig) -> Case {
    let sink = rig.sink().await;
    for reply in [Reply::Accept, Reply::Fail] {
        if applies(rig, &reply) {
            rig.answer(reply);
            // What it says is the sink's own.
            sink.probe().await.ok();
        }
    }
    rig.answer(Reply::Accept);
    same(&rig.accepted(), &[])
}

/// A delivery that is dropped at its deadline leaves the sink in order: the same batch can be delivered again.
pub async fn hang_ends_at_the_deadline(rig: &dyn Rig) -> Case {
    if !applies(rig, &Reply::Hang) {
        return Ok(());
    }
    let sink = TimeoutLayer::new(Duration::from_millis(300)).layer(rig.sink().await);
    let batch = events::ordinary().into();
    rig.answer(Reply::Hang);
    let begun = Instant::now();
    let error = failed(&*sink, &batch).await?;
    ensure(begun.elapsed() < Duration::from_secs(5), || {
        format!("a deadline of 0.3 s took {:?}", begun.elapsed())
    })?;
    ensure(error.kind() == ErrorKind::Timeout && error.is_ambiguous(), || {
        format!("the error shall be an ambiguous Timeout: {error:?}")
    })?;
    rig.answer(Reply::Accept);
    delivered(&*sink, &batch).await
}

/// Any event that the API server takes can be delivered. One that is over a limit may be refused as too large.
pub async fn unicode_huge_and_empty_fields_survive(rig: &dyn Rig) -> Case {
    let sink = rig.sink().await;
    let mut taken = Vec::new();
    for event in [events::unicode(), events::hostile(), events::incomplete(), events::huge()] {
        match sink.deliver(&Arc::clone(&event).into()).await {
            Ok(receipt) if receipt.rejected.is_empty() => taken.push(event.occurrence_key()),
            Err(error) if error.kind() == ErrorKind::TooLarge && event.raw().len() > 1 << 19 => {}
            other => return Err(format!("{event:?} shall be delivered: {other:?}")),
        }
    }
    same(&rig.accepted(), &taken)
}

/// Closing twice is no error, and loses nothing.
pub async fn close_is_idempotent(rig: &dyn Rig) -> Case {
    let sink = rig.sink().await;
    let event = events::ordinary();
    delivered(&*sink, &Arc::clone(&event).into()).await?;
    for time in ["first", "second"] {
        sink.close().await.map_err(|error| format!("the {time} close failed: {error:?}"))?;
    }
    same(&rig.accepted(), &[event.occurrence_key()])
}

/// Whatever is printed of a sink, of its errors and of its receipts, its secret is not in it.
pub async fn secrets_never_appear_in_debug_display_or_errors(rig: &dyn Rig) -> Case {
    let Some(secret) = rig.secret() else {
        return say("does not apply: this sink has no secret");
    };
    let sink = rig.sink().await;
    let hidden = |text: &str| {
        ensure(!text.contains(secret), || {
            format!("the secret shows: {}", text.replace(secret, "<HERE>"))
        })
    };
    hidden(&format!("{sink:?} {sink:#?} {}", sink.name()))?;
    let event = events::ordinary();
    let replies = [
        Reply::Fail,
        Reply::Refuse,
        Reply::Throttle(Duration::from_secs(1)),
        Reply::RefuseOne(event.occurrence_key()),
    ];
    for reply in replies.into_iter().filter(|reply| applies(rig, reply)) {
        rig.answer(reply);
        match sink.deliver(&Arc::clone(&event).into()).await {
            Ok(receipt) => hidden(&format!("{receipt:?}"))?,
            Err(error) => hidden(&everything(&error))?,
        }
        if let Err(error) = sink.probe().await {
            hidden(&everything(&error))?;
        }
    }
    Ok(())
}

/// Does what the worker does: keeps what was confirmed, halves what was refused, sets aside what is refused alone.
/// Gives the keys of those.
async fn settle(sink: &dyn Sink, batch: Batch) -> Result<Vec<String>, String> {
    let mut dead = Vec::new();
    let mut open = vec![batch];
    while let Some(batch) = open.pop() {
        match sink.deliver(&batch).await {
            Ok(receipt) => {
                for rejected in receipt.rejected {
                    let event = batch.events().get(rejected.index);
                    let event = event.ok_or("the receipt rejects an event that is not there")?;
                    ensure(!rejected.reason.is_empty(), || "a rejection has no reason".to_owned())?;
                    dead.push(event.occurrence_key());
                }
            }
            Err(error) => match (error.action(), batch.halves()) {
                (Action::Split | Action::DeadLetter, Some((left, right))) => {
                    open.extend([right, left]);
                }
                (Action::Split | Action::DeadLetter, None) => dead.extend(keys(batch.events())),
                _ => return Err(format!("shall be final, and is {error:?}")),
            },
        }
    }
    Ok(dead)
}

/// Delivers a batch of which everything shall be taken.
async fn delivered(sink: &dyn Sink, batch: &Batch) -> Case {
    match sink.deliver(batch).await {
        Ok(receipt) if receipt.rejected.is_empty() => Ok(()),
        other => Err(format!("{} events shall be delivered: {other:?}", batch.len())),
    }
}

/// Delivers a batch of which nothing shall be taken.
pub(super) async fn failed(sink: &dyn Sink, batch: &Batch) -> Result<Error, String> {
    match sink.deliver(batch).await {
        Err(error) => Ok(error),
        Ok(receipt) => Err(format!("nothing was taken, yet deliver says Ok({receipt:?})")),
    }
}

/// `events` in batches that the sink's limits allow.
fn batches(sink: &dyn Sink, events: &[Arc<Event>]) -> Vec<Batch> {
    events.chunks(sink.limits().max_events).filter_map(Batch::new).collect()
}

fn first_batch(sink: &dyn Sink, events: &[Arc<Event>]) -> Batch {
    batches(sink, events).swap_remove(0)
}

fn keys(events: &[Arc<Event>]) -> Vec<String> {
    events.iter().map(|event| event.occurrence_key()).collect()
}

/// An error in every way it can be printed, with its causes.
fn everything(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    text
}

fn applies(rig: &dyn Rig, reply: &Reply) -> bool {
    let can = rig.can(reply);
    if !can {
        say(&format!("does not apply: its receiver cannot {reply:?}")).ok();
    }
    can
}

/// Writes past the test harness, which shows the output of failed tests only.
pub(super) fn say(what: &str) -> Case {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a case");
    let line = format!("{test}: {what}\n");
    std::io::stderr().write_all(line.as_bytes()).map_err(|error| error.to_string())
}

fn same(got: &[String], want: &[String]) -> Case {
    ensure(got == want, || format!("the receiver has {got:?}\n  and shall have {want:?}"))
}

pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Case {
    if holds { Ok(()) } else { Err(otherwise()) }
}
