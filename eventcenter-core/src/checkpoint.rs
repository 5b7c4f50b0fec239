//! Where a source's position is kept, for sources that run without a spool.
//!
//! The pipeline keeps positions in the spool itself, behind the events they belong to, and uses none of this. A
//! [`Checkpoint`] is for a program that takes events from a [`Source`](crate::Source) by hand: it
//! [loads](Checkpoint::load) the position to resume from, and [advances](Checkpoint::advance) it behind what it has
//! dealt with. Compare-and-set lets two replicas of it share one store.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result};
use crate::source::Position;

/// A store of positions. Moving one is compare-and-set: two programs on one checkpoint find each other out.
#[async_trait]
pub trait Checkpoint: Debug + Send + Sync + 'static {
    /// The position of `source`; none before the first [`advance`](Self::advance).
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    async fn load(&self, source: &str) -> Result<Option<Position>>;

    /// Moves the position of `source` from `from` to `to`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] when `from` is not what is stored: somebody else moved it.
    async fn advance(&self, source: &str, from: Option<&Position>, to: &Position) -> Result<()>;
}

/// A checkpoint that is gone when the program is.
#[derive(Debug, Default)]
pub struct MemoryCheckpoint(Mutex<HashMap<String, Position>>);

#[async_trait]
impl Checkpoint for MemoryCheckpoint {
    async fn load(&self, source: &str) -> Result<Option<Position>> {
        let positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(positions.get(source).cloned())
    }

    async fn advance(&self, source: &str, from: Option<&Position>, to: &Position) -> Result<()> {
        let mut positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if positions.get(source) != from {
            return Err(Error::new(
                "checkpoint",
                ErrorKind::Refused,
                "somebody else has moved the position",
            )
            .with("source", source));
        }
        positions.insert(source.to_owned(), to.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::CheckpointRig;

    #[derive(Default)]
    struct Rig(Arc<MemoryCheckpoint>);

    #[async_trait]
    impl CheckpointRig for Rig {
        async fn open(&self) -> Arc<dyn Checkpoint> {
            Arc::clone(&self.0) as _
        }
    }

    crate::checkpoint_conformance!(memory, Rig::default());
}
