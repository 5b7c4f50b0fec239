//! Waiting for something to become true, without a sleep that is too long or too short.

use std::fmt::Debug;
use std::io;
use std::panic::Location;
use std::time::Duration;

use tokio::time::Instant;

/// How long [`eventually`] waits when the caller names no limit.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// What one look may return: a value when it is there, else nothing or what was seen instead.
pub trait Look {
    /// What is waited for.
    type Value;

    /// The value, or the state to show when patience runs out.
    ///
    /// # Errors
    ///
    /// The state that was seen instead of the value.
    fn value(self) -> Result<Self::Value, String>;
}

impl<T> Look for Option<T> {
    type Value = T;

    fn value(self) -> Result<T, String> {
        self.ok_or_else(|| "nothing".to_owned())
    }
}

impl<T, S: Debug> Look for Result<T, S> {
    type Value = T;

    fn value(self) -> Result<T, String> {
        self.map_err(|state| format!("{state:?}"))
    }
}

/// Looks again and again until the value is there; the first look is at once.
///
/// `within` is a [`Duration`], or `None` for [`PATIENCE`]. A look returns `Some(value)` or
/// `Ok(value)` when it is satisfied; `Err(state)` puts what it saw into the failure.
///
/// # Panics
///
/// When `within` is over, or when one look takes that long: with what was waited for, where, and
/// the last state seen.
#[track_caller]
pub fn eventually<F, Fut>(
    what: &str,
    within: impl Into<Option<Duration>>,
    mut look: F,
) -> impl Future<Output = <Fut::Output as Look>::Value>
where
    F: FnMut() -> Fut,
    Fut: Future,
    Fut::Output: Look,
{
    let at = Location::caller();
    let within = within.into().unwrap_or(PATIENCE);
    async move {
        let deadline = Instant::now() + within;
        let mut looks = 0_u32;
        let mut last = "no look has finished".to_owned();
        loop {
            match tokio::time::timeout_at(deadline, look()).await.map(Look::value) {
                Ok(Ok(value)) => return value,
                Ok(Err(state)) => last = state,
                Err(_) => last.push_str(" (and the next look hung)"),
            }
            looks += 1;
            assert!(
                Instant::now() < deadline,
                "waited {within:?} for {what}, in vain\n  at {at}\n  last of {looks} looks: {last}",
            );
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Blocks for this long, or with no limit until the standard input is closed: how a helper process
/// ends with the one that started it.
pub fn for_the_end(limit: Option<Duration>) {
    let Some(limit) = limit else {
        // An input that cannot be read is as good as closed.
        drop(io::copy(&mut io::stdin().lock(), &mut io::sink()));
        return;
    };
    let end = std::time::Instant::now() + limit;
    while let Some(left) = end.checked_duration_since(std::time::Instant::now()) {
        std::thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_value_is_returned_as_soon_as_it_is_there() {
        let mut looks = 0;
        let value = eventually("the third look", None, || {
            looks += 1;
            let seen = looks;
            async move { (seen == 3).then_some(seen) }
        });
        assert_eq!(value.await, 3);
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "waited 2s for forty events, in vain")]
    async fn the_failure_says_what_was_waited_for() {
        eventually("forty events", Duration::from_secs(2), async || None::<()>).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "looks: 39")]
    async fn the_failure_shows_the_last_state() {
        eventually("forty events", Duration::from_secs(2), async || Err::<(), _>(39)).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "the next look hung")]
    async fn a_look_that_hangs_is_a_failure_too() {
        eventually("an answer", Duration::from_secs(2), std::future::pending::<Option<()>>).await;
    }
}
