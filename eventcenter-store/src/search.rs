//! A search statement as a condition of SQL, for one partition.
//!
//! It finds exactly what [`Query::matches`] lets through. Keys that many rows share are compared with the words of the
//! partition first, and become sets of numbers; searches for words ask the index. What has no column (labels,
//! annotations, and the rarer fields) is looked up in the document of each row that passes the rest, by
//! [`Query::matches`] itself.
//!
//! Two rarities are answered otherwise than by `matches`: a Pod that a message names by its uid alone is known by its
//! name here, if another event said it; and an Event's own uid in capital letters is found by a pattern only.
//!
//! A condition speaks of the table `events e`, or, for sums, of a table `s`; see [`Source`].

mod join;
mod objects;
mod post;
mod words;

use std::collections::HashSet;

use eventcenter_core::query::{Key, Node, ValuePattern};
use eventcenter_core::{Level, Query};

use crate::read::{Failure, Reader, WordsLike};
use crate::store::rollup::Label;
pub(crate) use post::Post;

/// Numbers that are written into the condition; a larger set is looked up by a function.
const INLINE: usize = 200;
/// Once an index leads to fewer rows than this, no other is asked.
pub(crate) const FEW: i64 = 500;
/// Rows with a reason are counted up to this; if there are more, the index is not asked for them.
pub(crate) const MANY: i64 = 30_000;

/// The condition that nothing passes. Of a conjunction with it nothing else is left, and nothing of it in a disjunction.
const NOTHING: &str = "0";

/// What a condition speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// `events e`.
    Events,
    /// A table of sums `s`, with the columns of some [labels](Label).
    Sums,
}

impl Source {
    pub(crate) fn column(self, name: &str) -> String {
        match self {
            Self::Sums => format!("s.{name}"),
            Self::Events => format!("e.{name}"),
        }
    }
}

/// A condition.
#[derive(Debug)]
pub(crate) struct Condition {
    /// An expression.
    pub(crate) sql: String,
    /// How many rows an index leads to, if they are fewer than were to be counted; none if no index helps.
    pub(crate) hits: Option<i64>,
}

/// The condition of a query; functions that it needs are registered on the reader's connection.
pub(crate) fn condition(
    reader: &mut Reader,
    query: &Query,
    source: Source,
) -> Result<Condition, Failure> {
    condition_counted(reader, query, source, FEW)
}

/// The same, of which hits are counted up to `most`: to count costs as much as to find.
pub(crate) fn condition_counted(
    reader: &mut Reader,
    query: &Query,
    source: Source,
    most: i64,
) -> Result<Condition, Failure> {
    let mut translator = Translator { reader, source, post: Post::default(), hits: None, most };
    let sql = translator.node(query.tree(), true)?;
    let Translator { post, hits, .. } = translator;
    let hits = if sql == NOTHING { Some(0) } else { hits };
    post.register(reader)?;
    Ok(Condition { sql, hits })
}

struct Translator<'a> {
    reader: &'a mut Reader,
    source: Source,
    post: Post,
    hits: Option<i64>,
    most: i64,
}

