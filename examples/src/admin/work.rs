//! What is done, whoever does it.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use eventcenter_core::dead_letter::Removal;
use eventcenter_core::query::Query;
use eventcenter_core::replay::{How, Past as Found, Tally, stream};
use eventcenter_core::{DeadLetters, Error, ErrorKind, Letter, Replay, Result};
use eventcenter_store::EventQuery;
use eventcenter_store::ask::{Bounds, EventsAsk, Order, Range};
use tokio::sync::mpsc;

use super::{AHEAD, Length, Past, Pick, Said, Told};

/// Ids that are removed together: a file is written anew each time.
const TOGETHER: usize = 100_000;

/// Events of the store that are read at once.
const PAGE: usize = 500;

/// Tells of letters.
pub(super) async fn letters(
    dead: &DeadLetters,
    pick: Pick,
    length: Length,
    said: &mpsc::Sender<Said>,
) -> Result<()> {
    for name in names(dead, &pick, said).await {
        let mut letters = picked(dead, &name, &pick, move |letter| told(letter, length));
        while let Some(letter) = letters.recv().await {
            if said.send(Said::Letter(Box::new(letter?))).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Removes letters.
pub(super) async fn remove(
    dead: &DeadLetters,
    pick: Pick,
    said: &mpsc::Sender<Said>,
) -> Result<()> {
    for name in names(dead, &pick, said).await {
        let (mut letters, mut sum) = (picked(dead, &name, &pick, |letter| letter.id), 0);
        loop {
            let mut ids = BTreeSet::new();
            while ids.len() < TOGETHER
                && let Some(letter) = letters.recv().await
            {
                ids.insert(letter?);
            }
            if ids.is_empty() {
                break;
            }
            let (dead, name) = (dead.clone(), name.clone());
            let removed =
                tokio::task::spawn_blocking(move || dead.remove(&name, &ids, Removal::Dropped));
            sum += removed.await.map_err(|error| {
                Error::new("dead letters", ErrorKind::Storage, "the removing thread ended")
                    .with_source(error)
            })??;
        }
        if sum > 0 {
            said.send(Said::Dropped(name, sum)).await.ok();
        }
    }
    Ok(())
}

/// Sends letters again.
pub(super) async fn resend(
    dead: &DeadLetters,
    replay: &Replay,
    pick: Pick,
    rate: NonZeroU32,
    said: &mpsc::Sender<Said>,
) -> Result<()> {
    for name in names(dead, &pick, said).await {
        if !replay.sinks().contains(&name) {
            let what = format!(
                "letters of {name} stay where they are: it is no sink of this configuration"
            );
            said.send(Said::Note(what)).await.ok();
            continue;
        }
        let takes = pick.clone();
        let takes = move |letter: &Letter| takes.takes(letter);
        let told = progress(&name, said);
        let tally = replay.letters(dead, &name, takes, rate, &told).await?;
        if tally != Tally::default() {
            said.send(Said::Sent(name, Box::new(tally))).await.ok();
        }
    }
    Ok(())
}

/// Sends the past again: that of the store, or of the spool if there is none.
pub(super) async fn replay(
    replay: &Replay,
    store: Option<&dyn EventQuery>,
    past: &Past,
    said: &mpsc::Sender<Said>,
) -> Result<()> {
    let Past { sink, since, until, filter, rate, dry_run } = past;
    let query = Query::parse(filter)
        .map_err(|error| Error::new("--filter", ErrorKind::Refused, error.to_string()))?;
    let how = How { since: *since, until: *until, query, rate: *rate, dry_run: *dry_run };
    let told = progress(sink, said);
    let tally = match store {
        None => replay.past(sink, replay.spooled(sink)?, &how, &told).await?,
        Some(store) => {
            let (sender, found) = mpsc::channel(AHEAD);
            let sending = replay.past(sink, found, &how, &told);
            let (tally, ()) = tokio::join!(sending, read(store, &how, sender));
            tally?
        }
    };
    said.send(Said::Sent(sink.clone(), Box::new(tally))).await.ok();
    Ok(())
}

/// Reads what the store has, oldest first, until nobody wants more.
async fn read(store: &dyn EventQuery, how: &How, found: mpsc::Sender<Result<Found>>) {
    let bounds = Bounds { deadline: Duration::from_secs(60), ..Bounds::default() };
    let mut ask = EventsAsk {
        query: Arc::new(how.query.clone()),
        range: Range { from: how.since, until: how.until },
        order: Order::Oldest,
        after: None,
        limit: PAGE,
        bounds,
    };
    loop {
        let page = match store.events(&ask).await {
            Ok(page) => page,
            Err(error) => {
                found.send(Err(error)).await.ok();
                return;
            }
        };
        let is_first = ask.after.is_none();
        let unread = page.unread.into_iter().filter(|_| is_first).map(Found::Unread);
        let events = page
            .value
            .rows
            .into_iter()
            .map(|row| Found::Event { event: Arc::new(row.event), is_waiting: false });
        for item in unread.chain(events) {
            if found.send(Ok(item)).await.is_err() {
                return;
            }
        }
        match page.value.next {
            Some(next) => ask.after = Some(next),
            None => return,
        }
    }
}

/// Of whom there are letters to look at.
async fn names(dead: &DeadLetters, pick: &Pick, said: &mpsc::Sender<Said>) -> Vec<String> {
    let names = dead.names();
    match &pick.sink {
        None => names,
        Some(sink) if names.contains(sink) => vec![sink.clone()],
        Some(sink) => {
            let others = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
            said.send(Said::Note(format!("{sink} has no letters; {others} has"))).await.ok();
            Vec::new()
        }
    }
}

/// What is wanted of the letters that are meant, made where blocking hurts nobody.
fn picked<T: Send + 'static>(
    dead: &DeadLetters,
    name: &str,
    pick: &Pick,
    wanted: impl Fn(Letter) -> T + Send + 'static,
) -> mpsc::Receiver<Result<T>> {
    let (dead, name, pick) = (dead.clone(), name.to_owned(), pick.clone());
    stream(move || {
        let letters = dead.letters(&name)?;
        let meant =
            letters.filter(move |letter| letter.as_ref().map_or(true, |letter| pick.takes(letter)));
        Ok(meant.map(move |letter| letter.map(&wanted)))
    })
}

/// Reports that find no room are left out: the next one says more.
fn progress(sink: &str, said: &mpsc::Sender<Said>) -> impl Fn(&Tally) + Send + Sync + use<> {
    let (sink, said) = (sink.to_owned(), said.clone());
    move |tally| {
        said.try_send(Said::Progress(sink.clone(), Box::new(tally.clone()))).ok();
    }
}

fn told(letter: Letter, length: Length) -> Told {
    let event = letter.event();
    let object = event.as_ref().map(|event| {
        let object = event.object();
        let slash = if object.namespace.is_empty() { "" } else { "/" };
        format!("{} {}{slash}{}", object.kind, object.namespace, object.name)
    });
    Told {
        object: object.unwrap_or_default(),
        reason: event.map(|event| event.reason().to_owned()).unwrap_or_default(),
        id: letter.id,
        time: letter.time,
        sink: letter.sink,
        kind: letter.kind,
        attempts: letter.attempts,
        cause: letter.reason,
        text: (length == Length::Full).then_some(letter.text),
    }
}
