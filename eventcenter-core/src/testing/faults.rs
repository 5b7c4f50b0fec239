//! What can go wrong on the way to a receiver over HTTP, one fault a function: the fault matrix.
//!
//! Each sink over HTTP answers to all of it, with an [`HttpRig`] of a few lines:
//!
//! ```ignore
//! eventcenter_core::http_faults!(webhook, WebhookFaults);
//! ```
//!
//! What needs certificates (expired, of another name) is not here, since core knows no TLS: it is with the client that
//! our sinks share.

#![allow(clippy::missing_errors_doc, reason = "each function is what its error is about")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use super::cases::{Case, ensure, failed};
use super::{Answer, Upstream, events};
use crate::clock::{Clock as _, SystemClock};
use crate::error::{Action, Error, ErrorKind};
use crate::sink::Sink;

/// A sink over HTTP, and what its receiver says.
pub trait HttpRig: Send + Sync {
    /// A sink that sends to this address (`http://127.0.0.1:port`), and waits for an answer for [`PATIENCE`] at most.
    fn sink(&self, url: &str) -> Arc<dyn Sink>;

    /// How the receiver says that it took a request.
    fn success(&self) -> Answer;

    /// Whether it says so in the body: then a 200 without a proper body is no success.
    fn reads_body(&self) -> bool;
}

/// How long a sink under test waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// One named `#[tokio::test]` for each of the [`faults`](crate::testing::faults), in a module of the given name. The
/// second argument is an [`HttpRig`](crate::testing::faults::HttpRig).
#[macro_export]
macro_rules! http_faults {
    ($name:ident, $rig:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "what the rig's expression needs")]
            use super::*;

            $crate::http_faults! {
                @each $rig;
                nobody_listens
                the_name_is_unknown
                the_connection_is_reset
                the_answer_is_lost
                the_answer_never_comes
                the_answer_comes_byte_by_byte
                the_receiver_is_out_of_order
                the_receiver_says_when
                the_body_makes_no_sense
                the_receiver_is_elsewhere
                the_request_is_too_large
            }
        }
    };
    (@each $rig:expr; $($fault:ident)*) => {$(
        #[tokio::test]
        async fn $fault() -> Result<(), String> {
            $crate::testing::faults::$fault(&$rig).await
        }
    )*};
}

/// Nothing was sent: it is tried again, and nobody wonders whether it arrived.
pub async fn nobody_listens(rig: &dyn HttpRig) -> Case {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    drop(listener);
    let error =
        failed(&*rig.sink(&format!("http://{address}")), &events::ordinary().into()).await?;
    means(&error, ErrorKind::Unavailable, Action::Retry, false)
}

/// The same for a name that stands for no address. (`invalid` never does: RFC 6761.)
pub async fn the_name_is_unknown(rig: &dyn HttpRig) -> Case {
    let error = failed(&*rig.sink("http://nowhere.invalid"), &events::ordinary().into()).await?;
    means(&error, ErrorKind::Unavailable, Action::Retry, false)
}

/// The request was sent, so it may have been taken.
pub async fn the_connection_is_reset(rig: &dyn HttpRig) -> Case {
    let error = told(rig, Answer::reset()).await?;
    means(&error, ErrorKind::Unavailable, Action::Retry, true)
}

/// The receiver took it, and nobody learnt that. What is sent then is the same to the byte, but for what says when it
/// was sent: whoever has both sees that they are one.
pub async fn the_answer_is_lost(rig: &dyn HttpRig) -> Case {
    let upstream = Upstream::start().await;
    let sink = rig.sink(&upstream.url());
    let batch = events::ordinary().into();
    upstream.answer(rig.success().that_is_lost());
    let error = sink.deliver(&batch).await.err().ok_or("a lost answer is no confirmation")?;
    means(&error, ErrorKind::Unavailable, Action::Retry, true)?;
    upstream.answer(rig.success());
    sink.deliver(&batch).await.map_err(|error| format!("a repeat shall be taken: {error:?}"))?;
    let bodies: Vec<_> = upstream.accepted().into_iter().map(|request| request.body).collect();
    ensure(bodies.len() == 2 && bodies[0] == bodies[1], || {
        format!("the repeat differs from what it repeats: {} requests", bodies.len())
    })
}

/// It ends at the deadline; the request may have been taken.
pub async fn the_answer_never_comes(rig: &dyn HttpRig) -> Case {
    let begun = Instant::now();
    let error = told(rig, Answer::hang()).await?;
    ensure(begun.elapsed() < PATIENCE + Duration::from_secs(5), || {
        format!("a deadline of {PATIENCE:?} took {:?}", begun.elapsed())
    })?;
    means(&error, ErrorKind::Timeout, Action::Retry, true)
}

