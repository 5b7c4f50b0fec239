//! Which events are wanted: one set of words for routes, alerts and queries.
//!
//! A filter as a user writes it is a [`FilterConfig`]; compiled it is an [`EventFilter`], which tests an event
//! without allocating. Each word is a key, and what stands under it is one [pattern](Pattern) or a list of them.
//! The patterns of a key are alternatives (OR); the keys narrow each other (AND).
//!
//! | key | looks at | |
//! |---|---|---|
//! | `level` | [`Event::level`] | a threshold: `Warning` takes Warning and Error. Any case |
//! | `namespaces` | the namespace of the object the event is about | see below for objects that have none |
//! | `kinds` | the kind of that object | `Pod`, as Kubernetes writes it |
//! | `names` | the name of that object | |
//! | `reasons` | [`Event::reason`] | |
//! | `components` | [`Event::component`] | `kubelet`, `default-scheduler`, ... |
//! | `hosts` | [`Event::host`] | the node it was seen on, or is about |
//! | `message` | [`Event::message`] | plain text means *contains*, see below |
//! | `labels`, `annotations` | those of the Event object, not of the object it is about | key to patterns; `key: "*"` asks that the key is there |
//! | `query` | the whole event | a search statement, as pages and the command line take it: [`query`](crate::query); in quotes, since `: ` is YAML's too |
//!
//! A pattern is one of three:
//!
//! | written | means |
//! |---|---|
//! | `kube-system` | this very text, upper and lower case as it stands |
//! | `dev-*`, `web-?` | a glob, as soon as it contains `*` (any text, also none) or `?` (one character). It describes the whole value |
//! | `/^Failed/`, `/oom/i` | a regular expression in the syntax of the `regex` crate, found anywhere unless it is anchored; `i` ignores case |
//!
//! # Namespaces and objects that live in none
//!
//! **A Node, a PersistentVolume, a Namespace and every other cluster-scoped object lives in no namespace, so an
//! event about one does not pass a filter that has `namespaces`, whatever the patterns say, not even `"*"` — unless
//! `cluster_scoped: true` stands beside it.** The same holds in an `exclude`: `{namespaces: [kube-system]}` excludes
//! no event about a Node; `{namespaces: [kube-system], cluster_scoped: true}` excludes them all.
//!
//! # Messages
//!
//! Under `message` plain text means that the message *contains* it, since nobody knows a whole message by heart.
//! A glob still describes the whole message, and a regular expression is found anywhere. The prefix `(combined from
//! similar events): `, which client-go puts before the message of an aggregated event, is taken off first.
//!
//! # What is refused
//!
//! An empty filter, or a `query` that finds every event (it would take everything, and is more often an accident than
//! a wish), a key without a pattern,
//! an empty pattern (`/^$/` finds what is empty), a regular expression that is none or compiles to more than
//! [`Pattern::MAX_REGEX_BYTES`], a plain kind in lower case (`pod`: it would match nothing), and `cluster_scoped`
//! without `namespaces`.

mod config;
mod event_filter;
mod glob;
mod pattern;
mod words;

use std::fmt::Debug;

pub use config::FilterConfig;
pub use event_filter::EventFilter;
pub use pattern::{InvalidPattern, Pattern, Patterns};

use crate::event::Event;

/// A question about an event. Total and synchronous: everything that can be wrong with it was found when it was
/// compiled.
pub trait Filter: Debug + Send + Sync + 'static {
    /// Whether the event is wanted.
    fn test(&self, event: &Event) -> Verdict;
}

/// The answer of a [`Filter`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is wanted.
    Match,
    /// It is not.
    Miss,
    /// Cannot be decided, and why. A route says whether that counts as a match.
    Undecided(String),
}
