//! Which shards a consumer holds, and which it should hold: no network, no clock.
//!
//! A shard is *held* from the moment the service gave it until it is given back. One that the service wants back is
//! *leaving*: it is still held, and said to be in heartbeats, until what was read of it is handled.

use std::collections::BTreeMap;

use crate::logstore::Cursor;

/// The shards of one consumer.
#[derive(Debug, Default)]
pub(super) struct Shards {
    held: BTreeMap<u32, Shard>,
    /// The shard that was read last; the next one is behind it.
    last: Option<u32>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Shard {
    /// From where to read on; unknown before the first time.
    pub(super) cursor: Option<Cursor>,
    /// There was nothing more the last time.
    pub(super) at_end: bool,
    leaving: bool,
}

impl Shards {
    /// What a heartbeat says.
    pub(super) fn held(&self) -> Vec<u32> {
        self.held.keys().copied().collect()
    }

    /// What a heartbeat was answered.
    pub(super) fn assign(&mut self, wanted: &[u32]) {
        for (number, shard) in &mut self.held {
            shard.leaving = !wanted.contains(number);
        }
        for number in wanted {
            self.held.entry(*number).or_default();
        }
    }

    /// The service has given our shards to others.
    pub(super) fn lose_all(&mut self) {
        self.held.clear();
    }

    /// The shard is another consumer's.
    pub(super) fn lose(&mut self, number: u32) {
        self.held.remove(&number);
    }

    /// What was read is handled: shards that are wanted back can go.
    pub(super) fn give_back(&mut self) {
        self.held.retain(|_, shard| !shard.leaving);
    }

    /// The next shard to read: in turn, those that were at their end only when all are.
    pub(super) fn next(&mut self) -> Option<(u32, Shard)> {
        let behind = |number: &u32| self.last.is_none_or(|last| *number > last);
        let mut turn: Vec<_> = self.held.iter().filter(|(_, shard)| !shard.at_end).collect();
        if turn.is_empty() {
            return None;
        }
        turn.sort_by_key(|(number, _)| (!behind(number), **number));
        let (number, shard) = turn.first()?;
        let next = (**number, (*shard).clone());
        self.last = Some(next.0);
        Some(next)
    }

    /// Time has passed: there may be something behind what was the end.
    pub(super) fn look_again(&mut self) {
        for shard in self.held.values_mut() {
            shard.at_end = false;
        }
    }

    /// A shard was read. What was lost meanwhile is not held again by this.
    pub(super) fn read(&mut self, number: u32, next: Cursor, at_end: bool) {
        if let Some(shard) = self.held.get_mut(&number) {
            shard.cursor = Some(next);
            shard.at_end = at_end;
        }
    }

    /// What was read of a shard was not handled: it is read again, from where its checkpoint is.
    pub(super) fn forget(&mut self, number: u32) {
        if let Some(shard) = self.held.get_mut(&number) {
            shard.cursor = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(shards: &mut Shards, count: usize) -> Vec<u32> {
        (0..count).map(|_| shards.next().unwrap().0).collect()
    }

    #[test]
    fn shards_are_read_in_turn() {
        let mut shards = Shards::default();
        assert!(shards.next().is_none());
        shards.assign(&[3, 1, 2]);
        assert_eq!(order(&mut shards, 5), [1, 2, 3, 1, 2]);
        shards.read(3, Cursor::of(7), true);
        assert_eq!(order(&mut shards, 3), [1, 2, 1]);
        for number in [1, 2] {
            shards.read(number, Cursor::of(7), true);
        }
        assert!(shards.next().is_none());
        shards.look_again();
        assert_eq!(shards.next().unwrap().1.cursor, Some(Cursor::of(7)));
    }

    #[test]
    fn a_shard_that_is_wanted_back_is_held_until_it_is_handled() {
        let mut shards = Shards::default();
        shards.assign(&[1, 2]);
        shards.read(1, Cursor::of(7), false);
        shards.assign(&[2, 3]);
        assert_eq!(shards.held(), [1, 2, 3]);
        shards.give_back();
        assert_eq!(shards.held(), [2, 3]);
        // It came back: from where it is to be read is not known any more.
        shards.assign(&[1, 2, 3]);
        assert_eq!(shards.held(), [1, 2, 3]);
        assert!(shards.held[&1].cursor.is_none());
    }

    #[test]
    fn a_shard_that_is_wanted_back_and_given_again_is_read_on() {
        let mut shards = Shards::default();
        shards.assign(&[1]);
        shards.read(1, Cursor::of(7), false);
        shards.assign(&[]);
        shards.assign(&[1]);
        shards.give_back();
        assert_eq!(shards.next().unwrap().1.cursor, Some(Cursor::of(7)));
    }

    #[test]
    fn what_was_lost_while_it_was_read_stays_lost() {
        let mut shards = Shards::default();
        shards.assign(&[1]);
        shards.lose_all();
        shards.read(1, Cursor::of(7), false);
        assert!(shards.held().is_empty());
    }
}
