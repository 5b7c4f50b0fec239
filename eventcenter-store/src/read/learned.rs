//! What readers have found out about a partition, and what stays true of it.
//!
//! Words and objects are numbered in the order in which they come, and stay as they are for as long as their file does. So
//! whatever was found among them need never be looked for again, but for what has come since: each finding says up to
//! which number it holds. A reader whose view of the file is older may learn of numbers that it cannot see; no row that
//! it can see has them.
//!
//! Findings belong to a file, not to a connection: a question that finds a connection of its own knows what others know.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eventcenter_core::query::{ValuePattern, fold};
use rusqlite::Connection;

use crate::store::Readable;

/// Patterns that are remembered for a partition; beyond it, memory begins anew.
const PATTERNS: usize = 100;
/// Words that a pattern may stand for and be remembered.
const WORDS: usize = 200;

/// All partitions, by the number of their [file](Readable::file).
#[derive(Debug, Default)]
pub(super) struct Library(Mutex<BTreeMap<u64, Arc<Learned>>>);

impl Library {
    /// What is known of a partition.
    pub(super) fn of(&self, file: u64) -> Arc<Learned> {
        Arc::clone(locked(&self.0).entry(file).or_default())
    }

    /// What is known of all others is forgotten.
    pub(super) fn keep(&self, partitions: &[Readable]) {
        locked(&self.0).retain(|file, _| partitions.iter().any(|known| known.file == *file));
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Learned {
    words: Mutex<HashMap<WordsLike, Found>>,
    odd: Mutex<Odd>,
}

/// Which words are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct WordsLike {
    /// What the word is compared with.
    pub(crate) value: ValuePattern,
    /// Whether it is enough that what stands behind its `/` passes: `Deployment/web` is called `web`, too.
    pub(crate) or_name: bool,
}

impl WordsLike {
    fn matches(&self, word: &str) -> bool {
        let passes = |text: &str| self.value.matches(text);
        passes(word) || self.or_name && word.split_once('/').is_some_and(|(_, name)| passes(name))
    }
}

/// The words that pass, up to a number.
#[derive(Debug, Clone, Default)]
struct Found {
    seen: i64,
    ids: Vec<i64>,
}

/// Objects with a name or a uid that is not as it is compared, in lower case. They are rare, and no index finds them.
#[derive(Debug, Default)]
struct Odd {
    seen: i64,
    objects: Vec<(i64, String, String)>,
}

impl Learned {
    /// Numbers of the words that pass; not of the empty one.
    pub(crate) fn words(
        &self,
        connection: &Connection,
        like: &WordsLike,
    ) -> rusqlite::Result<Vec<i64>> {
        let mut found = locked(&self.words).get(like).cloned().unwrap_or_default();
        let sql = "SELECT id, text FROM words WHERE id > ?1 ORDER BY id";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([found.seen])?;
        let before = found.seen;
        while let Some(row) = rows.next()? {
            found.seen = row.get(0)?;
            if like.matches(row.get_ref(1)?.as_str().unwrap_or_default()) {
                found.ids.push(found.seen);
            }
        }
        if found.seen > before && found.ids.len() <= WORDS {
            let mut words = locked(&self.words);
            if words.len() >= PATTERNS {
                words.clear();
            }
            words.insert(like.clone(), found.clone());
        }
        Ok(found.ids)
    }

    /// Objects whose name or uid, in lower case, passes although it is written otherwise.
    pub(crate) fn odd_objects(
        &self,
        connection: &Connection,
        passes: impl Fn(&str, &str) -> bool,
    ) -> rusqlite::Result<Vec<i64>> {
        let mut odd = locked(&self.odd);
        let sql = "SELECT id, name, uid FROM objects WHERE id > ?1 ORDER BY id";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([odd.seen])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let name = row.get_ref(1)?.as_str().unwrap_or_default();
            let uid = row.get_ref(2)?.as_str().unwrap_or_default();
            let (folded_name, folded_uid) = (fold(name), fold(uid));
            if folded_name != name || folded_uid != uid {
                odd.objects.push((id, folded_name.into_owned(), folded_uid.into_owned()));
            }
            odd.seen = id;
        }
        let passing = odd.objects.iter().filter(|(_, name, uid)| passes(name, uid));
        Ok(passing.map(|(id, ..)| *id).collect())
    }
}

/// A thread that panicked has left behind what is true as far as it goes.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_come_since_is_found_too() {
        let connection = Connection::open_in_memory().unwrap();
        let make = |sql: &str| connection.execute_batch(sql).unwrap();
        make("CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT)");
        make("INSERT INTO words VALUES (0, ''), (1, 'Pod'), (2, 'Deployment/pod')");
        let learned = Learned::default();
        let like = |or_name| WordsLike { value: ValuePattern::literal("pod"), or_name };
        let words = |or_name| learned.words(&connection, &like(or_name)).unwrap();
        assert_eq!((words(false), words(true)), (vec![1], vec![1, 2]));
        make("INSERT INTO words VALUES (3, 'POD'), (4, 'Node')");
        assert_eq!((words(false), words(true)), (vec![1, 3], vec![1, 2, 3]));
        // What was found once is not looked for again.
        make("DELETE FROM words WHERE id < 3");
        assert_eq!(words(true), [1, 2, 3]);
    }

    #[test]
    fn a_pattern_of_very_many_words_is_not_remembered() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT);
                 WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 300)
                 INSERT INTO words SELECT n, 'w' || n FROM n",
            )
            .unwrap();
        let learned = Learned::default();
        for text in 0..2 * PATTERNS {
            let value = ValuePattern::literal(&format!("w{text}"));
            let found = learned.words(&connection, &WordsLike { value, or_name: false }).unwrap();
            assert_eq!(found.len(), usize::from(text > 0));
        }
        assert!(locked(&learned.words).len() <= PATTERNS);
    }
}
