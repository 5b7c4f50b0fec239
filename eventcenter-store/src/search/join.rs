//! Conjunctions and disjunctions: which of their indexes lead.
//!
//! Of a conjunction one index is enough, and the one that leads to least is asked for first. Of a disjunction each part
//! needs one, or every row is passed. What there is nothing of is left out, so that a word which may be a name, a
//! namespace or a workload costs what the one costs that it is.

use eventcenter_core::query::{Key, Node};

use super::{FEW, NOTHING, Source, Translator};
use crate::read::Failure;

/// Rows that an index leads to are scattered: where they are one of so many or more, all are passed in their order instead.
const SHARE: i64 = 8;
/// Parts of a disjunction, for more of which no index is asked.
const LED: usize = 64;

impl Translator<'_> {
    pub(super) fn all(&mut self, parts: &[Node], narrows: bool) -> Result<String, Failure> {
        let mut parts: Vec<&Node> = parts.iter().collect();
        parts.sort_by_key(|part| rank(part));
        // What asks for a word that nothing has needs no index to be asked for the rest.
        for part in &parts {
            if self.is_nothing(part)? {
                return Ok(NOTHING.to_owned());
            }
        }
        let mut told = Vec::with_capacity(parts.len());
        for part in parts {
            let sql = self.node(part, narrows)?;
            if sql == NOTHING {
                return Ok(sql);
            }
            told.push(sql);
        }
        Ok(format!("({})", told.join(" AND ")))
    }

    /// Whether the words of the partition show already that nothing passes.
    fn is_nothing(&self, node: &Node) -> Result<bool, Failure> {
        Ok(match node {
            Node::Value { key, value } => {
                let is_word = matches!(
                    key,
                    Key::Type
                        | Key::Reason
                        | Key::Class
                        | Key::Node
                        | Key::Component
                        | Key::Namespace
                        | Key::Kind
                );
                is_word && self.words_like(value, false)?.is_empty()
            }
            Node::Or(parts) => {
                for part in parts {
                    if !self.is_nothing(part)? {
                        return Ok(false);
                    }
                }
                true
            }
            _ => false,
        })
    }

    /// Indexes lead to what passes if one leads to each part of it that there is anything of.
    pub(super) fn any(&mut self, parts: &[Node], narrows: bool) -> Result<String, Failure> {
        let (mut some, mut plain) = (Vec::new(), Vec::new());
        for part in parts {
            let sql = self.node(part, false)?;
            if sql != NOTHING {
                some.push(part);
                plain.push(sql);
            }
        }
        if some.is_empty() {
            return Ok(NOTHING.to_owned());
        }
        let is_narrow = self.hits.is_some_and(|known| known < FEW);
        if narrows && !is_narrow && self.source == Source::Events && some.len() <= LED {
            let before = self.hits;
            let (mut led, mut hits) = (Vec::with_capacity(some.len()), Some(0));
            for part in some {
                self.hits = None;
                led.push(self.node(part, true)?);
                hits = hits.zip(self.hits).map(|(sum, more)| sum + more);
            }
            self.hits = match (before, hits) {
                (Some(before), Some(hits)) => Some(before.min(hits)),
                (before, hits) => before.or(hits),
            };
            if hits.is_some() {
                return Ok(format!("({})", led.join(" OR ")));
            }
        }
        Ok(format!("({})", plain.join(" OR ")))
    }

    /// `sql`, which an index answers, where that leads to few rows; else `plain`, which means the same and asks none.
    pub(super) fn led(&mut self, sql: String, plain: String) -> Result<String, Failure> {
        if self.hits.is_some_and(|known| known < FEW) {
            return Ok(plain);
        }
        let (before, most) = (self.hits, self.most.max(self.reader.rows_there()? / SHARE));
        if self.found_of(&format!("events e WHERE {sql}"), most)? >= most {
            self.hits = before;
            return Ok(plain);
        }
        Ok(sql)
    }
}

/// In which order the parts of a conjunction ask their indexes: those first that lead to few rows, since then the others
/// ask none.
fn rank(node: &Node) -> u8 {
    match node {
        Node::Value { key: Key::Name | Key::Uid | Key::Pod | Key::PodUid, value }
            if value.as_exact().is_some() =>
        {
            0
        }
        Node::Value { key: Key::Class, .. } => 1,
        Node::Words { .. } => 2,
        _ => 3,
    }
}
