//! What makes something a sink, as tests; and events and doubles for the tests of everybody else.
//!
//! The author of a sink writes a [`Rig`], some twenty lines that answer in the receiver's own dialect, and gets one
//! named test for each promise in [`cases`]:
//!
//! ```
//! use eventcenter_core::testing::{MemoryRig, Rig};
//!
//! eventcenter_core::sink_conformance!(memory, MemoryRig::new());
//! # fn main() {}
//! ```
//!
//! Sinks over HTTP are also put through the [fault matrix](faults). What a [source](crate::source_conformance), a
//! [checkpoint](crate::checkpoint_conformance) and a [monitor](crate::monitor_conformance) promise is written down in
//! the same way.
//!
//! A receiver that cannot do something (a file does not throttle) has a rig that says so in [`Rig::can`]; the case
//! then says on standard error, past the capture of the test harness, that it does not apply.
//!
//! This module may grow cases in any minor release.

#![allow(clippy::missing_panics_doc, reason = "what is used in tests may panic there")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "what is used in tests may panic")]

pub mod cases;
pub mod checkpoints;
mod doubles;
pub mod events;
pub mod faults;
pub mod fuzz;
mod layered;
pub mod monitors;
pub mod sources;
mod upstream;
#[cfg(test)]
mod wrong;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use checkpoints::CheckpointRig;
pub use doubles::{FlakySink, MemoryRig, MemorySink, VecSource};
pub use layered::Layered;
pub use monitors::MonitorRig;
pub use sources::SourceRig;
pub use upstream::{Answer, Request, Upstream};

use crate::sink::Sink;

/// A sink under test together with its receiver, which does as it is told.
#[async_trait]
pub trait Rig: Send + Sync {
    /// A fresh sink that delivers to the rig's receiver.
    async fn sink(&self) -> Arc<dyn Sink>;

    /// Whether the receiver is able to answer like this.
    fn can(&self, reply: &Reply) -> bool;

    /// How it answers from now on, in its own dialect. It begins with [`Reply::Accept`].
    fn answer(&self, reply: Reply);

    /// Occurrence keys of the events it has taken, in the order in which it took them.
    fn accepted(&self) -> Vec<String>;

    /// The secret that the sink was given; none if it needs none.
    fn secret(&self) -> Option<&str>;

    /// What people see of what was taken, for a receiver that shows it to people. Default none.
    fn shown(&self) -> Option<Shown> {
        None
    }
}

/// What people see.
#[derive(Debug, Clone)]
pub struct Shown {
    /// All of it.
    pub text: String,
    /// What would do something there if it stood in the text as the hostile event has it: call everybody, be a link.
    pub active: &'static [&'static str],
}

/// How a receiver answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It takes everything.
    Accept,
    /// It asks for this much patience, a whole number of seconds.
    Throttle(Duration),
    /// It will never take any of it.
    Refuse,
    /// It will never take the event with this occurrence key.
    RefuseOne(String),
    /// It finds everything too large.
    TooLarge,
    /// It takes everything, and its answer is lost on the way.
    LoseAnswer,
    /// It reads, and never answers.
    Hang,
    /// It is out of order, and takes nothing.
    Fail,
}

/// One named `#[tokio::test]` for each of the [`cases`](crate::testing::cases), in a module of the given name.
///
/// The second argument makes a fresh [`Rig`](crate::testing::Rig), and may await.
#[macro_export]
macro_rules! sink_conformance {
    ($name:ident, $rig:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "what the rig's expression needs")]
            use super::*;

            $crate::sink_conformance! {
                @each $rig;
                delivers_every_event_once
                keeps_order_within_a_batch
                confirms_only_what_the_receiver_confirmed
                throttle_delay_is_passed_on
                refusal_is_final
                one_bad_event_does_not_spoil_the_batch
                too_large_asks_for_split
                hang_ends_at_the_deadline
                lost_answer_is_ambiguous
                redelivery_is_harmless
                dropped_future_can_be_repeated
                concurrent_batches_do_not_mix
                limits_are_respected
                unicode_huge_and_empty_fields_survive
                hostile_text_is_neutralised
                probe_writes_nothing
                close_is_idempotent
                secrets_never_appear_in_debug_display_or_errors
            }
        }
    };
    (@each $rig:expr; $($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() -> Result<(), String> {
                let rig = $rig;
                $crate::testing::cases::$case(&rig).await
            }
        )*

        /// Every case again, with all layers around the sink.
        #[tokio::test]
        async fn layers_do_not_change_meaning() -> Result<(), String> {
            $(
                let rig = $crate::testing::Layered::new($rig);
                let kept = $crate::testing::cases::$case(&rig).await;
                kept.map_err(|broken| format!("{}: {broken}", stringify!($case)))?;
            )*
            Ok(())
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::sink_conformance!(memory, MemoryRig::new());
    crate::sink_conformance!(memory_one_by_one, MemoryRig::one_by_one());
}