impl Translator<'_> {
    /// `narrows` says that nothing passes which does not pass this.
    fn node(&mut self, node: &Node, narrows: bool) -> Result<String, Failure> {
        Ok(match node {
            Node::All => "1".to_owned(),
            Node::Words { field, words } => self.words(node, *field, words, narrows)?,
            Node::Value { key, value } => self.value(node, key, value, narrows)?,
            Node::Level(levels) => {
                let levels: Vec<i64> = levels.iter().copied().map(number).collect();
                self.one_of("level", &levels)
            }
            Node::Count { least, most } => {
                let edge = |edge: u64| i64::try_from(edge).unwrap_or(i64::MAX);
                format!("e.count BETWEEN {} AND {}", edge(*least), edge(*most))
            }
            Node::Not(inner) => format!("NOT ({})", self.node(inner, false)?),
            Node::And(parts) => self.all(parts, narrows)?,
            Node::Or(parts) => self.any(parts, narrows)?,
            // A node of a newer core: what it means, core knows.
            _ => self.document(node)?,
        })
    }

    fn value(
        &mut self,
        node: &Node,
        key: &Key,
        value: &ValuePattern,
        narrows: bool,
    ) -> Result<String, Failure> {
        Ok(match key {
            Key::Cluster => {
                let passes = |text: &str| value.matches(text);
                let clusters = self.reader.clusters.iter();
                let some = |text: &str| !text.is_empty() && passes(text);
                let ids: Vec<i64> = clusters
                    .filter(|(_, cluster)| some(&cluster.id) || some(&cluster.name))
                    .map(|(id, _)| *id)
                    .collect();
                self.one_of("cluster", &ids)
            }
            Key::Type => self.word("type", value)?,
            Key::Reason => self.reason(value, narrows)?,
            Key::Class => {
                let classes = self.word("class", value)?;
                if self.source == Source::Sums || classes == NOTHING {
                    return Ok(classes);
                }
                // What is no fault is number 0: the index leaves it out.
                let sql = format!("(e.class <> 0 AND {classes})");
                if narrows {
                    self.found(&format!("events e WHERE {sql}"))?;
                }
                sql
            }
            Key::Node => {
                let plain = self.word("node", value)?;
                if !narrows || self.source == Source::Sums || plain == NOTHING {
                    return Ok(plain);
                }
                // What was seen on no node is number 0: the index leaves it out.
                self.led(format!("(e.node <> 0 AND {plain})"), plain)?
            }
            Key::Component => self.word("component", value)?,
            Key::Namespace => {
                let namespaces = self.words_like(value, false)?;
                self.of_objects("namespace", &namespaces, narrows)?
            }
            Key::Kind => {
                let kinds = self.words_like(value, false)?;
                self.of_objects("kind", &kinds, narrows)?
            }
            Key::Workload => {
                let workloads = self.words_like(value, true)?;
                self.of_objects("workload", &workloads, narrows)?
            }
            Key::Name => {
                let ids = self.objects_named(value)?;
                self.objects("e.object", &ids, narrows)?
            }
            Key::Uid => self.uid(node, value, narrows)?,
            Key::Pod => {
                let ids = self.pods_named(value)?;
                self.pods(&ids, narrows)?
            }
            Key::PodUid => {
                let ids = self.pods_with_uid(value)?;
                self.pods(&ids, narrows)?
            }
            _ => self.document(node)?,
        })
    }

    /// A column of words that pass.
    fn word(&mut self, column: &str, value: &ValuePattern) -> Result<String, Failure> {
        let ids = self.words_like(value, false)?;
        Ok(self.one_of(column, &ids))
    }

    /// Counts what an index leads to; everything that passes is among it.
    fn found(&mut self, from: &str) -> Result<i64, Failure> {
        self.found_of(from, self.most)
    }

    /// The same, counted up to another number.
    fn found_of(&mut self, from: &str, most: i64) -> Result<i64, Failure> {
        if let Some(known) = self.hits.filter(|known| *known < FEW) {
            return Ok(known);
        }
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {from} LIMIT {most})");
        let found = self.reader.connection.query_row(&sql, [], |row| row.get(0))?;
        self.hits = Some(self.hits.map_or(found, |known| known.min(found)));
        Ok(found)
    }

    /// Numbers of the words that pass.
    fn words_like(&self, value: &ValuePattern, or_name: bool) -> Result<Vec<i64>, Failure> {
        let like = WordsLike { value: value.clone(), or_name };
        Ok(self.reader.learned.words(&self.reader.connection, &like)?)
    }

    fn one_of(&mut self, column: &str, ids: &[i64]) -> String {
        let column = self.source.column(column);
        self.is_in(&column, ids)
    }

    fn is_in(&mut self, column: &str, ids: &[i64]) -> String {
        match ids {
            [] => NOTHING.to_owned(),
            [id] => format!("{column} = {id}"),
            ids if ids.len() <= INLINE => {
                let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
                format!("{column} IN ({})", ids.join(","))
            }
            ids => {
                let set: HashSet<i64> = ids.iter().copied().collect();
                self.post.one_of(set, column)
            }
        }
    }

    /// Whatever the document says.
    fn document(&mut self, node: &Node) -> Result<String, Failure> {
        self.post.holds(node)
    }
}

pub(crate) fn number(level: Level) -> i64 {
    match level {
        Level::Normal => 0,
        Level::Warning => 1,
        Level::Error => 2,
    }
}

/// The labels of sums that a query asks for; none if it asks for something else, too.
pub(crate) fn labels_of(node: &Node) -> Option<Vec<Label>> {
    let mut labels = Vec::new();
    collect(node, &mut labels).then_some(labels)
}

fn collect(node: &Node, labels: &mut Vec<Label>) -> bool {
    let label = match node {
        Node::All => return true,
        Node::Level(_) => Label::Level,
        Node::Not(inner) => return collect(inner, labels),
        Node::And(parts) | Node::Or(parts) => {
            return parts.iter().all(|part| collect(part, labels));
        }
        Node::Value { key, .. } => match key {
            Key::Cluster => Label::Cluster,
            Key::Class => Label::Class,
            Key::Reason => Label::Reason,
            Key::Namespace => Label::Namespace,
            Key::Kind => Label::Kind,
            Key::Node => Label::Node,
            Key::Workload => Label::Workload,
            Key::Component => Label::Component,
            _ => return false,
        },
        _ => return false,
    };
    labels.push(label);
    true
}
