//! What makes something a checkpoint, as tests.

#![allow(clippy::missing_errors_doc, reason = "each function is what its error is about")]

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::cases::{Case, ensure};
use crate::checkpoint::Checkpoint;
use crate::error::ErrorKind;
use crate::source::Position;

/// A store of positions under test. It is empty at first.
#[async_trait]
pub trait CheckpointRig: Send + Sync {
    /// A handle on the store, opened anew each time. One that is gone when the program is gives the same one.
    async fn open(&self) -> Arc<dyn Checkpoint>;
}

/// One named `#[tokio::test]` for each case, in a module of the given name. The second argument makes a fresh
/// [`CheckpointRig`](crate::testing::CheckpointRig), and may await.
#[macro_export]
macro_rules! checkpoint_conformance {
    ($name:ident, $rig:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "what the rig's expression needs")]
            use super::*;

            $crate::checkpoint_conformance! {
                @each $rig;
                moves_from_where_it_stands
                a_stale_advance_moves_nothing
                survives_a_reopening
                sources_do_not_mix
                of_two_writers_one_wins_each_time
            }
        }
    };
    (@each $rig:expr; $($case:ident)*) => {$(
        #[tokio::test]
        async fn $case() -> Result<(), String> {
            let rig = $rig;
            $crate::testing::checkpoints::$case(&rig).await
        }
    )*};
}

/// Nothing at first; then what it was moved to.
pub async fn moves_from_where_it_stands(rig: &dyn CheckpointRig) -> Case {
    let store = rig.open().await;
    stands(&*store, "a", None).await?;
    for n in 1..=3 {
        let from = (n > 1).then(|| position(n - 1));
        moved(&*store, "a", from.as_ref(), n).await?;
        stands(&*store, "a", Some(n)).await?;
    }
    Ok(())
}

/// Who does not know where it stands cannot move it, and is told so: forwards, back, or from nothing.
pub async fn a_stale_advance_moves_nothing(rig: &dyn CheckpointRig) -> Case {
    let store = rig.open().await;
    moved(&*store, "a", None, 1).await?;
    moved(&*store, "a", Some(&position(1)), 2).await?;
    for (from, to) in [(None, 3), (Some(position(1)), 3), (Some(position(3)), 4)] {
        let error = store.advance("a", from.as_ref(), &position(to)).await.err();
        let kind = error.as_ref().map(|error| error.kind());
        ensure(kind == Some(ErrorKind::Refused), || {
            format!("a move from {from:?} shall be Refused: {error:?}")
        })?;
    }
    stands(&*store, "a", Some(2)).await
}

/// What was moved is there for the next one who opens it.
pub async fn survives_a_reopening(rig: &dyn CheckpointRig) -> Case {
    moved(&*rig.open().await, "a", None, 1).await?;
    stands(&*rig.open().await, "a", Some(1)).await?;
    moved(&*rig.open().await, "a", Some(&position(1)), 2).await?;
    stands(&*rig.open().await, "a", Some(2)).await
}

/// Each source has its own position, whatever its name.
pub async fn sources_do_not_mix(rig: &dyn CheckpointRig) -> Case {
    let store = rig.open().await;
    let names = ["a", "A", "a/b", "a/*", "events/c1/*", "中", ""];
    for (n, name) in (1..).zip(names) {
        moved(&*store, name, None, n).await?;
    }
    for (n, name) in (1..).zip(names) {
        stands(&*store, name, Some(n)).await?;
    }
    Ok(())
}

/// Two programs that count up together miss no number and take none twice.
pub async fn of_two_writers_one_wins_each_time(rig: &dyn CheckpointRig) -> Case {
    let (one, two) = (rig.open().await, rig.open().await);
    let (first, second) = futures::join!(count(&*one, 20), count(&*two, 20));
    let (first, second) = (first?, second?);
    stands(&*rig.open().await, "a", Some(first + second)).await?;
    ensure(first + second == 40, || format!("{first} and {second} moves were told of"))
}

/// Moves it up by one so many times, and tells how often that was confirmed.
async fn count(store: &dyn Checkpoint, times: u32) -> Result<u32, String> {
    let mut won = 0;
    while won < times {
        let from = store.load("a").await.map_err(|error| format!("{error:?}"))?;
        let number = from.as_ref().and_then(|from| from.value.parse().ok()).unwrap_or(0);
        // Lets the other one in between.
        tokio::task::yield_now().await;
        match store.advance("a", from.as_ref(), &position(number + 1)).await {
            Ok(()) => won += 1,
            Err(error) if error.kind() == ErrorKind::Refused => {}
            Err(error) => return Err(format!("{error:?}")),
        }
    }
    Ok(won)
}

fn position(number: u32) -> Position {
    let at = Timestamp::from_second(i64::from(number)).unwrap_or_default();
    Position::new(number.to_string(), at)
}

async fn moved(store: &dyn Checkpoint, source: &str, from: Option<&Position>, to: u32) -> Case {
    let moved = store.advance(source, from, &position(to)).await;
    moved.map_err(|error| format!("a move of {source:?} to {to} shall succeed: {error:?}"))
}

async fn stands(store: &dyn Checkpoint, source: &str, at: Option<u32>) -> Case {
    let stored = store.load(source).await.map_err(|error| format!("{error:?}"))?;
    ensure(stored == at.map(position), || format!("{source:?} stands at {stored:?}, not at {at:?}"))
}
