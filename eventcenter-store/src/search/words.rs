//! Words: what the index finds.

use eventcenter_core::query::{Field, Node, TokenPattern, ValuePattern, fold, tokens};

use super::{FEW, INLINE, MANY, NOTHING, Source, Translator};
use crate::read::Failure;

/// Words that a pattern may stand for in the index; for more, every document is looked at.
const EXPANDED: usize = 200;
/// Reasons that a pattern may stand for, for the index to be asked.
const REASONS: usize = 20;

impl Translator<'_> {
    pub(super) fn words(
        &mut self,
        node: &Node,
        field: Field,
        words: &[TokenPattern],
        narrows: bool,
    ) -> Result<String, Failure> {
        if self.source == Source::Sums {
            return self.document(node);
        }
        let column = if field == Field::Message { "message : " } else { "" };
        if let Some(phrase) = phrase(words) {
            return self.indexed(&format!("{column}{phrase}"), narrows);
        }
        if let [word] = words {
            return match self.expanded(word)? {
                Some(found) if found.is_empty() => Ok(NOTHING.to_owned()),
                Some(found) => {
                    let any: Vec<String> = found.iter().map(|word| format!("\"{word}\"")).collect();
                    self.indexed(&format!("{column}({})", any.join(" OR ")), narrows)
                }
                None => self.document(node),
            };
        }
        // The words without wildcards lead to few documents, which are looked at.
        let exact: Vec<String> = words
            .iter()
            .filter_map(TokenPattern::as_exact)
            .map(|word| format!("\"{word}\""))
            .collect();
        let holds = self.document(node)?;
        if exact.is_empty() {
            return Ok(holds);
        }
        let indexed = self.indexed(&format!("{column}({})", exact.join(" AND ")), narrows)?;
        Ok(format!("({indexed} AND {holds})"))
    }

    /// A reason is a word of the index, too: what is rare is found there at once.
    pub(super) fn reason(
        &mut self,
        value: &ValuePattern,
        narrows: bool,
    ) -> Result<String, Failure> {
        let ids = self.words_like(value, false)?;
        let is_reason = self.one_of("reason", &ids);
        if !narrows || self.source == Source::Sums || ids.is_empty() || ids.len() > REASONS {
            return Ok(is_reason);
        }
        let mut reasons = Vec::with_capacity(ids.len());
        let mut word =
            self.reader.connection.prepare_cached("SELECT text FROM words WHERE id = ?1")?;
        for id in ids {
            let text: String = word.query_row([id], |row| row.get(0))?;
            reasons.push(tokens(&fold(&text)).collect::<Vec<_>>().join(" "));
        }
        drop(word);
        if reasons.iter().any(String::is_empty) {
            return Ok(is_reason);
        }
        reasons.sort_unstable();
        reasons.dedup();
        let phrases: Vec<String> =
            reasons.iter().map(|reason| format!("reason : \"{reason}\"")).collect();
        let phrase = phrases.join(" OR ");
        if self.found_of(&format!("found WHERE found MATCH '{phrase}'"), MANY)? >= MANY {
            return Ok(is_reason);
        }
        Ok(format!("({} AND {is_reason})", in_index(&phrase)))
    }

    /// What has the phrase. Where that is little, the index need not be asked for it again.
    fn indexed(&mut self, phrase: &str, narrows: bool) -> Result<String, Failure> {
        if !narrows || self.hits.is_some_and(|known| known < FEW) {
            return Ok(in_index(phrase));
        }
        let sql =
            format!("SELECT rowid FROM found WHERE found MATCH '{phrase}' LIMIT {}", self.most);
        let mut statement = self.reader.connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        let (mut found, mut ids) = (0, Vec::new());
        while let Some(row) = rows.next()? {
            found += 1;
            if ids.len() <= INLINE {
                ids.push(row.get(0)?);
            }
        }
        drop(rows);
        drop(statement);
        self.hits = Some(self.hits.map_or(found, |known| known.min(found)));
        let is_all = found < self.most && ids.len() <= INLINE;
        Ok(if is_all { self.is_in("e.id", &ids) } else { in_index(phrase) })
    }

    /// The words of the index that pass; none if they are too many.
    fn expanded(&self, pattern: &TokenPattern) -> Result<Option<Vec<String>>, Failure> {
        let connection = &self.reader.connection;
        connection.execute_batch(
            "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, found, row)",
        )?;
        let prefix = pattern.prefix();
        let mut statement =
            connection.prepare_cached("SELECT term FROM temp.vocabulary WHERE term >= ?1")?;
        let mut rows = statement.query([&prefix])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let Ok(term) = row.get_ref(0)?.as_str() else { continue };
            if !term.starts_with(&prefix) {
                break;
            }
            if pattern.matches(term) {
                if found.len() >= EXPANDED {
                    return Ok(None);
                }
                found.push(term.to_owned());
            }
        }
        Ok(Some(found))
    }
}

fn in_index(phrase: &str) -> String {
    // A word is made of letters and digits alone: no quote ends the text.
    format!("e.id IN (SELECT rowid FROM found WHERE found MATCH '{phrase}')")
}

/// Words as a phrase of the index, where that can be said: exact words, and a `*` at the very end.
fn phrase(words: &[TokenPattern]) -> Option<String> {
    let (last, rest) = words.split_last()?;
    let mut texts: Vec<String> =
        rest.iter().map(|word| word.as_exact().map(str::to_owned)).collect::<Option<_>>()?;
    let star = match last.as_exact() {
        Some(exact) => {
            texts.push(exact.to_owned());
            ""
        }
        None if last.is_prefix() && !last.prefix().is_empty() => {
            texts.push(last.prefix());
            " *"
        }
        None => return None,
    };
    Some(format!("\"{}\"{star}", texts.join(" ")))
}
