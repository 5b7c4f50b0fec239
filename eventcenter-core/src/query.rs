//! The search statement: one language for searches, live tails, routes, sinks and alert rules.

use std::fmt;

use crate::event::Event;
use crate::filter::{Filter, Verdict};

/// A search statement, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    text: String,
    tree: Node,
}

impl Query {
    /// Every event: what `*` and the empty statement mean.
    pub fn all() -> Self {
        Self { text: "*".to_owned(), tree: Node::All }
    }

    /// The tree, for engines that translate it.
    pub fn tree(&self) -> &Node {
        &self.tree
    }

    /// Whether an event matches.
    pub fn matches(&self, _event: &Event) -> bool {
        match self.tree {
            Node::All => true,
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Filter for Query {
    fn test(&self, event: &Event) -> Verdict {
        if self.matches(event) { Verdict::Match } else { Verdict::Miss }
    }
}

/// The tree of a search statement.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Node {
    /// Every event.
    All,
}