/// One byte a second holds nobody up beyond the deadline. If the status says it all, the body is not waited for.
pub async fn the_answer_comes_byte_by_byte(rig: &dyn HttpRig) -> Case {
    let begun = Instant::now();
    let upstream = Upstream::start().await;
    let whole = rig.success();
    let padded = format!("{}{}", whole.body, " ".repeat(600));
    upstream.answer(whole.with_body(padded).slowly(Duration::from_secs(1)));
    let outcome = rig.sink(&upstream.url()).deliver(&events::ordinary().into()).await;
    ensure(begun.elapsed() < PATIENCE + Duration::from_secs(5), || {
        format!("a deadline of {PATIENCE:?} took {:?}", begun.elapsed())
    })?;
    match outcome {
        Ok(_) if !rig.reads_body() => Ok(()),
        Ok(_) => Err("the answer was not there, and was believed".to_owned()),
        Err(error) => ensure(error.is_ambiguous() && error.action() == Action::Retry, || {
            format!("shall be tried again, and is ambiguous: {error:?}")
        }),
    }
}

/// It is tried again, whatever the number.
pub async fn the_receiver_is_out_of_order(rig: &dyn HttpRig) -> Case {
    for status in [500, 502, 503, 504, 599] {
        let error = told(rig, Answer::status(status)).await?;
        let ambiguous = matches!(status, 502 | 504);
        means(&error, ErrorKind::Unavailable, Action::Retry, ambiguous)
            .map_err(|broken| format!("{status}: {broken}"))?;
    }
    Ok(())
}

/// `Retry-After` is heeded as seconds and as a date, an hour at most; what is neither is not there.
pub async fn the_receiver_says_when(rig: &dyn HttpRig) -> Case {
    let in_90_s = SystemClock.now() + Duration::from_secs(90);
    let date = in_90_s.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    for (value, wait) in [
        ("7", Some(7..=7)),
        (date.as_str(), Some(85..=90)),
        ("864000", Some(3600..=3600)),
        ("garbage", None),
        ("-5", None),
    ] {
        let error = told(rig, Answer::status(503).with_header("Retry-After", value)).await?;
        let heeded = match (error.action(), wait) {
            (Action::RetryAfter(told), Some(wait)) => wait.contains(&told.as_secs()),
            (action, None) => action == Action::Retry,
            _ => false,
        };
        ensure(heeded, || format!("Retry-After: {value} became {:?}", error.action()))?;
    }
    Ok(())
}

/// Where the body says whether it was taken, no body and any other body say nothing.
pub async fn the_body_makes_no_sense(rig: &dyn HttpRig) -> Case {
    let bodies =
        ["", "<html><body>welcome</body></html>", r#"{"errco"#, "[]", "null", r#""ok""#, "{}"];
    let answers = bodies.map(|body| Answer::status(200).with_body(body));
    let cut = rig.reads_body().then(|| rig.success().cut());
    for answer in answers.into_iter().chain(cut) {
        let body = answer.body.clone();
        let upstream = Upstream::start().await;
        upstream.answer(answer);
        let outcome = rig.sink(&upstream.url()).deliver(&events::ordinary().into()).await;
        match (outcome, rig.reads_body()) {
            (Ok(_), false) => {}
            (Err(error), true) => {
                ensure(error.is_ambiguous() && error.action() == Action::Retry, || {
                    format!("{body:?} shall be ambiguous: {error:?}")
                })?;
            }
            (outcome, _) => return Err(format!("{body:?} became {outcome:?}")),
        }
    }
    Ok(())
}

/// A redirect is not followed: it would take the credential along.
pub async fn the_receiver_is_elsewhere(rig: &dyn HttpRig) -> Case {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Upstream::start().await;
        let error =
            told(rig, Answer::status(status).with_header("Location", elsewhere.url())).await?;
        ensure(elsewhere.exchanges().is_empty(), || format!("{status} was followed"))?;
        means(&error, ErrorKind::Config, Action::Suspend, false)?;
    }
    Ok(())
}

/// It can be halved.
pub async fn the_request_is_too_large(rig: &dyn HttpRig) -> Case {
    let error = told(rig, Answer::status(413)).await?;
    means(&error, ErrorKind::TooLarge, Action::Split, false)
}

/// Delivers an event to a receiver that answers like this, which is no success.
async fn told(rig: &dyn HttpRig, answer: Answer) -> Result<Error, String> {
    let upstream = Upstream::start().await;
    upstream.answer(answer);
    failed(&*rig.sink(&upstream.url()), &events::ordinary().into()).await
}

fn means(error: &Error, kind: ErrorKind, action: Action, ambiguous: bool) -> Case {
    let meaning = (error.kind(), error.action(), error.is_ambiguous());
    ensure(meaning == (kind, action, ambiguous), || {
        let not = if ambiguous { "" } else { "not " };
        format!("shall be {kind:?}, {action:?}, {not}ambiguous: {error:?}")
    })
}
